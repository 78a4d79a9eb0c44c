"""The app without a browser: it opens before any model is loaded, and its handlers answer bad input in a sentence."""

import base64
import functools
import math
import shutil
import zlib

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from mnist_lab import checkpoint
from mnist_lab.checkpoint import Metadata, Store
from mnist_lab.labs import Calibration, ClassifierLab, DiffusionLab
from mnist_lab.models import LeNet, ResNet
from mnist_lab.ui import classify_tab, diffusion_tab, examples, gan_tab, readings, record
from mnist_lab.ui.app import build
from mnist_lab.ui.controls import friendly
from mnist_lab.ui.guests import Guests

STROKE = [[[0.5, 0.1], [0.5, 0.9]]]


class Untouched(Store):
    def load(self, name):
        raise AssertionError(f"{name} was loaded")


def test_the_page_is_built_before_any_model_is_loaded(tmp_path):
    build(Untouched(tmp_path))  # an empty folder: the rooms open even where weights are missing


def test_what_the_page_is_told_of_a_part_does_not_hold_the_whole_app(tmp_path):
    """Gradio takes a property for an event where a script has its name in quotes: a partial of the listener, copied with all of the app at every visit."""
    told = [(c["props"].get("elem_id"), key) for c in build(Untouched(tmp_path)).config["components"] for key, value in c["props"].items()
            if isinstance(value, functools.partial)]
    assert told == []


def test_recorded_runs_are_marked_and_whole():
    film = diffusion_tab.recorded()["film"]
    assert film["recorded"]
    assert len(film["alpha_bar"]) == film["total"] + 1 and film["labels"] == [-1, *range(10)]


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


# ---- calibration: probabilities and likeness, the same everywhere

LOGITS = np.array([4, 1, 0, -2, 0, 0, 0, 0, 0, 0], np.float32)


def test_temperature_makes_probabilities_milder_and_changes_nothing_else():
    plain, mild = Calibration().probabilities(LOGITS), Calibration(2.0).probabilities(LOGITS)
    np.testing.assert_allclose(plain, torch.tensor(LOGITS).softmax(0), rtol=1e-6)
    np.testing.assert_allclose(mild, (torch.tensor(LOGITS) / 2).softmax(0), rtol=1e-6)
    assert Calibration(2.0, 1, 2).score(LOGITS) == pytest.approx(np.log(np.exp(LOGITS.astype(float)).sum()))


def test_likeness_is_a_half_at_the_threshold_and_one_for_the_usual_digit():
    score = Calibration().score(LOGITS)
    assert Calibration().likeness(LOGITS) is None
    assert Calibration(3, score, score + 5).likeness(LOGITS) == pytest.approx(0.5)
    assert Calibration(3, score - 5, score).likeness(LOGITS) == pytest.approx(1)
    assert Calibration(3, score - 2, score + 2).likeness(LOGITS) == pytest.approx(0.75)
    assert [Calibration(1, t, t + 1).likeness(LOGITS) for t in (score - 9, score + 9)] == [1, 0]


@pytest.mark.parametrize("given", [
    {"temperature": 0}, {"temperature": "warm"}, {"temperature": math.nan}, {"threshold": 1}, {"threshold": 2, "typical": 1},
    {"threshold": "a", "typical": 3}, {"threshold": math.inf, "typical": 3},
], ids=str)
def test_a_calibration_that_makes_no_sense_is_refused(given):
    with pytest.raises(ValueError, match=r"\.$"):
        Calibration.of({"calibration": given})


@pytest.fixture
def calibrated(checkpoints, tmp_path) -> Store:
    """The shipped classifiers with made-up calibrations."""
    for name in ("lenet", "resnet"):
        path = tmp_path / "mnist" / f"{name}.safetensors"
        path.parent.mkdir(exist_ok=True)
        shutil.copy(checkpoints / "mnist" / f"{name}.safetensors", path)
        checkpoint.update(path, settings={"calibration": {"temperature": 2.0, "threshold": 0.0, "typical": 1000.0}})
    return Store(tmp_path)


def test_page_pad_and_lab_agree_about_a_calibrated_network(calibrated):
    answer = classify_tab.read_drawing(calibrated, {"strokes": STROKE, "network": "lenet"})
    assert readings.steps_of(calibrated, {"network": "lenet"})["calibration"] == {"temperature": 2.0, "threshold": 0.0, "typical": 1000.0}
    verdict = ClassifierLab(calibrated, "lenet").read(readings.digit_of({"strokes": STROKE}).pixels)
    np.testing.assert_allclose(answer["p"], verdict.probabilities, atol=1e-6)
    assert answer["likeness"] == pytest.approx(verdict.likeness, abs=1e-3) == pytest.approx(0.5 + answer["score"] / 2000, abs=1e-3)


# ---- two networks, and those that visitors bring

def test_both_networks_read_the_same_drawing(store):
    both = classify_tab.read_drawing(store, {"strokes": STROKE, "network": "both"})
    for found, name in zip(both["pair"], ("lenet", "resnet"), strict=True):
        alone = classify_tab.read_drawing(store, {"strokes": STROKE, "network": name, "layers": False})
        assert found["network"] == name and found["digit"] == alone["digit"]
        np.testing.assert_allclose(found["p"], alone["p"], atol=1e-6)
    assert both["network"] == "resnet" and both["p"] == both["pair"][1]["p"]


