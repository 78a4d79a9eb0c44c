"""The command line: files made, words printed, and one sentence with status 2 for whatever is wrong."""

import os

import numpy as np
import pytest
from PIL import Image

from mnist_lab import cli
from mnist_lab.labs import open_lab


@pytest.fixture
def run(checkpoints, capsys):
    """main(...) on the weights under test: arguments -> (status, stdout, stderr)."""

    def run(command: str, *arguments: object):
        status = cli.main([command, *map(str, arguments), "--checkpoints", str(checkpoints)])
        return status, *capsys.readouterr()

    return run


def assert_refused(result, *words: str) -> None:
    status, _, err = result
    assert status == 2
    assert err.startswith("mnist_lab: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err


def test_generate_saves_what_the_lab_makes(run, store, tmp_path):
    out = tmp_path / "eight.png"
    status, text, _ = run("generate", "--digit", 8, "--steps", 2, "--seed", 3, "--out", out)
    assert (status, text) == (0, f"Saved {out}\n")
    assert np.array_equal(Image.open(out), open_lab("diffusion", store).generate(8, steps=2, seed=3)[0])


@pytest.mark.parametrize(("options", "settings"), [
    (("--sampler", "heun", "--schedule", "sigmoid", "--shape", "tau=0.5", "--shape", "start=-2"),
     {"sampler": "heun", "schedule": "sigmoid", "tau": 0.5, "start": -2}),
    (("--sampler", "ddpm", "--variance", "large", "--schedule", "freehand", "--curve", 0, 0.5, 1),
     {"sampler": "ddpm", "variance": "large", "schedule": "freehand", "curve": [0, 0.5, 1]}),
    (("--guidance", 3, "--interval", 0.3, 0.8, "--not", 3), {"guidance": 3, "interval": (0.3, 0.8), "negative": 3}),
], ids=str)
def test_generate_takes_every_setting_of_the_lab(run, store, tmp_path, options, settings):
    out = tmp_path / "eight.png"
    status, *_ = run("generate", "--digit", 8, "--steps", 3, *options, "--out", out)
    assert status == 0
    lab = open_lab("diffusion", store)
    assert np.array_equal(Image.open(out), lab.generate(8, steps=3, **settings)[0])
    assert not np.array_equal(Image.open(out), lab.generate(8, steps=3)[0])


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("model", ["diffusion", "student", "unet", "gan"])
@pytest.mark.parametrize(("arguments", "size"), [
    ((), (289, 28)), (("--n", 2), (289, 57)), (("--digit", 1, "--n", 3), (86, 28)), (("--digit", 1, "--n", 11), (289, 57)),
])
def test_several_digits_are_one_grid(run, tmp_path, model, arguments, size):
    steps = () if model == "gan" else ("--steps", 1)
    status, *_ = run("generate", "--model", model, *arguments, *steps, "--out", tmp_path / "grid.png")
    assert status == 0
    assert Image.open(tmp_path / "grid.png").size == size


def test_rows_of_a_gan_grid_are_latents_and_columns_digits(run, store, tmp_path):
    run("generate", "--model", "gan", "--n", 2, "--seed", 5, "--out", tmp_path / "grid.png")
    sheet = np.asarray(Image.open(tmp_path / "grid.png"))
    assert np.array_equal(sheet[29:57, 87:115], open_lab("gan", store).generate(3, 2, seed=5)[1])


@pytest.mark.usefixtures("store")
def test_scale_repeats_pixels(run, tmp_path):
    for scale in (1, 6):
        run("generate", "--model", "gan", "--digit", 1, "--scale", scale, "--out", tmp_path / f"{scale}.png")
    small, large = (np.asarray(Image.open(tmp_path / f"{scale}.png")) for scale in (1, 6))
    assert np.array_equal(large, small.repeat(6, 0).repeat(6, 1))


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("steps", [7, 150])
def test_a_gif_shows_the_denoising(run, tmp_path, steps):
    status, *_ = run("generate", "--digit", 8, "--steps", steps, "--out", tmp_path / "eight.gif")
    run("generate", "--digit", 8, "--steps", steps, "--out", tmp_path / "eight.png")
    film = Image.open(tmp_path / "eight.gif")
    assert status == 0
    assert film.n_frames == (8 if steps == 7 else 76)  # long runs are thinned out: every second step and both ends
    film.seek(0)
    assert np.asarray(film.convert("L")).std() > 60  # pure noise
    film.seek(film.n_frames - 1)
    assert np.array_equal(film.convert("L"), Image.open(tmp_path / "eight.png"))


def test_a_gif_by_the_gan_is_a_morph(run, store, tmp_path):
    status, *_ = run("generate", "--model", "gan", "--digit", 2, "--seed", 2**31 - 1, "--out", tmp_path / "two.gif")
    film = Image.open(tmp_path / "two.gif")
    assert status == 0
    assert film.n_frames > 20
    for frame, seed in ((0, 2**31 - 1), (film.n_frames - 1, 0)):
        film.seek(frame)
        expected = open_lab("gan", store).generate(2, seed=seed)[0]
        assert np.abs(np.asarray(film.convert("L"), int) - np.asarray(expected, int)).max() <= 1


@pytest.mark.usefixtures("store")
def test_seeds_start_again_after_the_last(run, tmp_path):
    status, *_ = run("generate", "--model", "gan", "--digit", 2, "--n", 3, "--seed", 2**31 - 2, "--out", tmp_path / "two.gif")
    assert status == 0 and Image.open(tmp_path / "two.gif").n_frames > 60


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(("arguments", "words"), [
    (("--steps", 0), "Steps"), (("--steps", 10_001), "1,000"), (("--steps", "x"), "--steps"), (("--digit", 10), "digit"), (("--n", 0), "--n"),
    (("--sampler", "euler"), "ipndm or consistency"), (("--schedule", "stairs"), "linear"), (("--guidance", "nan"), "Guidance"), (("--eta", 2), "eta"),
    (("--variance", "middle"), "small or large"), (("--not", 10), "keep away"), (("--interval", 0.6, 0.4), "interval"), (("--interval", 0.6), "--interval"),
    (("--shape", "self=1"), "--shape self"), (("--shape", "tau"), "tau=0.5"), (("--shape", "tau=x"), "--shape"), (("--shape", "loops=3"), "loops"),
    (("--shape", "steps=3"), "--shape steps"),
    (("--shape", "tau=-1"), "tau"), (("--curve", 0.5), "curve"), (("--curve", 0, 2), "curve"), (("--model", "gan", "--not", 4), "--not"),
    (("--seed", -1), "seed"), (("--scale", 0), "--scale"), (("--scale", 400, "--n", 1000), "pixels long"), (("--model", "vae"), "vae"),
    (("--model", "gan", "--steps", 5), "--steps"), (("--colour", "red"), "--colour"),
], ids=str)
def test_generate_refuses_in_one_sentence(run, tmp_path, arguments, words):
    assert_refused(run("generate", "--out", tmp_path / "out.png", *arguments), words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "words"), [("out.tif", ".png"), ("out", ".png"), ("nowhere/out.png", "nowhere"), ("folder.png", "folder.png")])
