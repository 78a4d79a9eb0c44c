"""Every layer's values are those of a plain forward pass, for any of the networks, and leave the network as it was."""

import threading

import numpy as np
import pytest
import torch
from torch import nn

from mnist_lab.explain import ProgramError, layers, program, run, scale
from mnist_lab.labs import DiffusionLab, GanLab
from mnist_lab.models.classifier import LeNet, LeNetConfig, ResNet


def picture(seed: int = 0) -> torch.Tensor:
    return torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def hooks(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) for m in model.modules())


def by_hand(model: LeNet, x: torch.Tensor) -> list[torch.Tensor]:
    """The values `layers` should show: convolutions and linear layers before their ReLU, pools after it."""
    conv1 = model.norm1(model.conv1(x))
    pool1 = model.pool1(conv1.relu())
    conv2 = model.norm2(model.conv2(pool1))
    pool2 = model.pool2(conv2.relu())
    conv3 = model.norm3(model.conv3(pool2))
    pool3 = model.pool3(conv3.relu())
    dense1 = model.norm4(model.dense1(pool3.flatten(1)))
    dense2 = model.norm5(model.dense2(dense1.relu()))
    return [conv1, pool1, conv2, pool2, conv3, pool3, dense1, dense2, model.logits(dense2.relu())]


@torch.no_grad()
@pytest.mark.parametrize("batch_norm", [False, True])
def test_lenet_shows_what_it_computes(batch_norm):
    model, x = LeNet(LeNetConfig(batch_norm)).eval(), picture()
    for norm in (model.norm1, model.norm4):
        if batch_norm:
            norm.running_mean.fill_(0.3)
    shown = layers(model, x)
    for layer, expected in zip(shown, by_hand(model, x), strict=True):
        assert layer.values.dtype == np.float32
        np.testing.assert_allclose(layer.values, expected[0].numpy(), rtol=1e-5, atol=1e-6)


def test_lenet_has_every_layer_in_order():
    shown = layers(LeNet().eval(), picture())
    assert [layer.name for layer in shown] == [
        "Convolution 1", "Pool 1", "Convolution 2", "Pool 2", "Convolution 3", "Average", "Dense 1", "Dense 2", "Answer"]
    assert [layer.kind for layer in shown] == ["conv", "pool", "conv", "pool", "conv", "pool", "dense", "dense", "answer"]
    assert [layer.values.shape for layer in shown] == [
        (8, 32, 32), (8, 16, 16), (16, 16, 16), (16, 8, 8), (32, 8, 8), (32, 2, 2), (64,), (32,), (10,)]


@torch.no_grad()
def test_resnet_shows_values_after_its_norms():
    model, x = ResNet().eval(), picture()
    model.norm1.running_mean.fill_(0.5)
    shown = layers(model, x)
    convolutions = [layer for layer in shown if layer.kind == "conv"]
    assert len(convolutions) == sum(isinstance(m, nn.Conv2d) for m in model.modules())
    assert [layer.name for layer in shown if layer.kind == "pool"] == ["Pool 1", "Pool 2"]
    np.testing.assert_allclose(shown[0].values, model.norm1(model.conv1(x[..., 2:-2, 2:-2]))[0].numpy(), atol=1e-6)
    np.testing.assert_allclose(shown[-1].values, model(x)[0].numpy(), atol=1e-5)
    assert shown[-1].name == "Answer"


def test_nothing_is_left_behind():
    model, x = LeNet().eval(), picture()
    before = model(x)
    layers(model, x)
    assert hooks(model) == 0
    assert torch.equal(model(x), before)
    with pytest.raises(RuntimeError):
        layers(model, torch.zeros(1, 3, 32, 32))
    assert hooks(model) == 0


def test_visitors_that_share_a_model_see_their_own_picture():
    model, shown = LeNet().eval(), {}
    alone = {seed: layers(model, picture(seed)) for seed in range(4)}

    def look(seed: int) -> None:
        shown[seed] = [layers(model, picture(seed)) for _ in range(20)]

    threads = [threading.Thread(target=look, args=(seed,)) for seed in alone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, expected in alone.items():
        assert len(shown[seed]) == 20
        for seen in shown[seed]:
            for a, b in zip(seen, expected, strict=True):
                np.testing.assert_allclose(a.values, b.values, atol=1e-6)


def test_scale_ignores_a_few_hot_pixels():
    values = np.linspace(-1, 1, 1000)
    values[:5] = 100
    assert 0.9 < scale(values) < 1.1


def test_scale_is_never_zero():
    assert scale(np.zeros((8, 4, 4))) == 1
    assert scale(np.array([0.0] * 999 + [-3.0])) == 3


# ---- networks that are not ours


class By(nn.Module):
    """A network given by what it does with a picture."""

    def __init__(self, forward, **modules: nn.Module):
        super().__init__()
        self.does = forward
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, x):
        return self.does(self, x)


def conv(**settings) -> nn.Conv2d:
    return nn.Conv2d(1, 10, 3, **{"padding": 1, **settings})


@torch.no_grad()
@pytest.mark.parametrize("model", [
    nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1024, 10)),
    nn.Sequential(nn.Conv2d(1, 4, 5), nn.ReLU(), nn.AvgPool2d(4), nn.Flatten(), nn.Linear(196, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 10)),
    By(lambda net, x: net.c(x).relu().mean((2, 3)), c=conv()),
], ids=range(3))
def test_a_network_of_the_usual_modules_needs_no_code(model):
    x = picture()
    torch.testing.assert_close(run(program(model.eval()), x)[-1], model(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("model", [
    nn.Sequential(conv(padding_mode="reflect")), nn.Sequential(conv(padding="same")), nn.Sequential(conv(padding=(1, 0))), nn.Sequential(conv(stride=2)),
    nn.Sequential(nn.Conv2d(1, 4, 2)), nn.Sequential(nn.MaxPool2d(3, ceil_mode=True)), nn.Sequential(nn.MaxPool2d(2, padding=1)), nn.Sequential(nn.Sigmoid()),
    nn.Sequential(nn.Flatten(2)), By(lambda net, x: x.mean(1)), By(lambda net, x: x + 1), By(lambda net, x: x + x), By(lambda net, x: torch.cat([x, x], 1)),
    By(lambda net, x: x.tanh()), By(lambda net, x: x if x.sum() > 0 else -x), By(lambda net, x: x + net.c.bias.sum(), c=conv()), By(lambda net, x: x.sum()),
], ids=range(17))
def test_what_cannot_be_shown_is_one_sentence(model):
    with pytest.raises(ProgramError) as caught:
        program(model.eval())
    assert "\n" not in str(caught.value)


def test_networks_that_want_more_than_a_picture_cannot_be_shown(store):
    for network in (GanLab(store).generator, DiffusionLab(store).network):
        with pytest.raises(ProgramError):
            program(network)
