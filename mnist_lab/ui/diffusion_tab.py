"""The Diffusion room: noise becomes a digit, every step under your hand."""

import json
import uuid
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

import gradio as gr
import numpy as np
from PIL import Image

from mnist_lab.checkpoint import CheckpointError, Store, read_metadata
from mnist_lab.diffusion import SAMPLERS, SCHEDULES, SHAPES, VARIANCES
from mnist_lab.diffusion.samplers import network_calls
from mnist_lab.diffusion.schedules import HIGHEST, LOWEST, TRAIN_STEPS
from mnist_lab.labs import DENOISERS, MOST_PICTURES, SHAPE_BOUNDS, STUDENT, USUAL, DiffusionLab, Sampling, choice, whole
from mnist_lab.plots.digits import gif, grid
from mnist_lab.ui.controls import Room, friendly, opening
from mnist_lab.ui.denoisings import RUNNERS, SEED, WHOLE, frame_pixels, lab_of, seen_noise, settings_of
from mnist_lab.ui.readings import answering, pictures_from
from mnist_lab.ui.widgets import data_url, packed, png
from mnist_lab.ui.widgets.denoising import Denoising
from mnist_lab.ui.widgets.foot import Foot
from mnist_lab.ui.widgets.schedule import Schedule
from mnist_lab.ui.wings import (
    diffusion_branch_wing,
    diffusion_copies_wing,
    diffusion_decided_wing,
    diffusion_draw_wing,
    diffusion_guide_wing,
    diffusion_noise_wing,
    diffusion_race_wing,
    diffusion_seeds_wing,
    diffusion_student_wing,
    diffusion_write_wing,
)

WINGS = (diffusion_decided_wing, diffusion_noise_wing, diffusion_guide_wing, diffusion_branch_wing, diffusion_race_wing, diffusion_student_wing,
         diffusion_draw_wing, diffusion_seeds_wing, diffusion_write_wing, diffusion_copies_wing)
ID, TITLE = "diffusion", "Diffusion"
RECORDED = Path(__file__).parent / "recorded" / "diffusion.json"
LABELS = ("any", *map(str, range(10)))
NONE = "none"
NETWORKS = [("Ours", "diffusion"), ("Its student", STUDENT), ("Baseline U-Net", "unet")]
WHOSE = {STUDENT: ", student", "unet": ", baseline U-Net"}  # film, said on the drawer's lid
NAMES = {**{key: name for key, (name, _, _) in RUNNERS.items()}, "linear": "linear betas",
         "scaled_linear": "scaled-linear betas", "cosine": "cosine", "sigmoid": "sigmoid", "karras": "Karras", "freehand": "by hand",
         "small": "small: the posterior’s", "large": "large: beta itself"}
SLIDERS = {  # of what shapes a schedule: label, low, high, step
    "beta_first": ("First beta", 1e-5, 0.005, 1e-5),
    "beta_last": ("Last beta", 0.005, 0.1, 0.001),
    "offset": ("Offset", 0, 0.2, 0.002),
    "start": ("Start", -6, -0.1, 0.1),
    "end": ("End", 0.1, 6, 0.1),
    "tau": ("Tau: small is steep", 0.1, 3, 0.05),
    "rho": ("Rho: large is finer near the end", 1, 15, 0.5),
}
DEFAULTS = {knob: value for own in SHAPES.values() for knob, value in own.items() if knob in SLIDERS}
GIF_SCALE, PNG_SCALE, FRAME_MS, LAST_MS = 8, 4, 80, 2_000  # of a film to take away
MOST_LOOKS = 20_000  # of the network at one picture, for one call of the API: half a minute of our denoiser, and others wait
MOMENTS = 40  # of a film that does not come whole, for the labels that are not the chosen one


# ---- handlers ---------------------------------------------------------------------------------------------------------

def labels_of(which: str, label: str) -> list[int | None]:
    """The labels to sample: all eleven ("any" first), or the chosen one."""
    choice("choice of labels", which, ("all", "one"))
    choice("label", label, LABELS)
    names = LABELS if which == "all" else (label,)
    return [None if name == "any" else int(name) for name in names]


