"""Train a classifier: `python -m train.classifier --network lenet` or `--network resnet`.

Cross entropy on augmented digits, AdamW or SGD with a cosine schedule, averaged weights. LeNet trains with batch
norm, folded into its 16,554 weights at the end; it can learn from a larger network's answers too. A share of the digits is
redrawn with a pen (train/hands.py), and pictures that are no digit (train/outliers.py) are to get ten equal probabilities.

What was tried for the residual network, and what it gave, is in TRIED.md.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mnist_lab import checkpoint, history, metrics
from mnist_lab.data import Digits, load_digits, to_model
from mnist_lab.models import LeNet, ResNet, fold_batch_norm
from train import common
from train.augmentation import cutout, move, thicken, uniform, warp
from train.hands import redraw, scribbles, skeletons
from train.outliers import outliers
from train.snapshots import Snapshots


@dataclass(frozen=True)
class ClassifierRecipe(common.Recipe):
    network: str = "resnet"  # lenet or resnet
    widths: str = "32,64,128"  # of a new resnet: channels at 28, 14 and 7 pixels
    start: str = ""  # a resnet checkpoint to go on from: a second stage with gentler augmentation
    batch: int = 256
    images: int = 1_000_000
    rate: float = 0.1  # SGD for resnet (He et al. 2016); AdamW takes a hundredth part of it times three
    decay: float = 5e-4  # weight decay, on matrices only
    warp: float = 1.0  # strength of the geometric augmentation
    moved: float = 0.0  # share of digits turned and shifted, and nothing else, in the place of the warp
    plain: float = 0.25  # share of digits left as they are: a warp blurs, and what is read later is sharp
    thick: float = 0.3  # share of digits drawn thicker or thinner
    holes: float = 0.5  # share of digits with an 8x8 hole
    pen: float = 0.0  # digits redrawn with a round pen, for each of MNIST's own
    strange: float = 0.0  # pictures that are no digit, for each digit
    pool: int = 54_087  # skeletons to redraw from: every digit's; finding them takes some minutes, the first time
    teacher: str = ""  # a checkpoint whose answers are learned too (Hinton et al. 2015); several with commas between: their mean answer, of
    # moved digits that of those which learned from such
    whole: bool = False  # learn from the validation writers too: for a last stage with nothing left to choose, rehearsed without them
    snapshots: bool = False  # keep sixty of LeNet's for "watch it learn"
    ema: float = 0.998
    validate_every: int = 54_087  # once an epoch


def config_of(recipe: ClassifierRecipe) -> ResNet.Config:
    """Of the residual network to go on from, or of a new one; ValueError says what is accepted."""
    if recipe.start:
        if recipe.network != "resnet":
            raise ValueError("--start is for --network resnet.")
        known = checkpoint.read_metadata(Path(recipe.start))
        if known.model != "resnet":
            raise ValueError("--start must be a residual network.")
        return known.network().config
    widths = recipe.widths.split(",")
    if len(widths) != 3 or not all(width.isdecimal() and int(width) for width in widths):
        raise ValueError("--widths takes three numbers of channels, such as 32,64,128.")
    return ResNet.Config(tuple(map(int, widths)))


def teachers_of(recipe: ClassifierRecipe) -> list[Path]:
    """Their checkpoints; ValueError if one knows the validation writers, who then could choose nothing for its pupil."""
    paths = [Path(path) for path in recipe.teacher.split(",") if path]
    if not recipe.whole and not all(common.held_out(checkpoint.read_metadata(path).training) for path in paths):
        raise ValueError("A --teacher has learned from the validation writers, so its pupil must too: give --whole and --last, or another teacher.")
    return paths


def accuracy_and_loss(logits: Tensor, labels: Tensor) -> dict[str, float]:
    """The loss at the best temperature: what a network learned from outliers makes it modest, which is mended afterwards."""
    loss = F.cross_entropy(logits / metrics.temperature(logits, labels), labels)
    return {"loss": loss.item(), "accuracy": (logits.argmax(1) == labels).float().mean().item()}


class ClassifierTask:
    def __init__(self, recipe: ClassifierRecipe, accelerator, validation: Digits):
        self.recipe, self.accelerator = recipe, accelerator
        model = LeNet(LeNet.Config(batch_norm=True)) if recipe.network == "lenet" else ResNet(config_of(recipe))
        common.go_on_from(recipe.start, model)
        matrices = [p for p in model.parameters() if p.dim() > 1]
        vectors = [p for p in model.parameters() if p.dim() <= 1]
        groups = [{"params": matrices, "weight_decay": recipe.decay}, {"params": vectors, "weight_decay": 0.0}]
        if recipe.network == "lenet":
            optimizer = torch.optim.AdamW(groups, lr=0.03 * recipe.rate, betas=(0.9, 0.99))
        else:
            optimizer = torch.optim.SGD(groups, lr=recipe.rate, momentum=0.9, nesterov=True)
        model, optimizer = accelerator.prepare(model.to(memory_format=torch.channels_last), optimizer)
        self.networks, self.optimizers = {"classifier": model}, [optimizer]
        self.bare = accelerator.unwrap_model(model)
        self.validation = validation.to(accelerator.device)
        few, kept = (common.DRY_RUN_IMAGES, None) if recipe.dry_run else (recipe.pool, Path("runs/skeletons"))
        self.pool = skeletons(load_digits("train"), few, kept).to(accelerator.device) if recipe.pen else None
        self.lines = scribbles(min(few, 4_000), recipe.seed).to(accelerator.device) if recipe.strange else None
        known = [checkpoint.load(path) for path in teachers_of(recipe)]
        self.teachers = [teacher.to(accelerator.device) for teacher, _ in known]
        moves = [common.ever(metadata.training, "moved") for _, metadata in known]
        self.follows = torch.tensor([knows or not any(moves) for knows in moves], device=accelerator.device)  # (T,): asked about moved digits

    def digits(self, batch: Digits, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Warped or moved digits, some as they are, and some redrawn with a pen: (B', 1, 32, 32), labels (B',), which of them moved (B',)."""
        x = to_model(batch.images)
        warped = cutout(thicken(warp(x, generator, self.recipe.warp), generator, self.recipe.thick), generator, share=self.recipe.holes)
        plain = uniform(generator, 0.0, 1.0, len(x)) < self.recipe.plain
        moved = torch.zeros_like(plain)
        if self.recipe.moved:
            moved = (uniform(generator, 0.0, 1.0, len(x)) < self.recipe.moved) & ~plain
            warped = torch.where(moved[:, None, None, None], move(x, generator), warped)
        x = torch.where(plain[:, None, None, None], x, warped)
        if not self.recipe.pen:
            return x, batch.labels, moved
        drawn = self.pool.pick(round(self.recipe.pen * len(x)), generator)
        return (torch.cat([x, redraw(drawn, generator, self.recipe.warp)]), torch.cat([batch.labels, drawn.labels]),
                torch.cat([moved, moved.new_zeros(len(drawn))]))

    def update(self, batch: Digits, generator: torch.Generator) -> dict[str, Tensor]:
        x, labels, moved = self.digits(batch, generator)
        count, asked = len(labels), self.answers(x, moved) if self.teachers else None
        if self.recipe.strange:
            few = round(self.recipe.strange * len(batch))
            x = torch.cat([x, outliers(x[:few], labels[:few], self.lines, generator)])
        x = x.contiguous(memory_format=torch.channels_last)
        with self.accelerator.autocast():
            logits = self.networks["classifier"](x)
        loss = self.loss(logits.float(), labels, asked)
        self.optimizers[0].zero_grad()
        self.accelerator.backward(loss)
        self.optimizers[0].step()
        return {"loss": loss.detach(), "accuracy": (logits[:count].argmax(1) == labels).float().mean()}

    @torch.no_grad()
    def answers(self, x: Tensor, moved: Tensor) -> Tensor:
        """What the teachers say on average, of moved digits (B,) only those that learned from such: logits (B, 10)."""
        heard = self.follows[:, None] | ~moved  # (T, B)
        total = x.new_zeros(len(x), 10)
        with self.accelerator.autocast():
            for teacher, asked in zip(self.teachers, heard, strict=True):
                total[asked] += teacher(x[asked]).float()
        return total / heard.sum(0).unsqueeze(1)

    def loss(self, logits: Tensor, labels: Tensor, asked: Tensor | None) -> Tensor:
        """Cross entropy of the digits (mixed with the teacher's answers at temperature 2), and of the rest to ten equal probabilities."""
        count = len(labels)
        loss = F.cross_entropy(logits[:count], labels)
        if asked is not None:
            softer = F.kl_div((logits[:count] / 2).log_softmax(1), (asked / 2).softmax(1), reduction="batchmean")
            loss = 0.3 * loss + 0.7 * 4 * softer
        return loss - 0.5 * logits[count:].log_softmax(1).sum() / (10 * count)

    @torch.inference_mode()
    def validate(self, averaged: dict[str, nn.Module]) -> dict[str, float]:
        logits = torch.cat([averaged["classifier"](to_model(part)) for part in self.validation.images.split(1000)])
        return accuracy_and_loss(logits, self.validation.labels)

    def picture(self, averaged: dict[str, nn.Module]) -> None:
        return None


def main() -> None:
    recipe = common.read_recipe(ClassifierRecipe, __doc__)
    if recipe.whole and not (recipe.last and recipe.network == "resnet"):
        raise SystemExit("--whole leaves no writers to choose the best weights by: it goes with --last, for a residual network.")
    folder = common.run_folder(recipe, recipe.network)
    try:
        config_of(recipe)
        teachers_of(recipe)
        snapshots = Snapshots(recipe, folder) if recipe.snapshots else None
    except (ValueError, checkpoint.CheckpointError) as error:
        raise SystemExit(str(error)) from error
    before = common.training_of(recipe.start)
    watch = (lambda steps, task: snapshots.watch(steps, task.bare)) if snapshots else None
    result = common.run(recipe, recipe.network, ClassifierTask, watch=watch, digits=load_digits("train+validation") if recipe.whole else None)
    if result:
        model = result.networks["classifier"]
        model = fold_batch_norm(model) if recipe.network == "lenet" else model
        path = common.save_result(recipe, recipe.network, model, recipe.network, result, before=before)
        if snapshots:
            snapshots.save(history.path_of(path.parent, path.stem), result.revision)


if __name__ == "__main__":
    main()
