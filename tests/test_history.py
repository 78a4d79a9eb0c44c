"""Snapshots of a training: kept without disturbing it, all of one run, and read back whole or refused in one sentence."""

import base64
import copy
import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mnist_lab import history
from mnist_lab.checkpoint import CheckpointError, Metadata, Store, save
from mnist_lab.data import load_digits, to_model
from mnist_lab.history import History
from mnist_lab.models import LeNet
from mnist_lab.training import fit, make_accelerator
from mnist_lab.ui.classify_tab import FOUR
from mnist_lab.ui.readings import answer, input_of
from mnist_lab.ui.wings.learning_wing import MISSING, snapshots, verdicts
from train import common
from train.classifier import ClassifierRecipe, ClassifierTask
from train.moments import moments
from train.snapshots import COUNT, Snapshots, folded_now, judge, spread


def past(count: int = 3) -> History:
    torch.manual_seed(5)
    states = [LeNet().state_dict() for _ in range(count)]
    weights = {name: torch.stack([s[name].half().float() for s in states]) for name in states[0]}
    metadata = Metadata("lenet", dataclasses.asdict(LeNet.Config()), training={"recipe": {"seed": 5}}, settings={"runs": ["a"] * count})
    confusion = torch.arange(count)[:, None, None] * torch.eye(10, dtype=torch.int64) + 1
    return History(metadata, 256 * torch.arange(count), torch.rand(count), confusion, weights)


# ---- when to look

@pytest.mark.parametrize("images, batch", [(100_000, 256), (3_000_000, 256), (1_000_000, 128), (16_000, 256)])
def test_moments_are_whole_batches_from_the_first_to_the_last_dense_early(images, batch):
    found = moments(images, batch, COUNT)
    gaps = [b - a for a, b in itertools.pairwise(found)]
    assert len(found) == COUNT
    assert found[0] == 0 and found[1] == batch
    assert images <= found[-1] < images + batch
    assert all(gap > 0 and gap % batch == 0 for gap in gaps)
    assert all(b >= a - batch for a, b in itertools.pairwise(gaps)), "never denser later, but for rounding"


def test_a_short_training_is_kept_whole():
    assert moments(1000, 256, COUNT) == [0, 256, 512, 768, 1024]


# ---- what is kept

def test_a_snapshot_of_batch_norm_is_measured_anew_and_the_network_is_left_alone():
    torch.manual_seed(2)
    model, x = LeNet(LeNet.Config(batch_norm=True)).train(), torch.rand(200, 1, 32, 32) * 2 - 1
    before = copy.deepcopy(model.state_dict())
    folded = folded_now(model, x)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items()) and model.training
    assert sum(p.numel() for p in folded.parameters()) == 16_554
    with torch.no_grad():
        expected = copy.deepcopy(model)(x)  # in training mode: by the statistics of x itself
        torch.testing.assert_close(folded(x), expected, rtol=.02, atol=.02)


@pytest.fixture
def recipe(tmp_path) -> ClassifierRecipe:
    return ClassifierRecipe(network="lenet", dry_run=True, folder=str(tmp_path / "run"), seed=11)


def train(recipe: ClassifierRecipe, watched: bool = True, updates: int | None = None) -> tuple[LeNet, Snapshots]:
    """The network after some updates of its recipe, or all."""
    accelerator, folder = make_accelerator(), Path(recipe.folder)
    torch.manual_seed(recipe.seed)
    task = ClassifierTask(recipe, accelerator, load_digits("validation"))
    model = accelerator.unwrap_model(task.networks["classifier"])
    kept = Snapshots(recipe, folder)
    steps = fit(task, load_digits("train"), recipe.plan(), folder, accelerator)
    for _ in itertools.islice(kept.watch(steps, model) if watched else steps, updates):
        pass
    return model, kept


@pytest.mark.slow
@pytest.mark.usefixtures("train_digits", "validation_digits")
def test_watching_changes_nothing_and_the_same_recipe_gives_the_same_snapshots(recipe, tmp_path):
    elsewhere = [dataclasses.replace(recipe, folder=str(tmp_path / name)) for name in ("again", "unwatched")]
    model, kept = train(recipe)
    again, others = train(elsewhere[0])
    alone, _ = train(elsewhere[1], watched=False)
    for name, w in alone.state_dict().items():
        assert torch.equal(w, model.state_dict()[name]), name
    kept.save(tmp_path / "a.safetensors", "abc")
    others.save(tmp_path / "b.safetensors", "abc")
    a, b = history.load(tmp_path / "a.safetensors"), history.load(tmp_path / "b.safetensors")
    assert a.images.tolist() == moments(common.DRY_RUN_IMAGES, 128, COUNT) == [0, 128, 256, 384, 512]
    assert all(torch.equal(w, b.weights[name]) for name, w in a.weights.items())
    assert a.metadata.training["revision"] == "abc" and a.metadata.training["recipe"]["seed"] == 11
    assert set(a.metadata.settings["runs"]) == {history.run_id(dataclasses.asdict(recipe))}
    assert a.confusion.sum((1, 2)).tolist() == [2000] * 5


