"""The average of runs: the mean of their weights, with what each says of itself."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import torch

from mnist_lab.checkpoint import Metadata, load, save
from mnist_lab.models import LeNet, ResNet
from train.soup import mean

ROOT = Path(__file__).parent.parent


def networks(count: int) -> list[ResNet]:
    return [ResNet(ResNet.Config(widths=(2, 2, 2))) for _ in range(count)]


def test_each_weight_is_the_mean_and_counters_stay():
    models = networks(3)
    state = mean(models)
    assert torch.equal(state["norm1.num_batches_tracked"], torch.tensor(0))
    expected = sum(m.conv1.weight.detach() for m in models) / 3
    assert torch.allclose(state["conv1.weight"], expected, atol=1e-6)
    assert set(state) == set(models[0].state_dict())


def test_the_mean_of_one_network_with_itself_is_that_network():
    (model,) = networks(1)
    assert all(torch.equal(v, model.state_dict()[k]) for k, v in mean([model, model]).items())


def run(tmp_path, *models, **training):
    paths = []
    for k, model in enumerate(models):
        paths.append(tmp_path / f"{k}.safetensors")
        save(paths[-1], model, Metadata(type(model).__name__.lower(), dataclasses.asdict(model.config), training={"seed": k, **training}))
    command = [sys.executable, "-m", "train.soup", *map(str, paths), "--out", str(tmp_path / "out.safetensors")]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_what_is_written_says_which_runs_it_is_made_of(tmp_path, validation_digits):
    result = run(tmp_path, *networks(2))
    assert result.returncode == 0, result.stderr
    _, metadata = load(tmp_path / "out.safetensors")
    assert [one["seed"] for one in metadata.training["average_of"]] == [0, 1]
    assert 0 <= metadata.training["validation"]["accuracy"] <= 1


def test_of_digits_that_were_learned_no_figures_are_given(tmp_path):
    result = run(tmp_path, *networks(2), before={"recipe": {"whole": True}})
    assert result.returncode == 0, result.stderr
    _, metadata = load(tmp_path / "out.safetensors")
    assert "validation" not in metadata.training and len(metadata.training["average_of"]) == 2


def test_different_networks_are_refused(tmp_path):
    result = run(tmp_path, *networks(1), LeNet())
    assert result.returncode == 2 and "different networks" in result.stderr
    assert not (tmp_path / "out.safetensors").exists()
