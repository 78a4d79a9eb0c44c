"""What guidance does: the guess without a label, the guess with it, and the difference between the two, pushed further."""

from mnist_lab.checkpoint import Store
from mnist_lab.diffusion import Frame
from mnist_lab.labs import DiffusionLab, whole
from mnist_lab.ui.controls import wing
from mnist_lab.ui.denoisings import SEED, lab_of, noisy_pixels, origin, settings_of
from mnist_lab.ui.forgery import floats
from mnist_lab.ui.readings import answering
from mnist_lab.ui.widgets import packed
from mnist_lab.ui.widgets.guide import Guide

KEY = "guide"
STEP, LABEL = 10, 9
AMOUNT = 2.0  # that it opens with: at guidance 1 there is nothing to see


def build(store: Store, recorded: dict) -> None:
    wing("What guidance does", "The network looks twice at the same noisy picture: once it is told nothing, once it is told which digit to see. "
         "Guidance follows the difference, and goes on past where the network would stop." + itself(recorded["taught"]))
    Guide(recorded, looks=answering(store, looks, "looks", 10.0), elem_id="diffusion-guide")


def itself(taught: float) -> str:
    """What there is to say of a denoiser that was taught guidance."""
    if taught == 1:
        return ""
    return (f" Ours has been taught guidance {taught:g}: told a digit, it answers in one look as it used to with two. The slider pushes on "
            "from that answer.")


def looks(store: Store, payload: dict) -> dict:
    """Two looks at one frame of a film.

    payload {"settings", "column", "step", "label"} -> {"x": base64 of uint8 (28, 28), "free", "asked": base64 of float32 (28, 28), the
    guesses without a label (or with the one that the film keeps away from) and with it, -1 paper and 1 ink, unclamped, "away": that label or
    None, "step", "label", "alpha_bar"}.
    """
    lab, s, frames = origin(store, payload)
    label = whole("The label", payload.get("label"), 0, 9)
    return both(lab, frames[whole("The step", payload.get("step"), 0, s.steps - 1)], label, None if s.negative < 0 else s.negative)


def both(lab: DiffusionLab, frame: Frame, label: int, away: int | None) -> dict:
    free, asked = lab.guesses(frame.x, frame.alpha_bar, [away, label])[:, 0, 2:30, 2:30]
    return {"x": packed(noisy_pixels(frame.x, frame.alpha_bar)), "free": floats(free), "asked": floats(asked), "step": frame.step, "label": label,
            "away": away, "alpha_bar": frame.alpha_bar}


def record(store: Store) -> dict:
    """A look at the room's recorded film, without a label until then."""
    lab = lab_of(store)
    settings = settings_of(lab.sampling([None], steps=50, seed=SEED))
    return {**looks(store, {"settings": settings, "column": 0, "step": STEP, "label": LABEL}), "guidance": AMOUNT,
            "taught": store.load(lab.name)[1].settings.get("taught", 1.0)}
