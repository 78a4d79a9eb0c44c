"""The population: what is stored is what the shipped networks make of the test split, and a drawing lands where its features lie."""

import base64
import dataclasses
import shutil

import numpy as np
import pytest
import torch

from mnist_lab import metrics, population
from mnist_lab.checkpoint import CheckpointError, Store, fingerprint, save
from mnist_lab.data import Digits, to_model
from mnist_lab.explain import layers
from mnist_lab.plots import charts, style
from mnist_lab.population import NEIGHBOURS, Population
from mnist_lab.ui.readings import answer
from mnist_lab.ui.wings import population_wing as wing
from train import population as making

NETWORKS = ("lenet", "resnet")
SAMPLE = slice(None, None, 20)  # 100 of the 2,000 digits of a map


@pytest.fixture(scope="module", params=NETWORKS)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def stored(store, name) -> Population:
    return population.load(population.path_of(store.folder, name))


# ---- what is stored is what the shipped weights do

def test_it_belongs_to_the_shipped_weights_and_is_no_model(store, name, stored):
    assert stored.fingerprint == fingerprint(store[name])
    assert population.path_of(store.folder, name).stat().st_size < 3e6
    assert not any("population" in model for model in store.names())


def test_a_sample_of_the_map_read_again(store, name, stored, test_digits):
    where = stored.map
    index = where.index[SAMPLE]
    assert len(index) == 100 and torch.bincount(where.labels).tolist() == [making.EACH] * 10
    assert torch.equal(where.images[SAMPLE], test_digits.images[index]) and torch.equal(where.labels, test_digits.labels[where.index])
    again = metrics.read(store[name], where.images[SAMPLE])
    torch.testing.assert_close(where.features[SAMPLE].double(), again.features, rtol=2e-3, atol=2e-3)
    assert torch.equal(where.read[SAMPLE], again.digit)


def test_pictures_in_a_cell_are_labelled_and_read_so(store, name, stored, test_digits):
    gallery = stored.gallery
    assert torch.equal(gallery.images, test_digits.images[gallery.index]) and torch.equal(gallery.labels, test_digits.labels[gallery.index])
    again = metrics.read(store[name], gallery.images)
    assert torch.equal(gallery.read, again.digit)
    calibrated = (again.logits / stored.metadata.settings["temperature"]).softmax(1).max(1).values
    torch.testing.assert_close(gallery.confidence, calibrated, rtol=1e-3, atol=1e-4)
    for r in range(10):
        for c in range(10):
            inside = gallery.cells[r, c][gallery.cells[r, c] >= 0]
            assert len(inside) == min(stored.confusion[r, c], making.IN_A_CELL)
            assert (gallery.labels[inside] == r).all() and (gallery.read[inside] == c).all()


def test_the_worst_mistakes_are_the_surest(stored):
    gallery, worst = stored.gallery, stored.gallery.worst
    mistakes = stored.confusion.sum() - stored.confusion.trace()
    assert len(worst) == min(making.WORST, mistakes)
    assert (gallery.labels[worst] != gallery.read[worst]).all()
    assert (gallery.confidence[worst].diff() <= 0).all()
    others = [i for i in (gallery.labels != gallery.read).nonzero()[:, 0].tolist() if i not in worst.tolist()]
    assert not others or gallery.confidence[others].max() <= gallery.confidence[worst].min()


def test_counts_are_of_the_whole_test_split(stored, test_digits):
    assert torch.equal(stored.confusion.sum(1), torch.bincount(test_digits.labels))
    assert stored.histograms.counts.sum(1).tolist() == [len(test_digits)] * making.FEATURES
    assert stored.calibration.count.sum() == len(test_digits)


def test_histograms_have_the_mean_they_say(stored):
    h = stored.histograms
    middles, share = (h.edges[:, 1:] + h.edges[:, :-1]) / 2, h.counts / h.counts.sum(1, keepdim=True)
    half = (h.edges[:, 1] - h.edges[:, 0]) / 2
    assert ((share * middles).sum(1) - h.mean).abs().le(half).all()
    assert ((share * (middles - h.mean[:, None]) ** 2).sum(1).sqrt() - h.std).abs().le(2 * half).all()


def test_the_calibration_curve_gives_its_error(stored):
    c = stored.calibration
    error = (c.count * (c.accuracy - c.confidence).abs()).sum() / c.count.sum()
    assert error.item() == pytest.approx(stored.metadata.scores["calibration_error"], abs=1e-5)
    right = (c.count * c.accuracy).sum() / c.count.sum()
    assert right.item() == pytest.approx((stored.confusion.trace() / stored.confusion.sum()).item(), abs=1e-5)


@pytest.mark.slow
def test_mean_activations_computed_again(store, test_digits):
    stored = population.load(population.path_of(store.folder, "lenet"))
    again, last = making.mean_activations(store["lenet"], test_digits)
    assert list(again) == list(stored.layers)
    for layer, values in again.items():
        torch.testing.assert_close(values, stored.layers[layer], rtol=2e-3, atol=1e-3)
    torch.testing.assert_close(last, stored.last, rtol=2e-3, atol=1e-3)


