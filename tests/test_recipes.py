"""What training scripts accept on the command line."""

from pathlib import Path

import pytest
import torch

pytest.importorskip("accelerate")

from mnist_lab.checkpoint import FOLDER, load  # noqa: E402
from mnist_lab.models import ResNet  # noqa: E402
from train.classifier import ClassifierRecipe, config_of, go_on_from  # noqa: E402


def test_a_residual_network_is_as_wide_as_asked():
    assert config_of(ClassifierRecipe(widths="8,16,32", places=True)) == ResNet.Config((8, 16, 32), places=True)


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


@pytest.mark.parametrize("places", [False, True])
def test_what_goes_on_may_get_a_weight_for_every_place(judge, places):
    model, before = ResNet(config_of(ClassifierRecipe(start=str(judge), places=places))), load(judge)[0]
    go_on_from(str(judge), model)
    x = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert torch.allclose(model.eval().maps(x), before.maps(x), atol=1e-4)
    assert torch.allclose(model(x), before(x), atol=1e-3) is not places


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
