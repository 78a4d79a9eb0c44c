"""The GAN room: walk between digits nobody wrote, on a flat slice of latent space, and see what its directions mean."""

import json
from pathlib import Path

import gradio as gr
import numpy as np
import torch

from mnist_lab.checkpoint import Store
from mnist_lab.data import one_hot, to_model, to_pictures
from mnist_lab.labs import GanLab
from mnist_lab.latent import Plane as Slice
from mnist_lab.latent import plane, walk
from mnist_lab.plots.digits import grid
from mnist_lab.ui.controls import Room, friendly, opening
from mnist_lab.ui.forgery import floats, floats_from, generator_of, lab_of
from mnist_lab.ui.readings import answering, steps_of
from mnist_lab.ui.widgets import png
from mnist_lab.ui.widgets.foot import Foot
from mnist_lab.ui.widgets.plane import EDGE, LAND, SHEET_COLUMNS, WALK, Plane
from mnist_lab.ui.wings import (
    gan_directions_wing,
    gan_invert_wing,
    gan_judge_wing,
    gan_morph_wing,
    gan_ten_wing,
    gan_war_wing,
    gan_wild_wing,
)

WINGS = (gan_morph_wing, gan_ten_wing, gan_directions_wing, gan_invert_wing, gan_wild_wing, gan_war_wing, gan_judge_wing)
ID, TITLE = "gan", "GAN"
RECORDED = Path(__file__).parent / "recorded" / "gan.json"
SEEDS, DIGIT, SECOND = (11, 12), 2, 8
OPENS_AT = 0.72  # of the walk
NOTES = {
    "linear": "A straight line cuts inside the ring, where real samples seldom are: the middle turns plain.",
    "spherical": "The ring is where random latents lie. Walking along it, every stop is a likely digit.",
    "centre": "The centre is the most average digit of all. Everything passes through it.",
}


# ---- another slice: JSON in, JSON out ---------------------------------------------------------------------------------

def slice_of(store: Store, payload: dict) -> dict:
    """The slice through two or three seeds, or through any three latents.

    payload {"seeds": [...]} or {"points": [three times base64 of float32 (D,)]} -> {"basis": base64 of float32 (3, D): the
    point nearest to zero, right, up; "pins": where the first two lie}.
    """
    lab, given = lab_of(store), payload.get("points")
    if given is None:
        seeds = payload.get("seeds")
        flat = lab.plane(seeds)
        points = torch.cat([lab.latent(s) for s in seeds[:2]])
    else:
        if not isinstance(given, list) or len(given) != 3:
            raise ValueError("A slice is spanned by three latent vectors.")
        points = torch.stack([floats_from(one, lab.latent_size) for one in given])
        flat = plane(points)
    return {"basis": basis(flat), "pins": [[round(v, 4) for v in place] for place in flat.find(points[:2]).tolist()]}


def basis(flat: Slice) -> str:
    return floats(torch.stack([flat.centre, flat.right, flat.up]))


# ---- what the room shows before the generator has arrived ----------------------------------------------------------------

def record(store: Store) -> dict:
    """The content of recorded/gan.json: the room's first look, and what its wings show of the shipped generator."""
    lab = GanLab(store)
    return {"plane": first_look(store, lab), **{part.KEY: part.record(store) for part in WINGS}}


@torch.inference_mode()
def first_look(store: Store, lab: GanLab) -> dict:
    found, flat = slice_of(store, {"seeds": list(SEEDS)}), lab.plane(SEEDS)
    across = [((k + 0.5) / LAND * 2 - 1) * EDGE for k in range(LAND)]
    land = flat.at(torch.tensor([[x, -y] for y in across for x in across]))
    ends, t = torch.cat([lab.latent(s) for s in SEEDS]), torch.tensor([OPENS_AT, *torch.linspace(0, 1, WALK).tolist()])
    way = torch.cat([walk(ends, t[:1], "spherical"), walk(ends, t[1:], "spherical")])  # the handle's, then the walk's
    z = torch.cat([land, way])
    digits = to_pictures(lab.generator(z, one_hot(torch.full((len(z),), DIGIT)))).numpy()
    p = store["lenet"](to_model(torch.tensor(digits[LAND * LAND])[None])).softmax(1)[0]
    return {"basis": found["basis"], "pins": found["pins"], "at": [round(v, 4) for v in flat.find(way[:1])[0].tolist()], "digit": DIGIT,
            "p": [round(v, 5) for v in p.tolist()], "sheet": png(grid(digits, SHEET_COLUMNS, gap=0))}


# ---- the room --------------------------------------------------------------------------------------------------------