@pytest.mark.slow
@pytest.mark.usefixtures("train_digits", "validation_digits")
def test_what_another_training_left_in_the_folder_is_not_taken(recipe, tmp_path):
    train(dataclasses.replace(recipe, seed=12), updates=2)
    Path(recipe.folder, "state.pt").unlink(missing_ok=True)
    _, kept = train(recipe, updates=1)
    kept.save(tmp_path / "a.safetensors", "abc")
    assert history.load(tmp_path / "a.safetensors").images.tolist() == [0, 128]


def test_snapshots_want_a_training_of_known_length(recipe):
    with pytest.raises(ValueError, match="give images, not minutes"):
        Snapshots(dataclasses.replace(recipe, minutes=3.0), Path(recipe.folder))


# ---- the file

def test_a_history_comes_back_as_it_was(tmp_path):
    before, path = past(), tmp_path / "h.safetensors"
    history.save(path, before)
    after = history.load(path)
    assert after.metadata == before.metadata and len(after) == 3
    for name in ("images", "loss", "confusion", "accuracy"):
        assert torch.equal(getattr(after, name), getattr(before, name)), name
    assert all(torch.equal(w, after.weights[name]) for name, w in before.weights.items())
    assert after.accuracy.tolist() == pytest.approx([.1, 20 / 110, 30 / 120])


def test_all_snapshots_read_at_once_as_each_would_alone():
    h, x = past(), torch.rand(1, 1, 32, 32) * 2 - 1
    found = history.read(h, x)
    assert found.shape == (3, 10)
    for k in range(3):
        torch.testing.assert_close(found[k], h.network(k)(x).softmax(1)[0])


def test_a_history_is_not_taken_for_a_model(tmp_path):
    history.save(history.path_of(Store(tmp_path).folder, "lenet"), past())
    assert Store(tmp_path).names() == []


def change(**fields) -> History:
    return dataclasses.replace(past(), **fields)


