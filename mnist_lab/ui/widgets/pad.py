"""The drawing pad, and a row of digits to take instead of drawing.

Value: {"strokes": [[[x, y], ...], ...], "brush": share of the pad, "network": name, "pixels": None or base64 of 784
bytes (a borrowed digit), "picture": True if it was uploaded}; x and y in [0, 1].

While the pen moves, the pad asks `read` with the same keys and "layers": bool, one call at a time, and the newest drawing
wins. It tells the page each answer as event "reading", together with {"by": "pen" | "sample" | "picture", "final": no
other reading follows by itself, "lifted": the pen was just lifted, "canvas": the pad}. It hears event "pen": {"brush",
"network"}, either or both.

Samples: [{"label": int, "hard": bool, "row": bool, "pixels": base64}]; those with "row" are shown, the keys 0 to 9 take
the first of their label.
"""

from collections.abc import Callable

from mnist_lab.ui.widgets import Widget


class Pad(Widget):
    name = "pad"
    html = """
<figure class="draw">
  <div class="box sheet"><canvas class="form" aria-hidden="true"></canvas>
    <canvas class="ink" tabindex="0" role="img"
      aria-label="Drawing pad. Draw one digit with pen, mouse or finger. Keys 0 to 9 take a sample, Delete clears."></canvas>
    <p class="ghost" aria-hidden="true">Draw here</p>
    <button class="icon clear" aria-label="Clear the pad" title="Clear"><svg viewBox="0 0 18 18"><path d="m4.500 4.500 9 9m0-9-9 9"/></svg></button></div>
  <figcaption class="samples" role="group" aria-label="Or take a sample digit"><span class="note">Or take one</span></figcaption>
</figure>"""

    def __init__(self, value: dict, *, read: Callable[[dict], dict], steps: Callable[[dict], dict], samples: list[dict], reading: dict,
                 gap: int = 30, **kwargs):
        """`read` and `steps` (a network to run in the page) are called by these names. `reading`: the recorded drawing's, for Lab.last.

        `gap`: ms between two calls of `read`.
        """
        super().__init__(value, server_functions=[read, steps], samples=samples, reading=reading, gap=gap, **kwargs)
