"""What the training scripts share: flags from a Recipe, the progress bar, and the saved checkpoint."""

import argparse
import dataclasses
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from accelerate import Accelerator
from tqdm import tqdm

from mnist_lab import checkpoint
from mnist_lab.data import Digits, load_digits
from mnist_lab.training import Budget, Plan, Result, Step, cosine, fit, make_accelerator

DRY_RUN_IMAGES = 512  # enough for two updates of every recipe


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Fields every training has; a script's own Recipe adds to them. Each field is a flag of the same name."""

    out: str = ""  # checkpoint to write
    folder: str = ""  # where state, losses and curves are kept (default runs/NAME); the same folder again resumes
    seed: int = 0
    batch: int = 128  # images an update, each process
    images: int = 1_000_000  # images to see in all
    minutes: float = 0.0  # above 0: train this long instead
    ema: float = 0.999  # decay an update of the averaged weights
    validate_every: int = 100_000  # images
    patience: int = 1_000  # validations without a new best before stopping early
    last: bool = False  # keep the last weights, not those of the best validation
    bf16: bool = False  # on a CPU too: a third faster where it has AVX-512 BF16 (AMD), slower elsewhere
    dry_run: bool = False  # a few updates to a throw-away result, to see that everything works

    def plan(self, schedule=cosine) -> Plan:
        images = DRY_RUN_IMAGES if self.dry_run else self.images
        batch = min(self.batch, 128) if self.dry_run else self.batch
        return Plan(self.seed, batch, Budget(images, self.minutes or None), schedule, self.ema, self.validate_every, self.patience, self.last)


def read_recipe(recipe_class: type, description: str):
    """A recipe from the command line: one flag a field, with the field's default."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    for f in dataclasses.fields(recipe_class):
        flag = "--" + f.name.replace("_", "-")
        if f.type in (bool, "bool"):
            parser.add_argument(flag, action="store_true", default=f.default)
        else:
            parser.add_argument(flag, type=type(f.default), default=f.default)
    recipe = recipe_class(**vars(parser.parse_args()))
    if recipe.dry_run and not recipe.folder:  # a dry run starts afresh and leaves nothing in the way
        recipe = dataclasses.replace(recipe, folder=tempfile.mkdtemp(prefix="mnist-lab-dry-run-"))
    return recipe


def run(recipe: Recipe, name: str, task_class: Callable, schedule: Callable[[float], float] = cosine, watch: Callable | None = None,
        digits: Digits | None = None, validation: Digits | None = None) -> Result | None:
    """Train one task from its recipe; the Result, on the one process that is to save it.

    `watch(steps, task)` may look at the task before the first and after every step; `digits` are trained on instead of the training
    split's, `validation` takes the place of the validation writers'.
    """
    accelerator = make_accelerator(recipe.bf16)
    torch.manual_seed(recipe.seed)  # initial weights
    task = task_class(recipe, accelerator, validation or load_digits("validation"))
    steps = fit(task, digits or load_digits("train"), recipe.plan(schedule), run_folder(recipe, name), accelerator)
    result = show(watch(steps, task) if watch and accelerator.is_main_process else steps, recipe, accelerator)
    return result if accelerator.is_main_process else None


def show(steps: Iterator[Step], recipe: Recipe, accelerator: Accelerator) -> Result:
    """Run a training to its end under a progress bar with throughput and remaining time."""
    bar = tqdm(total=100, unit="%", disable=not accelerator.is_main_process, mininterval=5, bar_format="{l_bar}{bar:20}| {elapsed}<{remaining} {postfix}")
    first, revision = None, git_revision()  # of the code that runs, not of what is committed until it ends
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            bar.close()
            return dataclasses.replace(stop.value, revision=revision)
        first = first or (step.images, bar.format_dict["elapsed"])
        seconds = bar.format_dict["elapsed"] - first[1]
        rate = (step.images - first[0]) / seconds if seconds else 0.0
        if step.index % 10 == 0:
            losses = " ".join(f"{k} {float(v):.4f}" for k, v in step.losses.items())
            bar.set_postfix_str(f"{rate:.0f} images/s {losses}", refresh=False)
        if step.validation and accelerator.is_main_process:
            bar.write(f"{step.images:>10,} images: " + "  ".join(f"{k} {v:.4f}" for k, v in step.validation.items()))
        bar.update(100 * step.progress - bar.n)


def run_folder(recipe: Recipe, name: str) -> Path:
    """Where the run keeps its state."""
    return Path(recipe.folder or f"runs/{name}")


def git_revision() -> str:
    try:
        answer = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return answer.stdout.strip()


def go_on_from(start: str, model: torch.nn.Module) -> None:
    """The weights of an earlier checkpoint, if one is named."""
    if start:
        model.load_state_dict(checkpoint.load(Path(start))[0].state_dict())


def training_of(start: str) -> dict | None:
    """How the checkpoint to go on from was trained, if one is named: to be read before the run, which may write where it lay."""
    return checkpoint.read_metadata(Path(start)).training if start else None


def ever(training: dict, option: str) -> bool:
    """Whether any stage or run of what was trained like this had an option of the recipe on."""
    parts = [*training.get("average_of", []), *([training["before"]] if "before" in training else [])]
    return bool(training.get("recipe", {}).get(option)) or any(ever(part, option) for part in parts)


def held_out(training: dict) -> bool:
    """Whether the validation writers are new to what was trained like this, in every stage and run of it."""
    return not ever(training, "whole")


def provenance(recipe: Recipe, revision: str) -> dict:
    """How a training can be done again: what every file it writes says of it."""
    return {"recipe": dataclasses.asdict(recipe), "revision": revision, "torch": torch.__version__,
            "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"}


def save_result(recipe: Recipe, file_name: str, model: torch.nn.Module, kind: str, result: Result, settings: dict | None = None,
                before: dict | None = None) -> Path:
    """Write the checkpoint, in half precision, with everything needed to train it again; a dry run's stays in its folder.

    `before` is the training of the checkpoint it went on from, if it did.
    """
    folder = run_folder(recipe, file_name) if recipe.dry_run else checkpoint.FOLDER / "mnist"
    path = Path(recipe.out or folder / f"{file_name}.safetensors")
    training = {
        **provenance(recipe, result.revision),
        "images": result.images,
        "minutes": round(result.minutes, 1),
        **({"before": before} if before else {}),
    }
    if held_out(training):  # figures on digits that it has learned would say nothing
        training["validation"] = result.validation
    metadata = checkpoint.Metadata(kind, dataclasses.asdict(model.config), training=training, settings=settings or {})
    checkpoint.save(path, model, metadata, half=True)
    print(f"Saved {path}")
    return path
