"""The GAN room's handlers as plain functions: their answers, what they refuse, and that what is recorded belongs to the shipped weights."""

import base64
import io
import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

from mnist_lab.checkpoint import Store, fingerprint
from mnist_lab.data import one_hot, to_pictures
from mnist_lab.explain.forging import forging
from mnist_lab.labs import GanLab
from mnist_lab.models import ResidualGenerator
from mnist_lab.ui import gan_tab
from mnist_lab.ui.forgery import floats, floats_from, generator_of
from mnist_lab.ui.readings import answer
from mnist_lab.ui.widgets import packed
from mnist_lab.ui.wings import gan_invert_wing, gan_judge_wing, gan_morph_wing

PIXELS = packed(np.eye(28, dtype=np.uint8) * 255)
ZERO = floats(torch.zeros(64))


@pytest.fixture(scope="module")
def recorded() -> dict:
    return json.loads(gan_tab.RECORDED.read_text(encoding="utf-8"))


# ---- what is recorded


def test_the_first_look_is_what_the_generator_makes(store, recorded):
    look, lab = recorded["plane"], GanLab(store)
    assert look["basis"] == gan_tab.slice_of(store, {"seeds": list(gan_tab.SEEDS)})["basis"]
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(look["sheet"].split(",")[1]))))
    place = gan_tab.LAND * gan_tab.LAND  # the digit at the handle
    y, x = place // gan_tab.SHEET_COLUMNS * 28, place % gan_tab.SHEET_COLUMNS * 28
    made = np.asarray(lab.at(*look["at"], seeds=gan_tab.SEEDS, digit=look["digit"]))
    assert np.abs(sheet[y:y + 28, x:x + 28].astype(int) - made).max() <= 2
    assert int(np.argmax(look["p"])) == look["digit"]


def test_the_recorded_directions_are_those_of_the_shipped_generator(store, recorded):
    kept = recorded["directions"]
    assert kept["weights"] == fingerprint(store["gan"])
    for one, found in zip(kept["directions"], GanLab(store).directions(), strict=True):
        assert one["name"] == found.name
        assert abs(float(floats_from(one["vector"], 64) @ found.vector)) > 0.99


def test_the_recorded_search_ends_nearer_than_it_began(recorded):
    found = recorded["invert"]
    assert found["steps"][-1] == gan_invert_wing.STEPS
    assert found["errors"][-1] < found["errors"][0] / 2


def test_safe_is_read_and_wild_is_varied(recorded):
    wild = recorded["wild"]
    assert wild["asked"][0] == 1 > wild["asked"][-1]
    trained = wild["wildness"].index(1.0)
    assert wild["variety"][:trained + 1] == sorted(wild["variety"][:trained + 1])
    assert wild["variety"][trained] == 1 < min(wild["variety"][trained + 1:])


def test_the_judge_prefers_real_digits(recorded):
    gauge = recorded["judge"]
    at = np.linspace(*gauge["range"], len(gauge["real"]))
    assert np.dot(at, gauge["real"]) > np.dot(at, gauge["fake"]) + 0.5
    assert sum(gauge["real"]) == pytest.approx(1, abs=0.02)


# ---- answers


@pytest.mark.parametrize("network", ["shipped", "residual"])
def test_the_generator_s_steps_are_whole(store, network):
    generator = store["gan"] if network == "shipped" else ResidualGenerator().eval()
    steps = forging(generator)
    assert steps[0].shape == (74,)
    assert steps[-1].shape == (1, 32, 32)
    assert all(max(s.inputs, default=-1) < k for k, s in enumerate(steps))


def test_the_generator_travels_as_half_floats(store):
    answer = generator_of(store, {})
    count = sum(s["weight"] + s["bias"] for s in answer["steps"])
    assert len(base64.b64decode(answer["weights"])) == 2 * count


def test_a_slice_through_seeds_holds_them(store):
    lab, found = GanLab(store), gan_tab.slice_of(store, {"seeds": [3, 4, 5]})
    centre, right, up = floats_from(found["basis"], 3, 64)
    for seed, (x, y) in zip((3, 4), found["pins"], strict=True):
        torch.testing.assert_close(centre + 8 * (x * right + y * up), lab.latent(seed)[0], atol=1e-2, rtol=0)


def test_a_slice_through_points_is_that_through_their_seeds(store):
    lab = GanLab(store)
    points = [floats(lab.latent(3)[0]), floats(lab.latent(4)[0]), ZERO]
    assert gan_tab.slice_of(store, {"points": points}) == gan_tab.slice_of(store, {"seeds": [3, 4]})


