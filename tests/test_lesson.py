"""A training step in slow motion is plain gradient descent, and leaves the network as it was."""

import base64
import copy
import dataclasses
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mnist_lab.explain import layers, program, rate_for, teach
from mnist_lab.explain.lesson import HIGHEST
from mnist_lab.models.classifier import LeNet, ResNet
from mnist_lab.ui.classify_tab import FOUR
from mnist_lab.ui.readings import answer, input_of
from mnist_lab.ui.wings.learning_wing import MOST_STEPS, lesson, taught

NETWORKS = [LeNet, ResNet]


def picture(seed: int = 0) -> torch.Tensor:
    return torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def network(model_class: type = LeNet) -> torch.nn.Module:
    torch.manual_seed(3)
    model = model_class().eval().requires_grad_(False)
    for module in model.modules():  # as after a training: no block is the identity
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.uniform_(.5, 1.5)
            module.running_mean.normal_(0, .2)
    return model


def by_hand(model: LeNet, x: torch.Tensor, label: int, rate: float) -> tuple[LeNet, float]:
    """A copy after one step of torch.optim.SGD, and the loss before."""
    taught = copy.deepcopy(model).requires_grad_()
    optimizer = torch.optim.SGD(taught.parameters(), lr=rate)
    loss = F.cross_entropy(taught(x), torch.tensor([label]))
    loss.backward()
    optimizer.step()
    return taught, loss.item()


def test_one_step_is_one_of_sgd():
    model, x = network(), picture()
    lesson, ops = teach(program(model), x, 3, .05)
    taught, loss = by_hand(model, x, 3, .05)
    assert lesson.loss == pytest.approx(loss, rel=1e-5)
    for op in ops:
        if op.weight is not None:
            np.testing.assert_allclose(op.weight, taught.get_submodule(op.module).weight.detach(), atol=1e-6)
            np.testing.assert_allclose(op.bias, taught.get_submodule(op.module).bias.detach(), atol=1e-6)
    np.testing.assert_allclose(lesson.p, model(x).softmax(1)[0], atol=1e-6)
    np.testing.assert_allclose(lesson.after, taught(x).softmax(1)[0].detach(), atol=1e-6)


@pytest.mark.parametrize("model_class", NETWORKS)
def test_every_layer_shows_its_values_and_how_the_loss_leans_on_them(model_class):
    """The blame of a value is what the loss changes by when that value alone is raised: from the answer p - target, from layers by hand."""
    model, x = network(model_class), picture()
    lesson, _ = teach(program(model), x, 7, .01)
    same = {layer.name: layer.values for layer in layers(model, x)}
    shown = {layer.name: layer for layer in lesson.layers}
    assert list(same) == [name for name in shown if name in same], "every layer of the river is there, in its order"
    for name, values in same.items():
        np.testing.assert_allclose(shown[name].values, values, atol=2e-4)
    assert all(layer.blame.shape == layer.values.shape for layer in lesson.layers)
    np.testing.assert_allclose(lesson.layers[-1].blame, lesson.p - np.eye(10)[7], atol=1e-6)


def test_the_blame_of_an_inner_layer_is_its_gradient():
    model, x = network(), picture()
    kept = {}
    hook = model.conv2.register_forward_hook(lambda module, inputs, output: kept.update(value=output))
    probe = x.clone().requires_grad_()
    loss = F.cross_entropy(model(probe), torch.tensor([2]))
    expected = torch.autograd.grad(loss, kept["value"])[0][0]
    hook.remove()
    lesson, _ = teach(program(model), x, 2, .01)
    layer = next(layer for layer in lesson.layers if layer.name == "Convolution 2")
    np.testing.assert_allclose(layer.blame, expected, atol=1e-7)


@pytest.mark.parametrize("model_class", NETWORKS)
@pytest.mark.parametrize("label", [0, 4, 9])
def test_the_loss_falls_at_a_small_rate(model_class, label):
    ops, x = program(network(model_class)), picture()
    first, after = teach(ops, x, label, 1e-4)
    second, _ = teach(after, x, label, 1e-4)
    assert second.loss < first.loss
    assert first.after[label] > first.p[label]
    np.testing.assert_array_equal(second.p, first.after)


def test_a_step_falls_as_its_gradient_foretells():
    """dL = -rate |g|^2 to first order; the nudges are -rate g."""
    ops, x, rate = program(network()), picture(), 1e-4
    first, after = teach(ops, x, 5, rate)
    second, _ = teach(after, x, 5, rate)
    moved = sum(np.sum((b.weight - a.weight) ** 2) + np.sum((b.bias - a.bias) ** 2) for a, b in zip(ops, after, strict=True) if a.weight is not None)
    assert first.loss - second.loss == pytest.approx(moved / rate, rel=.02)


