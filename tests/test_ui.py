"""The app without a browser: it opens before any model is loaded, and its handlers answer bad input in a sentence."""

import base64
import math

import gradio as gr
import numpy as np
import pytest

from mnist_lab.checkpoint import Store
from mnist_lab.ui import classify_tab, diffusion_tab, gan_tab, readings
from mnist_lab.ui.app import build
from mnist_lab.ui.controls import friendly

STROKE = [[[0.5, 0.1], [0.5, 0.9]]]


class Untouched(Store):
    def load(self, name):
        raise AssertionError(f"{name} was loaded")


def test_the_page_is_built_before_any_model_is_loaded(tmp_path):
    build(Untouched(tmp_path))  # an empty folder: the rooms open even where weights are missing


def test_recorded_runs_are_marked_and_whole():
    film, walk = diffusion_tab.recorded(), gan_tab.json.loads(gan_tab.RECORDED.read_text())
    assert film["recorded"] and walk["recorded"]
    assert len(film["alpha_bar"]) == film["total"] + 1 and film["labels"] == [-1, *range(10)]
    assert len(base64.b64decode(walk["latents"])) % walk["count"] == 0 and len(walk["lengths"]) == walk["count"]


@pytest.mark.parametrize("payload", [
    None, 3, [], "text", {"strokes": "x"}, {"strokes": [[["a", 1]]]}, {"strokes": [[[math.nan, 0.5]]]}, {"strokes": [[[1e9, 0.5]]]},
    {"strokes": STROKE, "brush": 9}, {"strokes": STROKE, "brush": "fat"}, {"strokes": STROKE, "network": "oracle"}, {"strokes": STROKE, "network": ["lenet"]},
    {"strokes": [STROKE[0]] * 10_000}, {"pixels": "not base64"}, {"pixels": base64.b64encode(b"short").decode()}, {"pixels": 5},
], ids=str)
def test_any_json_sent_to_the_pad_gets_a_sentence(store, payload):
    answer = readings.answer(store, classify_tab.read_drawing, payload)
    assert set(answer) == {"error"} and answer["error"].endswith(".") and "\n" not in answer["error"]


@pytest.mark.parametrize("payload", [{}, {"strokes": []}, {"pixels": base64.b64encode(bytes(784)).decode()}], ids=str)
def test_a_blank_pad_gets_a_hint_and_no_verdict(store, payload):
    assert classify_tab.read_drawing(store, payload) == {"empty": True}


def test_a_stroke_gets_a_verdict_and_every_layer(store):
    answer = classify_tab.read_drawing(store, {"strokes": STROKE, "network": "lenet"})
    assert answer["digit"] == 1
    assert sum(answer["p"]) == pytest.approx(1, abs=1e-3)
    kinds = [layer["kind"] for layer in answer["layers"]]
    assert kinds == ["conv", "pool", "conv", "pool", "conv", "pool", "dense", "dense", "answer"]
    for layer in answer["layers"]:
        assert len(base64.b64decode(layer["maps"])) == len(layer["channels"]) * layer["size"] ** 2


def test_missing_weights_are_a_sentence_in_the_pad(tmp_path):
    assert readings.answer(Store(tmp_path), classify_tab.read_drawing, {"strokes": STROKE})["error"].endswith(".")


FILM = {"which": "one", "label": "3", "steps": 2, "guidance": 1.0, "sampler": "ddim", "schedule": "cosine", "seed": 1, "eta": 0.0,
        "beta_first": 1e-4, "beta_last": 0.02}


def film(store, **changes) -> list[dict]:
    return list(diffusion_tab.generate_film(store, *{**FILM, **changes}.values()))


def test_a_film_has_every_step_and_the_labels_asked_for(store):
    frames = film(store)
    assert [f["index"] for f in frames] == [0, 1, 2]
    assert {f["run"] for f in frames} == {frames[0]["run"]}
    assert all(f["labels"] == [3] and len(base64.b64decode(f["x"])) == 784 for f in frames)
    assert len(base64.b64decode(film(store, which="all")[0]["x0"])) == 11 * 784


def test_the_film_of_one_label_is_that_of_all(store):
    one = np.frombuffer(base64.b64decode(film(store)[-1]["x"]), np.uint8).astype(int)
    among_all = np.frombuffer(base64.b64decode(film(store, which="all")[-1]["x"]), np.uint8).reshape(11, 784)[4].astype(int)
    assert np.abs(one - among_all).max() <= 1


@pytest.mark.parametrize("changes", [
    {"steps": 0}, {"steps": 10_001}, {"steps": None}, {"guidance": math.nan}, {"sampler": ["ddim"]}, {"schedule": "stairs"}, {"label": "eleven"},
    {"which": "some"}, {"seed": -1}, {"eta": 2}, {"beta_first": 0.03},
], ids=str)
def test_bad_settings_become_a_message_for_the_visitor(store, changes):
    with pytest.raises(gr.Error) as caught:
        list(friendly(lambda: (yield from diffusion_tab.generate_film(store, *{**FILM, **changes}.values())))())
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize("values", [(10, 1, 2, 3, "linear"), (1, None, 2, 3, "linear"), (1, 1, 2, math.nan, "linear"), (1, 1, 2, 3, "zigzag")], ids=str)
def test_bad_walks_become_a_message_for_the_visitor(store, values):
    with pytest.raises(gr.Error) as caught:
        friendly(gan_tab.morph)(store, *values)
    assert caught.value.message.endswith(".")
