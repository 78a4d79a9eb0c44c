"""Every training script runs: from another folder, as one process and as two."""

import csv
import socket
from pathlib import Path

import pytest

from mnist_lab import history, war
from mnist_lab.checkpoint import FOLDER, Store, load

ROOT = Path(__file__).parent.parent
TRAIN_DATA = ("train_digits", "validation_digits")  # downloaded, or a skip
RUNS = {
    "lenet": ("train.classifier", "--network", "lenet"),
    "resnet": ("train.classifier", "--network", "resnet"),
    "moved": ("train.classifier", "--network", "resnet", "--moved", "1", "--bf16"),
    "whole": ("train.classifier", "--network", "resnet", "--whole", "--last"),
    "pen": ("train.classifier", "--network", "lenet", "--pen", "0.25", "--strange", "0.25", "--moved", "0.5", "--teacher",
            f"{FOLDER / 'mnist' / 'judge.safetensors'},{FOLDER / 'mnist' / 'lenet.safetensors'}"),
    "gan": ("train.gan",),
    "gan-residual": ("train.gan", "--network", "residual"),
    "diffusion": ("train.diffusion",),
    "unet": ("train.diffusion", "--network", "unet"),
    "unet-eps": ("train.diffusion", "--network", "unet", "--predicts", "eps"),
    "student": ("train.student",),
    "student-on": ("train.student", "--start", str(FOLDER / "mnist" / "student.safetensors"), "--judged", "0.1"),
    "diffusion-on": ("train.diffusion", "--start", str(FOLDER / "mnist" / "diffusion.safetensors"), "--taught", "1.3", "--bf16"),
    "gan-on": ("train.gan", "--start", str(FOLDER / "mnist")),
    "by-heart": ("train.diffusion", "--few", "300"),
}
ASKING = ("pen", "gan", "gan-residual", "gan-on", "diffusion-on", "student", "student-on")  # for shipped networks

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures(*TRAIN_DATA)]


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open()))


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_every_script_is_run_here():
    """A script is a file of train/ with a dry run of its own recipe."""
    scripts = {f"train.{p.stem}" for p in (ROOT / "train").glob("*.py") if "common.Recipe)" in p.read_text()}
    assert scripts == {command[0] for command in RUNS.values()}


@pytest.mark.parametrize("name", RUNS)
def test_dry_run(name, program, tmp_path):
    if name in ASKING and not {"lenet", "resnet", "judge", "gan", "discriminator", "diffusion", "student"} <= set(Store().names()):
        pytest.skip("it asks shipped networks that are missing")
    result = program("-m", *RUNS[name], "--dry-run", "--folder", "run", "--out", "out.safetensors", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    network, metadata = load(tmp_path / "out.safetensors")
    assert network.config == type(network).Config(**{k: tuple(v) if isinstance(v, list) else v for k, v in metadata.config.items()})
    assert metadata.training["images"] >= 512
    assert metadata.training["recipe"]["dry_run"] is True
    assert ("before" in metadata.training) == (name in ("student", "student-on", "diffusion-on", "gan-on"))
    assert ("validation" in metadata.training) == (name != "whole")  # figures on digits it has learned would say nothing
    assert rows(tmp_path / "run" / "losses.csv")
    assert rows(tmp_path / "run" / "validation.csv")
    assert (tmp_path / "run" / "curves.png").exists()


def test_learning_from_all_writers_leaves_none_to_choose_by(program, tmp_path):
    result = program("-m", "train.classifier", "--whole", "--dry-run", cwd=tmp_path, TMPDIR=str(tmp_path))
    assert result.returncode == 1 and "--last" in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize("spoil", ["", "no-norm", "strong-judge"])
def test_a_war_is_chronicled(program, tmp_path, spoil):
    spoiling = ("--spoil", spoil) if spoil else ()
    result = program("-m", "train.gan", "--chronicle", *spoiling, "--dry-run", "--folder", "run", "--out", "war.safetensors", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    told = war.load(tmp_path / "war.safetensors")
    assert told.images[0] == 0 and told.images[-1] == 512
    assert told.curve[:, 0].tolist() == list(range(1, 9))


def test_a_dry_run_touches_neither_runs_nor_checkpoints(program, tmp_path):
    result = program("-m", *RUNS["lenet"], "--dry-run", cwd=tmp_path, TMPDIR=str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert len(list(tmp_path.glob("mnist-lab-dry-run-*/lenet.safetensors"))) == 1
    assert [p.name for p in tmp_path.iterdir() if not p.name.startswith("mnist-lab-dry-run-")] == []


def test_two_processes_train_one_network(program, tmp_path):
    """Each sees half of the images, gradients are shared, and the first alone writes."""
    launch = ("-m", "torch.distributed.run", "--nproc-per-node", 2, "--master-addr", "127.0.0.1", "--master-port", free_port())
    result = program(*launch, "-m", *RUNS["lenet"], "--snapshots", "--dry-run", "--out", "out.safetensors", cwd=tmp_path, TMPDIR=str(tmp_path),
                     ACCELERATE_USE_CPU="true")
    assert result.returncode == 0, result.stderr
    run = next(tmp_path.glob("mnist-lab-dry-run-*/losses.csv")).parent
    first = rows(run / "losses.csv")[0]
    assert (first["step"], first["images"]) == ("1", "256")  # two batches of 128 in one update
    assert len(rows(run / "validation.csv")) == 1
    _, metadata = load(tmp_path / "out.safetensors")
    assert metadata.training["images"] == 512
    assert history.load(history.path_of(tmp_path, "out")).images.tolist() == [0, 256, 512]  # moments are of all processes together


@pytest.mark.parametrize("command", [("train.classifier", "--network", "lenet", "--snapshots"), ("train.gan", "--chronicle")])
def test_moments_to_keep_want_a_training_of_known_length(program, tmp_path, command):
    result = program("-m", *command, "--minutes", "1", "--dry-run", cwd=tmp_path, TMPDIR=str(tmp_path))
    assert result.returncode == 1 and "give images, not minutes" in result.stderr and "Traceback" not in result.stderr