def test_a_file_that_cannot_be_written_is_refused_before_the_work(run, tmp_path, monkeypatch, name, words):
    monkeypatch.setattr(cli, "denoise", lambda *_: pytest.fail("worked in vain"))
    (tmp_path / "folder.png").mkdir()
    assert_refused(run("generate", "--out", tmp_path / name), words)


@pytest.mark.skipif(os.name == "nt" or hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(run, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert_refused(run("generate", "--out", locked / "out.png"), "out.png")


def test_missing_weights_are_one_sentence(tmp_path, capsys):
    status = cli.main(["generate", "--out", str(tmp_path / "out.png"), "--checkpoints", str(tmp_path)])
    assert_refused((status, *capsys.readouterr()), "diffusion.safetensors")


def test_classify_prints_a_verdict_a_file(run, store, test_digits, tmp_path):
    files = [tmp_path / f"{k}.png" for k in range(2)]
    for k, file in enumerate(files):
        Image.fromarray(test_digits.images[k].numpy()).save(file)
    status, out, err = run("classify", *files)
    verdicts = [open_lab("classifier", store).classify(file) for file in files]
    assert (status, err) == (0, "")
    assert out.splitlines() == [f"{file}: {v.digit} ({100 * v.probabilities.max():.1f} %)" for file, v in zip(files, verdicts, strict=True)]


@pytest.mark.usefixtures("store")
def test_classify_reads_the_other_files_after_a_bad_one(run, test_digits, tmp_path):
    good, text, missing = tmp_path / "good.png", tmp_path / "text.png", tmp_path / "missing.png"
    Image.fromarray(test_digits.images[0].numpy()).save(good)
    text.write_text("no picture")
    status, out, err = run("classify", missing, text, good, "--network", "lenet")
    assert status == 2
    assert out.startswith(f"{good}: ") and out.count("\n") == 1
    assert [line for line in err.splitlines() if str(missing) in line] and [line for line in err.splitlines() if str(text) in line]
    assert err.count("\n") == 2


def test_classify_refuses_an_unknown_network(run, tmp_path):
    assert_refused(run("classify", tmp_path / "x.png", "--network", "gan"), "resnet or lenet")


@pytest.mark.usefixtures("store")
def test_models_lists_every_checkpoint(run):
    status, out, err = run("models")
    assert (status, err) == (0, "")
    lines = {line.split()[0]: line for line in out.splitlines()[1:]}
    assert {"lenet", "resnet", "gan", "diffusion", "student", "unet"} <= lines.keys()
    assert "16,554" in lines["lenet"]
    assert "2,447,681" in lines["unet"]
    assert all(" MB " in line for line in lines.values())


def test_models_prints_scores_or_validation(capsys, tmp_path):
    from mnist_lab import checkpoint
    from mnist_lab.models import LeNet

    describe = checkpoint.Metadata("lenet", {}, training={"validation": {"loss": 0.25}})
    checkpoint.save(tmp_path / "mnist" / "a.safetensors", LeNet(), describe)
    checkpoint.save(tmp_path / "mnist" / "b.safetensors", LeNet(), describe)
    checkpoint.update(tmp_path / "mnist" / "b.safetensors", scores={"accuracy": 0.9931, "confusion": [[1]]})
    (tmp_path / "mnist" / "c.safetensors").write_bytes(b"broken")
    status = cli.main(["models", "--checkpoints", str(tmp_path)])
    out, err = capsys.readouterr()
    assert status == 2
    assert "c.safetensors" in err
    assert out.splitlines()[1].endswith("validation: loss 0.25")
    assert out.splitlines()[2].endswith("accuracy 0.9931")


def test_of_several_runs_models_names_the_one_nearest_to_mnist():
    scores = {"guidance 1": {"frechet_distance": 0.4, "samples": 9}, "guidance 2": {"frechet_distance": 0.3, "read_as_asked": 0.99, "memory": {}},
              "floor": {"frechet_distance": 0.1}}
    assert cli.score_text(scores) == "guidance 2: frechet distance 0.3, read as asked 0.99"


@pytest.mark.usefixtures("store")
def test_the_generators_scores_are_measured_ones(run):
    lines = {line.split()[0]: line for line in run("models")[1].splitlines()[1:]}
    assert all("read as asked" in lines[name] and "validation" not in lines[name] for name in ("gan", "diffusion", "student", "unet"))


@pytest.mark.parametrize("port", ["abc", "0", "70000", "-1"])
def test_serve_refuses_a_port_that_is_none(run, monkeypatch, port):
    monkeypatch.setenv("PORT", port)
    assert_refused(run("serve"), "port")


@pytest.mark.parametrize("arguments", [[], ["frob"], ["generate"], ["classify"]], ids=str)
def test_incomplete_commands_are_one_sentence(capsys, arguments):
    status = cli.main(arguments)
    assert_refused((status, *capsys.readouterr()), "--help")


@pytest.mark.parametrize("command", [(), ("generate",), ("classify",), ("models",), ("serve",)])
def test_help(capsys, command):
    with pytest.raises(SystemExit) as stop:
        cli.main([*command, "--help"])
    assert stop.value.code == 0
    assert "usage: python -m mnist_lab" in capsys.readouterr().out


def test_progress_is_one_line_where_somebody_watches(capsys, monkeypatch):
    cli.show_progress(1, 2, "Step")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    cli.show_progress(1, 2, "Step")
    cli.show_progress(2, 2, "Step")
    assert capsys.readouterr().err == "\rStep 1 of 2\rStep 2 of 2\n"


def test_the_module_exits_with_the_status(program, tmp_path):
    result = program("-m", "mnist_lab", "generate", "--out", "x.tif", cwd=tmp_path)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
