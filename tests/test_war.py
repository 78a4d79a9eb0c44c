"""Chronicles of GAN trainings: what is written can be read, damage is told in a sentence, and the shipped ones keep their word."""

import base64
import dataclasses
import io

import pytest
import torch
from PIL import Image

from mnist_lab import war
from mnist_lab.checkpoint import CheckpointError, Metadata
from mnist_lab.models import Generator, without_norm
from mnist_lab.ui.readings import answer
from mnist_lab.ui.wings import gan_war_wing

SPOILED = ["", *war.SPOILS]


def little(spoil: str = "", count: int = 3) -> war.War:
    generator = Generator().eval()
    generator = without_norm(generator) if spoil == "no-norm" else generator
    metadata = Metadata("generator", dataclasses.asdict(Generator.Config()), training={"recipe": {"batch": 64}},
                        settings={"spoil": spoil, "runs": ["a"] * count, "figures": dict.fromkeys(war.FIGURES, 0)})
    curve = torch.arange(4.0)[:, None].repeat(1, len(war.CURVES))
    return war.War(metadata, torch.arange(count) * 64, torch.zeros(count, war.FAKES, 28, 28, dtype=torch.uint8), torch.zeros(count, 10), curve,
                   generator.state_dict(), {} if spoil else {name: torch.zeros(shape) for name, shape in war.blow_shapes().items()})


@pytest.mark.parametrize("spoil", SPOILED)
def test_a_chronicle_comes_back_as_it_was_written(tmp_path, spoil):
    told, path = little(spoil), war.path_of(tmp_path, spoil)
    war.save(path, told)
    found = war.load(path)
    for name in ("images", "fakes", "made", "curve"):
        assert torch.equal(getattr(found, name), getattr(told, name))
    assert torch.equal(war.followed(found.generator), war.followed(found.generator))
    assert isinstance(found.generator.norm1, torch.nn.Identity) == (spoil == "no-norm")


NO_FIGURES, FIGURES = {}, dict.fromkeys(war.FIGURES, 0)


@pytest.mark.parametrize("spoilt", [
    {"images": torch.tensor([0, 64, 64])}, {"fakes": torch.zeros(3, 5, 28, 28, dtype=torch.uint8)}, {"made": torch.zeros(2, 10)},
    {"curve": torch.zeros(4, 5)}, {"curve": torch.zeros(4, 3)}, {"weights": {}}, {"blow": {}}, {"blow": {"noise": torch.zeros(8, 64)}},
    {"settings": {"spoil": "magic", "runs": ["a"] * 3, "figures": FIGURES}}, {"settings": {"spoil": "", "runs": ["a", "a", "b"], "figures": FIGURES}},
    {"settings": {"spoil": "", "runs": ["a"] * 3, "figures": NO_FIGURES}}, {"settings": {"spoil": "no-norm", "runs": ["a"] * 3, "figures": FIGURES}},
], ids=lambda s: "-".join(s))
def test_what_does_not_fit_is_said_in_one_sentence(tmp_path, spoilt):
    told = little()
    if "settings" in spoilt:
        spoilt = {"metadata": dataclasses.replace(told.metadata, settings=spoilt["settings"])}
    war.save(tmp_path / "war.safetensors", dataclasses.replace(told, **spoilt))
    with pytest.raises(CheckpointError, match=r"^The chronicle in war\.safetensors can't be used: [^\n]+\.$"):
        war.load(tmp_path / "war.safetensors")


def test_a_file_that_is_no_chronicle_is_refused(tmp_path, checkpoints):
    with pytest.raises(CheckpointError, match="not the chronicle"):
        war.load(checkpoints / "mnist" / "gan.safetensors")
    with pytest.raises(CheckpointError):
        war.load(tmp_path / "none.safetensors")


