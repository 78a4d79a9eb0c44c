"""The GAN room: walk from one latent vector to another and watch one numeral become the next."""

import base64
import io
import json
from pathlib import Path

import gradio as gr
import numpy as np

from mnist_lab.checkpoint import Store
from mnist_lab.data import to_pictures
from mnist_lab.labs import GanLab
from mnist_lab.plots.digits import grid
from mnist_lab.ui.controls import Room, friendly, opening
from mnist_lab.ui.widgets import packed
from mnist_lab.ui.widgets.foot import Foot
from mnist_lab.ui.widgets.morph import Morph

ID, TITLE = "gan", "GAN"
RECORDED = Path(__file__).parent / "recorded" / "gan.json"
FRAMES = 61
DEFAULT = {"digit_a": 2, "seed_a": 11, "digit_b": 7, "seed_b": 12, "path": "spherical"}
NOTES = {
    "linear": "A straight line cuts inside the ring, where real samples seldom are: the middle turns plain.",
    "spherical": "The ring is where random latents lie. Walking along it, every stop is a likely digit.",
}


def morph(store: Store, digit_a, seed_a, digit_b, seed_b, path) -> dict:
    """The widget's value: the whole walk, made once."""
    lab = GanLab(store)
    z, x = lab.walk((digit_a, digit_b), (seed_a, seed_b), path, FRAMES)
    file = io.BytesIO()
    grid(to_pictures(x).numpy(), columns=FRAMES, gap=0).save(file, "PNG")
    return {
        "sprite": "data:image/png;base64," + base64.b64encode(file.getvalue()).decode(),
        "count": FRAMES,
        "latents": packed((z * 40).round().clamp(-127, 127).numpy().astype(np.int8)),
        "lengths": [round(v, 3) for v in z.norm(dim=1).tolist()],
        "typical": lab.latent_size**0.5,
        "ends": [{"digit": int(digit_a), "seed": int(seed_a)}, {"digit": int(digit_b), "seed": int(seed_b)}],
        "path": path,
    }


def record(store: Store) -> dict:
    """The walk the room opens with."""
    return {**morph(store, *DEFAULT.values()), "recorded": True}


def end_controls(side: str) -> tuple[gr.Radio, gr.Number, gr.Button]:
    """Digit, seed and dice of one end of the walk."""
    low = side.lower()
    digit = gr.Radio([(str(d), d) for d in range(10)], value=DEFAULT[f"digit_{low}"], label=f"Digit at {side}", elem_classes="chips", elem_id=f"digit-{low}")
    with gr.Row(elem_classes="seed-row"):
        seed = gr.Number(DEFAULT[f"seed_{low}"], precision=0, minimum=0, maximum=2**31 - 1, label=f"Seed at {side}", elem_id=f"seed-{low}")
        dice = gr.Button(f"New {side}", elem_id=f"dice-{low}")
    return digit, seed, dice


def build(store: Store) -> Room:
    opening("Walk between digits nobody wrote",
            "The generator turns random numbers and a label into a digit. Choose two ends, then drag along the walk from one to the other.")
    with gr.Row(elem_id="gan-room"):
        with gr.Column(elem_id="gan-stage"):
            stage = Morph(json.loads(RECORDED.read_text()), elem_id="morph")
        with gr.Column(elem_id="gan-knobs"):
            digit_a, seed_a, dice_a = end_controls("A")
            digit_b, seed_b, dice_b = end_controls("B")
            path = gr.Radio([("Straight", "linear"), ("Along the ring", "spherical")], value=DEFAULT["path"], label="Path from A to B",
                            elem_classes="segments", elem_id="path")
            note = gr.HTML(f'<div class="lab"><p class="note">{NOTES[DEFAULT["path"]]}</p></div>', container=False, padding=False)
    foot = Foot(PYTHON_DEFAULT, elem_id="gan-foot")

    ends = [digit_a, seed_a, digit_b, seed_b, path]

    def walk(*values):
        return morph(store, *values)

    def interpolate(digit_a: int = 2, seed_a: int = 11, digit_b: int = 7, seed_b: int = 12, path: str = "spherical", n: int = 11) -> list[list[list[int]]]:
        """n digits of 28x28 numbers from 0 (paper) to 255 (ink) on the way from A to B."""
        return [np.asarray(p).tolist() for p in GanLab(store).interpolate((digit_a, digit_b), (seed_a, seed_b), path, n)]

    for control in ends:
        control.change(friendly(walk), ends, stage, queue=False, trigger_mode="always_last", show_progress="hidden", api_visibility="private")
        control.change(None, ends, foot, js=PYTHON)
    path.change(None, path, note, js=f"(p) => `<div class=\"lab\"><p class=\"note\">${{({json.dumps(NOTES)})[p]}}</p></div>`")
    for dice, seed in ((dice_a, seed_a), (dice_b, seed_b)):
        dice.click(None, None, seed, js="() => Math.floor(Math.random() * 1000)")
    gr.api(friendly(interpolate), api_name="interpolate", concurrency_limit=1, concurrency_id="cpu")
    return Room(ID, TITLE, dict(zip(DEFAULT, ends, strict=True)))


PYTHON = """(digitA, seedA, digitB, seedB, path) =>
  `import mnist_lab\\nlab = mnist_lab.load("gan")\\nlab.interpolate(digit=(${digitA}, ${digitB}), seeds=(${seedA}, ${seedB}), path="${path}")`"""
PYTHON_DEFAULT = 'import mnist_lab\nlab = mnist_lab.load("gan")\nlab.interpolate(digit=(2, 7), seeds=(11, 12), path="spherical")'
