"""Checkpoints: what was saved comes back, and what is wrong with a file is said in one sentence that names it."""

import dataclasses
import json
import threading

import pytest
import torch
from safetensors.torch import save_file

from mnist_lab import checkpoint
from mnist_lab.checkpoint import CheckpointError, Metadata, Store
from mnist_lab.models import LeNet, ResNet

DESCRIPTION = Metadata("lenet", {"batch_norm": False}, training={"images": 7}, settings={"guidance": 1.5})


@pytest.fixture
def model():
    torch.manual_seed(0)
    return LeNet()


@pytest.fixture
def path(tmp_path, model):
    path = tmp_path / "mnist" / "lenet.safetensors"
    checkpoint.save(path, model, DESCRIPTION)
    return path


def write(path, tensors, **metadata) -> None:
    """A file as someone else might have written it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata={k: v if isinstance(v, str) else json.dumps(v) for k, v in metadata.items()})


def described(**changes) -> dict:
    return {**dataclasses.asdict(DESCRIPTION), **changes}


def same_weights(a, b) -> bool:
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_full_precision_comes_back_bit_for_bit(path, model):
    loaded, metadata = checkpoint.load(path)
    assert same_weights(loaded, model)
    assert metadata == DESCRIPTION
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())


def test_half_precision_halves_the_file_and_rounds_once(path, model, tmp_path):
    half = tmp_path / "half.safetensors"
    checkpoint.save(half, model, DESCRIPTION, half=True)
    loaded, _ = checkpoint.load(half)
    assert half.stat().st_size < 0.6 * path.stat().st_size
    assert all(p.dtype == torch.float32 for p in loaded.parameters())
    assert all(torch.equal(p, q.half().float()) for p, q in zip(loaded.parameters(), model.parameters(), strict=True))


def test_half_precision_keeps_whole_numbers_whole(tmp_path):
    model = ResNet()
    model.norm1.num_batches_tracked.fill_(123_457)  # float16 would round it
    path = tmp_path / "resnet.safetensors"
    checkpoint.save(path, model, Metadata("resnet", {"widths": (32, 64, 128)}), half=True)
    assert checkpoint.load(path)[0].norm1.num_batches_tracked == 123_457


def test_config_rebuilds_the_model(tmp_path):
    model = ResNet(ResNet.Config(widths=(8, 16, 32)))
    path = tmp_path / "small.safetensors"
    checkpoint.save(path, model, Metadata("resnet", dataclasses.asdict(model.config)))
    loaded, _ = checkpoint.load(path)
    assert loaded.config == model.config


def test_update_renews_scores_adds_settings_and_keeps_the_weights(path, model):
    checkpoint.update(path, scores={"accuracy": 0.5}, settings={"guidance": 2.0})
    checkpoint.update(path, scores={"accuracy": 0.993, "per_digit": [1.0] * 10})
    checkpoint.update(path, settings={"steps": 3})
    loaded, metadata = checkpoint.load(path)
    assert same_weights(loaded, model)
    assert metadata.scores == {"accuracy": 0.993, "per_digit": [1.0] * 10}
    assert metadata.settings == {"guidance": 2.0, "steps": 3}
    assert metadata.training == DESCRIPTION.training


def test_saving_leaves_no_half_written_file(path):
    assert [p.name for p in path.parent.iterdir()] == ["lenet.safetensors"]


# Damaged and foreign files


def missing(path):
    path.unlink()


def no_safetensors_at_all(path):
    path.write_bytes(b"not a checkpoint" * 100)


def empty(path):
    path.write_bytes(b"")


def truncated(path):
    path.write_bytes(path.read_bytes()[:-1000])


def truncated_in_the_header(path):
    path.write_bytes(path.read_bytes()[:50])


def foreign(path):
    write(path, {"weight": torch.zeros(2)})


def description_not_json(path):
    write(path, {"weight": torch.zeros(2)}, mnist_lab="{broken")


def description_not_ours(path):
    write(path, {"weight": torch.zeros(2)}, mnist_lab=[1, 2])


def description_without_format(path):
    write(path, {"weight": torch.zeros(2)}, mnist_lab={"model": "lenet"})


def later_format(path):
    write(path, LeNet().state_dict(), mnist_lab=described(format=checkpoint.FORMAT + 1))


def unknown_model(path):
    write(path, LeNet().state_dict(), mnist_lab=described(model="transformer"))


def unknown_setting(path):
    write(path, LeNet().state_dict(), mnist_lab=described(config={"colour": "red"}))


def a_model_without_a_name(path):
    write(path, LeNet().state_dict(), mnist_lab=described(model=[]))


def description_without_end(path):
    write(path, LeNet().state_dict(), mnist_lab="[" * 200_000)


def impossible_setting(path):
    write(path, ResNet().state_dict(), mnist_lab=described(model="resnet", config={"widths": [8, 16]}))


def settings_not_named(path):
    write(path, LeNet().state_dict(), mnist_lab=described(config=[True]))


def settings_that_are_none(path):
    write(path, LeNet().state_dict(), mnist_lab=described(settings=None))


def weights_that_are_no_numbers(path):
    write(path, {**LeNet().state_dict(), "logits.bias": torch.full((10,), torch.nan)}, mnist_lab=described())


def wrong_shape(path):
    write(path, {**LeNet().state_dict(), "logits.bias": torch.zeros(11)}, mnist_lab=described())


def missing_weight(path):
    write(path, {k: v for k, v in LeNet().state_dict().items() if k != "logits.bias"}, mnist_lab=described())


def weights_of_another_model(path):
    write(path, LeNet().state_dict(), mnist_lab=described(model="resnet", config={}))


def a_folder(path):
    path.unlink()
    path.mkdir()


DAMAGES = [missing, no_safetensors_at_all, empty, truncated, truncated_in_the_header, foreign, description_not_json, description_not_ours,
           description_without_format, later_format, unknown_model, a_model_without_a_name, description_without_end, unknown_setting, impossible_setting,
           settings_not_named, settings_that_are_none, weights_that_are_no_numbers, wrong_shape, missing_weight, weights_of_another_model, a_folder]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda f: f.__name__)
def test_a_damaged_file_is_one_sentence(damage, path):
    damage(path)
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(path)
    sentence = str(caught.value)
    assert "lenet.safetensors" in sentence
    assert "\n" not in sentence
    assert len(sentence) < 400


def test_the_sentence_says_which_format(path):
    later_format(path)
    with pytest.raises(CheckpointError, match=f"format {checkpoint.FORMAT + 1}.* reads format {checkpoint.FORMAT}"):
        checkpoint.load(path)


# The store


def test_store_lists_names_without_loading(path, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "load", lambda path: pytest.fail("loaded too early"))
    store = Store(tmp_path)
    assert store.names() == ["lenet"]
    assert store.path("lenet") == path


def test_store_of_a_missing_folder_is_empty(tmp_path):
    store = Store(tmp_path / "nowhere")
    assert store.names() == []
    with pytest.raises(CheckpointError, match="gan.safetensors"):
        store["gan"]


def test_store_keeps_what_it_loaded(path, tmp_path):
    store = Store(tmp_path)
    first = store["lenet"]
    path.unlink()
    assert store["lenet"] is first


def test_a_mended_file_loads_after_all(path, tmp_path, model):
    store = Store(tmp_path)
    whole = path.read_bytes()
    truncated(path)
    with pytest.raises(CheckpointError):
        store["lenet"]
    path.write_bytes(whole)
    assert same_weights(store["lenet"], model)


def test_two_threads_get_the_same_object(path, tmp_path, monkeypatch):
    really_load, loads, both_here = checkpoint.load, [], threading.Barrier(2)

    def slow_load(path):
        loads.append(path)
        threading.Event().wait(0.05)  # a second load would start meanwhile
        return really_load(path)

    def ask():
        both_here.wait()
        got.append(store["lenet"])

    monkeypatch.setattr(checkpoint, "load", slow_load)
    store, got = Store(tmp_path), []
    threads = [threading.Thread(target=ask) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert got[0] is got[1]
    assert len(loads) == 1


def test_shipped_checkpoints_load_and_are_small(checkpoints):
    store = Store(checkpoints)
    if not store.names():
        pytest.skip(f"no checkpoints in {store.folder}")
    for name in store.names():
        store.load(name)
        assert store.path(name).stat().st_size < 10_000_000, name
