"""The latent plane: a flat slice through all a generator can make, with a handle to drag anywhere on it and pins to walk between.

Value, the recorded first look: {"basis": base64 of float32 (3, D): the point nearest to zero, right, up; "pins": [[x, y], ...],
"at": [x, y], "digit": int, "p": [10 probabilities], "sheet": PNG data URL of 28x28 digits in rows of SHEET_COLUMNS: the land's
LAND x LAND row by row from the top, then the digit at the handle, then the WALK frames of the walk}. Later values are what
the page tells Python's controls: {"code": three lines, "digit"}.

It fetches the generator once (`generator`), which then runs in the page, and asks `plane` for another slice. It tells the page
each digit it makes as event "latent": {"z", "label": ten shares, "digit", "pixels", "final"}. It hears "slice": {"digit",
"second", "share", "path", "wildness"}, "seeds": {"seeds": [2 or 3]}, and "place": {"z", "digit", "end": 0 | 1, "name"}, a latent
vector to be its A or B, or {"points": [3 latents], "names": [2 or 3]}, another slice.
"""

from collections.abc import Callable

from mnist_lab.ui.widgets import Widget

LAND = 9  # digits a side under the plane
WALK = 17  # frames shown of a walk
SHEET_COLUMNS = 20
EDGE = 1.25  # the plane reaches from -EDGE to EDGE, in lengths of a random latent


class Plane(Widget):
    name = "plane"
    html = """
<figure class="square"><div class="sheet"><canvas class="land" role="img" aria-label="What the generator makes at 81 places of this slice"></canvas>
  <svg viewBox="0 0 448 448" aria-hidden="true"></svg>
  <div class="pins"></div><button class="handle" aria-label="Point on the latent plane. Arrow keys move it."></button></div></figure>
<figure class="made"><div class="sheet"><canvas class="pixels digit" role="img"></canvas></div>
  <figcaption><p class="cap"><b class="numbers"></b><span class="num length"></span></p>
  <div class="code-bars" aria-hidden="true"></div><p class="cap read" aria-live="polite"></p></figcaption></figure>
<div class="film"><button class="play"></button><div class="strip"><canvas></canvas><div class="head"></div></div>
  <p class="cap"><span class="badge">A</span><span class="pinning"><button class="btn quiet pin-here">Leave a pin here</button>
  <button class="btn quiet pin-away" hidden></button></span><span class="badge last">B</span></p></div>"""

    def __init__(self, value: dict, *, generator: Callable[[dict], dict], plane: Callable[[dict], dict], steps: Callable[[dict], dict], **kwargs):
        """`steps`: a classifier that runs in the page, to read what is made."""
        super().__init__(value, server_functions=[generator, plane, steps], **kwargs)
