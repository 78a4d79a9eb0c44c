"""The pen in Chromium: `python -m benchmarks.pen`.

How long from a move of the pointer until the bars that follow from it are painted, and from the end of a stroke until the server's
verdict is. Both from the event's own time stamp to the first task after the frame's paint. Beside them what the page's sums and the
best network alone take, so that the share of everything else (frames, the line, Gradio) can be seen.
"""

import contextlib
import math
import random
import shutil
import statistics
import time
from collections.abc import Iterator

import torch
from playwright.sync_api import Page, sync_playwright

from mnist_lab.checkpoint import Store
from mnist_lab.labs import CLASSIFIERS
from mnist_lab.ui.app import build, launch_settings
from mnist_lab.ui.classify_tab import FOUR, read_drawing
from mnist_lab.ui.readings import input_of

ROUNDS = 12  # drawings of each sort
PACE = 1 / 60  # s at most between a frame and the next move of the mouse: any share of it, for a hand knows of no frames
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
ZERO = [[[.5 + .2 * math.cos(.1 * k), .5 + .32 * math.sin(.1 * k)] for k in range(64)]]
SEVEN = [[[.28 + .014 * k, .22] for k in range(31)] + [[.70 - .0065 * k, .22 + .015 * k] for k in range(41)]]

WATCH = """() => {
  window.moves = []; window.ends = []; let waiting = [], lifted = 0;
  const moved = "onpointerrawupdate" in window ? "pointerrawupdate" : "pointermove"; // as the pad listens
  document.addEventListener(moved, (e) => { over(); if (e.buttons) waiting.push(e.timeStamp); }, true);
  document.addEventListener("pointerup", (e) => { lifted = e.timeStamp; }, true);
  const frame = requestAnimationFrame; let inFrame = false;
  window.requestAnimationFrame = (f) => frame((now) => { inFrame = true; try { f(now); } finally { inFrame = false; } });
  let after = []; // what waits for the end of the frame: the next task, be it this message or a move
  const over = () => { const now = performance.now(), all = after; after = []; all.forEach((f) => f(now)); };
  const told = (f) => { after.push(f); const { port1, port2 } = new MessageChannel(); port1.onmessage = over; port2.postMessage(0); };
  const painted = (f) => (inFrame ? told(f) : frame(() => told(f))); // what comes between frames is painted in the next
  document.addEventListener("lab:reading", ({ detail }) => {
    if (detail.page && !detail.final) { const mine = waiting; waiting = []; painted((now) => moves.push(...mine.map((t) => now - t))); }
    if (detail.final && detail.lifted) frame(() => told((now) => ends.push(now - lifted)));
  });
  return Lab.network("lenet").then(() => 1);
}"""
SUMS = """async (strokes) => {
  const net = await Lab.network("lenet"), times = [];
  for (let k = 0; k < 60; k++) { const start = performance.now(); net.run(Lab.toDigit(strokes, .08).pixels); times.push(performance.now() - start); }
  return times;
}"""


@contextlib.contextmanager
def opened(store: Store, room: str) -> Iterator[Page]:
    """A room of the running lab in Chromium."""
    demo = build(store)
    demo.launch(prevent_thread_lock=True, quiet=True, **launch_settings())
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{demo.local_url}?room={room}")
        yield page
        browser.close()
    demo.close()


def draw(page: Page, strokes: list[list[list[float]]]) -> None:
    """At the pace of a hand, with the readings of the last stroke awaited."""
    box, pause = page.locator(".pad .ink").bounding_box(), random.Random(0)
    for stroke in strokes:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        count = page.evaluate("ends.length")
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
            time.sleep(PACE * pause.random())
        page.mouse.up()
        page.wait_for_function("(count) => ends.length > count", arg=count)
    page.click(".pad .clear")


def milliseconds(run, rounds: int = 60) -> list[float]:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - start))
    return times


def line(name: str, times: list[float]) -> None:
    print(f"{name:<58} median {statistics.median(times):6.1f} ms   95th percentile {statistics.quantiles(times, n=20)[-1]:6.1f} ms   ({len(times)})")


def main() -> None:
    store = Store()
    with opened(store, "classify") as page:
        page.wait_for_selector(".pad .samples button")
        page.evaluate(WATCH)
        for k in range(ROUNDS + 1):
            for strokes in (FOUR, ZERO, SEVEN):
                draw(page, strokes)
            if not k:  # the first round warms up
                page.evaluate("() => { moves.length = ends.length = 0; }")
        moves, ends, sums = page.evaluate("moves"), page.evaluate("ends"), page.evaluate(SUMS, ZERO)
    x, network = input_of({"strokes": ZERO}), store[CLASSIFIERS[0]]
    with torch.inference_mode():
        alone = milliseconds(lambda: network(x))
    handled = milliseconds(lambda: read_drawing(store, {"strokes": ZERO}))
    line("A move of the pointer to painted bars", moves)
    line("  of that the page's digit and LeNet", sums)
    line("The end of a stroke to the painted verdict of the server", ends)
    line("  of that the handler, with every layer packed", handled)
    line("  of that the best network alone", alone)
    print(f"{torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