def test_a_picture_that_a_network_made_can_be_taught():
    ops = program(LeNet().eval())
    with torch.inference_mode():
        x = torch.zeros(1, 1, 32, 32)
    assert teach(ops, x, 9, 0.1)[0].loss > 0
    assert rate_for(ops, x, 9) > 0


@pytest.mark.parametrize("label", [-1, 10, 2.5, None])
def test_a_label_that_is_no_digit_is_one_sentence(label):
    ops, x = program(LeNet().eval()), torch.zeros(1, 1, 32, 32)
    for ask in (lambda: teach(ops, x, label, 0.1), lambda: rate_for(ops, x, label)):
        with pytest.raises(ValueError, match="must be a digit"):
            ask()


def test_the_network_stays_as_it_was():
    model, x = network(), picture()
    before, ops = copy.deepcopy(model.state_dict()), program(model)
    weights = [op.weight.copy() for op in ops if op.weight is not None]
    for _ in range(3):
        teach(ops, x, 1, .1)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert all(np.array_equal(a, b.weight) for a, b in zip(weights, (op for op in ops if op.weight is not None), strict=True))


@pytest.mark.parametrize("label", range(10))
def test_a_first_step_can_be_seen_and_is_not_the_whole_way(label):
    ops, x = program(network()), picture()
    rate = rate_for(ops, x, label)
    lesson, _ = teach(ops, x, label, rate)
    assert .03 <= lesson.after[label] - lesson.p[label] < .5
    assert 0 < rate <= HIGHEST


def test_a_network_without_doubt_has_no_gradient_to_size_a_step_by():
    ops, x = program(network()), picture()
    certain = dataclasses.replace(ops[-1], bias=np.where(np.arange(10) == 6, 1e4, 0).astype(np.float32))
    assert rate_for([*ops[:-1], certain], x, 6) == HIGHEST
    assert np.isfinite(teach([*ops[:-1], certain], x, 2, rate_for([*ops[:-1], certain], x, 2))[0].loss)


# ---- what the page asks for

def test_ten_steps_are_ten_single_steps():
    ops, x = program(network()), picture()
    trace, last = taught(ops, x, 8, 10)
    assert len(trace) == 11
    for k in range(10):
        one, ops = teach(ops, x, 8, rate_for(program(network()), x, 8))
        np.testing.assert_array_equal(trace[k], one.p)
    np.testing.assert_array_equal(trace[10], one.after)
    np.testing.assert_array_equal(last.layers[0].nudge, one.layers[0].nudge)


def test_a_lesson_stops_when_its_time_is_over(monkeypatch):
    monkeypatch.setattr("mnist_lab.ui.wings.learning_wing.PATIENCE", 0)
    trace, _ = taught(program(network()), picture(), 8, 50)
    assert len(trace) == 2, "one step is always taken"


def floats(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.float32)


@pytest.mark.parametrize("name", ["lenet", "resnet"])
def test_the_answer_to_the_page(store, name):
    payload = {"strokes": FOUR, "network": name, "label": 9, "steps": 3}
    before = copy.deepcopy(store[name].state_dict())
    found = json.loads(json.dumps(answer(store, lesson, payload)))
    trace = floats(found["trace"]).reshape(-1, 10)
    assert (found["label"], found["steps"], found["most"]) == (9, 3, False)
    np.testing.assert_allclose(trace[0], store[name](input_of(payload)).softmax(1)[0], atol=1e-5)
    assert trace[3, 9] > trace[0, 9]
    assert [layer["name"] for layer in found["layers"]][-1] == "Answer"
    for layer in found["layers"]:
        size = len(layer["channels"]) * (layer["size"] ** 2 if layer["kind"] == "map" else 1)
        assert len(base64.b64decode(layer["values"])) == len(base64.b64decode(layer["blame"])) == size
    assert found["weights"] == (16_554 if name == "lenet" else sum(p.numel() for n, p in store[name].named_parameters() if "norm" not in n or "bias" in n))
    assert all(torch.equal(before[k], v) for k, v in store[name].state_dict().items())


@pytest.mark.parametrize("change, words", [
    ({"label": 10}, "A label"), ({"label": "4"}, "A label"), ({"label": None}, "A label"), ({"steps": 0}, "steps"),
    ({"steps": MOST_STEPS + 1}, "steps"), ({"steps": 1.5}, "steps"), ({"strokes": []}, "The pad is empty"), ({"network": "gpt"}, "network"),
])
def test_a_bad_request_is_a_sentence(store, change, words):
    found = answer(store, lesson, {"strokes": FOUR, "network": "lenet", "label": 4, "steps": 1} | change)
    assert list(found) == ["error"] and words in found["error"]