WRONG = {
    "figures": (lambda: change(loss=torch.rand(2)), "not one for each snapshot"),
    "order": (lambda: change(images=torch.tensor([0, 512, 512])), "not in the order of training"),
    "runs": (lambda: change(metadata=dataclasses.replace(past().metadata, settings={"runs": ["a", "a", "b"]})), "not all of one training"),
    "no runs": (lambda: change(metadata=dataclasses.replace(past().metadata, settings={})), "not all of one training"),
    "names": (lambda: change(weights={"conv1.weight": past().weights["conv1.weight"]}), "weights do not fit lenet"),
    "shape": (lambda: change(weights=past().weights | {"conv1.bias": torch.zeros(3, 9)}), "weights do not fit lenet"),
    "numbers": (lambda: change(weights=past().weights | {"conv1.bias": torch.full((3, 8), torch.nan)}), "no finite numbers"),
    "model": (lambda: change(metadata=dataclasses.replace(past().metadata, model="nothing")), "does not fit a network"),
    "config": (lambda: change(metadata=dataclasses.replace(past().metadata, config={"colour": 1})), "does not fit a network"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_one_sentence(name, tmp_path):
    make, words = WRONG[name]
    history.save(tmp_path / "h.safetensors", make())
    with pytest.raises(CheckpointError, match=words) as error:
        history.load(tmp_path / "h.safetensors")
    assert str(error.value).count("\n") == 0


def test_missing_cut_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        history.load(tmp_path / "h.safetensors")
    history.save(tmp_path / "h.safetensors", past())
    whole = (tmp_path / "h.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[:len(whole) // 2])
    with pytest.raises(CheckpointError, match="not a whole .safetensors file"):
        history.load(tmp_path / "cut.safetensors")
    save(tmp_path / "model.safetensors", LeNet(), Metadata("lenet", dataclasses.asdict(LeNet.Config())))
    with pytest.raises(CheckpointError, match="not the history of a training: it has no"):
        history.load(tmp_path / "model.safetensors")


# ---- the one that ships

@pytest.fixture(scope="module")
def shipped(checkpoints) -> History:
    return history.load(history.path_of(Store(checkpoints).folder, "lenet"))


def test_the_shipped_snapshots_belong_to_one_run(shipped):
    recipe = shipped.metadata.training["recipe"]
    assert set(shipped.metadata.settings["runs"]) == {history.run_id(recipe)}
    assert shipped.images.tolist() == [m for m in moments(recipe["images"], recipe["batch"], COUNT) if m <= shipped.images[-1]]
    assert 40 <= len(shipped) <= COUNT
    flat = flattened(shipped)
    assert flat.shape[1] == 16_554
    steps, whole = flat.diff(dim=0).norm(dim=1), (flat[-1] - flat[0]).norm()
    assert (steps < whole / 2).all(), "neighbours lie closer than the ends"
    assert (torch.cosine_similarity(flat[1:], flat[:-1]) > .8).all()
    assert shipped.accuracy[0] < .3 and shipped.accuracy[-1] > .95


def test_the_shipped_snapshots_are_of_the_shipped_lenet(shipped, store):
    assert shipped.metadata.training["recipe"] == store.load("lenet")[1].training["recipe"]


@pytest.mark.slow
def test_the_shipped_figures_are_those_of_the_stored_weights(shipped, validation_digits):
    digits = spread(validation_digits, 2000)
    for k in (0, len(shipped) // 2, len(shipped) - 1):
        found = judge(shipped.network(k), digits)
        assert (found["confusion"] - shipped.confusion[k]).abs().sum() <= 4, "a digit on the edge may fall to either side on another machine"
        assert found["loss"] == pytest.approx(float(shipped.loss[k]), rel=1e-3)


def flattened(stored: History) -> torch.Tensor:
    """All weights of each snapshot: (S, 16554)."""
    return torch.cat([w.flatten(1) for w in stored.weights.values()], 1)


def retraced(shipped: History, folder: Path, updates: int) -> History:
    """The first snapshots of the stored recipe and seed, trained again."""
    recipe = ClassifierRecipe(**{**shipped.metadata.training["recipe"], "folder": str(folder)})
    _, kept = train(recipe, updates=updates)
    kept.save(folder / "again.safetensors", "")
    return history.load(folder / "again.safetensors")


@pytest.mark.slow
def test_the_first_shipped_snapshot_is_the_untrained_network_of_the_stored_seed(shipped, train_digits):
    recipe = shipped.metadata.training["recipe"]
    torch.manual_seed(recipe["seed"])
    untrained = folded_now(LeNet(LeNet.Config(batch_norm=True)), to_model(spread(train_digits, 1000).images))
    for name, w in untrained.state_dict().items():
        torch.testing.assert_close(w, shipped.weights[name][0], rtol=.05, atol=.01)


@pytest.mark.slow
@pytest.mark.usefixtures("train_digits", "validation_digits")
def test_the_stored_recipe_and_seed_give_the_first_snapshots_again(shipped, tmp_path):
    training = shipped.metadata.training
    if training["device"] != "CPU":
        pytest.skip("it was trained on another kind of processor, whose random numbers differ")
    if training["recipe"].get("bf16"):
        pytest.skip("it was trained in bfloat16, whose rounding differs between processors by more than one weight can bear")
    again = retraced(shipped, tmp_path, updates=int(shipped.images[4]) // training["recipe"]["batch"])
    flat, stored = flattened(again)[:5], flattened(shipped)[:5]
    assert torch.allclose(flat[0], stored[0], rtol=.05, atol=.01)
    # rounding differs between processors and grows as it trains: one weight may drift, the way all of them went may not
    apart, way = (flat - stored).norm(dim=1), (stored - stored[0]).norm(dim=1)
    assert (apart <= .05 * way + .01).all()
    assert way[4] > 1, "they did go some way"


def test_the_last_shipped_snapshot_reads_a_real_digit(shipped, validation_digits):
    digits = spread(validation_digits, 40)
    assert history.read(shipped, to_model(digits.images[7:8]))[-1].argmax() == digits.labels[7]


# ---- what the page gets

def test_the_page_gets_every_snapshot_in_one_answer(shipped, checkpoints):
    payload = {"strokes": FOUR}
    found = answer(Store(checkpoints), verdicts, payload)
    p = np.frombuffer(base64.b64decode(found["p"]), np.float32).reshape(-1, 10)
    np.testing.assert_allclose(p, history.read(shipped, input_of(payload)), atol=1e-6)


def test_the_page_gets_kernels_and_mistakes(shipped, checkpoints):
    value = json.loads(json.dumps(snapshots(Store(checkpoints))))
    count, channels, side = len(shipped), value["channels"], value["side"]
    kernels = np.frombuffer(base64.b64decode(value["kernels"]), np.int8).reshape(count, channels, side, side)
    matrices = np.frombuffer(base64.b64decode(value["confusion"]), np.uint16).reshape(count, 10, 10)
    weights = shipped.weights["conv1.weight"][:, :, 0].numpy()
    np.testing.assert_allclose(kernels * (value["scale"] / 127), weights.clip(-value["scale"], value["scale"]), atol=value["scale"] / 250)
    np.testing.assert_array_equal(matrices, shipped.confusion)
    assert value["images"] == shipped.images.tolist()


def test_without_the_file_the_wing_says_so(tmp_path):
    assert snapshots(Store(tmp_path)) == {"missing": MISSING}
    assert list(answer(Store(tmp_path), verdicts, {"strokes": FOUR})) == ["error"]
