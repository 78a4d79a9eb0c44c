"""The model cards (checkpoints/README.md) and the README's table, written from what the checkpoints say of themselves."""

from pathlib import Path

from mnist_lab.checkpoint import Metadata, Store

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- scores: written by train.evaluate -->", "<!-- end of scores -->"
WHAT = {
    "lenet": "LeNet, reads digits weight by weight",
    "resnet": "residual network, taught by three wider ones",
    "judge": "residual network that the generators are measured by",
    "gan": "conditional DCGAN generator",
    "discriminator": "the GAN's other half",
    "diffusion": "our denoiser, a small U-Net on patches",
    "student": "the denoiser's student, made for one to four calls",
    "unet": "the baseline: the published U-Net, trained to predict v",
}


def percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def runs_of(scores: dict) -> dict[str, dict]:
    """A denoiser's runs by what they are called."""
    return {k: v for k, v in scores.items() if k.startswith("guidance")}


def headline(scores: dict) -> str:
    """Its figures in a table: of a denoiser's runs the one that comes nearest to the test split, and the fastest."""
    runs = runs_of(scores)
    best = dict.fromkeys(min(runs, key=lambda k: runs[k][figure]) for figure in ("frechet_distance", "ms_per_image")) if runs else ()
    return summary({k: runs[k] for k in best} or scores, brief=True)


def summary(scores: dict, brief: bool = False) -> str:
    """All its figures in one sentence, or those that matter most."""
    if "accuracy" in scores:
        again = f" (over {len(scores['again']['seeds'])} seeds {100 * scores['again']['mean']:.3f} %)" if "again" in scores else ""
        return f"{percent(scores['accuracy'])} of the test split read right{again}"
    if "read_as_asked" in scores:
        return _generator_line(scores, brief)
    return "; ".join(f"{k}: {_generator_line(v, brief)}" for k, v in runs_of(scores).items()) or "no score of its own"


def _generator_line(s: dict, brief: bool) -> str:
    variety = "" if brief else f", precision {s['precision']:.3f}, recall {s['recall']:.3f}"
    return (f"{percent(s['read_as_asked'])} read as asked, Frechet distance {s['frechet_distance']:.2f}{variety} ({s['samples']:,} samples), "
            f"{s['ms_per_image']:.3g} ms an image")


def table(store: Store) -> str:
    rows = ["| checkpoint | what it is | parameters | measured on the test split |", "| --- | --- | --- | --- |"]
    for name in [n for n in WHAT if n in store.names()]:
        model, metadata = store.load(name)
        count = sum(p.numel() for p in model.parameters())
        rows.append(f"| `{name}` | {WHAT[name]} | {count:,} | {headline(metadata.scores)} |")
    return "\n".join(rows)


def floors(store: Store) -> list[str]:
    """What training digits score, beside each generator with as many samples."""
    lines = []
    for name in store.names():
        scores = store.load(name)[1].scores
        if "floor" in scores:
            f = scores["floor"]
            lines.append(f"Training digits in the place of `{name}`'s {f['samples']:,} samples: Frechet distance {f['frechet_distance']:.2f}, precision "
                         f"{f['precision']:.3f}, recall {f['recall']:.3f}. A perfect generator scores like this, not 0 and 1.")
    return lines


def stages(training: dict, dataset: str) -> list[str]:
    """How it was trained, first stage first."""
    if "average_of" in training:
        return _average(training, dataset)
    t, hidden = training, ("out", "run", "folder", "start", "dry_run")
    recipe = ", ".join(f"{k} {v}" for k, v in t["recipe"].items() if k not in hidden)
    text = (f"{'Then trained' if 'before' in t else 'Trained'} on {dataset} for {t['minutes']} minutes ({t['images']:,} images seen), {t['device']}, "
            f"git revision {t['revision']}, torch {t['torch']}. {_validated(t)} Recipe: {recipe}.")
    return [*(stages(t["before"], dataset) if "before" in t else []), "", text]


def _validated(training: dict) -> str:
    if "validation" not in training:
        return "It learned from the validation writers too: nothing was chosen by them."
    return f"On validation writers: {', '.join(f'{k} {v:.4f}' for k, v in training['validation'].items())}."


def _average(training: dict, dataset: str) -> list[str]:
    runs = [line for k, one in enumerate(training["average_of"], start=1) for line in ["", f"Run {k}:", *stages(one, dataset)]]
    return ["", f"The mean of the weights of {len(training['average_of'])} runs that share their first stages (train.soup, git revision "
            f"{training['revision']}). {_validated(training)}", *runs]


def card(name: str, metadata: Metadata) -> str:
    lines = [f"## {name}", "", f"{WHAT.get(name, metadata.model)}. {summary(metadata.scores)}.", *stages(metadata.training, metadata.dataset)]
    if (taught := metadata.settings.get("taught", 1.0)) > 1:
        lines += ["", f"It has been taught guidance {taught:g} (Meng et al. 2023): at guidance 1, with one look a step, it answers as the network it "
                  f"went on from did at guidance {taught:g}, with two."]
    if rehearsal := metadata.settings.get("rehearsal"):
        lines += ["", "Its rehearsal, the same training without the validation writers, set temperature and threshold; on those writers it stood at "
                  + ", ".join(f"{k} {v:.4f}" for k, v in rehearsal.items()) + "."]
    if metadata.settings:
        told = [k for k in metadata.settings if k not in ("race", "rehearsal") and not k.endswith("_trials")]
        lines += ["", "Settings: " + ", ".join(f"{k} {metadata.settings[k]}" for k in told) + "."]
    for key in [k for k in metadata.settings if k.endswith("_trials")]:
        lines += ["", _trials(key.removesuffix("_trials"), metadata.settings[key])]
    if "race" in metadata.settings:
        lines += ["", _race(metadata.settings["race"])]
    scores = metadata.scores
    if "accuracy_per_digit" in scores:
        lines += ["", "| digit | " + " | ".join(map(str, range(10))) + " |", "| --- |" + " --- |" * 10]
        lines.append("| read right | " + " | ".join(f"{100 * v:.1f} %" for v in scores["accuracy_per_digit"]) + " |")
        lines += ["", "Confusion (rows: label, columns: read as):", "", "```"]
        lines += [" ".join(f"{v:>5}" for v in row) for row in scores["confusion"]] + ["```"]
    if "again" in scores:
        lines += ["", _again(scores["again"], "validation" in metadata.training)]
    if "calibration_error" in scores:
        lines += ["", *_honesty(scores)]
    return "\n".join(lines + _generated(scores))


