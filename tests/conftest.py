"""What the tests share: the shipped checkpoints, and the digits or a skip that says why not."""

import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "2")

ROOT = Path(__file__).parent.parent
WEIGHTS = "MNIST_LAB_TEST_CHECKPOINTS"  # a folder of other weights to test


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first, then the slow ones, then the browser: a mistake shows early."""
    items.sort(key=lambda item: ("browser" in item.path.parts, item.get_closest_marker("slow") is not None))


@pytest.fixture(scope="session")
def checkpoints() -> Path:
    from mnist_lab.checkpoint import FOLDER

    return Path(os.environ.get(WEIGHTS) or FOLDER)


@pytest.fixture(scope="session")
def store(checkpoints):
    """The shipped checkpoints, all of them: they travel with the repository, so a missing one is a failure."""
    from mnist_lab.checkpoint import Store

    store = Store(checkpoints)
    missing = {"lenet", "resnet", "judge", "gan", "diffusion", "student", "unet"} - set(store.names())
    if missing:
        pytest.fail(f"checkpoints missing in {store.folder}: {', '.join(sorted(missing))}")
    return store


def digits(split: str):
    from mnist_lab.data import DataError, load_digits

    try:
        return load_digits(split)
    except DataError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def train_digits():
    return digits("train")


@pytest.fixture(scope="session")
def validation_digits():
    return digits("validation")


@pytest.fixture(scope="session")
def test_digits():
    return digits("test")


@pytest.fixture(scope="session")
def program():
    """Run `python ARGS...` in another process and folder: (args, cwd, **environment) -> CompletedProcess."""
    import subprocess

    from mnist_lab.data import FOLDER_VARIABLE, data_folder

    def run(*args: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess:
        known = {**os.environ, "PYTHONPATH": str(ROOT), FOLDER_VARIABLE: str(data_folder().absolute())}
        return subprocess.run([sys.executable, *map(str, args)], cwd=cwd, env={**known, **environment}, capture_output=True, text=True, timeout=600)

    return run
