"""The command line: `python -m mnist_lab generate | classify | models | serve`.

Bad input ends with status 2 and one sentence. What is heavy (torch, gradio) is imported by the command that needs it,
so that `--help` answers at once.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from mnist_lab import __version__

PROG = "python -m mnist_lab"
SUFFIXES = (".png", ".gif", ".jpg", ".jpeg", ".webp", ".bmp")
DIFFUSION_ONLY = {"steps": "steps", "sampler": "sampler", "schedule": "schedule", "shape": "shape", "curve": "curve", "guidance": "guidance",
                  "interval": "interval", "negative": "not", "eta": "eta", "variance": "variance"}  # of the options: name of the flag
COLUMNS = 10  # digits a row
LARGEST_SIDE, LARGEST_FILM_SIDE = 16_000, 2_000  # pixels; a film holds up to 101 pictures in memory
FILM_FRAMES = 100
FRAME_MS, LAST_FRAME_MS = 50, 1_500

EXAMPLES = f"""examples:
  {PROG} generate --digit 8 --steps 50 --out eight.png
  {PROG} generate --out digits.gif --scale 4      (all ten digits, from noise)
  {PROG} generate --sampler dpm --schedule sigmoid --shape tau=0.7 --steps 12 --out quick.png
  {PROG} generate --model gan --digit 3 --n 20 --out threes.png
  {PROG} classify drawing.png photo.jpg
  {PROG} serve --port 8000
