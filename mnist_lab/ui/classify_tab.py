"""The Classify room: draw a digit, and a network's verdict and all its layers follow the pen."""

import json

import gradio as gr
import numpy as np
import torch

from mnist_lab import drawing
from mnist_lab.checkpoint import Store
from mnist_lab.data import load_digits, to_model
from mnist_lab.explain import Layer, layers, scale
from mnist_lab.labs import CLASSIFIERS, ClassifierLab, choice
from mnist_lab.ui import readings
from mnist_lab.ui.controls import SCALE, Room, friendly, opening, wing
from mnist_lab.ui.guests import NO_FILE
from mnist_lab.ui.readings import BEST, BRUSH, GUESTS, answering, digit_of, reader_of, steps_of, verdict
from mnist_lab.ui.widgets import packed
from mnist_lab.ui.widgets.bars import Bars
from mnist_lab.ui.widgets.foot import Foot
from mnist_lab.ui.widgets.layers import Layers
from mnist_lab.ui.widgets.pad import Pad
from mnist_lab.ui.widgets.seen import Seen
from mnist_lab.ui.wings import kernel_wing, learning_wing, population_wing, surgery_wing, why_wing

WINGS = (kernel_wing, why_wing, surgery_wing, learning_wing, population_wing)
ID, TITLE = "classify", "Classify"
BOTH, QUICK = "both", "lenet"  # two networks on one drawing; the one that also runs in the page
NETWORKS = [("Best", BEST), ("LeNet", QUICK), ("Both", BOTH)]
MOST_MAPS = 32  # shown of one layer
SAMPLES = (2965, 2634, 1780, 2648, 750, 2348, 2477, 1271, 2792, 2238)  # a plain 0 to 9 of the validation split
HARD = (364, 4397)  # of the same split: a crossed 7, and a 3 that is nearly a 9
ROW = (2965, 1780, 2348, 1271, 2792, 364, 4397)  # those below the pad
FOUR = [  # an open 4 in two strokes, for the first look at the room
    [[.335, .185], [.325, .24], [.308, .3], [.288, .36], [.271, .42], [.262, .47], [.266, .515], [.292, .545], [.34, .556],
     [.41, .554], [.49, .546], [.57, .536], [.65, .526], [.722, .518]],
    [[.655, .235], [.648, .31], [.64, .39], [.634, .47], [.628, .55], [.62, .63], [.611, .71], [.602, .79], [.595, .845]],
]


# ---- reading: JSON in, JSON out, for the pad -------------------------------------------------------------------------

def read_drawing(store: Store, payload: dict) -> dict:
    """What a network makes of a drawing.

    payload {"strokes" or "pixels" (base64 of 784 bytes), "brush", "network", "layers": bool} -> {"digit", "p", "score", "likeness",
    "seen", "box", "placed", "network", "layers" if asked for}, or {"empty": True} for a blank pad. For the network "both" that is the
    best one's, and "pair": [LeNet's verdict, the best one's].
    """
    both = payload.get("network") == BOTH
    name, network, calibration = reader_of(store, {**payload, "network": BEST} if both else payload)
    digit = digit_of(payload)
    if digit is None:
        return {"empty": True}
    x = to_model(torch.from_numpy(digit.pixels)[None])
    found = layers(network, x)
    answer = {**verdict(calibration, found[-1].values), "seen": packed(digit.pixels), "box": [round(v, 4) for v in digit.box],
              "placed": [round(float(v), 2) for v in digit.placed], "network": name}
    if both:
        answer["pair"] = [_second_opinion(store, x), {key: answer[key] for key in ("network", "digit", "p", "score", "likeness")}]
    return answer | ({"layers": [_packed(layer) for layer in found]} if payload.get("layers", True) is True else {})


@torch.inference_mode()
def _second_opinion(store: Store, x: torch.Tensor) -> dict:
    name, network, calibration = reader_of(store, {"network": QUICK})
    return {"network": name, **verdict(calibration, network(x)[0].numpy())}


def _packed(layer: Layer) -> dict:
    """A layer as signed bytes for the page; of many maps only the strongest, under their own numbers."""
    values, channels = layer.values, list(range(len(layer.values)))
    if values.ndim == 3 and len(values) > MOST_MAPS:
        channels = sorted(np.abs(values).mean((1, 2)).argsort()[-MOST_MAPS:].tolist())
    size = scale(values)
    small = np.clip(np.rint(values[channels] * (127 / size)), -127, 127).astype(np.int8)
    return {"name": layer.name, "kind": layer.kind, "count": len(values), "size": values.shape[-1] if values.ndim == 3 else 1,
            "channels": channels, "maps": packed(small), "scale": round(size, 4)}


# ---- uploads and programs --------------------------------------------------------------------------------------------

def take_picture(path: str | None) -> dict:
    """An uploaded file, by path, as the pad's drawing; raises DrawingError."""
    if not isinstance(path, str):
        raise ValueError(drawing.NO_PICTURE)
    return _drawing(pixels=packed(drawing.from_picture(path).pixels), picture=True)


def take_network(path: str | None) -> dict:
    """An uploaded file of weights, by path, as one more choice of network, and the chosen one; ValueError."""
    if not isinstance(path, str):
        raise ValueError(NO_FILE)
    name = GUESTS.welcome(path)
    return gr.update(choices=[*NETWORKS, ("Yours", name)], value=name)


def _drawing(strokes=(), pixels: str | None = None, picture: bool = False) -> dict:
    """The pad's value; its brush and network count at the start only."""
    return {"strokes": list(strokes), "pixels": pixels, "picture": picture, "network": BEST, "brush": BRUSH}


