"""What training scripts accept on the command line."""

from pathlib import Path

import pytest
import torch

pytest.importorskip("accelerate")

from mnist_lab.checkpoint import FOLDER, Metadata, save  # noqa: E402
from mnist_lab.models import ResNet  # noqa: E402
from mnist_lab.training import make_accelerator  # noqa: E402
from train.augmentation import move  # noqa: E402
from train.classifier import ClassifierRecipe, ClassifierTask, config_of, teachers_of  # noqa: E402
from train.common import ever  # noqa: E402


def test_a_residual_network_is_as_wide_as_asked():
    assert config_of(ClassifierRecipe(widths="8,16,32")) == ResNet.Config((8, 16, 32))


@pytest.mark.parametrize("widths", ["", "24,48", "24,48,96,192", "24,a,96", "24,0,96", "24,-48,96", "1.5,2,3"])
def test_other_widths_are_refused(widths):
    with pytest.raises(ValueError, match="three numbers of channels"):
        config_of(ClassifierRecipe(widths=widths))


@pytest.fixture
def judge() -> Path:
    path = FOLDER / "mnist" / "judge.safetensors"
    if not path.exists():
        pytest.skip("the judge is not there")
    return path


def test_what_goes_on_from_a_network_is_as_wide_as_that(judge):
    assert config_of(ClassifierRecipe(start=str(judge))) == ResNet.Config((24, 48, 96))


@pytest.mark.parametrize("name", ["lenet", "diffusion"])
def test_no_other_network_is_gone_on_from(name):
    path = FOLDER / "mnist" / f"{name}.safetensors"
    if not path.exists():
        pytest.skip("it is not there")
    with pytest.raises(ValueError, match="must be a residual network"):
        config_of(ClassifierRecipe(start=str(path)))


def test_only_a_residual_network_goes_on():
    with pytest.raises(ValueError, match="for --network resnet"):
        config_of(ClassifierRecipe(network="lenet", start="any.safetensors"))


def test_learning_from_moved_digits_is_told_by_any_stage_or_run():
    moved, still = {"recipe": {"moved": 0.5}}, {"recipe": {"moved": 0.0}}
    assert ever(moved, "moved") and ever({"average_of": [still, {**still, "before": moved}]}, "moved")
    assert not ever(still, "moved") and not ever({"average_of": [still, {"recipe": {}}]}, "moved")


def test_who_is_chosen_by_the_validation_writers_has_no_teacher_that_knows_them(tmp_path):
    for whole in (False, True):
        save(tmp_path / f"{whole}.safetensors", ResNet(ResNet.Config((2, 2, 2))),
             Metadata("resnet", {"widths": [2, 2, 2]}, training={"before": {"recipe": {"whole": whole}}}))
    both = ",".join(str(tmp_path / f"{whole}.safetensors") for whole in (False, True))
    assert len(teachers_of(ClassifierRecipe(teacher=str(tmp_path / "False.safetensors")))) == 1
    assert len(teachers_of(ClassifierRecipe(teacher=both, whole=True))) == 2
    with pytest.raises(ValueError, match="learned from the validation writers"):
        teachers_of(ClassifierRecipe(teacher=both))


@pytest.mark.parametrize(("follows", "moved_answer"), [((True, True), 2.0), ((False, True), 3.0)])
def test_moved_digits_are_asked_of_teachers_that_learned_from_such(follows, moved_answer):
    """Two teachers whose every logit is 1 and 3: on average 2."""
    task = object.__new__(ClassifierTask)
    task.accelerator = make_accelerator()
    task.teachers = [lambda x, v=value: torch.full((len(x), 10), v) for value in (1.0, 3.0)]
    task.follows = torch.tensor(follows)
    answers = task.answers(torch.zeros(2, 1, 32, 32), torch.tensor([False, True]))
    assert torch.equal(answers, torch.tensor([[2.0], [moved_answer]]).expand(2, 10))


def test_moving_shifts_and_turns_and_keeps_the_size():
    """Of a bar in the middle: up to 5.6 px each way, then up to 20 degrees, and everywhere in that range."""
    rows, columns = torch.meshgrid(torch.arange(32.0) - 15.5, torch.arange(32.0) - 15.5, indexing="ij")
    bar = ((rows.abs() < 2) & (columns.abs() < 6)).float()
    ink = (move((2 * bar - 1).expand(400, 1, 32, 32), torch.Generator().manual_seed(0)) + 1)[:, 0] / 2
    total = ink.sum((1, 2))
    assert torch.allclose(total, bar.sum().expand(400), rtol=0.05)
    y, x = ((ink * where).sum((1, 2)) / total for where in (rows, columns))
    assert torch.hypot(x, y).max() < 5.6 * 2**0.5 + 0.1 and min(x.std(), y.std()) > 2.8
    across, down = columns - x[:, None, None], rows - y[:, None, None]
    angle = torch.atan2(2 * (ink * across * down).sum((1, 2)), (ink * (across**2 - down**2)).sum((1, 2))) / 2
    assert 0.3 < angle.abs().max() < 0.36 and angle.std() > 0.15
