"""The drawing pad, and a row of digits to take instead of drawing.

Value: {"strokes": [[[x, y], ...], ...], "brush": share of the pad, "network": name, "pixels": None or base64 of 784
bytes (a borrowed digit), "picture": True if it was uploaded}; x and y in [0, 1].

On every frame in which the drawing changed a small network reads it in the page (digit.js, net.js): LeNet, or the
visitor's own. When the stroke ends the pad asks `read` with the same keys and "layers": bool, one call at a time, and the
newest drawing wins; while the pen moves it does so only if no network could be had. It tells the page each reading as
event "reading": {"network": the chosen one, "digit", "p", "score", "likeness", "seen", "box", "placed"} together with {"by":
"pen" | "sample" | "picture", "final": no other reading follows by itself, "lifted": the pen was just lifted, "canvas": the
pad}. A reading made in the page has "page": {"name", "run": {values, logits, p}}; the server's has "layers". For the network
"both" there is "pair": [LeNet's verdict, the best one's, or null while the pen moves]. "alone": the server could not be
reached, and the page's own reading stands.

It hears event "pen": {"brush", "network"}, either or both, and "take": {"pixels": base64}, which becomes the drawing.

Samples: [{"label": int, "hard": bool, "row": bool, "pixels": base64}]; those with "row" are shown, the keys 0 to 9 take
the first of their label. Drops: {end of a file's name: selector of the upload button that takes it}, within `drawer`.
"""

from collections.abc import Callable

from mnist_lab.ui.widgets import Widget


class Pad(Widget):
    name = "pad"
    html = """
<figure class="draw">
  <div class="box sheet"><canvas class="form" aria-hidden="true"></canvas>
    <canvas class="ink" tabindex="0" role="application"
      aria-label="Drawing pad. Draw one digit with pen, mouse or finger. Keys 0 to 9 take a sample, Delete clears,
      Control and Z brings back what you drew."></canvas>
    <p class="ghost" aria-hidden="true">Draw here</p>
    <button class="icon clear" aria-label="Clear the pad" title="Clear"><svg viewBox="0 0 18 18"><path d="m4.500 4.500 9 9m0-9-9 9"/></svg></button>
    <button class="icon undo" aria-label="Back to my drawing" title="Back to my drawing" hidden>
      <svg viewBox="0 0 18 18"><path d="M3.500 7h7a4 4 0 0 1 0 8H7M6.500 4l-3 3 3 3"/></svg></button></div>
  <figcaption class="samples" role="group" aria-label="Or take a sample digit"><span class="note">Or take one</span></figcaption>
</figure>"""

    def __init__(self, value: dict, *, read: Callable[[dict], dict], steps: Callable[[dict], dict], samples: list[dict], recorded: dict,
                 drops: dict[str, str], drawer: str, gap: int = 30, **kwargs):
        """`read` and `steps` (a network to run in the page) are called by these names. `recorded`: the reading of the first drawing, for Lab.last.

        `gap`: ms between two calls of `read`.
        """
        super().__init__(value, server_functions=[read, steps], samples=samples, recorded=recorded, drops=drops, drawer=drawer, gap=gap,
                         **kwargs)
