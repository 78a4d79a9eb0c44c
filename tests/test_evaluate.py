"""The scores: real digits score like real digits, and the README says what the checkpoints say."""

import dataclasses
import shutil

import pytest
import torch

from mnist_lab import checkpoint, metrics
from mnist_lab.checkpoint import Store
from mnist_lab.diffusion.samplers import network_calls
from mnist_lab.labs import DiffusionLab
from mnist_lab.models import LeNet
from train import cards, evaluate


def test_training_digits_score_like_digits(store, train_digits, test_digits):
    reference = test_digits[:2000]
    score = evaluate.floor(store, train_digits, reference, 1000)
    assert score["read_as_asked"] > 0.99 and score["precision"] > 0.8 and score["recall"] > 0.7
    noise = torch.randint(0, 256, (500, 28, 28), dtype=torch.uint8)
    bad = evaluate.score_samples(store, noise, metrics.labels_like(reference, 500), reference)
    assert bad["frechet_distance"] > 10 * score["frechet_distance"] and bad["recall"] < 0.1


def test_stored_scores_are_those_of_the_weights(store, test_digits):
    fresh = evaluate.score_classifier(store, "lenet", test_digits)
    assert fresh["accuracy"] == pytest.approx(store.load("lenet")[1].scores["accuracy"], abs=2e-4)


def test_seeds_are_scored_one_by_one(store, test_digits, tmp_path):
    paths, stored = [], [store.load(name)[1].scores["accuracy"] for name in ("resnet", "lenet")]
    for seed, name in enumerate(("resnet", "lenet")):
        network, metadata = store.load(name)
        paths.append(tmp_path / f"{seed}.safetensors")
        training = {"recipe": {"seed": seed}}
        checkpoint.save(paths[-1], network, dataclasses.replace(metadata, training={"average_of": [training, training]} if seed else training))
    found = evaluate.score_seeds(paths, test_digits)
    assert found["seeds"] == [0, 1]
    assert found["accuracy"] == pytest.approx(stored, abs=2e-4)
    assert found["mean"] == pytest.approx(sum(found["accuracy"]) / 2)
    assert found["spread"] == pytest.approx(abs(found["accuracy"][0] - found["accuracy"][1]) / 2**0.5)


def trainings(store, folder, *described: dict) -> list:
    """Files of one network with different stories."""
    network, metadata = store.load("lenet")
    paths = [folder / f"{k}.safetensors" for k in range(len(described))]
    for path, training in zip(paths, described, strict=True):
        checkpoint.save(path, network, dataclasses.replace(metadata, training=training, settings={}))
    return paths


@pytest.mark.parametrize(("losses", "kept"), [((0.3, 0.1, 0.2), 1), ((None, None), 0)])
def test_the_seed_kept_is_the_best_on_validation_writers_or_the_first(store, tmp_path, losses, kept):
    described = [{"seed": k, "validation": {"loss": loss}} if loss else {"seed": k} for k, loss in enumerate(losses)]
    (tmp_path / "mnist").mkdir()
    evaluate.settle(Store(tmp_path), trainings(store, tmp_path, *described))
    assert Store(tmp_path).load("resnet")[1].training["seed"] == kept


def test_a_rehearsal_answers_for_a_network_that_knows_the_validation_writers(store, tmp_path, validation_digits):
    digits = validation_digits[::10]
    (tmp_path / "mnist").mkdir()
    (rehearsal,) = trainings(store, tmp_path, {"validation": {"loss": 0.5}})
    once = {"images": 1, "minutes": 1, "device": "CPU", "revision": "1", "torch": "2"}
    checkpoint.save(tmp_path / "mnist" / "resnet.safetensors", LeNet(), checkpoint.Metadata("lenet", {}, training={"recipe": {"whole": True}, **once}))
    evaluate.calibrate(Store(tmp_path), "resnet", digits, rehearsal)
    settings = Store(tmp_path).load("resnet")[1].settings
    reading = metrics.read(store["lenet"], digits.images)
    assert settings["calibration"]["temperature"] == pytest.approx(metrics.temperature(reading.logits, digits.labels), abs=1e-4)
    assert settings["rehearsal"] == {"loss": 0.5}
    card = cards.card("resnet", Store(tmp_path).load("resnet")[1])
    assert "Its rehearsal" in card and "loss 0.5000" in card and "It learned from the validation writers too" in card


