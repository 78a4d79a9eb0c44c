"""Score every checkpoint on the test split and write the model cards: `python -m train.evaluate`.

The test split is read here and nowhere else. What there is to choose for a checkpoint is chosen before it is scored, on validation
writers: a classifier's temperature and threshold (its rehearsal's, if it has learned from these writers too); with `--choose`, a
denoiser's default guidance and its quick run; with `--measure-race` the samplers' quality by network calls is measured there too.
Scores go into the checkpoints themselves; checkpoints/README.md and the README's table are written from there.
"""

import argparse
import itertools
import shutil
import time
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mnist_lab import checkpoint, metrics
from mnist_lab.checkpoint import Store, fingerprint
from mnist_lab.data import Digits, load_digits, one_hot, to_pictures
from mnist_lab.diffusion.samplers import LOOKS, network_calls
from mnist_lab.labs import BY_HEART, DENOISERS, JUDGE, STUDENT, USUAL, DiffusionLab, GanLab
from train import common, population
from train.cards import write_cards
from train.hands import redraw, scribbles, skeletons
from train.student import CALLS

CLASSIFIERS = ("lenet", "resnet")  # that the room shows
READERS = (*CLASSIFIERS, JUDGE)
GUIDANCES = (1.0, 1.5, 2.0, 3.0)
FULL = USUAL  # how a denoiser that is no student is scored
FRESH = {**FULL, "sampler": "ddpm"}  # and once with noise added at every step, which mends mistakes
QUICK_CALLS = 10  # how often the quick run asks the network
QUICK_SAMPLERS, QUICK_SCHEDULES = ("ddim", "dpm", "heun", "ipndm"), ("cosine", "karras", "linear")
RACERS, RACE_STEPS = ("ddpm", "ddim", "heun", "dpm", "ipndm"), (3, 5, 10, 20, 50)
BATCH = 100  # samples made, and kept, at a time
SCORED, TRIED = 1_000, 5_000  # seeds from here on: of samples that are scored, and of those that something is chosen by
KNOWN_BY_HEART = 1_000  # samples of the network that learned by heart
INVERTED = 100  # test digits sought in the GAN's latent space
KEPT = 0.99  # of validation writers' digits count as digits
READ_AS_ASKED = 0.99  # asked of the default guidance; more guidance than that costs variety


@torch.inference_mode()
def score_classifier(store: Store, name: str, test: Digits) -> dict:
    """Accuracy and confusion; how honest its confidence is; how well it tells digits from what is none."""
    model, metadata = store.load(name)
    reading, pen = metrics.read(model, test.images), redrawn(test)
    drawn = metrics.read(model, to_pictures(pen[0]))
    matrix = metrics.confusion(test.labels, reading.digit)
    temperature = metadata.settings["calibration"]["temperature"]
    others = {"fashion": load_digits("test", "fashion").images, "scribbles": to_pictures(redraw(scribbles(2_000, seed=1), generator(2)))}
    return {
        "accuracy": (reading.digit == test.labels).double().mean().item(),
        "accuracy_per_digit": [round(v, 4) for v in metrics.accuracy_per_class(matrix).tolist()],
        "confusion": matrix.tolist(),
        "calibration_error": metrics.calibration_error((reading.logits / temperature).softmax(1), test.labels),
        "redrawn": {
            "digits": len(pen[1]),
            "accuracy": (drawn.digit == pen[1]).double().mean().item(),
            "calibration_error": metrics.calibration_error((drawn.logits / temperature).softmax(1), pen[1]),
        },
        "auroc": {key: metrics.auroc(reading.likeness, metrics.read(model, images).likeness) for key, images in others.items()},
    }


@torch.inference_mode()
def score_seeds(paths: list[Path], test: Digits) -> dict:
    """Accuracy of trainings that differ in nothing but their seed: how much of a figure is the recipe's, and how much luck."""
    loaded = [checkpoint.load(path) for path in paths]
    right = [(metrics.read(model, test.images).digit == test.labels).double().mean().item() for model, _ in loaded]
    return {"seeds": [seed_of(described.training) for _, described in loaded], "accuracy": right,
            "mean": float(np.mean(right)), "spread": float(np.std(right, ddof=1))}