def test_mean_activations_are_means_of_what_hooks_see(store, name, test_digits):
    some = test_digits[:12]
    means, last = making.mean_activations(store[name], some, batch=5)
    seen = [{layer.name: layer.values for layer in layers(store[name], to_model(image[None]))} for image in some.images]
    for label in some.labels.unique():
        own = [one for one, other in zip(seen, some.labels, strict=True) if other == label]
        for layer, values in means.items():
            expected = np.mean([one[layer].mean((1, 2)) for one in own], 0)
            np.testing.assert_allclose(values[label].float(), expected, rtol=2e-3, atol=2e-3)
        final = [layer for layer in means if layer.startswith("Convolution")][-1]
        np.testing.assert_allclose(last[label].float(), np.mean([one[final] for one in own], 0), rtol=3e-3, atol=5e-3)


# ---- the map

def test_projecting_a_stored_digit_gives_its_place(stored):
    where = stored.map
    for i in range(0, len(where.labels), 97):
        landing = population.land(where, where.features[i])
        torch.testing.assert_close(landing.pca, where.pca[i], rtol=1e-4, atol=1e-4)
        assert landing.near[0] == i and landing.distance[0] < 1e-3
        torch.testing.assert_close(landing.tsne, where.tsne[i], rtol=1e-2, atol=1e-2)


def test_directions_are_orthonormal_and_in_order(stored):
    where = stored.map
    torch.testing.assert_close(where.components @ where.components.T, torch.eye(3), rtol=0, atol=1e-5)
    assert (where.pca.var(0).diff() <= 0).all()


def test_principal_directions_of_a_stretched_cloud():
    points = torch.randn(4000, 5, generator=torch.Generator().manual_seed(1)) * torch.tensor([1., 9, 1, 5, 3]) + 2
    mean, components = making.principal(points)
    torch.testing.assert_close(mean, points.mean(0))
    expected = torch.zeros(3, 5)
    expected[0, 1] = expected[1, 3] = expected[2, 4] = 1
    torch.testing.assert_close(components, expected, rtol=0, atol=.06)


def test_a_drawing_lands_nearer_to_its_nearer_neighbours():
    where = population.Map(*[torch.zeros(0)] * 4, features=torch.tensor([[0.], [1], [100], [100], [100], [101]]), mean=torch.zeros(1),
                           components=torch.zeros(3, 1), pca=torch.zeros(6, 3), tsne=torch.tensor([[0.], [1], [0], [0], [0], [9]]).expand(6, 3))
    landing = population.land(where, torch.tensor([.25]))
    assert landing.near[:2].tolist() == [0, 1] and 5 not in landing.near
    weights = 1 / torch.tensor([.25, .75, 99.75, 99.75, 99.75])
    torch.testing.assert_close(landing.tsne, (weights[1] / weights.sum()).expand(3), rtol=1e-4, atol=1e-5)


def test_far_is_the_distance_nearly_all_digits_keep():
    line = torch.arange(1000.)[:, None]  # 1, 1, 2, 2, 3 from the nearest, but 1 to 5 at both ends
    where = population.Map(*[torch.zeros(0)] * 4, line, *[torch.zeros(0)] * 4)
    assert making.far(where) == pytest.approx(1.8)


# ---- the file

@pytest.mark.slow
def test_a_population_is_written_and_comes_back(store, test_digits, tmp_path):
    small = Store(tmp_path)
    small.folder.mkdir()
    shutil.copy(store.path("lenet"), small.path("lenet"))
    some = test_digits[:150]
    path = making.write(small, "lenet", some)
    found = population.load(path)
    fresh = making.survey(*small.load("lenet"), some)
    assert found.metadata == fresh.metadata and list(found.layers) == list(fresh.layers) and small.names() == ["lenet"]
    for part in population.PARTS:
        for field in dataclasses.fields(getattr(found, part)):
            assert torch.equal(getattr(getattr(found, part), field.name), getattr(getattr(fresh, part), field.name)), f"{part}.{field.name}"


def test_confidence_is_calibrated(test_digits):
    reading = metrics.Reading(torch.zeros(10, 2).double(), torch.tensor([[2., 0, 0, 0, 0, 0, 0, 0, 0, 0]]).expand(10, 10))
    p = (reading.logits.double() / 2).softmax(1)
    found = making.gallery(p, reading, Digits(test_digits.images[:10], torch.arange(10)))
    expected = torch.e / (torch.e + 9)
    torch.testing.assert_close(found.confidence, torch.full((10,), expected), rtol=1e-6, atol=0)
    assert found.cells[:, 0, 0].tolist() == list(range(10)) and (found.cells[:, 1:] == -1).all()
    scores = making.honesty(p, torch.arange(10))
    assert scores["nll"] == pytest.approx((-np.log(expected) - 9 * np.log(1 / (np.e + 9))) / 10)
    assert scores["calibration_error"] == pytest.approx(expected - .1)


