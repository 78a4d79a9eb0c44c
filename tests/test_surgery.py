"""Kernels switched off or inverted: equal to a network with those weights changed; and the examples that count what is lost."""

import copy
import json
import threading

import numpy as np
import pytest
import torch
from torch import nn

from mnist_lab.data import to_model
from mnist_lab.explain import losses, program, run, switched
from mnist_lab.labs import Calibration
from mnist_lab.models.classifier import LeNet, ResNet
from mnist_lab.ui import examples, readings
from mnist_lab.ui.widgets import packed
from mnist_lab.ui.wings import surgery_wing

NETWORKS = [LeNet, ResNet]


def network(model_class: type, seed: int = 0) -> nn.Module:
    """With batch norms that do something, unlike fresh ones."""
    model = model_class().eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for value in (module.weight, module.bias, module.running_mean, module.running_var):
                value.uniform_(0.4, 1.6, generator=generator)
    return model


def pictures(count: int = 3) -> torch.Tensor:
    return torch.rand(count, 1, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


def convolutions(ops) -> list[int]:
    return [k for k, op in enumerate(ops) if op.kind == "conv"]


@pytest.mark.parametrize("model_class", NETWORKS)
def test_the_steps_in_torch_equal_the_model(model_class):
    model, x = network(model_class), pictures()
    ops = program(model)
    values = run(ops, x)
    torch.testing.assert_close(values[-1], model(x), rtol=1e-4, atol=1e-4)
    assert [tuple(v.shape[1:]) for v in values] == [op.shape for op in ops]


@pytest.mark.parametrize("model_class", NETWORKS)
def test_running_on_from_any_step_changes_nothing(model_class):
    ops, x = program(network(model_class)), pictures()
    values = run(ops, x)
    for k in range(1, len(ops)):
        torch.testing.assert_close(run(ops, x, values[:k])[-1], values[-1])


@pytest.mark.parametrize("factor", [0.0, -1.0], ids=["off", "inverted"])
def test_a_switched_kernel_equals_its_weights_and_bias_changed(factor):
    model, x = network(LeNet), pictures()
    changed = copy.deepcopy(model)
    for conv, maps in ((changed.conv1, [0, 5]), (changed.conv3, [31])):  # several at once
        conv.weight[maps] *= factor
        conv.bias[maps] *= factor
    ops = program(model)
    first, _, third = convolutions(ops)
    values = run(switched(ops, {first: {0: factor, 5: factor}, third: {31: factor}}), x)
    torch.testing.assert_close(values[-1], changed(x), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(values[first][:, [0, 5]], run(ops, x)[first][:, [0, 5]] * factor)


@pytest.mark.parametrize("factor", [0.0, -1.0], ids=["off", "inverted"])
def test_with_batch_norm_the_map_after_it_is_switched(factor):
    model, x = network(ResNet), pictures()
    changed = copy.deepcopy(model)
    for norm, c in ((changed.norm2, 3), (changed.block1.norm2, 40)):
        norm.weight[c] *= factor
        norm.bias[c] *= factor
    ops = program(model)
    place = {op.module: k for k, op in enumerate(ops)}
    broken = switched(ops, {place["conv2"]: {3: factor}, place["block1.conv2"]: {40: factor}})
    torch.testing.assert_close(run(broken, x)[-1], changed(x), rtol=1e-4, atol=1e-4)


def test_the_steps_given_stay_as_they_were():
    ops, x = program(network(LeNet)), pictures()
    before = run(ops, x)[-1]
    switched(ops, {convolutions(ops)[0]: {1: 0.0}})
    assert torch.equal(run(ops, x)[-1], before)


@pytest.mark.parametrize("scaled", [{0: {0: 0.0}}, {99: {0: 0.0}}, {1: {8: 0.0}}, {1: {-1: 0.0}}, {-1: {0: 0.0}}], ids=str)
def test_what_is_no_filter_is_refused(scaled):
    with pytest.raises(ValueError, match="no such filter"):
        switched(program(network(LeNet)), scaled)


@pytest.mark.parametrize("model_class", NETWORKS)
def test_losses_equal_one_switch_after_another(model_class):
    ops, x = program(network(model_class)), pictures(1)
    digit = int(run(ops, x)[-1].argmax())
    found = losses(ops, x)
    assert [one.place for one in found] == convolutions(ops)
    for one in found:
        assert len(one.digits) == len(one.p) == ops[one.place].shape[0]
        for c in range(0, len(one.p), 7):
            logits = run(switched(ops, {one.place: {c: 0.0}}), x)[-1]
            assert one.p[c] == pytest.approx(float(logits.softmax(1)[0, digit]), abs=1e-5)
            assert one.digits[c] == int(logits.argmax())


def test_a_temperature_softens_every_loss():
    ops, x = program(network(LeNet)), pictures(1)
    digit = int(run(ops, x)[-1].argmax())
    for one in losses(ops, x, temperature=2.5):
        for c in (0, 7):
            logits = run(switched(ops, {one.place: {c: 0.0}}), x)[-1]
            assert one.p[c] == pytest.approx(float((logits / 2.5).softmax(1)[0, digit]), abs=1e-5)


def test_others_read_while_a_network_is_traced():
    """torch.fx lends every module's call to whoever traces: visitors of other networks must not notice, nor two who trace."""
    models, x = [network(LeNet), network(ResNet)], pictures(1)
    expected, call = [model(x) for model in models], nn.Module.__call__
    problems, done = [], threading.Event()

    def watch(work):
        try:
            work()
        except Exception as error:
            problems.append(error)

    def reader(k: int):
        while not done.is_set():
            torch.testing.assert_close(models[k](x), expected[k], rtol=1e-4, atol=1e-4)

    def tracer(k: int):
        assert {len(program(models[k])) for _ in range(10)} == {(16, 26)[k]}

    readers = [threading.Thread(target=watch, args=(lambda k=k: reader(k),)) for k in (0, 1)]
    tracers = [threading.Thread(target=watch, args=(lambda k=k: tracer(k),)) for k in (0, 1, 0, 1)]
    for thread in readers + tracers:
        thread.start()
    for thread in tracers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    assert problems == [] and nn.Module.__call__ is call


# ---- the examples ----------------------------------------------------------------------------------------------------

def test_stored_examples_are_a_hundred_clear_digits_of_each_class(store):
    images, labels = examples._stored(), torch.arange(10).repeat_interleave(100)
    assert images.shape == (1000, 28, 28) and images.dtype == torch.uint8
    assert len(images.flatten(1).unique(dim=0)) == 1000
    for name in ("resnet", "lenet"):
        assert (store[name](to_model(images)).argmax(1) == labels).float().mean() >= 0.98


def test_without_a_data_set_the_gan_s_digits_stand_in_and_nothing_is_downloaded(monkeypatch, tmp_path):
    def download(*_):
        raise AssertionError("asked for a split that is not on disk")

    monkeypatch.setenv("MNIST_LAB_DATA", str(tmp_path))
    monkeypatch.setattr(examples, "load_digits", download)
    found = examples.load.__wrapped__()
    assert found.words == "digits our GAN wrote" and found.images.shape == (1000, 28, 28)


def test_with_a_data_set_they_are_test_digits(test_digits):
    found = examples.load.__wrapped__()
    assert found.words == "test digits"
    assert found.labels.tolist() == sorted(found.labels.tolist()) and found.labels.bincount().tolist() == [100] * 10
    assert torch.equal(found.images[300], test_digits.images[test_digits.labels == 3][0])


# ---- the handlers ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("network_name", ["lenet", "resnet"])
def test_accuracy_is_a_count_of_examples_read_right(store, network_name):
    ops, found = program(store[network_name]), examples.load()
    place = convolutions(ops)[1]
    payload = {"network": network_name, "digits": [3, 4], "scaled": {str(place): {"0": 0, "1": -1, "2": 0}}}
    answer = surgery_wing.accuracy(store, json.loads(json.dumps(payload)))
    for key, steps in (("before", ops), ("after", switched(ops, {place: {0: 0, 1: -1, 2: 0}}))):
        read = run(steps, to_model(found.images))[-1].argmax(1)
        assert answer[key] == [int((read[found.labels == d] == d).sum()) for d in (3, 4)]
    assert answer["of"] == 100 and answer["words"] == found.words


def test_find_says_what_each_loss_does(store, validation_digits):
    image = validation_digits.images[7]
    answer = surgery_wing.find(store, {"network": "lenet", "pixels": packed(image.numpy()), "scaled": {"1": {"0": 0}}})
    ops, x = switched(program(store["lenet"]), {1: {0: 0.0}}), to_model(image[None])
    temperature = Calibration.of(store.load("lenet")[1].settings).temperature
    p = (run(ops, x)[-1] / temperature).softmax(1)[0]
    assert answer["digit"] == int(p.argmax()) and answer["p"] == pytest.approx(float(p.max()), abs=1e-4)
    np.testing.assert_allclose([v for one in answer["maps"] for v in one["p"]], np.concatenate([one.p for one in losses(ops, x, temperature)]), rtol=1e-5)
    json.dumps(answer)


BAD_FILTERS = [
    {"scaled": 3}, {"scaled": []}, {"scaled": {"1": 3}}, {"scaled": {"one": {"0": 0}}}, {"scaled": {"1": {"-1": 0}}}, {"scaled": {"1": {"0": "off"}}},
    {"scaled": {"1": {"0": 7}}}, {"scaled": {"1": {"0": float("nan")}}}, {"scaled": {"9" * 5000: {"0": 0}}}, {"scaled": {"0": {"0": 0}}}, {"network": "oracle"},
]


def refused(store, handler, payload: dict) -> bool:
    answer = readings.answer(store, handler, {"network": "lenet"} | payload)
    return set(answer) == {"error"} and answer["error"].endswith(".") and "\n" not in answer["error"]


@pytest.mark.parametrize("payload", [*BAD_FILTERS, {"digits": "all"}, {"digits": [10]}, {"digits": [0] * 11}], ids=lambda p: str(p)[:60])
def test_any_json_sent_to_accuracy_gets_a_sentence(store, payload):
    assert refused(store, surgery_wing.accuracy, {"digits": [1]} | payload)


@pytest.mark.parametrize("payload", [*BAD_FILTERS, {"pixels": "no"}, {"pixels": None}, {"pixels": packed(np.zeros(784, np.uint8))}], ids=lambda p: str(p)[:60])
def test_any_json_sent_to_find_gets_a_sentence(store, payload):
    assert refused(store, surgery_wing.find, {"pixels": packed(np.eye(28, dtype=np.uint8))} | payload)
