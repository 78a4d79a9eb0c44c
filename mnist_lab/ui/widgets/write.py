"""Write a number: digits typed come out in handwriting on a ruled line; to take away as PNG, SVG or GIF.

Value: {"number", "seed", "most": digits, "digits": base64 of uint8 (n, 28, 28), the recorded number}. Asks `write` for a
number and a seed, and `file` for what to take away.
"""

from collections.abc import Callable

from mnist_lab.ui.widgets import Widget


class Write(Widget):
    name = "write"
    family = "part"
    html = """
<div class="row ask"><label class="cap" for="lab-number">Number</label>
  <input id="lab-number" class="number" inputmode="numeric" autocomplete="off" spellcheck="false">
  <button class="btn primary go">Write it</button><button class="btn other">Another hand</button></div>
<div class="sheet answer paper"><canvas class="pixels" role="img"></canvas></div>
<div class="row take"><button class="btn png">Download PNG</button><button class="btn svg">Download SVG</button>
  <button class="btn gif">GIF, out of the noise</button>
  <span class="note says" aria-live="polite"></span></div>"""

    def __init__(self, value: dict, *, write: Callable[[dict], dict], file: Callable[[dict], dict], **kwargs):
        super().__init__(value, server_functions=[write, file], **kwargs)
