"""Draw a digit, and watch the search for the latent vector that makes it.

Value, the recorded search: {"pixels": base64 of 784 bytes, "found": the last answer of `search`, "film": PNG data URL of its
pictures in a row, "errors": [mean pixel error at each], "steps": [step of each]}. Asks `search` again and again, each time
with the state of the last answer. Hears event "reading": a drawing made in the Classify room can be taken. Tells "base",
"place" and "stop" with the vector found.
"""

from collections.abc import Callable

from mnist_lab.ui.widgets import Widget


class Invert(Widget):
    name = "invert"
    family = "part"
    html = """
<figure class="draw"><p class="cap"><b>Your digit</b>
  <button class="btn quiet from-classify" hidden>Take the one from Classify</button></p><div class="sketch"></div></figure>
<figure class="made"><p class="cap"><b>The generator’s</b><span class="num at"></span></p><div class="sheet"><canvas class="pixels" role="img"></canvas></div>
  <div class="film"><button class="play"></button><div class="strip"><canvas></canvas><div class="head"></div></div></div></figure>
<div class="tale"><h3 class="verdict" aria-live="polite"></h3><p class="note says"></p>
  <p class="cap"><b>Mean pixel error</b><span class="num error"></span></p><div class="plot errors" role="img"></div>
  <p class="cap">Label it may use</p><div class="choices" role="group" aria-label="Label"></div>
  <div class="row"><button class="btn primary use">Move it along directions</button><button class="btn as-a">Make it A</button>
  <button class="btn as-b">Make it B</button><button class="btn as-stop">Add it to the morph</button></div></div>"""

    def __init__(self, value: dict, *, search: Callable[[dict], dict], **kwargs):
        super().__init__(value, server_functions=[search], **kwargs)