def test_a_war_s_fakes_come_as_a_sheet(tmp_path):
    from mnist_lab.checkpoint import Store

    store = Store(tmp_path)
    war.save(war.path_of(store.folder, "no-norm"), little("no-norm"))
    found = answer(store, gan_war_wing.fakes, {"key": "no-norm"})
    assert Image.open(io.BytesIO(base64.b64decode(found["sheet"].split(",")[1]))).size == (28 * war.FAKES, 28 * 3)
    assert gan_war_wing.told(store)["wars"][0]["key"] == "no-norm"


def test_a_room_without_chronicles_says_what_to_do(tmp_path):
    from mnist_lab.checkpoint import Store

    assert "make train-war" in gan_war_wing.told(Store(tmp_path))["missing"]
    assert "make train-war" in answer(Store(tmp_path), gan_war_wing.fakes, {"key": "no-norm"})["error"]


# ---- those that ship


@pytest.fixture(scope="module", params=SPOILED, ids=lambda s: s or "sound")
def shipped(request, store) -> war.War:
    return war.load(war.path_of(store.folder, request.param))


def test_the_last_fakes_are_the_kept_generator_s(shipped):
    assert (war.followed(shipped.generator).int() - shipped.fakes[-1].int()).abs().max() <= 2


def test_the_figures_are_found_again_from_the_kept_weights(shipped, store, validation_digits):
    kept, found = shipped.metadata.settings["figures"], war.figures(shipped.generator, store["judge"], validation_digits)
    assert found["modes"] == kept["modes"]
    for name in ("read_as_asked", "precision", "recall"):
        assert found[name] == pytest.approx(kept[name], abs=0.02)


def test_the_sound_war_is_won_and_each_spoiled_one_falls_short_of_it(store):
    sound = war.load(war.path_of(store.folder, ""))
    figures = {how: war.load(war.path_of(store.folder, how)).metadata.settings["figures"] for how in war.SPOILS}
    assert sound.metadata.settings["figures"]["modes"] == 10 and sound.made[-1].mean() > 0.9
    assert sound.made[0].mean() < 0.2
    assert all(f["recall"] < sound.metadata.settings["figures"]["recall"] for f in figures.values())
    assert min(f["modes"] for f in figures.values()) < 10


def test_moments_are_in_order_and_of_one_run(shipped):
    assert (shipped.images.diff() > 0).all() and shipped.images[0] == 0
    assert len(set(shipped.metadata.settings["runs"])) == 1
    assert shipped.metadata.training["recipe"]["spoil"] == shipped.metadata.settings["spoil"]
    right = shipped.curve[:, 3:]
    assert ((right >= 0) & (right <= 1)).all()


def test_a_blow_by_one_side_moves_that_side_only(store):
    told = war.load(war.path_of(store.folder, "")).blow
    fakes, marks = ({who: told[f"{who}.{what}"].float() for who in war.TURNS} for what in ("fakes", "marks"))
    assert (fakes["judge"] == fakes["judge"][0]).all()  # the discriminator alone: the same fakes, told apart better
    gap = {who: m[:, 0].mean(1) - m[:, 1].mean(1) for who, m in marks.items()}  # real above fake
    assert gap["judge"][-1] > gap["judge"][0] + 0.5
    assert (fakes["forger"][-1] != fakes["forger"][0]).any()  # the generator alone: other fakes, which pass more easily
    assert marks["forger"][-1, 1].mean() > marks["forger"][0, 1].mean() + 0.5
    assert (marks["forger"][:, 0] == marks["forger"][0, 0]).all()
    for who in war.TURNS:
        assert (marks[who][0] == marks["both"][0]).all() and (fakes[who][0] == fakes["both"][0]).all()


def test_the_wish_says_where_ink_would_help(store):
    """The generator's first update alone moves its fakes along the wish."""
    told = war.load(war.path_of(store.folder, "")).blow
    moved = told["forger.fakes"][1].float() - told["forger.fakes"][0].float()
    assert (moved * told["wish"].float()).sum() > 0


@pytest.mark.parametrize("payload", [{}, {"key": "magic"}, {"key": 3}], ids=str)
def test_a_war_that_never_was_gets_a_sentence(store, payload):
    assert answer(store, gan_war_wing.fakes, payload)["error"].endswith(".")
