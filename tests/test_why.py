"""Evidence for each digit: closed forms on small networks, completeness on the trained ones, and the handler that serves it."""

import base64

import numpy as np
import pytest
import torch
from torch import nn

from mnist_lab import drawing
from mnist_lab.data import to_model
from mnist_lab.explain import METHODS, grad_cam, integrated_gradients, occlusion, program, run, saliency
from mnist_lab.explain.why import COMPLETE, PATCH, last_maps
from mnist_lab.ui import readings
from mnist_lab.ui.classify_tab import FOUR
from mnist_lab.ui.widgets import packed
from mnist_lab.ui.wings import why_wing

NETWORKS = ("lenet", "resnet")


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.logits = nn.Linear(1024, 10)

    def forward(self, x):
        return self.logits(x.flatten(1))


class MeanOfMaps(nn.Module):
    """Convolution, ReLU, pool, convolution, ReLU, mean, linear: what class activation maps were made for."""

    def __init__(self):
        super().__init__()
        self.conv1, self.pool, self.conv2, self.logits = nn.Conv2d(1, 4, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, padding=1), nn.Linear(6, 10)

    def forward(self, x):
        x = self.pool(self.conv1(x[..., 2:-2, 2:-2]).relu())
        return self.logits(self.conv2(x).relu().mean((2, 3)))