def seed_of(training: dict) -> int:
    """Of an average, that of its first run."""
    return seed_of(training["average_of"][0]) if "average_of" in training else training["recipe"]["seed"]


def settle(store: Store, paths: list[Path]) -> None:
    """Of trainings that differ in their seed, one becomes the lab's residual network: that with the least loss on validation writers, or
    the first, if they have learned from these.
    """
    losses = {path: checkpoint.read_metadata(path).training.get("validation", {}).get("loss", 0.0) for path in paths}
    shutil.copyfile(min(losses, key=losses.get), store.path("resnet"))


def check_rehearsed(paths: list[Path], rehearsal: Path | None) -> None:
    """ValueError if a residual network has learned from the validation writers and nothing that hasn't can answer for it."""
    if rehearsal and not common.held_out(checkpoint.read_metadata(rehearsal).training):
        raise ValueError(f"the rehearsal {rehearsal} has learned from the validation writers itself")
    for path in [] if rehearsal else paths:
        known = checkpoint.read_metadata(path)
        if not common.held_out(known.training) and "calibration" not in known.settings:
            raise ValueError(f"{path} has learned from the validation writers: give its --rehearsal, the same training without them")


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def redrawn(digits: Digits) -> tuple[Tensor, Tensor]:
    """2,000 of the digits as a round pen would draw them, unturned and unstretched: (B, 1, 32, 32), labels."""
    pool = skeletons(digits, 2_000)
    return redraw(pool, generator(1), strength=0.0), pool.labels


@torch.inference_mode()
def calibrate(store: Store, name: str, validation: Digits, rehearsal: Path | None) -> None:
    """On validation writers: the temperature, the likeness that 99 % of their digits exceed, and the usual one.

    A network that has learned from these writers is too sure of them: `rehearsal`, the same training without them, answers for it.
    """
    model, described = checkpoint.load(rehearsal or store.path(name))
    reading = metrics.read(model, validation.images)
    threshold, typical = reading.likeness.double().quantile(torch.tensor([1 - KEPT, 0.5], dtype=torch.float64)).tolist()
    found = {"temperature": round(metrics.temperature(reading.logits, validation.labels), 4), "threshold": round(threshold, 3), "typical": round(typical, 3)}
    checkpoint.update(store.path(name), settings={"calibration": found, **({"rehearsal": described.training["validation"]} if rehearsal else {})})
    print(name, found, flush=True)


@torch.inference_mode()
def gan_samples(lab: GanLab, labels: Tensor) -> Tensor:
    z = lab.latent(1, len(labels))
    return torch.cat([to_pictures(lab.generator(a, one_hot(b))) for a, b in zip(z.split(500), labels.split(500), strict=True)])


def diffusion_batch(lab: DiffusionLab, labels: Tensor, guidance: float, seed: int, how: dict) -> Tensor:
    *_, last = lab.frames(lab.sampling(labels.tolist(), seed=seed, guidance=guidance, same_noise=False, **how))
    return to_pictures(last.x)


def diffusion_samples(lab: DiffusionLab, labels: Tensor, guidance: float, how: dict = FULL, seed: int = SCORED) -> Tensor:
    """Pictures (N, 28, 28). Each batch is kept in runs/samples: on a CPU they take an hour, and an interrupted run goes on."""
    run = "" if how == FULL else "-" + "-".join(map(str, how.values()))
    folder = Path(f"runs/samples/diffusion-{fingerprint(lab.network)}-guidance-{guidance:g}{run}")
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for k, part in enumerate(labels.split(BATCH)):
        path = folder / f"{seed + k}-{zlib.crc32(part.numpy().tobytes()):08x}.npy"  # the same labels from the same noise
        if not path.exists():
            np.save(path, diffusion_batch(lab, part, guidance, seed + k, how).numpy())
            print(f"  guidance {guidance:g}{run}: {min(BATCH * (k + 1), len(labels)):,} of {len(labels):,} samples", flush=True)
        parts.append(torch.from_numpy(np.load(path)))
    return torch.cat(parts)