"""


class Parser(argparse.ArgumentParser):
    """Reports bad arguments the way everything else is reported: one sentence, from `main`."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message} (see {self.prog} --help)")


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, or 2 after bad input."""
    try:
        options = parser().parse_args(argv)
        return options.run(options)
    except (ValueError, OSError) as error:
        return complain(error)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130


def complain(error: Exception | str) -> int:
    print(f"mnist_lab: {error}", file=sys.stderr)
    return 2


def parser() -> Parser:
    top = Parser(prog=PROG, description="MNIST Lab on the command line.", epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--version", action="version", version=f"MNIST Lab {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    _generate_arguments(_command(commands, "generate", generate, "make digits with the diffusion model or the GAN and save them as a picture"))
    _classify_arguments(_command(commands, "classify", classify, "read the digit in each picture"))
    _command(commands, "models", models, "list the checkpoints with their scores")
    _serve_arguments(_command(commands, "serve", serve, "open the lab in the browser"))
    return top


def _command(commands, name: str, run, text: str) -> argparse.ArgumentParser:
    p = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    p.set_defaults(run=run)
    p.add_argument("--checkpoints", type=Path, metavar="FOLDER", help="where the weights lie (default: the lab's own)")
    return p


def _generate_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("--out", type=Path, required=True, metavar="FILE",
                   help=f"picture to write ({' '.join(SUFFIXES)}); .gif makes a film of the denoising, or of a morph by the GAN")
    p.add_argument("--model", choices=("diffusion", "student", "unet", "gan"), default="diffusion", help="what makes the digits; student needs "
                   "one to four looks, unet is the baseline (default: diffusion)")
    p.add_argument("--digit", type=int, metavar="0-9", help="which digit (default: a grid of all ten)")
    p.add_argument("--n", type=int, default=1, help="pictures of each digit (default: 1)")
    p.add_argument("--seed", type=int, default=0, help="the same seed gives the same pictures (default: 0)")
    p.add_argument("--scale", type=int, default=1, help="side of a pixel, for a larger and still crisp picture (default: 1)")
    diffusion = p.add_argument_group("diffusion only")
    diffusion.add_argument("--steps", type=int, help="steps from noise to digit, 1 to 1000 (default: 50; student: 4)")
    diffusion.add_argument("--sampler", help="ddim, ddpm, dpm, heun, ipndm or consistency (default: ddim; student: consistency)")
    diffusion.add_argument("--schedule", help="noise schedule: linear, scaled_linear, cosine, sigmoid, karras or freehand (default: cosine)")
    diffusion.add_argument("--shape", action="append", metavar="NAME=NUMBER", help="what shapes the schedule: beta_first and beta_last (linear, "
                           "scaled_linear), offset (cosine), start, end and tau (sigmoid), rho (karras); may be given several times")
    diffusion.add_argument("--curve", type=float, nargs="+", metavar="LEVEL", help="the freehand schedule: shares of signal, 0 to 1, from noise to clean")
    diffusion.add_argument("--guidance", type=float, help="how strongly the label pulls, 0 to 8 (default: the model's own)")
    diffusion.add_argument("--interval", type=float, nargs=2, metavar=("FROM", "TO"), help="guide only from and to which share of the steps (default: 0 1)")
    diffusion.add_argument("--not", dest="negative", type=int, metavar="0-9", help="a digit to keep away from; needs guidance above 1")
    diffusion.add_argument("--eta", type=float, help="fresh noise in each DDIM step, 0 to 1 (default: 0)")
    diffusion.add_argument("--variance", help="of DDPM's fresh noise: small (the posterior's) or large (beta) (default: small)")


def _classify_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("files", nargs="+", metavar="FILE", help="a picture of one digit, dark on light or light on dark")
    p.add_argument("--network", default="classifier", help="resnet or lenet (default: resnet, the best)")


def _serve_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("--port", type=int, help="default: the environment variable PORT, or 7860")
    p.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 lets other machines in (default: 127.0.0.1)")


# What every command shares


def open_store(options: argparse.Namespace):
    from mnist_lab.checkpoint import FOLDER, Store

    return Store(options.checkpoints or FOLDER)


def open_lab(name: str, options: argparse.Namespace):
    """A lab by name; a missing or broken checkpoint becomes a ValueError with the same sentence."""
    from mnist_lab import labs
    from mnist_lab.checkpoint import CheckpointError

    try:
        return labs.open_lab(name, open_store(options))
    except CheckpointError as error:
        raise ValueError(error) from error


def show_progress(done: int, total: int, what: str) -> None:
    """One line that is written over; nothing where nobody watches."""
    if sys.stderr.isatty():
        print(f"\r{what} {done:,} of {total:,}", end="\n" if done == total else "", file=sys.stderr, flush=True)


# generate


def generate(options: argparse.Namespace) -> int:
    """Everything that can be refused is refused before the work."""
    check_out(options.out)
    digits = list(range(10)) if options.digit is None else [options.digit]
    check_size(options, len(digits))
    make = forge if options.model == "gan" else denoise
    save([sheet_picture(sheet, options.scale) for sheet in make(options, digits)], options.out)
    print(f"Saved {options.out}")
    return 0


def check_out(out: Path) -> None:
    if out.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{out} must end in one of {', '.join(SUFFIXES)}.")
    if not out.parent.is_dir():
        raise ValueError(f"There is no folder {out.parent} to write {out.name} into.")
    if out.is_dir() or not os.access(out if out.exists() else out.parent, os.W_OK):
        raise ValueError(f"{out} can't be written.")


def is_film(out: Path) -> bool:
    return out.suffix.lower() == ".gif"


def check_size(options: argparse.Namespace, digits: int) -> None:
    """A mistyped --scale or --n must not fill the memory after minutes of work."""
    from mnist_lab.labs import MOST_PICTURES, whole

    n, scale = whole("--n", options.n, 1, MOST_PICTURES), whole("--scale", options.scale, 1, 500)
    rows = -(-n * digits // COLUMNS)
    side = 29 * scale * max(min(n * digits, COLUMNS), rows)
    most = LARGEST_FILM_SIDE if is_film(options.out) else LARGEST_SIDE
    if side > most:
        raise ValueError(f"This picture would be {side:,} pixels long; up to {most:,} work. Take a smaller --scale or --n.")


def denoise(options: argparse.Namespace, digits: list[int]) -> list:
    """Sheets uint8 (n digits, 28, 28): the result, or for a film up to 101 moments on the way."""
    from mnist_lab.data import to_pictures

    lab = open_lab(options.model, options)
    given = {name: getattr(options, name) for name in DIFFUSION_ONLY if getattr(options, name) is not None}
    given |= shape_numbers(given.pop("shape", []))
    settings = lab.sampling(digits * options.n, seed=options.seed, same_noise=options.n == 1, **given)
    every = -(-settings.steps // FILM_FRAMES) if is_film(options.out) else settings.steps
    sheets = []
    for frame in lab.frames(settings):
        show_progress(frame.step, settings.steps, "Step")
        if frame.step % every == 0 or frame.step == settings.steps:
            sheets.append(to_pictures(frame.x).numpy())
    return sheets


def shape_numbers(given: list[str]) -> dict[str, float]:
    """["tau=0.5", ...] -> {"tau": 0.5, ...}."""
    from mnist_lab.labs import SHAPE_BOUNDS

    numbers = {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            numbers[name] = float(value)
        except ValueError:
            raise ValueError(f"--shape {text} must be a name and a number, for example tau=0.5.") from None
    wrong = numbers.keys() - SHAPE_BOUNDS.keys()
    if wrong:
        raise ValueError(f"--shape {min(wrong)} does not shape a schedule. What does: {', '.join(SHAPE_BOUNDS)}.")
    return numbers


def forge(options: argparse.Namespace, digits: list[int]) -> list:
    """Sheets uint8 (n digits, 28, 28): one, or for a film the morph from each seed to the next."""
    import numpy as np

    wrong = [f"--{flag}" for name, flag in DIFFUSION_ONLY.items() if getattr(options, name) is not None]
    if wrong:
        raise ValueError(f"{' and '.join(wrong)}: only the diffusion model knows this, not the GAN.")
    lab = open_lab("gan", options)
    if not is_film(options.out):
        made = [lab.generate(digit, options.n, options.seed) for digit in digits]
        return [np.stack([np.asarray(row[k]) for k in range(options.n) for row in made])]
    morphs = [np.stack(lab.interpolate(digit, seeds)) for seeds in seed_pairs(options.seed, options.n) for digit in digits]
    return list(np.stack(morphs, axis=1))  # moment by moment


def seed_pairs(seed: int, n: int) -> Iterator[tuple[int, int]]:
    for k in range(n):
        yield (seed + k) % 2**31, (seed + k + 1) % 2**31


def sheet_picture(sheet, scale: int):
    from mnist_lab.plots.digits import grid

    return grid(sheet, min(len(sheet), COLUMNS), scale)


def save(pictures: list, out: Path) -> None:
    from mnist_lab.plots.digits import gif

    if is_film(out):
        out.write_bytes(gif(pictures, FRAME_MS, LAST_FRAME_MS))
    else:
        pictures[-1].save(out)


# classify, models, serve


def classify(options: argparse.Namespace) -> int:
    lab = open_classifier(options)
    status = 0
    for file in options.files:
        try:
            print(f"{file}: {lab.classify(file)}")
        except ValueError as error:  # the other files are still read
            status = complain(f"{file}: {error}")
    return status


def open_classifier(options: argparse.Namespace):
    from mnist_lab.labs import CLASSIFIERS

    if options.network not in ("classifier", *CLASSIFIERS):
        raise ValueError(f"There is no classifier {options.network!r}. Choose {' or '.join(CLASSIFIERS)}.")
    return open_lab(options.network, options)


def models(options: argparse.Namespace) -> int:
    """A table: name, network, parameters, size, scores."""
    from mnist_lab.checkpoint import CheckpointError

    store, status = open_store(options), 0
    if not store.names():
        raise ValueError(f"There are no checkpoints in {store.folder}.")
    print(f"{'name':<14} {'network':<14} {'parameters':>10} {'size':>8}  scores")
    for name in store.names():
        try:
            print(model_line(store, name))
        except CheckpointError as error:  # the others are still listed
            status = complain(error)
    return status


def model_line(store, name: str) -> str:
    network, metadata = store.load(name)
    count = sum(p.numel() for p in network.parameters())
    size = store.path(name).stat().st_size / 1e6
    scores = score_text(metadata.scores) or f"validation: {score_text(metadata.training.get('validation', {})) or 'not measured'}"
    return f"{name:<14} {metadata.model:<14} {count:>10,} {size:>5.2f} MB  {scores}"


def score_text(scores: dict) -> str:
    """The plain numbers among the scores, or of the run that came nearest to MNIST; matrices and lists stand in the model card."""
    runs = {name: run for name, run in scores.items() if isinstance(run, dict) and "frechet_distance" in run and name != "floor"}
    if runs and "frechet_distance" not in scores:
        name, run = min(runs.items(), key=lambda item: item[1]["frechet_distance"])
        return f"{name}: {score_text(run)}"
    plain = {k: v for k, v in scores.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    return ", ".join(f"{k.replace('_', ' ')} {v:.4g}" for k, v in plain.items())


def serve(options: argparse.Namespace) -> int:
    port = port_number(os.environ.get("PORT") or 7860 if options.port is None else options.port)
    from mnist_lab.ui.app import build, launch_settings

    build(open_store(options)).launch(server_name=options.host, server_port=port, **launch_settings())
    return 0


def port_number(value: str | int) -> int:
    if not str(value).isdecimal() or not 1 <= int(value) <= 65_535:
        raise ValueError(f"The port must be a whole number between 1 and 65,535, not {value}.")
    return int(value)