def film(lab: DiffusionLab, sampling: Sampling, chosen: int) -> Iterator[dict]:
    """The widget's frames of one run. Of a long one only the chosen label comes with every step: eleven, as they are, would weigh 23 MB."""
    common = {"run": uuid.uuid4().hex, **outline(lab, sampling)}
    every = 1 if sampling.steps <= WHOLE else -(-sampling.steps // MOMENTS)
    for frame in lab.frames(sampling):
        whole = frame.step % every == 0 or frame.step == sampling.steps
        columns = list(range(len(sampling.labels))) if whole else [chosen]
        cells = np.stack([*frame_pixels(frame), *([seen_noise(frame)] if whole else [])])[:, columns]  # (2 or 3, columns, 28, 28)
        yield {**common, "index": frame.step, "columns": columns, "cells": packed(np.frombuffer(zlib.compress(cells.tobytes()), np.uint8))}


def outline(lab: DiffusionLab, sampling: Sampling) -> dict:
    """What every film tells of its run."""
    return {"total": sampling.steps, "labels": list(sampling.labels), "alpha_bar": lab.levels(sampling).tolist(), "settings": settings_of(sampling)}


def levels_of(text: object) -> list[float]:
    """A curve as it travels in the address: "0.01,0.2,1"."""
    try:
        return [float(number) for number in text.split(",")] if text else []
    except (ValueError, AttributeError):
        raise ValueError("A curve must be numbers between 0 and 1 with commas between them.") from None


def generate_film(store: Store, which, label, steps, guidance, sampler, schedule, seed, eta, beta_first, beta_last, variance=VARIANCES[0], offset=0.008,
                  start=-3.0, end=3.0, tau=1.0, rho=7.0, guided_from=0.0, guided_to=1.0, negative=NONE, curve="", network=DENOISERS[0]) -> Iterator[dict]:
    """Generate: streams the film of all labels, or of one, from the same noise."""
    lab = lab_of(store, {"network": network})
    labels = labels_of(which, label)
    away = None if choice("digit to keep away from", negative, (NONE, *LABELS[1:])) == NONE else int(negative)
    steps = whole("Steps", steps, 1, TRAIN_STEPS)  # an emptied field is none of the network's own
    sampling = lab.sampling(labels, steps=steps, guidance=guidance, sampler=sampler, schedule=schedule, seed=seed, eta=eta, variance=variance,
                            negative=away, interval=(guided_from, guided_to), curve=levels_of(curve), beta_first=beta_first, beta_last=beta_last,
                            offset=offset, start=start, end=end, tau=tau, rho=rho)
    yield from film(lab, sampling, labels.index(labels_of("one", label)[0]))


def take_away(_: Store, payload: dict) -> dict:
    """A film as a file: payload {"kind": "gif" | "png", "x", "x0": base64 of uint8 (n, 28, 28)} -> {"file": data URL}.

    As a GIF, x_t beside the network's guess; as a PNG, the moments in a row, each above its guess.
    """
    kind = choice("kind of file", payload.get("kind"), ("gif", "png"))
    x, x0 = (pictures_from(payload.get(key), WHOLE + 1) for key in ("x", "x0"))
    if len(x) != len(x0):
        raise ValueError("A film needs as many guesses as noisy pictures.")
    if kind == "png":
        return {"file": png(grid(np.concatenate([x, x0]), len(x), PNG_SCALE))}
    return {"file": data_url(gif((grid(np.stack(pair), 2, GIF_SCALE) for pair in zip(x, x0, strict=True)), FRAME_MS, LAST_MS), "image/gif")}


def check_looks(s: Sampling) -> None:
    """ValueError if a run without an end in sight is asked for: it cannot be stopped, and everybody's next film waits for it."""
    looks = len(s.labels) * network_calls(s.sampler, s.steps) * (1 if s.guidance == 1 else 2)
    if looks > MOST_LOOKS:
        raise ValueError(f"That would take {looks:,} looks of the network, n times its calls, twice with guidance. Up to {MOST_LOOKS:,} at once, please.")


# ---- the stored film ----------------------------------------------------------------------------------------------------

def record(store: Store, steps: int = 50, seed: int = SEED) -> tuple[dict, Image.Image, Image.Image]:
    """The content of recorded/diffusion.json: a run of all eleven labels to open the room with, and what its wings show; and the run's two sprites."""
    lab = DiffusionLab(store)
    sampling = lab.sampling(labels_of("all", "any"), steps=steps, seed=seed)
    frames, count = list(lab.frames(sampling)), len(sampling.labels)
    value = {"film": {"run": "recorded", "recorded": True, **outline(lab, sampling)}, **{part.KEY: part.record(store) for part in WINGS}}
    pictures, noise = (np.concatenate(parts) for parts in ([part for f in frames for part in frame_pixels(f)], [seen_noise(f) for f in frames]))
    return value, grid(pictures, 2 * count, gap=0), grid(noise, count, gap=0)


def recorded() -> dict:
    found = json.loads(RECORDED.read_text(encoding="utf-8"))
    sprites = {key: f"gradio_api/file={quote(RECORDED.with_suffix(ending).as_posix())}" for key, ending in (("sprite", ".jpg"), ("noise", ".png"))}
    return {**found, "film": {**found["film"], **sprites}}


# ---- the room -------------------------------------------------------------------------------------------------------------

def trained(store: Store, name: str = DENOISERS[0]) -> dict:
    """What the checkpoint says of its noise levels and guidance; the room opens without it, and Generate will say what is missing."""
    try:
        return read_metadata(store.path(name)).settings
    except CheckpointError:
        return {"guidance": 1.0, "lowest_alpha_bar": LOWEST, "highest_alpha_bar": HIGHEST}


def named(among: Iterable[str]) -> list[tuple[str, str]]:
    return [(NAMES[key] if key in SAMPLERS else NAMES[key][0].upper() + NAMES[key][1:], key) for key in among]


def segments(among: Iterable[str], value: str, label: str, elem_id: str, visible: bool = True) -> gr.Radio:
    return gr.Radio(named(among), value=value, label=label, elem_classes="segments", elem_id=elem_id, visible=visible)


def dropdown(choices: list, value: str, label: str, elem_id: str) -> gr.Dropdown:
    return gr.Dropdown(choices, value=value, label=label, filterable=False, elem_id=elem_id)


def shape_sliders() -> dict[str, gr.Slider]:
    """All of them; only the chosen schedule's are seen."""
    made = {}
    for name, (label, low, high, step) in SLIDERS.items():
        seen = name in SHAPES["cosine"]
        made[name] = gr.Slider(low, high, DEFAULTS[name], step=step, label=label, visible=seen, elem_id=name.replace("_", "-"))
    return made


def build(store: Store) -> Room:
    stored, settings = recorded(), trained(store)
    levels = {"alpha_bar": stored["film"]["alpha_bar"], "range": [settings["lowest_alpha_bar"], settings["highest_alpha_bar"]], "chain": TRAIN_STEPS,
              "shape": DEFAULTS}
    gr.set_static_paths([RECORDED.parent])
    opening("Watch noise become a digit", "Start from static. Again and again, the network guesses the clean digit, and a little of the noise is taken away.")
    with gr.Row(elem_id="diffusion-room"):
        with gr.Column(elem_id="diffusion-stage"):
            stage = Denoising(stored["film"], server_functions=[answering(store, take_away, "take_away", 10.0)], elem_id="denoising")
        with gr.Column(elem_id="diffusion-knobs"):
            plot = Schedule(levels, elem_id="schedule")
            steps = gr.Slider(1, TRAIN_STEPS, 50, step=1, label="Steps", elem_id="steps")
            guidance = gr.Slider(0, 8, settings["guidance"], step=0.1, label="Guidance", elem_id="guidance")
            lid = f"Sampler, schedule, seed · DDIM, cosine, seed {SEED}"
            with gr.Accordion(lid, open=False, elem_classes="gr-accordion", elem_id="diffusion-drawer") as drawer:
                with gr.Row(elem_classes="two"):
                    sampler = dropdown(named(SAMPLERS), "ddim", "Sampler", "sampler")
                    schedule = dropdown(named(SCHEDULES), "cosine", "Noise schedule", "noise-schedule")
                eta = gr.Slider(0, 1, 0, step=0.05, label="Eta: fresh noise each step", elem_id="eta")
                variance = segments(VARIANCES, VARIANCES[0], "Variance of the fresh noise", "variance", visible=False)
                with gr.Row(elem_classes="two"):
                    shape = shape_sliders()
                with gr.Row(elem_classes="two"):
                    guided_from = gr.Slider(0, 1, 0, step=0.05, label="Guidance from", elem_id="guided-from")
                    guided_to = gr.Slider(0, 1, 1, step=0.05, label="Guidance to", elem_id="guided-to")
                with gr.Row(elem_classes="two"):
                    digits = [("nothing", NONE), *((f"a {d}" if d != "8" else "an 8", d) for d in LABELS[1:])]
                    negative = dropdown(digits, NONE, "Keep away from (guidance above 1)", "negative")
                    seed = gr.Number(SEED, precision=0, minimum=0, maximum=2**31 - 1, label="Seed", elem_id="diffusion-seed")
                network = gr.Radio(NETWORKS, value=DENOISERS[0], label="Network of the film", elem_classes="segments", elem_id="diffusion-network")
                which = gr.Radio([("All eleven labels", "all"), ("Only the chosen one", "one")], value="all", label="Make",
                                 elem_classes="segments", elem_id="which")
            with gr.Row(elem_id="diffusion-go"):
                go = gr.Button("Generate", variant="primary", elem_id="generate")
                halt = gr.Button("Stop", elem_id="stop")
                fresh = gr.Button("New noise", elem_id="new-noise")
            status = gr.Markdown("", min_height=24, elem_id="diffusion-status")
    label = gr.Radio(LABELS, value="any", elem_classes="lab-hidden", elem_id="diffusion-label")  # the tiles are its face
    curve = gr.Textbox("", elem_classes="lab-hidden", elem_id="curve")  # the plot is its face
    for part in WINGS:
        part.build(store, stored.get(part.KEY))
    foot = Foot(PYTHON_DEFAULT, elem_id="diffusion-foot")

    controls = {"which": which, "label": label, "steps": steps, "guidance": guidance, "sampler": sampler, "schedule": schedule, "seed": seed, "eta": eta,
                "beta_first": shape["beta_first"], "beta_last": shape["beta_last"], "variance": variance, "offset": shape["offset"], "start": shape["start"],
                "end": shape["end"], "tau": shape["tau"], "rho": shape["rho"], "from": guided_from, "to": guided_to, "not": negative, "curve": curve,
                "network": network}
    values = [*controls.values()]

    def stream(*values):
        yield from generate_film(store, *values)

    def generate(digit: int | None = None, n: int = 1, steps: int | None = None, seed: int = 0, sampler: str | None = None, schedule: str | None = None,
                 guidance: float | None = None, eta: float = 0.0, variance: str = "small", negative: int | None = None,
                 interval: list[float] | None = None, shape: dict[str, float] | None = None, curve: list[float] | None = None,
                 network: str = DENOISERS[0]) -> list[list[list[int]]]:
        """n pictures of 28x28 numbers from 0 (paper) to 255 (ink); no digit means any, no steps, sampler, schedule or guidance the model's own.

        interval: from and to which share of the steps guidance acts; negative: a digit to keep away from; shape: what shapes
        the schedule, such as {"tau": 0.5}; curve: the levels of the schedule "freehand"; network: "diffusion", "student"
        (made for "consistency" in 1 to 4 steps), or "unet", the baseline.
        """
        given = {choice("shape of a schedule", name, tuple(SHAPE_BOUNDS)): value for name, value in (shape or {}).items()}
        lab = lab_of(store, {"network": network})
        wanted = {"steps": steps, "seed": seed, "sampler": sampler, "schedule": schedule, "guidance": guidance, "eta": eta, "variance": variance,
                  "negative": negative, "interval": interval or (0, 1), "curve": curve or (), **given}
        check_looks(lab.sampling([digit] * whole("n", n, 1, MOST_PICTURES), **wanted))
        made = lab.generate(digit, n, **wanted)
        return [np.asarray(p).tolist() for p in made]

    run = {"fn": friendly(stream), "inputs": values, "outputs": stage, "concurrency_limit": 1, "concurrency_id": "cpu", "show_progress": "full",
           "show_progress_on": status, "api_visibility": "private", "js": START}
    event = go.click(**run)
    again = fresh.click(None, seed, seed, js="(seed) => Lab.another(seed)").then(**run)
    for e in (event, again):
        e.then(None, js="() => Lab.tell('sampling', 'end')")
        e.failure(None, js="() => Lab.tell('sampling', 'refused')")
    halt.click(None, cancels=[event, again], js="() => Lab.tell('sampling', 'stop')")
    stage.input(None, None, label, js="() => window.labLabel")
    label.change(None, label, None, js="(v) => Lab.tell('label', v)")
    plot.input(None, None, [schedule, curve], js="() => ['freehand', window.labCurve]")
    plotted = [steps, schedule, curve, guided_from, guided_to, *shape.values()]
    for control in plotted:
        control.change(None, plotted, None, js=PREVIEW)
    own = {name: {"guidance": found["guidance"], **found.get("usual", USUAL)} for name in DENOISERS for found in [trained(store, name)]}
    network.input(None, [network, guidance, steps, sampler], [guidance, steps, sampler], js=OWN % json.dumps(own))
    for control in (sampler, schedule, seed, network):
        control.change(None, [sampler, schedule, seed, network], [drawer, eta, variance, *shape.values()], js=LID)
    for control in values:
        control.change(None, values, foot, js=PYTHON)
    gr.api(friendly(generate), api_name="generate", concurrency_limit=1, concurrency_id="cpu")
    return Room(ID, TITLE, controls, run="generate")


PREVIEW = f"""(n, kind, curve, from, to, ...shape) => Lab.tell('schedule', {{ n: Math.min({TRAIN_STEPS}, Math.max(1, Math.round(n))), kind, curve, from, to,
  ...Object.fromEntries({json.dumps(list(SLIDERS))}.map((name, i) => [name, shape[i]])) }})"""
START = "(...values) => { Lab.tell('sampling', 'start'); return values; }"

# Each network has a guidance of its own; one that the visitor has set stays. The student has a sampler too, which others have no use for.
OWN = f"""(network, guidance, steps, sampler) => {{ const own = %s, mine = own[network];
  const moves = (network === '{STUDENT}') !== (sampler === 'consistency'), usual = Object.values(own).some((o) => o.guidance === guidance);
  return [usual ? mine.guidance : guidance, ...(moves ? [mine.steps, mine.sampler] : [steps, sampler])]; }}"""

# The closed drawer says what is set inside it; knobs that have no effect are not shown.
LID = f"""(sampler, schedule, seed, network) => {{ const names = {json.dumps(NAMES)}, own = {json.dumps({k: list(v) for k, v in SHAPES.items()})};
  const whose = {json.dumps(WHOSE)}[network] ?? '', show = (visible) => ({{ __type__: 'update', visible }});
  return [{{ __type__: 'update', label: `Sampler, schedule, seed · ${{names[sampler]}}, ${{names[schedule]}}, seed ${{seed ?? '…'}}${{whose}}` }},
    show(sampler === 'ddim'), show(sampler === 'ddpm'), ...{json.dumps(list(SLIDERS))}.map((name) => show(own[schedule].includes(name)))]; }}"""

# The call that makes what is on the screen.
PYTHON = f"""(which, label, steps, guidance, sampler, schedule, seed, eta, beta_first, beta_last, variance, offset, start, end, tau, rho,
  from, to, not, curve, network) => {{
  const own = {json.dumps({k: list(v) for k, v in SHAPES.items()})}[schedule], usual = {json.dumps(DEFAULTS)};
  const shape = {{ beta_first, beta_last, offset, start, end, tau, rho }};
  const digit = which === 'all' ? '[None, *range(10)]' : label === 'any' ? '[None]' : `[${{label}}]`;
  const bounded = [`steps=${{Math.min({TRAIN_STEPS}, Math.max(1, steps))}}`, `seed=${{Math.max(0, seed)}}`];
  const words = [...bounded, `sampler="${{sampler}}"`, `schedule="${{schedule}}"`, `guidance=${{guidance}}`];
  for (const name of own) if (name in shape && shape[name] !== usual[name]) words.push(`${{name}}=${{shape[name]}}`);
  if (own.includes('curve') && curve) words.push(`curve=[${{curve.replaceAll(',', ', ')}}]`);
  if (sampler === 'ddim' && eta) words.push(`eta=${{eta}}`);
  if (sampler === 'ddpm' && variance !== '{VARIANCES[0]}') words.push(`variance="${{variance}}"`);
  if (from > 0 || to < 1) words.push(`interval=(${{from}}, ${{to}})`);
  if (not !== '{NONE}') words.push(`negative=${{not}}`);
  return `import mnist_lab\nlab = mnist_lab.load("${{network}}")\nlab.generate(digit=${{digit}}, ${{words.join(', ')}})`; }}"""
PYTHON_DEFAULT = f'import mnist_lab\nlab = mnist_lab.load("diffusion")\nlab.generate(digit=[None, *range(10)], steps=50, seed={SEED})'