def score_samples(store: Store, images: Tensor, labels: Tensor, reference: Digits) -> dict:
    """Read as asked, Frechet distance, precision and recall against a split, in the judge's features."""
    fake, real = metrics.read(store[JUDGE], images), metrics.read(store[JUDGE], reference.images)
    precision, recall = metrics.precision_recall(real.features, fake.features)
    right, covered = fake.digit == labels, metrics.coverage(real.features, fake.features)
    return {
        "samples": len(labels),
        "read_as_asked": right.double().mean().item(),
        "read_as_asked_per_digit": [round(right[labels == d].double().mean().item(), 4) for d in range(10)],
        "frechet_distance": metrics.frechet_distance(fake.features, real.features),
        "precision": precision,
        "recall": recall,
        "coverage": covered.double().mean().item(),
        "coverage_per_digit": [round(covered[reference.labels == d].double().mean().item(), 4) for d in range(10)],
    }


def score_memory(images: Tensor, train: Digits, new: Tensor) -> dict:
    """How far samples lie from their nearest training digits, beside how far test digits do (`new`: their writers are), and how often
    a sample is the nearer of a pair: half of the time if both are new, always if samples are copies.
    """
    own = metrics.nearest(images, train.images)[0]
    return {"samples": len(images), "distance": own.median().item(), "distance_of_test_digits": new.median().item(), "nearer": metrics.auroc(new, own)}


def score_inversion(store: Store, lab: GanLab, test: Digits) -> dict:
    """How near the generator comes to test digits, and whether they still read the same."""
    index = torch.randperm(len(test), generator=generator(3))[:INVERTED]
    start = time.perf_counter()
    found = [lab.invert(picture.numpy()) for picture in test.images[index]]
    seconds = (time.perf_counter() - start) / INVERTED
    read = metrics.read(store[JUDGE], torch.from_numpy(np.stack([f.made for f in found]))).digit
    return {"digits": INVERTED, "pixel_error": float(np.median([f.error for f in found])),
            "read_alike": (read == test.labels[index]).double().mean().item(), "seconds": seconds}


def floor(store: Store, train: Digits, test: Digits, count: int) -> dict:
    """The same figures for training digits: what a perfect generator would score with as many samples."""
    index = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:count]
    return score_samples(store, train.images[index], train.labels[index], test)


def ms_per_image(make, labels: Tensor) -> float:
    """Of the second of two equal batches made afresh: kept samples cost nothing, and the first call warms up."""
    for _ in range(2):
        start = time.perf_counter()
        make(labels)
    return 1000 * (time.perf_counter() - start) / len(labels)


