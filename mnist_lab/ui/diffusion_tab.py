"""The Diffusion room: noise becomes a digit, every step under your hand."""

import json
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

import gradio as gr
import numpy as np
from PIL import Image
from torch import Tensor

from mnist_lab.checkpoint import CheckpointError, Store, read_metadata
from mnist_lab.data import to_pictures
from mnist_lab.diffusion import SAMPLERS, SCHEDULES, Frame
from mnist_lab.diffusion.schedules import BETA_FIRST, BETA_LAST, TRAIN_STEPS
from mnist_lab.labs import DiffusionLab, Sampling, choice
from mnist_lab.ui.controls import Room, friendly, opening
from mnist_lab.ui.widgets import packed
from mnist_lab.ui.widgets.denoising import Denoising
from mnist_lab.ui.widgets.foot import Foot
from mnist_lab.ui.widgets.schedule import Schedule

ID, TITLE = "diffusion", "Diffusion"
RECORDED = Path(__file__).parent / "recorded" / "diffusion.json"
LABELS = ("any", *map(str, range(10)))
NAMES = {"ddim": "DDIM", "ddpm": "DDPM", "linear": "Linear betas", "cosine": "Cosine"}


# ---- handlers ---------------------------------------------------------------------------------------------------------

def labels_of(which: str, label: str) -> list[int | None]:
    """The labels to sample: all eleven ("any" first), or the chosen one."""
    choice("choice of labels", which, ("all", "one"))
    choice("label", label, LABELS)
    names = LABELS if which == "all" else (label,)
    return [None if name == "any" else int(name) for name in names]


def pixels(x: Tensor, reach: float = 1.0) -> np.ndarray:
    """uint8 (B, 28, 28), with -reach as paper and reach as ink."""
    return to_pictures(x / reach).numpy()


