"""The README's pictures, taken of the running app: `python -m tests.browser.pictures` writes docs/<room>.png."""

from playwright.sync_api import sync_playwright

from mnist_lab.ui.app import TABS, build, launch_settings
from tests.browser.conftest import FLAGS, free_port, system_browser
from tests.conftest import ROOT


def main() -> None:
    demo = build()
    demo.launch(prevent_thread_lock=True, quiet=True, server_port=free_port(), **launch_settings())
    folder = ROOT / "docs"
    folder.mkdir(exist_ok=True)
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=system_browser(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        for module in TABS:
            page.goto(f"{demo.local_url}?room={module.ID}&still=1&__theme=light")
            page.wait_for_selector("h1:visible")
            page.wait_for_timeout(2_500)  # the sprite is cut into frames
            page.screenshot(path=folder / f"{module.ID}.png")
        browser.close()
    demo.close()


if __name__ == "__main__":
    main()