def _trials(what: str, trials: dict) -> str:
    """What was tried on validation writers before something was chosen."""
    tried = "; ".join(f"{k}: distance {t['frechet_distance']:.2f}, {percent(t['read_as_asked'])} read as asked" for k, t in trials.items() if k != "samples")
    return f"How the {what}{' run' if what == 'quick' else ''} was chosen, by {trials['samples']:,} samples each against validation writers' digits: {tried}."


def _race(race: dict) -> str:
    runs = "; ".join(f"{sampler} " + ", ".join(f"{d:.2f} by {calls}" for calls, d in by.items()) for sampler, by in race["distance_by_calls"].items())
    return (f"Frechet distance by network calls, {race['samples']:,} samples each at guidance {race['guidance']:g} against validation writers' digits, for the "
            f"room's race: {runs}.")


def _generated(scores: dict) -> list[str]:
    """What more was measured of a generator, at each guidance."""
    lines = []
    for at, s in [("", scores), *((f" at {k}", v) for k, v in runs_of(scores).items())]:
        if "read_as_asked_per_digit" in s:
            lines.append(f"Read as asked, digit by digit{at}: {_by_digit(s['read_as_asked_per_digit'])}.")
        if "coverage" in s:
            lines.append(f"Test digits with a sample nearer than their fifth neighbour{at}: {percent(s['coverage'])}; digit by digit "
                         f"{_by_digit(s['coverage_per_digit'])}.")
        if "memory" in s:
            lines.append(f"Does it copy? Its {s['memory']['samples']:,} samples{at} {_memory(s['memory'])}. Half of the time means new, always means copied.")
    if "by_heart" in scores:
        heart = scores["by_heart"]
        lines.append(f"The same question where the answer is yes: {heart['memory']['samples']:,} samples of the same network trained on "
                     f"{heart['digits']:,} digits only {_memory(heart['memory'])}.")
    if "inversion" in scores:
        v = scores["inversion"]
        lines.append(f"Sought in its latent space, {v['digits']} test digits come back with a mean difference a pixel of {v['pixel_error']:.3f} (median; "
                     f"paper 0, ink 1), and {percent(v['read_alike'])} of them are still read right; {v['seconds']:.1f} seconds each.")
    return [part for line in lines for part in ("", line)]


def _by_digit(shares: list[float]) -> str:
    return ", ".join(f"{d} {100 * v:.1f} %" for d, v in enumerate(shares))


def _memory(m: dict) -> str:
    return (f"lie {m['distance']:.2f} from their nearest training digits (median; the root of summed squared differences, ink from 0 to 1), digits of "
            f"the test split {m['distance_of_test_digits']:.2f}; of a sample and a test digit, the sample is the nearer {percent(m['nearer'])} of the time")


def _again(again: dict, chosen: bool) -> str:
    """What the same training gives from other seeds; `chosen` says whether validation writers chose among them."""
    each = ", ".join(f"{percent(share)} from seed {seed}" for seed, share in zip(again["seeds"], again["accuracy"], strict=True))
    return (f"The same training from {len(again['seeds'])} seeds: mean {100 * again['mean']:.3f} %, standard deviation {100 * again['spread']:.3f} points "
            f"({each}). The one that is shipped {'was chosen among them by its loss on validation writers' if chosen else 'is the first: none was chosen'}.")


def _honesty(scores: dict) -> list[str]:
    """What its confidence and its idea of a digit are worth."""
    drawn, auroc = scores["redrawn"], scores["auroc"]
    return [f"Expected calibration error {percent(scores['calibration_error'])}. {drawn['digits']:,} test digits redrawn with a round pen of any width: "
            f"{percent(drawn['accuracy'])} read right, calibration error {percent(drawn['calibration_error'])}. How well its likeness tells test digits "
            f"from Fashion-MNIST pictures (never trained on): AUROC {auroc['fashion']:.4f}; from random scribbles: {auroc['scribbles']:.4f}."]


def write_cards(store: Store) -> None:
    intro = ("# Model cards\n\nWritten by `python -m train.evaluate` from the files in `mnist/`. Distances, precision and recall are in the features "
             "of `judge`, which stays as it is so that they can be compared, against the test split; generated pictures are clipped and rounded like "
             "MNIST's own, and their labels follow the test split's histogram.")
    cards = [card(name, store.load(name)[1]) for name in WHAT if name in store.names()]
    (ROOT / "checkpoints" / "README.md").write_text("\n\n".join([intro, table(store), *floors(store), *cards]) + "\n", encoding="utf-8")
    readme = ROOT / "README.md"
    if readme.exists() and BEGIN in (text := readme.read_text(encoding="utf-8")):
        head, rest = text.split(BEGIN, 1)
        readme.write_text(f"{head}{BEGIN}\n{table(store)}\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")
