"""What training scripts accept on the command line."""

import pytest

pytest.importorskip("accelerate")

from mnist_lab.checkpoint import FOLDER  # noqa: E402
from mnist_lab.models import MODELS  # noqa: E402
from train.classifier import ClassifierRecipe, new_network  # noqa: E402


@pytest.mark.parametrize(("network", "widths"), [("resnet", (8, 16, 32)), ("convnet", (4, 8, 12, 16, 20))])
def test_a_network_is_as_wide_as_asked(network, widths):
    assert new_network(ClassifierRecipe(network=network, widths=",".join(map(str, widths)))).config.widths == widths


@pytest.mark.parametrize("network", ["resnet", "convnet"])
def test_a_network_is_as_wide_as_usual_unless_asked(network):
    assert new_network(ClassifierRecipe(network=network)).config == MODELS[network].Config()


@pytest.mark.parametrize("widths", ["24", "24,48", "24,48,96,192", "24,a,96", "24,0,96", "24,-48,96", "1.5,2,3"])
def test_other_widths_are_refused(widths):
    with pytest.raises(ValueError, match="3 numbers of channels"):
        new_network(ClassifierRecipe(widths=widths))


def test_what_goes_on_from_a_network_is_as_wide_as_that():
    judge = FOLDER / "mnist" / "judge.safetensors"
    if not judge.exists():
        pytest.skip("the judge is not there")
    assert new_network(ClassifierRecipe(start=str(judge))).config.widths == (24, 48, 96)


@pytest.mark.parametrize("name", ["lenet", "diffusion"])
def test_no_other_network_is_gone_on_from(name):
    path = FOLDER / "mnist" / f"{name}.safetensors"
    if not path.exists():
        pytest.skip("it is not there")
    with pytest.raises(ValueError, match="must be a resnet"):
        new_network(ClassifierRecipe(start=str(path)))


def test_an_unknown_network_is_refused():
    with pytest.raises(ValueError, match="lenet, resnet or convnet"):
        new_network(ClassifierRecipe(network="alexnet"))