SLICE_JS = """(digit, second, share, path, wildness) => {
  const other = second === digit ? (digit === 8 ? 3 : 8) : second;
  Lab.tell("slice", { digit, second: other, share: share / 100, path, wildness });
  const notes = NOTES, how = wildness === 1 ? "as trained" : `wildness ${wildness}`;
  return [{ __type__: "update", label: `Blend ${digit} with ${other}, %` }, { __type__: "update", label: `Slice and wildness · ${how}` },
    `<div class="lab"><p class="note">${notes[path]}</p></div>`];
}""".replace("NOTES", json.dumps(NOTES))
SEEDS_JS = """(a, b, third, c) => Lab.tell("seeds", { seeds: third === "seed" ? [a, b, c] : [a, b] })"""
DICE_JS = "(a, b, c) => { const first = Lab.another(a, b, c); return [first, Lab.another(first, b, c)]; }"  # two alike span no slice
CODE = f'import mnist_lab\nlab = mnist_lab.load("gan")\nlab.at(0.0, 1.0, seeds={SEEDS}, digit={DIGIT})'


def build(store: Store) -> Room:
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    opening("Walk between digits nobody wrote",
            "The generator turns 64 random numbers into a digit. This square is one flat slice through all it can make: drag the dot.")
    with gr.Row(elem_id="gan-room"):
        stage = Plane(recorded["plane"], generator=answering(store, generator_of, "generator", 10.0), plane=answering(store, slice_of, "plane"),
                      steps=answering(store, steps_of, "steps", 10.0), elem_id="gan-plane")
        with gr.Column(elem_id="gan-knobs"):
            settings = knobs()
    for part in WINGS:
        part.build(store, recorded.get(part.KEY))
    foot = Foot(CODE, elem_id="gan-foot")

    stage.change(None, stage, [foot, settings["digit"]], js="(v) => [v.code, v.digit]")
    gr.api(friendly(api(store)), api_name="interpolate", concurrency_limit=1, concurrency_id="cpu")
    return Room(ID, TITLE, settings)


def knobs() -> dict[str, gr.components.Component]:
    """The choices beside the plane, wired to it in the page."""
    digit = digits("Which digit", DIGIT, "gan-digit")
    share = gr.Slider(0, 100, 0, step=1, label=f"Blend {DIGIT} with {SECOND}, %", elem_id="gan-share")
    path = gr.Radio([("Straight", "linear"), ("Along the ring", "spherical"), ("Through the centre", "centre")], value="spherical", label="Path from A to B",
                    elem_classes="segments", elem_id="gan-path")
    note = gr.HTML(f'<div class="lab"><p class="note">{NOTES["spherical"]}</p></div>', container=False, padding=False, elem_id="gan-note")
    with gr.Accordion("Slice and wildness · as trained", open=False, elem_id="gan-drawer") as drawer:
        wildness = gr.Slider(0, 2, 1, step=0.05, label="Wildness", elem_id="gan-wildness")
        second = digits("Blend with", SECOND, "gan-second")
        with gr.Row(elem_classes="seeds"):
            seeds = [gr.Number(seed, precision=0, minimum=0, maximum=2**31 - 1, label=f"Seed of {end}", elem_id=f"gan-seed-{end.lower()}")
                     for seed, end in zip((*SEEDS, 13), "ABC", strict=True)]
        third = gr.Radio([("The centre", "centre"), ("C, a third latent", "seed")], value="centre", label="The slice runs through A, B and",
                         elem_classes="segments", elem_id="gan-third")
    dice = gr.Button("New slice", elem_id="gan-dice")

    chosen = [digit, second, share, path, wildness]
    for control in chosen:
        control.change(None, chosen, [share, drawer, note], js=SLICE_JS)
    spanning = [*seeds[:2], third, seeds[2]]
    for control in spanning:
        control.change(None, spanning, None, js=SEEDS_JS)
    dice.click(None, seeds, seeds[:2], js=DICE_JS)
    names = ("seed_a", "seed_b", "seed_c")
    return {"digit": digit, "second": second, "share": share, "path": path, "wildness": wildness, "third": third, **dict(zip(names, seeds, strict=True))}


def digits(label: str, value: int, elem_id: str) -> gr.Radio:
    return gr.Radio([(str(d), d) for d in range(10)], value=value, label=label, elem_classes="chips", elem_id=elem_id)


def api(store: Store):
    def interpolate(digit_a: int = 2, seed_a: int = 11, digit_b: int = 7, seed_b: int = 12, path: str = "spherical", n: int = 11) -> list[list[list[int]]]:
        """n digits of 28x28 numbers from 0 (paper) to 255 (ink) on the way from A to B."""
        return [np.asarray(p).tolist() for p in GanLab(store).interpolate((digit_a, digit_b), (seed_a, seed_b), path, n)]

    return interpolate