def choose_quick(store: Store, name: str, validation: Digits, count: int) -> None:
    """The sampler and noise schedule whose samples lie nearest to validation writers' digits in QUICK_CALLS network calls."""
    lab, labels, trials = DiffusionLab(store, name), metrics.labels_like(validation, count), {}
    for sampler, schedule in itertools.product(QUICK_SAMPLERS, QUICK_SCHEDULES):
        how = {"steps": (QUICK_CALLS - 1) // LOOKS[sampler] + 1, "sampler": sampler, "schedule": schedule}
        score = score_samples(store, diffusion_samples(lab, labels, lab.default_guidance, how, TRIED), labels, validation)
        trials[f"{sampler}, {schedule}"] = {k: round(v, 4) for k, v in score.items() if isinstance(v, float)} | {"how": how}
        print(f"{how}: {trials[f'{sampler}, {schedule}']}", flush=True)
    best = min(trials.values(), key=lambda t: t["frechet_distance"])["how"]
    checkpoint.update(store.path(name), settings={"quick": best, "quick_trials": {"samples": count, **trials}})


def measure_race(store: Store, name: str, validation: Digits, count: int) -> None:
    """How far each sampler's digits lie from validation writers' after few and many steps, at the default guidance: for the room's race."""
    lab, labels = DiffusionLab(store, name), metrics.labels_like(validation, count)
    real, found = metrics.read(store[JUDGE], validation.images).features, {}
    for sampler, steps in itertools.product(RACERS, RACE_STEPS):
        how = {"steps": steps, "sampler": sampler, "schedule": "cosine"}
        made = metrics.read(store[JUDGE], diffusion_samples(lab, labels, lab.default_guidance, how, TRIED)).features
        found.setdefault(sampler, {})[str(network_calls(sampler, steps))] = round(metrics.frechet_distance(made, real), 3)
        print(f"{how}: {found[sampler]}", flush=True)
    checkpoint.update(store.path(name), settings={"race": {"samples": count, "network": name, "guidance": lab.default_guidance, "schedule": "cosine",
                                                        "distance_by_calls": found}})


def choose_guidance(store: Store, name: str, validation: Digits, count: int) -> None:
    """The least guidance that is read as asked in 99 % of samples, else the best read: chosen on validation writers."""
    lab, labels = DiffusionLab(store, name), metrics.labels_like(validation, count)
    trials = {}
    for guidance in GUIDANCES:
        score = score_samples(store, diffusion_samples(lab, labels, guidance, seed=TRIED), labels, validation)
        trials[f"{guidance:g}"] = {k: round(v, 4) for k, v in score.items() if isinstance(v, float)}
        print(f"guidance {guidance:g}: {trials[f'{guidance:g}']}", flush=True)
        if score["read_as_asked"] >= READ_AS_ASKED:
            break
    else:
        guidance = float(max(trials, key=lambda k: trials[k]["read_as_asked"]))
    checkpoint.update(store.path(name), settings={"guidance": guidance, "guidance_trials": {"samples": count, **trials}})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=10_000, help="samples of each generator (default 10,000)")
    parser.add_argument("--diffusion-samples", type=int, default=0, help="fewer for the diffusion model, which takes hours on a CPU")
    parser.add_argument("--choose", type=int, metavar="N", default=0, help="first choose each denoiser's guidance and quick run, with N samples a trial")
    parser.add_argument("--measure-race", type=int, metavar="N", default=0, help="measure each sampler after few and many steps, with N samples each")
    parser.add_argument("--seeds", nargs="+", type=Path, metavar="FILE", help="resnet's training from several seeds: the best on validation "
                        "writers becomes the checkpoint (the first, if they have learned from these), and all give the figure's mean and spread")
    parser.add_argument("--rehearsal", type=Path, metavar="FILE", help="the training of resnet, if it has learned from validation writers, without them")
    parser.add_argument("--only", nargs="*", help="checkpoints to score (default: all that are there)")
    options, store = parser.parse_args(), Store()
    if options.seeds and (len(options.seeds) < 2 or "resnet" not in (options.only or ["resnet"])):
        parser.error("--seeds needs the files of two trainings or more, and scores resnet")
    known = [*store.names(), *(["resnet"] if options.seeds else [])]  # which these bring
    there = [name for name in (*READERS, "gan", *DENOISERS) if name in known]
    options.only = there if options.only is None else options.only
    if not set(options.only) <= set(there):
        parser.error(f"there is no checkpoint {', '.join(sorted(set(options.only) - set(there)))} to score; there are {', '.join(there)}")
    if options.seeds or "resnet" in options.only:
        try:
            check_rehearsed(options.seeds or [store.path("resnet")], options.rehearsal)
        except (ValueError, checkpoint.CheckpointError) as error:
            parser.error(str(error))
    if options.seeds:
        settle(store, options.seeds)
    test = load_digits("test")
    for name in [n for n in READERS if n in options.only]:
        rehearsal = options.rehearsal if name == "resnet" else None
        if rehearsal or common.held_out(store.load(name)[1].training):  # else its rehearsal's calibration stays
            calibrate(store, name, load_digits("validation"), rehearsal)
        store = Store()
        again = score_seeds(options.seeds, test) if options.seeds and name == "resnet" else store.load(name)[1].scores.get("again")
        report(store, name, {**score_classifier(store, name, test), **({"again": again} if again else {})})
        if name in CLASSIFIERS:
            population.write(Store(), name, test)
    if "gan" in options.only:
        score_gan(store, test, options.samples)
    for name in [n for n in DENOISERS if n in options.only]:
        if options.choose and name != STUDENT:
            choose_guidance(Store(), name, load_digits("validation"), options.choose)
            choose_quick(Store(), name, load_digits("validation"), options.choose)
        if options.measure_race and name == DENOISERS[0]:
            measure_race(Store(), name, load_digits("validation"), options.measure_race)
        score_diffusion(Store(), name, test, options.diffusion_samples or options.samples)
    write_cards(Store())