def test_a_network_that_knows_the_validation_writers_needs_a_rehearsal_that_does_not(store, tmp_path):
    new, known = trainings(store, tmp_path, {}, {"before": {"recipe": {"whole": True}}})
    evaluate.check_rehearsed([new], None)
    evaluate.check_rehearsed([known], new)
    with pytest.raises(ValueError, match="--rehearsal"):
        evaluate.check_rehearsed([new, known], None)
    with pytest.raises(ValueError, match="itself"):
        evaluate.check_rehearsed([known], known)
    checkpoint.update(known, settings={"calibration": {}})  # by its rehearsal, earlier
    evaluate.check_rehearsed([known], None)


def test_the_readme_and_the_cards_say_what_the_checkpoints_say(store):
    table = cards.table(store)
    assert table.count("\n") == 1 + len([n for n in cards.WHAT if n in store.names()])
    assert table in (cards.ROOT / "README.md").read_text()
    assert table in (cards.ROOT / "checkpoints" / "README.md").read_text()


@pytest.mark.parametrize("name, least", [("lenet", 0.9945), ("resnet", 0.9965)])
def test_classifiers_reach_their_figures(store, test_digits, name, least):
    assert evaluate.score_classifier(store, name, test_digits)["accuracy"] >= least


def test_copies_are_told_from_what_is_new(train_digits, test_digits):
    """The test of memorising: certain of copies with a little noise, even-handed with other people's digits."""
    seen = train_digits[:2000]
    noise = torch.randint(0, 30, (500, 28, 28), generator=torch.Generator().manual_seed(0))
    copies = (seen.images[:500] + noise).clamp(max=255).to(torch.uint8)
    others = metrics.nearest(test_digits.images[:1000], seen.images)[0]
    assert evaluate.score_memory(copies, seen, others)["nearer"] > 0.9
    new = evaluate.score_memory(train_digits[10_000:11_000].images, seen, others)
    assert new["nearer"] == pytest.approx(0.5, abs=0.1)
    assert new["distance"] == pytest.approx(new["distance_of_test_digits"], rel=0.1)


def copied(checkpoints, tmp_path, monkeypatch) -> None:
    """A store of our own to write into, and a folder for the samples."""
    (tmp_path / "mnist").mkdir()
    for name in ("diffusion", "judge"):
        shutil.copy(checkpoints / "mnist" / f"{name}.safetensors", tmp_path / "mnist")
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_the_quick_run_is_the_nearest_of_its_trials_and_is_then_the_lab_s(checkpoints, tmp_path, monkeypatch, validation_digits):
    copied(checkpoints, tmp_path, monkeypatch)
    monkeypatch.setattr(evaluate, "QUICK_SCHEDULES", ("cosine",))
    evaluate.choose_quick(Store(tmp_path), "diffusion", validation_digits, 50)
    settings = Store(tmp_path).load("diffusion")[1].settings
    trials = {k: v for k, v in settings["quick_trials"].items() if k != "samples"}
    assert len(trials) == len(evaluate.QUICK_SAMPLERS)
    assert {network_calls(t["how"]["sampler"], t["how"]["steps"]) for t in trials.values()} <= {evaluate.QUICK_CALLS - 1, evaluate.QUICK_CALLS}
    assert settings["quick"] == min(trials.values(), key=lambda t: t["frechet_distance"])["how"]
    lab = DiffusionLab(Store(tmp_path))
    assert lab.sampling([3], **lab.quick).steps == settings["quick"]["steps"]


@pytest.mark.slow
def test_the_race_is_measured_by_network_calls(checkpoints, tmp_path, monkeypatch, validation_digits):
    copied(checkpoints, tmp_path, monkeypatch)
    monkeypatch.setattr(evaluate, "RACERS", ("ddim", "heun"))
    monkeypatch.setattr(evaluate, "RACE_STEPS", (2, 6))
    evaluate.measure_race(Store(tmp_path), "diffusion", validation_digits, 50)
    lab, race = DiffusionLab(Store(tmp_path)), Store(tmp_path).load("diffusion")[1].settings["race"]
    assert {sampler: [*by] for sampler, by in race["distance_by_calls"].items()} == {"ddim": ["2", "6"], "heun": ["3", "11"]}
    labels = metrics.labels_like(validation_digits, 50)
    made = evaluate.diffusion_batch(lab, labels, race["guidance"], evaluate.TRIED, {"steps": 6, "sampler": "ddim", "schedule": "cosine"})
    features = [metrics.read(Store(tmp_path)["judge"], images).features for images in (made, validation_digits.images)]
    assert race["distance_by_calls"]["ddim"]["6"] == pytest.approx(metrics.frechet_distance(*features), rel=0.01)
    assert race["distance_by_calls"]["ddim"]["6"] < race["distance_by_calls"]["ddim"]["2"]
