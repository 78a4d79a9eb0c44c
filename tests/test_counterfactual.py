"""Small changes that make a network read another digit: they reach it, stay in range, and say of themselves what is true."""

import base64

import numpy as np
import pytest
import torch
from torch import nn

from mnist_lab.data import to_model
from mnist_lab.explain import counterfactual, program, run
from mnist_lab.ui import readings
from mnist_lab.ui.widgets import packed
from mnist_lab.ui.wings import why_wing

TARGETS = (0, 3, 5, 9)


def reading(ops, x: torch.Tensor) -> int:
    return int(run(ops, x)[-1].argmax())


def inner(x: torch.Tensor) -> np.ndarray:
    return x[0, 0, 2:-2, 2:-2].numpy()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lenet", "resnet"])
def test_most_digits_can_be_made_another(store, validation_digits, name):
    ops, found = program(store[name]), []
    for x in to_model(validation_digits.images[5::900][:5]).split(1):
        for target in TARGETS:
            if reading(ops, x) != target:
                found.append(counterfactual(ops, x, target))
                check(ops, x, found[-1])
    assert np.mean([one.reached for one in found]) >= .9
    assert np.median([one.norm for one in found]) < 6, "small beside a digit, whose own norm is about 18"


def check(ops, x: torch.Tensor, found) -> None:
    assert found.delta.shape == (28, 28) and found.delta.dtype == np.float32
    assert found.norm == pytest.approx(np.sqrt(np.square(found.delta.astype(np.float64)).sum()), rel=1e-5)
    after = inner(x) + found.delta
    assert after.min() >= -1 - 1e-6 and after.max() <= 1 + 1e-6
    assert found.strengths[0] == 0 and found.strengths[-1] == 1.5 and 1 in found.strengths
    np.testing.assert_allclose(found.probabilities.sum(1), 1, atol=1e-5)
    verdicts = found.probabilities.argmax(1)
    assert verdicts[0] == reading(ops, x)
    assert found.reached == (verdicts[list(found.strengths).index(1)] == found.target)
    for strength in (0, 10, 20, 30):  # what is told of each strength is what the network says of that picture
        picture = torch.full_like(x, -1)
        picture[0, 0, 2:-2, 2:-2] = torch.from_numpy(inner(x) + found.strengths[strength] * found.delta).clamp(-1, 1)
        np.testing.assert_allclose(run(ops, picture)[-1].softmax(1)[0].numpy(), found.probabilities[strength], atol=1e-4)


def test_the_change_found_is_just_enough(store, validation_digits):
    """At nine tenths of it the network is less sure of the target than at the whole, which gives it more than one half."""
    ops, x = program(store["lenet"]), to_model(validation_digits.images[:1])
    target = (reading(ops, x) + 3) % 10
    found = counterfactual(ops, x, target)
    p = found.probabilities[:, target]
    assert found.reached and .55 < p[20] < .75 and p[18] < p[20]
    assert (found.delta != 0).mean() < .5, "most pixels stay as they are"


def test_a_digit_the_network_reads_already_needs_no_change(store, validation_digits):
    ops, x = program(store["lenet"]), to_model(validation_digits.images[:1])
    with pytest.raises(ValueError, match="already"):
        counterfactual(ops, x, reading(ops, x))


class Deaf(nn.Module):
    """Says 3 whatever it sees."""

    def __init__(self):
        super().__init__()
        self.logits = nn.Linear(1024, 10)
        nn.init.zeros_(self.logits.weight)
        self.logits.bias.data = nn.functional.one_hot(torch.tensor(3), 10).float()

    def forward(self, x):
        return self.logits(x.flatten(1))


@pytest.mark.parametrize("target", [-1, 10, 2.5, None])
def test_a_target_that_is_no_digit_is_one_sentence(store, target):
    with pytest.raises(ValueError, match="must be a digit"):
        counterfactual(program(store["lenet"]), torch.zeros(1, 1, 32, 32), target)


def test_a_network_that_cannot_be_moved_is_not_reached():
    found = counterfactual(program(Deaf().eval()), torch.zeros(1, 1, 32, 32), 8)
    assert not found.reached and found.norm == 0


# ---- the handler -------------------------------------------------------------------------------------------------------

def asked(store, image: np.ndarray, **payload) -> dict:
    return readings.answer(store, why_wing.change, {"pixels": packed(image), "network": "lenet", **payload})


def test_the_runner_up_is_taken_if_no_target_is_named(store, validation_digits):
    image = validation_digits.images[3]
    order = store["lenet"](to_model(image[None]))[0].argsort(descending=True).tolist()
    answer = asked(store, image.numpy(), target=None)
    assert answer["target"] == order[1] and answer["reached"]
    delta = np.frombuffer(base64.b64decode(answer["delta"]), np.float32)
    assert delta.shape == (784,) and answer["norm"] == pytest.approx(np.linalg.norm(delta), rel=1e-4)
    after = image.numpy().ravel() / 255 + delta
    assert after.min() >= -1e-5 and after.max() <= 1 + 1e-5
    assert len(answer["strengths"]) == len(answer["p"]) == 31
    np.testing.assert_allclose(np.sum(answer["p"], 1), 1, atol=1e-3)


@pytest.mark.parametrize("target", ["9", 10, -1, 2.5, True, [3]])
def test_bad_targets_are_answered_with_a_sentence(store, validation_digits, target):
    answer = asked(store, validation_digits.images[3].numpy(), target=target)
    assert set(answer) == {"error"} and answer["error"].endswith(".")


def test_the_verdict_itself_is_answered_with_a_sentence(store, validation_digits):
    image = validation_digits.images[3]
    digit = int(store["lenet"](to_model(image[None])).argmax())
    assert "already" in asked(store, image.numpy(), target=digit)["error"]