def score_gan(store: Store, test: Digits, count: int) -> None:
    lab, train, labels = GanLab(store), load_digits("train"), metrics.labels_like(test, count)
    images, new = gan_samples(lab, labels), metrics.nearest(test.images, train.images)[0]
    ms = ms_per_image(lambda labels: gan_samples(lab, labels), labels[:BATCH])
    report(store, "gan", {**score_samples(store, images, labels, test), "ms_per_image": ms, "memory": score_memory(images, train, new),
                          "inversion": score_inversion(store, lab, test), "floor": floor(store, train, test, count)})


def score_diffusion(store: Store, name: str, test: Digits, count: int) -> None:
    """`count` samples of each of a denoiser's runs: plain, with fresh noise and without, at the default guidance, and the checkpoint's
    quick one; a student's by 1, 2 and 4 calls.
    """
    lab, train, scores, labels = DiffusionLab(store, name), load_digits("train"), {}, metrics.labels_like(test, count)
    quick = store.load(name)[1].settings.get("quick")
    runs = [(1.0, FRESH), *((guidance, FULL) for guidance in sorted({1.0, lab.default_guidance})), *([(lab.default_guidance, quick)] if quick else [])]
    if name == STUDENT:
        runs = [(1.0, {**lab.usual, "steps": steps}) for steps in CALLS]
    new = metrics.nearest(test.images, train.images)[0]
    for guidance, how in runs:
        images = diffusion_samples(lab, labels, guidance, how)
        scored = {**score_samples(store, images, labels, test), "memory": score_memory(images, train, new)}
        ms = ms_per_image(lambda labels, run=(guidance, 0, how): diffusion_batch(lab, labels, *run), labels[:BATCH])
        calls = network_calls(how["sampler"], how["steps"])
        key = f"guidance {guidance:g}" + ("" if how == FULL else f", {calls} call{'s' if calls > 1 else ''} of {how['sampler']}")
        scores[key] = {**scored, "ms_per_image": ms, **how}
        print(name, key, scores[key], flush=True)
    scores["floor"] = floor(store, train, test, count)
    if name == "diffusion" and store.path(BY_HEART).exists():
        scores["by_heart"] = score_by_heart(store, train, test)
    report(store, name, scores)


def score_by_heart(store: Store, train: Digits, test: Digits) -> dict:
    """The test of memorising on a network that has seen few digits, again and again: there it must fire."""
    lab, labels = DiffusionLab(store, BY_HEART), metrics.labels_like(test, KNOWN_BY_HEART)
    seen = train[:store.load(BY_HEART)[1].training["recipe"]["few"]]
    images = diffusion_samples(lab, labels, 1.0)
    return {"digits": len(seen), "memory": score_memory(images, seen, metrics.nearest(test.images, seen.images)[0])}


def report(store: Store, name: str, scores: dict) -> None:
    path: Path = store.path(name)
    checkpoint.update(path, scores=scores)
    print(name, {k: v for k, v in scores.items() if k != "confusion"}, flush=True)


if __name__ == "__main__":
    main()