def weights(folder, name: str, network: nn.Module, **metadata):
    path = folder / f"{name}.safetensors"
    checkpoint.save(path, network, Metadata(**{"model": "lenet", "config": {"batch_norm": False}, **metadata}))
    return path


def test_a_guest_is_read_and_run_like_any_network(store, tmp_path):
    torch.manual_seed(0)
    model = LeNet()
    name = readings.GUESTS.welcome(weights(tmp_path, "mine", model, settings={"calibration": {"temperature": 1.5}}))
    assert name.startswith("guest-")
    answer = classify_tab.read_drawing(store, {"strokes": STROKE, "network": name})
    with torch.inference_mode():
        expected = (model.eval()(readings.input_of({"strokes": STROKE}))[0] / 1.5).softmax(0)
    np.testing.assert_allclose(answer["p"], expected, atol=1e-5)
    assert answer["network"] == name and readings.steps_of(store, {"network": name})["calibration"]["temperature"] == 1.5


def test_the_guest_not_seen_for_longest_leaves(store, tmp_path):
    guests, path = Guests(most=2), weights(tmp_path, "mine", LeNet())
    first, second = guests.welcome(path), guests.welcome(path)
    guests.load(first)
    third = guests.welcome(path)
    assert len({first, second, third}) == 3
    assert guests.load(first) and guests.load(third)
    with pytest.raises(ValueError, match="no longer here"):
        guests.load(second)
    gone = readings.answer(store, classify_tab.read_drawing, {"strokes": STROKE, "network": second})
    assert "no longer here" in gone["error"]


def bad_files(folder, checkpoints) -> dict:
    """name -> (a file that is no classifier of ours, what is said about it)."""
    nan, loud = LeNet(), LeNet()
    nn.init.constant_(nan.logits.bias, math.nan)
    for weight in loud.parameters():
        nn.init.constant_(weight, 1e30)  # its answer is infinite
    good = weights(folder, "good", LeNet())
    (folder / "half.safetensors").write_bytes(good.read_bytes()[:5000])
    (folder / "notes.safetensors").write_text("no weights")
    (folder / "notes.txt").write_text("no weights")
    return {
        "text": (folder / "notes.txt", "no .safetensors file"), "half": (folder / "half.safetensors", "not a whole"),
        "renamed": (folder / "notes.safetensors", "not a whole"), "gan": (checkpoints / "mnist" / "gan.safetensors", "does not read digits"),
        "diffusion": (checkpoints / "mnist" / "diffusion.safetensors", "does not read digits"), "nan": (weights(folder, "nan", nan), "no numbers"),
        "loud": (weights(folder, "loud", loud), "ten numbers"),
        "unknown": (weights(folder, "unknown", LeNet(), model="oracle"), "known are"),
        "huge": (weights(folder, "huge", LeNet(), model="resnet", config={"widths": [10**5] * 3}), "too large"),
        "narrow": (weights(folder, "narrow", ResNet(ResNet.Config((0, 1, 1))), model="resnet", config={"widths": [0, 1, 1]}), "can't read a picture"),
        "other": (weights(folder, "other", LeNet(), model="resnet", config={"widths": [4, 4, 4]}), "do not fit"),
        "odd": (weights(folder, "odd", LeNet(), config={"depth": "far"}), "does not fit"),
        "cold": (weights(folder, "cold", LeNet(), settings={"calibration": {"temperature": 0}}), "temperature"),
        "list": (weights(folder, "list", LeNet(), settings={"calibration": [1]}), "calibration must be"),
    }


@pytest.mark.parametrize("name", ["text", "half", "renamed", "gan", "diffusion", "nan", "loud", "unknown", "huge", "narrow", "other", "odd", "cold", "list"])
def test_other_files_are_turned_away_in_a_sentence(name, tmp_path, checkpoints):
    path, words = bad_files(tmp_path, checkpoints)[name]
    with pytest.raises(gr.Error) as caught:
        friendly(classify_tab.take_network)(str(path))
    assert words in caught.value.message and "\n" not in caught.value.message and caught.value.message[-1] in ".)"


def test_what_a_file_says_of_itself_is_text_and_no_page(tmp_path):
    path = weights(tmp_path, "bold", LeNet(), model="<b>bold</b>")
    with pytest.raises(gr.Error) as caught:
        friendly(classify_tab.take_network)(str(path))
    assert "<" not in caught.value.message and "&lt;b&gt;bold" in caught.value.message


def test_a_guest_becomes_the_chosen_network(tmp_path):
    update = classify_tab.take_network(str(weights(tmp_path, "mine", LeNet())))
    assert update["choices"][-1] == ("Yours", update["value"]) and len(update["choices"]) == 4


def test_missing_weights_are_a_sentence_in_the_pad(tmp_path):
    assert readings.answer(Store(tmp_path), classify_tab.read_drawing, {"strokes": STROKE})["error"].endswith(".")