def test_what_is_no_population_is_refused_in_a_sentence(store, stored, tmp_path):
    def refusal(path) -> str:
        with pytest.raises(CheckpointError) as caught:
            population.load(path)
        return str(caught.value)

    assert "There is no checkpoint" in refusal(tmp_path / "none.safetensors")
    assert "is not the population of a classifier: it has no" in refusal(store.path("lenet"))
    whole = tmp_path / "whole.safetensors"
    population.save(whole, stored)
    (tmp_path / "cut.safetensors").write_bytes(whole.read_bytes()[:-1000])
    assert "not a whole" in refusal(tmp_path / "cut.safetensors")
    wrong = {
        "ten digits": dataclasses.replace(stored, confusion=stored.confusion[:9]),
        "one for each label": dataclasses.replace(stored, gallery=dataclasses.replace(stored.gallery, labels=stored.gallery.labels[1:])),
        "does not fit its features": dataclasses.replace(stored, map=dataclasses.replace(stored.map, tsne=stored.map.tsne[1:])),
        "pictures it does not have": dataclasses.replace(stored, gallery=dataclasses.replace(stored.gallery, worst=stored.gallery.worst + 10_000)),
        "does not say its brier": dataclasses.replace(stored, metadata=dataclasses.replace(stored.metadata, scores={"calibration_error": 0, "nll": 0})),
    }
    for words, one in wrong.items():
        population.save(tmp_path / "wrong.safetensors", one)
        assert words in refusal(tmp_path / "wrong.safetensors")


# ---- the wing's answers

def pixels(image: torch.Tensor) -> str:
    return base64.b64encode(image.numpy().tobytes()).decode()


def test_other_weights_are_noticed_and_a_missing_file_is_a_sentence(store, tmp_path):
    other = Store(tmp_path)
    model, metadata = Store(store.folder.parent).load("lenet")
    save(other.path("lenet"), model, metadata, half=True)
    assert answer(other, wing.people, {"network": "lenet"}) == {"error": wing.MISSING}
    path = population.path_of(other.folder, "lenet")
    path.parent.mkdir()
    shutil.copy(population.path_of(store.folder, "lenet"), path)
    assert "confusion" in answer(other, wing.people, {"network": "lenet"})
    model.conv1.weight[0, 0, 0, 0] += .5
    save(other.path("lenet"), model, metadata, half=True)
    assert answer(Store(tmp_path), wing.people, {"network": "lenet"}) == {"error": wing.STALE}
    assert wing.title(Store(tmp_path / "nowhere")) == "Ten thousand digits at once"


def test_the_heading_counts_the_mistakes(store):
    matrix = population.load(population.path_of(store.folder, "resnet")).confusion
    assert wing.title(store) == f"{matrix.sum() - matrix.trace()} of 10,000 test digits are misread"


def test_a_stored_digit_lands_on_itself(store, name, stored):
    where = stored.map
    found = answer(store, wing.land, {"network": name, "pixels": pixels(where.images[5])})
    points = answer(store, wing.where, {"network": name})
    assert found["near"][0] == 5 and len(found["near"]) == NEIGHBOURS and not found["far"]
    for layout in wing.LAYOUTS:
        place = np.frombuffer(base64.b64decode(points[layout]), np.float32).reshape(-1, 3)
        np.testing.assert_allclose(found[layout], place[5], atol=.01)
        assert np.quantile(np.linalg.norm(place, axis=1), .98) == pytest.approx(1, abs=1e-4)
    assert len(found["features"]) == making.FEATURES


def test_noise_lies_far_from_every_digit(store):
    noise = torch.randint(0, 256, (28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
    assert answer(store, wing.land, {"network": "resnet", "pixels": pixels(noise)})["far"]


def test_an_empty_pad_or_a_wrong_layout_is_a_sentence(store, stored):
    assert "empty" in answer(store, wing.land, {"network": "lenet"})["error"]
    assert "layout" in answer(store, wing.take, {"network": "lenet", "layout": "umap"})["error"]


# ---- figures

def test_the_map_to_keep_needs_no_other_file(store):
    html = answer(store, wing.take, {"network": "lenet", "layout": "pca", "dark": True})["html"]
    assert html.startswith("<!doctype html>") and "Plotly.newPlot" in html and style.colours(dark=True)["digit-3"] in html
    assert 'src="http' not in html and f"background: {style.colours(dark=True)['paper']}" in html


def test_a_figure_wears_the_colours_of_the_page():
    labels = np.repeat(np.arange(10), 3)
    points = np.arange(90.).reshape(30, 3)
    figure = charts.digit_map(points, labels, "title", you=np.zeros(3), near=np.arange(5))
    assert [t.marker.color for t in figure.data[:10]] == [style.colours()[f"digit-{d}"] for d in range(10)]
    assert figure.data[11].name == "you" and figure.data[11].marker.color == style.colours()["pen"]
    assert np.array_equal(np.stack([figure.data[10][axis] for axis in "xyz"], 1)[1::2], points[:5])
    assert len(charts.digit_map(points, labels, "title").data) == 10


def test_the_two_modes_have_the_same_colours_by_name():
    light, dark = style.colours(), style.colours(dark=True)
    assert light.keys() == dark.keys() and light["paper"] == "#FBFCFD" and dark["paper"] == "#0F1319"