def frame_pixels(frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """x_t and the guess, each uint8 (B, 28, 28). Noise reaches past [-1, 1]; the grey scale of x_t follows."""
    return pixels(frame.x, 1 + 0.7 * (1 - frame.alpha_bar)), pixels(frame.x0)


def film(lab: DiffusionLab, sampling: Sampling) -> Iterator[dict]:
    """The widget's frames of one run."""
    common = {"run": uuid.uuid4().hex, "total": sampling.steps, "labels": list(sampling.labels), "alpha_bar": lab.levels(sampling).tolist()}
    for frame in lab.frames(sampling):
        x, x0 = frame_pixels(frame)
        yield {**common, "index": frame.step, "x": packed(x), "x0": packed(x0)}


def generate_film(store: Store, which, label, steps, guidance, sampler, schedule, seed, eta, beta_first, beta_last) -> Iterator[dict]:
    """Generate: streams the film of all labels, or of one, from the same noise."""
    lab = DiffusionLab(store)
    sampling = lab.sampling(labels_of(which, label), steps=steps, guidance=guidance, sampler=sampler, schedule=schedule, seed=seed, eta=eta,
                            beta_first=beta_first, beta_last=beta_last)
    yield from film(lab, sampling)


# ---- the stored film ----------------------------------------------------------------------------------------------------

def record(store: Store, steps: int = 50, seed: int = 31) -> tuple[dict, Image.Image]:
    """A run of all eleven labels to open the room with: the widget's value (without the sprite's address) and the sprite."""
    lab = DiffusionLab(store)
    sampling = lab.sampling(labels_of("all", "any"), steps=steps, seed=seed)
    rows = [np.concatenate([part.transpose(1, 0, 2).reshape(28, -1) for part in frame_pixels(frame)], axis=1) for frame in lab.frames(sampling)]
    value = {"run": "recorded", "recorded": True, "total": steps, "labels": list(sampling.labels), "alpha_bar": lab.levels(sampling).tolist()}
    return value, Image.fromarray(np.concatenate(rows))


def recorded() -> dict:
    return {**json.loads(RECORDED.read_text()), "sprite": f"gradio_api/file={RECORDED.with_suffix('.jpg')}"}


# ---- the room -------------------------------------------------------------------------------------------------------------

def default_guidance(store: Store) -> float:
    try:
        return read_metadata(store.path("diffusion")).settings["guidance"]
    except CheckpointError:  # the room still opens; Generate will say what is missing
        return 1.0


def segments(among: Iterable[str], value: str, label: str, elem_id: str) -> gr.Radio:
    return gr.Radio([(NAMES[k], k) for k in among], value=value, label=label, elem_classes="segments", elem_id=elem_id)


def build(store: Store) -> Room:
    stored = recorded()
    gr.set_static_paths([RECORDED.parent])
    opening("Watch noise become a digit", "Start from static. Again and again, the network guesses the clean digit, and a little of the noise is taken away.")
    with gr.Row(elem_id="diffusion-room"):
        with gr.Column(elem_id="diffusion-stage"):
            stage = Denoising(stored, elem_id="denoising")
        with gr.Column(elem_id="diffusion-knobs"):
            Schedule({"alpha_bar": stored["alpha_bar"]}, elem_id="schedule")
            steps = gr.Slider(1, TRAIN_STEPS, 50, step=1, label="Steps", elem_id="steps")
            guidance = gr.Slider(0, 8, default_guidance(store), step=0.1, label="Guidance", elem_id="guidance")
            with gr.Accordion("Sampler, schedule, seed · DDIM, cosine, seed 31", open=False, elem_classes="gr-accordion", elem_id="diffusion-drawer") as drawer:
                which = gr.Radio([("All eleven labels", "all"), ("Only the chosen one", "one")], value="all", label="Make",
                                 elem_classes="segments", elem_id="which")
                sampler = segments(SAMPLERS, "ddim", "Sampler", "sampler")
                schedule = segments(SCHEDULES, "cosine", "Noise schedule", "noise-schedule")
                eta = gr.Slider(0, 1, 0, step=0.05, label="Eta: fresh noise each step", elem_id="eta")
                beta_first = gr.Slider(1e-5, 0.005, BETA_FIRST, step=1e-5, label="First beta", visible=False, elem_id="beta-first")
                beta_last = gr.Slider(0.005, 0.1, BETA_LAST, step=0.001, label="Last beta", visible=False, elem_id="beta-last")
                seed = gr.Number(31, precision=0, minimum=0, maximum=2**31 - 1, label="Seed", elem_id="diffusion-seed")
            with gr.Row(elem_id="diffusion-go"):
                go = gr.Button("Generate", variant="primary", elem_id="generate")
                halt = gr.Button("Stop", elem_id="stop")
                fresh = gr.Button("New noise", elem_id="new-noise")
            status = gr.Markdown("", min_height=24, elem_id="diffusion-status")
    label = gr.Radio(LABELS, value="any", elem_classes="lab-hidden", elem_id="diffusion-label")  # the tiles are its face
    foot = Foot(PYTHON_DEFAULT, elem_id="diffusion-foot")

    settings = [which, label, steps, guidance, sampler, schedule, seed, eta, beta_first, beta_last]

    def stream(*values):
        yield from generate_film(store, *values)

    def generate(digit: int | None = None, n: int = 1, steps: int = 50, seed: int = 0, sampler: str = "ddim", schedule: str = "cosine",
                 guidance: float | None = None, eta: float = 0.0) -> list[list[list[int]]]:
        """n pictures of 28x28 numbers from 0 (paper) to 255 (ink); no digit means any, no guidance the model's own."""
        made = DiffusionLab(store).generate(digit, n, steps=steps, seed=seed, sampler=sampler, schedule=schedule, guidance=guidance, eta=eta)
        return [np.asarray(p).tolist() for p in made]

    run = {"fn": friendly(stream), "inputs": settings, "outputs": stage, "concurrency_limit": 1, "concurrency_id": "cpu", "show_progress": "full",
           "show_progress_on": status, "api_visibility": "private", "js": START}
    event = go.click(**run)
    again = fresh.click(None, None, seed, js="() => Math.floor(Math.random() * 1000)").then(**run)
    for e in (event, again):
        e.then(None, js="() => Lab.tell('sampling', 'end')")
    halt.click(None, cancels=[event, again], js="() => Lab.tell('sampling', 'stop')")
    stage.input(None, None, label, js="() => window.labLabel")
    label.change(None, label, None, js="(v) => Lab.tell('label', v)")
    shape = [steps, schedule, beta_first, beta_last]
    for control in shape:
        control.change(None, shape, None, js=PREVIEW)
    for control in (sampler, schedule, seed):
        control.change(None, [sampler, schedule, seed], [drawer, eta, beta_first, beta_last], js=LID)
    for control in settings:
        control.change(None, settings, foot, js=PYTHON)
    gr.api(friendly(generate), api_name="generate", concurrency_limit=1, concurrency_id="cpu")
    keys = ("which", "label", "steps", "guidance", "sampler", "schedule", "seed", "eta", "beta_first", "beta_last")
    return Room(ID, TITLE, dict(zip(keys, settings, strict=True)), run="generate")


PREVIEW = "(n, kind, first, last) => Lab.tell('schedule', { n: Math.round(n), kind, first, last })"
START = "(...values) => { Lab.tell('sampling', 'start'); return values; }"

# The closed drawer says what is set inside it; knobs that have no effect are not shown.
LID = f"""(sampler, schedule, seed) => {{ const names = {json.dumps(NAMES)}, show = (visible) => ({{ __type__: 'update', visible }});
  return [{{ __type__: 'update', label: `Sampler, schedule, seed · ${{names[sampler]}}, ${{names[schedule].toLowerCase()}}, seed ${{seed}}` }},
    show(sampler === 'ddim'), show(schedule === 'linear'), show(schedule === 'linear')]; }}"""

# The call that makes what is on the screen.
PYTHON = """(which, label, steps, guidance, sampler, schedule, seed, eta, first, last) => {
  const digit = which === 'all' ? '[None, *range(10)]' : label === 'any' ? '[None]' : `[${label}]`;
  const betas = schedule === 'linear' && (first !== 1e-4 || last !== .02) ? `, beta_first=${first}, beta_last=${last}` : '';
  const settings = `steps=${steps}, seed=${seed}, sampler="${sampler}", schedule="${schedule}", guidance=${guidance}`;
  const call = `lab.generate(digit=${digit}, ${settings}${sampler === 'ddim' && eta ? `, eta=${eta}` : ''}${betas})`;
  return `import mnist_lab\\nlab = mnist_lab.load("diffusion")\\n${call}`; }"""
PYTHON_DEFAULT = 'import mnist_lab\nlab = mnist_lab.load("diffusion")\nlab.generate(digit=[None, *range(10)], steps=50, seed=31)'
