"""The app on a free port and a Chromium that watches for errors: `page` (desktop) and `phone` (390 x 844, touch)."""

import shutil
import socket
import subprocess

import pytest

playwright_api = pytest.importorskip("playwright.sync_api")

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic"]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def system_browser() -> str | None:
    """The first that really starts: a name may be an empty shell that asks for another package."""
    for path in filter(None, map(shutil.which, NAMES)):
        if subprocess.run([path, "--version"], capture_output=True).returncode == 0:
            return path
    return None  # Playwright's own


@pytest.fixture(scope="session")
def app(checkpoints):
    """The running Blocks, on the weights under test."""
    from mnist_lab.checkpoint import Store
    from mnist_lab.ui.app import build, launch_settings

    demo = build(Store(checkpoints))
    demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", server_port=free_port(), **launch_settings())
    yield demo
    demo.close()


@pytest.fixture(scope="session")
def url(app) -> str:
    return app.local_url.rstrip("/")


@pytest.fixture(scope="session")
def browser():
    with playwright_api.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=system_browser(), args=FLAGS)
        yield browser
        browser.close()


def watched_page(browser, url: str, **device):
    """A page in a context of its own (connections are shared inside one); afterwards nothing may have gone wrong."""
    context = browser.new_context(**device)
    page, problems = context.new_page(), []
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on("console", lambda message: problems.append(f"console: {message.text}") if message.type == "error" else None)
    page.on("request", lambda request: None if is_ours(request.url, url) else problems.append(f"another host: {request.url}"))
    yield page
    context.close()
    assert problems == []


def is_ours(address: str, url: str) -> bool:
    return address.startswith((f"{url}/", f"{url}?", "data:", "blob:")) or address == url


@pytest.fixture
def page(browser, url):
    yield from watched_page(browser, url, viewport={"width": 1440, "height": 900})


@pytest.fixture
def phone(browser, url):
    yield from watched_page(browser, url, viewport={"width": 390, "height": 844}, device_scale_factor=2, has_touch=True, is_mobile=True)
