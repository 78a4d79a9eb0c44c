"""What the Diffusion room's handlers share: the lab, the settings of a run as they travel, pictures of noise, one film's frames."""

import functools
import json
import logging
import threading

import numpy as np
from torch import Tensor

from mnist_lab.checkpoint import CheckpointError, Store
from mnist_lab.data import to_pictures
from mnist_lab.diffusion import Frame
from mnist_lab.diffusion.samplers import LOOKS
from mnist_lab.labs import DENOISERS, SHAPE_BOUNDS, DiffusionLab, Sampling, choice, whole
from mnist_lab.ui.readings import EMPTY, pixels_from
from mnist_lab.ui.widgets import packed

NO_WEIGHTS = "This network’s weights are not here, or can’t be read. Run make train-diffusion, or choose another network."
RUNNERS = {  # samplers: name, the same where there is little room, what is particular
    "ddim": ("DDIM", "DDIM", "no fresh noise"), "ddpm": ("DDPM", "DDPM", "adds fresh noise each step"),
    "dpm": ("DPM-Solver++ 2M", "DPM++", "remembers the last step"), "heun": ("Heun", "Heun", "looks twice before a step"),
    "ipndm": ("iPNDM", "iPNDM", "remembers three steps"), "consistency": ("Consistency", "Consist.", "all fresh noise each step"),
}
SEED = 9  # of the film the room opens on
MOST_LOOKS = 1_000  # of a film that can be gone on from, and of the way on: the server takes its steps again
WHOLE = 120  # steps of a film that comes whole, and of a sampler in the race at most
MOST_LABELS = 11  # of a film: no label and ten
GREYS = 16  # of the noise that a film shows
REMEMBERED = 4  # films of one label whose frames stay, each under 13 MB
KNOWN = {"network", "labels", "steps", "seed", "sampler", "schedule", "guidance", "interval", "negative", "eta", "variance", "curve", *SHAPE_BOUNDS}


def lab_of(store: Store, settings: object = None) -> DiffusionLab:
    """The lab's own network, or the one that a film's settings name."""
    name = settings.get("network", DENOISERS[0]) if isinstance(settings, dict) else DENOISERS[0]
    try:
        return DiffusionLab(store, choice("network", name, DENOISERS))
    except CheckpointError as error:
        logging.getLogger(__name__).warning("%s", error)
        raise ValueError(NO_WEIGHTS) from error


# ---- pictures

def pixels(x: Tensor, reach: float = 1.0) -> np.ndarray:
    """uint8 (B, 28, 28), with -reach as paper and reach as ink."""
    return to_pictures(x / reach).numpy()


def frame_pixels(frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """x_t and the guess, each uint8 (B, 28, 28). Noise reaches past [-1, 1]; the grey scale of x_t follows."""
    return noisy_pixels(frame.x, frame.alpha_bar), pixels(frame.x0)


def noisy_pixels(x: Tensor, alpha_bar: float) -> np.ndarray:
    return pixels(x, 1 + 0.7 * (1 - alpha_bar))


def seen_noise(frame: Frame) -> np.ndarray:
    """The noise that the network sees, uint8 (B, 28, 28), as pure noise is shown but in few greys: noise does not compress."""
    step = 255 // (GREYS - 1)
    return np.rint(noisy_pixels(frame.eps, 0.0) / step).astype(np.uint8) * step


def film_of(frames: list[Frame]) -> dict:
    """Frames of one picture: {"x": base64 of uint8 (n, 28, 28), "x0": the guesses, the same}."""
    x, x0 = zip(*(frame_pixels(frame) for frame in frames), strict=True)
    return {"x": packed(np.concatenate(x)), "x0": packed(np.concatenate(x0))}


def last_of(frames) -> np.ndarray:
    """The pictures a run ends with, uint8 (B, 28, 28)."""
    *_, last = frames
    return pixels(last.x)


# ---- requests

def label_from(value: object) -> int | None:
    """A label in a request; None is "any"."""
    return None if value is None else whole("The label", value, 0, 9)


def drawn(payload: dict) -> np.ndarray:
    """The digit of a sketch pad; ValueError for a blank one."""
    found = pixels_from(payload.get("pixels"))
    if not found.any():
        raise ValueError(EMPTY)
    return found


def settings_of(s: Sampling) -> dict:
    """A run as JSON: what `sampling_from` reads."""
    return {"network": s.network, "labels": [None if d < 0 else d for d in s.labels], "steps": s.steps, "seed": s.seed, "sampler": s.sampler,
            "schedule": s.schedule, "guidance": s.guidance, "interval": list(s.interval), "negative": None if s.negative < 0 else s.negative, **s.options,
            **{key: list(v) if isinstance(v, tuple) else v for key, v in s.shape.items()}}


def sampling_from(lab: DiffusionLab, given: object, **changed) -> Sampling:
    """The checked settings of a request, some of them changed: {"labels", "steps" and so on}."""
    if not isinstance(given, dict) or given.keys() - KNOWN or not isinstance(given.get("labels"), list) or len(given["labels"]) > MOST_LABELS:
        raise ValueError("The settings of a run must be a film’s own.")
    settings = {**given, **changed}  # what is changed is ours
    labels, _ = settings.pop("labels"), settings.pop("network", None)  # the lab is of that network
    return lab.sampling(labels, **settings)


# ---- one film's frames, made again where they are needed

_making = threading.Lock()  # two parts that ask for one film wait for one another


def one_label(store: Store, payload: dict, **changed) -> tuple[DiffusionLab, Sampling]:
    """The lab of a request, and the run of the one label that is meant, some settings changed: payload {"settings", "column"}.

    All labels of a film share their noise, so that one of them alone is the same again.
    """
    settings = payload.get("settings")
    lab = lab_of(store, settings)
    column = whole("The column", payload.get("column"), 0, len(sampling_from(lab, settings).labels) - 1)
    return lab, sampling_from(lab, settings, labels=[settings["labels"][column]], **changed)


def origin(store: Store, payload: dict) -> tuple[DiffusionLab, Sampling, list[Frame]]:
    """The lab and the run of a request, as `one_label`, with its frames."""
    lab, s = one_label(store, payload)
    if s.steps * LOOKS[s.sampler] > MOST_LOOKS:
        raise ValueError(f"Only a film of up to {MOST_LOOKS:,} looks of the network can be gone on from. Generate a shorter one.")
    with _making:
        return lab, s, _frames(store, json.dumps(settings_of(s)))


@functools.lru_cache(maxsize=REMEMBERED)
def _frames(store: Store, settings: str) -> list[Frame]:
    given = json.loads(settings)
    lab = lab_of(store, given)
    return list(lab.frames(sampling_from(lab, given)))
