"""Turning the student's noise in Chromium: `python -m benchmarks.student`.

How often a second its ten digits change on the screen while a hand moves the slider, by one, two and four looks; and how often its
teacher's quick run could, if it did nothing else.
"""

import time

from playwright.sync_api import Page

from benchmarks.pen import PACE, opened
from mnist_lab.checkpoint import Store
from mnist_lab.ui.wings.diffusion_student_wing import teacher

SECONDS = 4
WATCH = """() => {
  window.changes = 0;
  const seen = new MutationObserver(() => changes++);
  seen.observe(document.querySelector("#diffusion-student [data-ready]"), { attributes: true, attributeFilter: ["data-drawn"] });
}"""


def turned(page: Page) -> float:
    """Changes a second, under a hand that goes to and fro."""
    box = page.locator("#diffusion-student input[type=range]").bounding_box()
    at = [box["x"] + box["width"] * (0.1 + 0.8 * abs((k / 120) % 2 - 1)) for k in range(240)]
    page.mouse.move(at[0], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.evaluate("changes = 0")
    start, k = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS:
        page.mouse.move(at[k % len(at)], box["y"] + box["height"] / 2)
        time.sleep(PACE)
        k += 1
    found = page.evaluate("changes") / (time.perf_counter() - start)
    page.mouse.up()
    page.wait_for_timeout(1_500)  # the teacher draws
    return found


def main() -> None:
    store = Store()
    with opened(store, "diffusion") as page:
        part = page.locator("#diffusion-student")
        part.scroll_into_view_if_needed()
        page.wait_for_selector("#diffusion-student [data-ready]", state="attached")
        page.evaluate(WATCH)
        turned(page)  # the first round warms up
        for words in ("one", "two", "four"):
            part.locator(".calls").get_by_role("button", name=words).click()
            page.wait_for_timeout(500)
            print(f"Student, {words} look{'s' if words != 'one' else ''}: {turned(page):5.1f} times a second")
    answers = [teacher(store, {"seed": k, "angle": 0, "label": None, "calls": 1}) for k in range(4)]
    print(f"Its teacher, {answers[-1]['calls']} looks: {1000 / min(a['ms'] for a in answers[1:]):5.1f} times a second, without a browser")


if __name__ == "__main__":
    main()