def classify(store: Store, picture: list[list[float]] | None = None, strokes: list[list[list[float]]] | None = None,
             network: str = BEST) -> dict:
    """Reads one digit, given as rows of numbers (0 to 1, or 0 to 255) or as strokes of points [x, y] between 0 and 1."""
    if (picture is None) == (strokes is None):
        raise ValueError("Give either a picture or strokes.")
    lab = ClassifierLab(store, choice("network", network, CLASSIFIERS))
    found = lab.classify(_array(picture)) if strokes is None else lab.read(drawing.from_strokes(strokes).pixels)
    return {"digit": found.digit, "probabilities": [float(v) for v in found.probabilities], "likeness": found.likeness}


def _array(rows: object) -> np.ndarray:
    """Rows of numbers -> uint8 (H, W)."""
    try:
        array = np.asarray(rows, np.float64)
    except (ValueError, TypeError, OverflowError):
        array = np.empty(0)
    if array.ndim != 2 or array.size == 0 or not np.all((array >= 0) & (array <= 255)):  # NaN fails
        raise ValueError("A picture must be rows of equal length, of numbers between 0 and 1, or between 0 and 255.")
    return np.uint8(np.rint(array * 255 if array.max() <= 1 else array))


# ---- what the room shows before anyone has drawn ---------------------------------------------------------------------

def record(store: Store) -> dict:
    """The content of recorded/classify.json: a drawn 4 with its reading, and the digits to take."""
    digits = load_digits("validation")
    samples = [{"label": int(digits.labels[i]), "hard": i in HARD, "row": i in ROW, "pixels": packed(digits.images[i].numpy())}
               for i in (*SAMPLES, *HARD)]
    drawn = _drawing(FOUR)
    return {"pad": drawn, "reading": read_drawing(store, drawn), "samples": samples}


# ---- the room --------------------------------------------------------------------------------------------------------

# One listener for both settings: the pad hears them, the drawer's lid says them, the three lines name the network.
SETTINGS_JS = """(network, brush) => {
  Lab.tell("pen", { network, brush: brush / 100 });
  const names = %(names)s, state = (names[network] ?? "Yours") + (brush === %(brush)s ? "" : `, ${brush} %%`);
  const name = network === "%(quick)s" ? network : names[network] ? "classifier" : "yours.safetensors";
  return [{ __type__: "update", label: `Brush, picture, network · ${state}` }, %(code)s.replace("NAME", name)];
}"""
CODE = 'import mnist_lab\nlab = mnist_lab.load("NAME")\nprint(lab.classify("drawing.png"))'
# What may be dropped anywhere in the room: the end of its name -> the button that takes it
DROPS = {".safetensors": "#classify-weights", "": "#classify-picture"}

DROP_WORDS = '<div class="lab"><p class="note">Or drop one here: a picture, or a .safetensors that train.classifier wrote.</p></div>'


def build(store: Store) -> Room:
    recorded = readings.recorded()
    opening("Draw a digit", "Ten numbers follow your pen: how strongly the network believes in each digit.")
    with gr.Row(elem_id="classify-bench"):
        pad = Pad(recorded["pad"], read=answering(store, read_drawing, "read"), steps=answering(store, steps_of, "steps", 10.0),
                 recorded=_part(recorded, "digit", "p", "score", "likeness", "seen", "network"), samples=recorded["samples"],
                 drops=DROPS, drawer="#classify-drawer", elem_id="classify-pad")
        Seen({"recorded": True, **_part(recorded, "seen", "digit")}, elem_id="classify-seen")
        Bars(_part(recorded, "p", "likeness", "network"), elem_id="classify-bars")
        with gr.Accordion("Brush, picture, network · Best", open=False, elem_id="classify-drawer") as drawer:
            brush = gr.Slider(4, 20, 100 * BRUSH, step=1, label="Brush, % of the pad")
            network = gr.Radio(NETWORKS, value=BEST, label="Network", elem_classes="segments", elem_id="classify-network")
            with gr.Row(elem_id="classify-files"):  # any type: the refusals are ours
                picture = gr.UploadButton("Upload a picture", size="md", elem_id="classify-picture")
                weights = gr.UploadButton("Upload a network", size="md", elem_id="classify-weights")
            gr.HTML(DROP_WORDS, container=False, padding=False)
    wing("What it saw on the way", "Each square is one filter’s view of your digit. Touch one to see how it was made.", SCALE)
    Layers(_part(recorded, "layers", "network"), elem_id="classify-layers")
    for part in WINGS:
        part.build(store)
    foot = Foot(CODE.replace("NAME", "classifier"), elem_id="classify-foot")

    names = json.dumps({value: name for name, value in NETWORKS})
    follow = SETTINGS_JS % {"brush": int(100 * BRUSH), "code": json.dumps(CODE), "names": names, "quick": QUICK}
    for control in (network, brush):
        control.change(None, [network, brush], [drawer, foot], js=follow)
    picture.upload(friendly(take_picture), picture, pad, show_progress="hidden", api_visibility="private")
    weights.upload(friendly(take_network), weights, network, show_progress="hidden", api_visibility="private")

    def api(picture: list[list[float]] | None = None, strokes: list[list[list[float]]] | None = None, network: str = BEST) -> dict:
        return classify(store, picture, strokes, network)

    gr.api(friendly(api), api_name="classify", api_description=classify.__doc__)
    return Room(ID, TITLE, {"network": network, "brush": brush})


def _part(recorded: dict, *keys: str) -> dict:
    return {key: recorded["reading"][key] for key in keys}