def made(kind: type, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return kind().eval().requires_grad_(False)


def scribble() -> torch.Tensor:
    """Ink of all greys in the middle 16 x 16, paper around: (1, 1, 32, 32)."""
    x = torch.full((1, 1, 32, 32), -1.0)
    x[..., 8:24, 8:24] = torch.rand(16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return x


def rises(model: nn.Module, x: torch.Tensor) -> np.ndarray:
    """logit(x) - logit(blank page), (10,)."""
    with torch.inference_mode():
        return (model(x) - model(torch.full_like(x, -1)))[0].numpy()


def inner(x: torch.Tensor) -> np.ndarray:
    return x[..., 2:-2, 2:-2].numpy()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_ten_maps_and_is_repeatable(store, name, method):
    ops, x = program(store[name]), to_model(torch.tensor(drawing.from_strokes(FOUR, 0.08).pixels)[None])  # of what is no digit, LeNet says nothing
    maps = METHODS[method](ops, x)
    assert maps.shape == (10, 28, 28) and maps.dtype == np.float32 and np.isfinite(maps).all() and maps.any()
    np.testing.assert_array_equal(METHODS[method](ops, x), maps)


@pytest.mark.parametrize("method", METHODS)
def test_pictures_that_a_network_made_can_be_asked_about(store, method):
    ops, x = program(store["lenet"]), scribble()
    with torch.inference_mode():
        made_by_a_network = x * 1
    np.testing.assert_array_equal(METHODS[method](ops, made_by_a_network), METHODS[method](ops, x))


@pytest.mark.parametrize("method", METHODS)
def test_a_blank_page_argues_for_nothing(store, method):
    maps = METHODS[method](program(store["lenet"]), torch.full((1, 1, 32, 32), -1.0))
    if method != "grad-cam":  # the last maps say something of paper too
        assert not maps.any()


@pytest.mark.parametrize("name", NETWORKS)
def test_saliency_is_gradient_times_ink(store, name):
    x = scribble().requires_grad_()
    logits = store[name](x)[0]
    by_hand = np.stack([inner(torch.autograd.grad(logits[c], x, retain_graph=True)[0] * (x.detach() + 1))[0, 0] for c in range(10)])
    np.testing.assert_allclose(saliency(program(store[name]), x.detach()), by_hand, rtol=1e-3, atol=1e-4 * np.abs(by_hand).max())


def test_of_a_linear_network_every_pixel_argues_with_its_weight_times_its_ink():
    model, x = made(Linear), scribble()
    expected = inner(model.logits.weight.reshape(10, 32, 32) * (x[0] + 1))
    np.testing.assert_allclose(saliency(program(model), x), expected, atol=1e-5)
    np.testing.assert_allclose(integrated_gradients(program(model), x), expected, atol=1e-5)


def test_occlusion_of_a_linear_network_sums_to_the_whole_answer():
    model, x = made(Linear), scribble()
    maps = occlusion(program(model), x)
    np.testing.assert_allclose(maps.sum((1, 2)), rises(model, x), atol=1e-4)
    assert not maps[:, :2].any(), "the ink begins at pixel 6 of 28: a patch farther off hides paper only"


def test_occlusion_is_the_mean_loss_over_the_patches_that_cover_a_pixel(store):
    model, x = store["lenet"], scribble()
    row, column, losses = 12, 15, []
    for top in range(row - PATCH + 1, row + 1):
        for left in range(column - PATCH + 1, column + 1):
            hidden = x.clone()
            hidden[..., top:top + PATCH, left:left + PATCH] = -1
            with torch.inference_mode():
                losses.append((model(x) - model(hidden))[0].numpy())
    found = occlusion(program(model), x)[:, row - 2, column - 2]
    np.testing.assert_allclose(found, np.mean(losses, 0) / PATCH ** 2, rtol=1e-3, atol=1e-4)


def test_grad_cam_is_the_class_activation_map_where_that_exists():
    """Zhou et al. 2016: with a mean and a linear layer behind them, the maps weighed by its weights sum to the logit less its bias."""
    model, x = made(MeanOfMaps), scribble()
    ops = program(model)
    maps = run(ops, x)[last_maps(ops)][0]  # (6, 14, 14), after the ReLU
    weighed = torch.einsum("ck,khw->chw", model.logits.weight, maps) / maps[0].numel()
    found = grad_cam(ops, x)
    np.testing.assert_allclose(found.sum((1, 2)), (model(x)[0] - model.logits.bias).numpy(), atol=1e-5)
    large = nn.functional.interpolate(weighed[None], size=(28, 28), mode="bilinear")[0] / 4
    np.testing.assert_allclose(found, large.numpy(), atol=1e-6)


def test_grad_cam_finds_the_last_maps_of_any_network(store):
    for model, shape in ((store["lenet"], (32, 8, 8)), (store["resnet"], (store["resnet"].config.widths[-1], 7, 7)), (made(MeanOfMaps), (6, 14, 14))):
        ops = program(model)
        assert ops[last_maps(ops)].shape == shape and ops[last_maps(ops)].kind == "relu"


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_integrated_gradients_are_complete(store, validation_digits, name):
    """They sum to logit(x) - logit(blank page), within 1 % of the largest difference, on 20 real digits."""
    model, ops = store[name], program(store[name])
    for x in to_model(validation_digits.images[::150][:20]).split(1):
        expected = rises(model, x)
        np.testing.assert_allclose(integrated_gradients(ops, x).sum((1, 2)), expected, rtol=0, atol=1.05 * COMPLETE * np.abs(expected).max())


def test_integrated_gradients_are_those_of_a_thousand_equal_steps(store, validation_digits):
    model, x = store["lenet"], to_model(validation_digits.images[:1])
    steps = ((torch.arange(1000) + .5) / 1000).reshape(-1, 1, 1, 1)
    way = (-1 + steps * (x + 1)).requires_grad_()
    logits = model(way)
    fine = np.stack([inner(torch.autograd.grad(logits[:, c].sum(), way, retain_graph=True)[0].mean(0) * (x[0] + 1))[0] for c in range(10)])
    assert np.linalg.norm(integrated_gradients(program(model), x) - fine) < .04 * np.linalg.norm(fine)


# ---- the handler -------------------------------------------------------------------------------------------------------

def asked(store, **payload) -> dict:
    return readings.answer(store, why_wing.evidence, payload)


def test_served_votes_are_the_evidence_less_what_all_ten_share(store, validation_digits):
    image, model = validation_digits.images[3], store["lenet"]
    answer = asked(store, pixels=packed(image.numpy()), network="lenet", method="integrated")
    votes = np.frombuffer(base64.b64decode(answer["maps"]), np.int8).reshape(10, 28, 28) * answer["unit"]
    maps = integrated_gradients(program(model), to_model(image[None]))
    np.testing.assert_allclose(votes, maps - maps.mean(0), atol=.51 * answer["unit"])
    assert np.abs(votes.sum(0)).max() <= 5.1 * answer["unit"]


@pytest.mark.parametrize("payload", [
    {"method": "horoscope"}, {"method": None}, {"method": ["occlusion"]}, {"network": "unet", "method": "occlusion"}, {"pixels": "AAAA", "method": "occlusion"},
])
def test_bad_requests_are_answered_with_a_sentence(store, payload):
    answer = asked(store, **({"pixels": packed(np.full((28, 28), 200, np.uint8)), "network": "lenet"} | payload))
    assert set(answer) == {"error"} and answer["error"].endswith(".")


def test_an_empty_pad_is_answered_with_a_sentence(store):
    assert "empty" in asked(store, pixels=packed(np.zeros((28, 28), np.uint8)), network="lenet", method="occlusion")["error"]