FILM = {"which": "one", "label": "3", "steps": 2, "guidance": 1.0, "sampler": "ddim", "schedule": "cosine", "seed": 1, "eta": 0.0,
        "beta_first": 1e-4, "beta_last": 0.02}


def film(store, **changes) -> list[dict]:
    return list(diffusion_tab.generate_film(store, **{**FILM, **changes}))


def cells(frame: dict) -> np.ndarray:
    """(x, x0, and eps where every label is there; columns; pixels)."""
    return np.frombuffer(zlib.decompress(base64.b64decode(frame["cells"])), np.uint8).reshape(-1, len(frame["columns"]), 784)


def test_a_film_has_every_step_and_the_labels_asked_for(store):
    frames = film(store)
    assert [f["index"] for f in frames] == [0, 1, 2]
    assert {f["run"] for f in frames} == {frames[0]["run"]}
    assert all(f["labels"] == [3] and cells(f).shape == (3, 1, 784) for f in frames)
    assert cells(film(store, which="all")[0]).shape == (3, 11, 784)


def test_a_film_shows_the_noise_that_the_network_sees(store):
    """In 16 greys from -1.7 to 1.7, as pure noise is shown: half a grey off at most, where it is not beyond them."""
    lab = DiffusionLab(store)
    for sent, frame in zip(film(store), lab.frames(lab.sampling([3], steps=2, seed=1, guidance=1.0)), strict=True):
        eps = frame.eps[0, 0, 2:30, 2:30].numpy().clip(-1.7, 1.7)
        shown = (cells(sent)[2, 0].reshape(28, 28) / 127.5 - 1) * 1.7
        assert np.abs(shown - eps).max() < 1.7 / 15 + 0.02


def test_a_film_is_of_the_network_that_was_chosen(store):
    ours, baseline = film(store)[-1], film(store, network="unet")[-1]
    assert (ours["settings"]["network"], baseline["settings"]["network"]) == ("diffusion", "unet")
    assert np.array_equal(cells(film(store)[0])[0], cells(film(store, network="unet")[0])[0])  # from the same noise
    assert not np.array_equal(cells(ours), cells(baseline))


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_a_long_film_is_light_and_has_every_step_of_the_chosen_label(store, sampler, monkeypatch):
    monkeypatch.setattr(DiffusionLab, "denoiser", lambda lab, s: lambda x, alpha_bar: x * (1 - alpha_bar).sqrt())  # static to the end
    frames = film(store, which="all", steps=1000, sampler=sampler)
    assert all(4 in f["columns"] for f in frames)
    assert all(len(f["columns"]) == 11 and len(cells(f)) == 3 for f in (frames[0], frames[25], frames[-1]))
    assert sum(len(f["cells"]) for f in frames) < 3e6


def test_the_film_of_one_label_is_that_of_all(store):
    one, among_all = cells(film(store)[-1])[0, 0].astype(int), cells(film(store, which="all")[-1])[0, 4].astype(int)
    assert np.abs(one - among_all).max() <= 1


@pytest.mark.parametrize("changes", [
    {"steps": 0}, {"steps": 10_001}, {"steps": None}, {"guidance": math.nan}, {"sampler": ["ddim"]}, {"schedule": "stairs"}, {"label": "eleven"},
    {"which": "some"}, {"seed": -1}, {"eta": 2}, {"beta_first": 0.03}, {"negative": "eleven"}, {"guided_from": 0.8, "guided_to": 0.2}, {"tau": 0},
    {"curve": "0,x"}, {"curve": 5}, {"curve": "0," * 2000 + "1"}, {"variance": None}, {"network": "gan"},
], ids=str)
def test_bad_settings_become_a_message_for_the_visitor(store, changes):
    with pytest.raises(gr.Error) as caught:
        list(friendly(lambda: (yield from diffusion_tab.generate_film(store, **{**FILM, **changes})))())
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize("values", [(10, 1, 2, 3, "linear"), (1, None, 2, 3, "linear"), (1, 1, 2, math.nan, "linear"), (1, 1, 2, 3, "zigzag")], ids=str)
def test_bad_walks_become_a_message_for_the_visitor(store, values):
    with pytest.raises(gr.Error) as caught:
        friendly(gan_tab.api(store))(*values)
    assert caught.value.message.endswith(".")


def test_recording_writes_what_every_room_opens_with(monkeypatch, tmp_path):
    """`make record` with its slow parts left out: every room's file is written where that room reads it."""
    for place in (readings, gan_tab, diffusion_tab, examples):
        monkeypatch.setattr(place, "RECORDED", tmp_path / f"{place.__name__}{place.RECORDED.suffix}")
    picture = Image.new("L", (2, 2))
    for part, content in ((classify_tab, {"pad": 1}), (gan_tab, {"gan": 1}), (diffusion_tab, ({"film": {}}, picture, picture)), (examples, picture)):
        monkeypatch.setattr(part, "record", lambda store, content=content: content)
    record.main()
    assert readings.recorded() == {"pad": 1}
    assert {p.suffix for p in tmp_path.iterdir()} == {".json", ".jpg", ".png"} and len(list(tmp_path.iterdir())) == 6