@pytest.mark.parametrize("kind", ["gif", "png"])
def test_a_film_to_take_away(store, kind):
    lab = GanLab(store)
    stops = [{"digit": d, "z": floats(lab.latent(s)[0])} for d, s in ((2, 11), (7, 12))]
    file = gan_morph_wing.film(store, {"kind": kind, "path": "spherical", "loop": True, "stops": stops})["file"]
    picture = Image.open(io.BytesIO(base64.b64decode(file.split(",")[1])))
    first = np.asarray(to_pictures(lab.generator(lab.latent(11), one_hot(torch.tensor([2]))))[0]).astype(int)
    if kind == "gif":
        assert picture.n_frames > 2 * gan_morph_wing.A_LEG - 3  # Pillow merges frames that are equal
        assert picture.size == (28 * gan_morph_wing.SCALE,) * 2
        begun = np.asarray(picture.convert("L"))[::gan_morph_wing.SCALE, ::gan_morph_wing.SCALE]
    else:
        begun = np.asarray(picture)[:28 * gan_morph_wing.STRIP_SCALE:gan_morph_wing.STRIP_SCALE, :28 * gan_morph_wing.STRIP_SCALE:gan_morph_wing.STRIP_SCALE]
    assert np.abs(begun - first).max() <= 1


def test_a_search_goes_on_from_the_last_answer(store):
    first = gan_invert_wing.search(store, {"pixels": PIXELS, "label": 1})
    second = gan_invert_wing.search(store, {"pixels": PIXELS, "label": 1, "state": json.loads(json.dumps(first["state"]))})
    assert (first["step"], second["step"]) == (0, gan_invert_wing.A_CALL)
    assert first["digit"] == second["digit"] == 1
    assert second["error"] < first["error"]


def test_obeying_brings_a_film_of_rising_scores(store, recorded):
    seen = {"pixels": recorded["judge"]["first"], "label": recorded["judge"]["digit"]}
    plain, obeyed = gan_judge_wing.judge(store, seen), gan_judge_wing.judge(store, {**seen, "steps": 3})
    assert plain.keys() == {"score", "wish"}
    assert [plain["score"], *obeyed["scores"]] == sorted([plain["score"], *obeyed["scores"]])
    assert len(base64.b64decode(obeyed["film"])) == 3 * 784
    assert obeyed["score"] == obeyed["scores"][-1]


# ---- refusals


@pytest.mark.parametrize("handler, payload", [
    *((gan_tab.slice_of, p) for p in ({}, {"seeds": [1]}, {"seeds": "12"}, {"seeds": [1, -1]}, {"seeds": [1, 1]}, {"points": [ZERO]}, {"points": 3},
                                      {"points": [ZERO, ZERO, "x"]}, {"points": [ZERO, ZERO, floats(torch.full((64,), math.nan))]},
                                      {"points": [ZERO, ZERO, floats(torch.full((64,), 1e9))]})),
    *((gan_morph_wing.latents, p) for p in ({}, {"seeds": 5}, {"seeds": [0] * 65}, {"seeds": [1.5]})),
    *((gan_morph_wing.film, p) for p in ({}, {"kind": "exe"}, {"kind": "gif", "stops": []}, {"kind": "gif", "stops": [1, 2]},
                                         {"kind": "gif", "stops": [{}] * 9},
                                         {"kind": "gif", "path": "linear", "stops": [{"digit": 1, "z": ZERO}, {"digit": 11, "z": ZERO}]},
                                         {"kind": "gif", "path": "zigzag", "stops": [{"digit": 1, "z": ZERO}] * 2})),
    *((gan_invert_wing.search, p) for p in ({}, {"pixels": PIXELS, "label": 10}, {"pixels": PIXELS, "state": 3}, {"pixels": PIXELS, "state": {"digits": []}},
                                            {"pixels": PIXELS, "state": {"digits": [1], "numbers": ZERO, "step": 0}},
                                            {"pixels": PIXELS, "state": {"digits": [1], "numbers": floats(torch.zeros(192)), "step": -1}})),
    *((gan_judge_wing.judge, p) for p in ({}, {"pixels": PIXELS}, {"pixels": PIXELS, "label": "4"}, {"pixels": PIXELS, "label": 4, "steps": 99})),
], ids=str)
def test_any_json_gets_a_sentence(store, handler, payload):
    found = answer(store, handler, payload)
    assert set(found) == {"error"}
    assert found["error"].endswith(".")
    assert "\n" not in found["error"]


@pytest.mark.parametrize("handler, payload", [
    (generator_of, {}), (gan_tab.slice_of, {"seeds": [1, 2]}), (gan_judge_wing.judge, {"pixels": PIXELS, "label": 1}),
])
def test_missing_weights_are_a_sentence(tmp_path, handler, payload):
    assert "make train-gan" in answer(Store(tmp_path), handler, payload)["error"]
