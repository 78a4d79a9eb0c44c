"""Branch here: two films from one frame on, the old and the new, under one play head; and sixteen branches from two frames, counted.

Value, recorded: {"branch": an answer of `branch`, "sixteen": two answers of `sixteen`}, with "samplers": {key: name} and "fresh": those
that add noise. Hears "film", "frame" and
"decided" of the room's film: the frame it stands on is where a new branch leaves it.
"""

from collections.abc import Callable

from mnist_lab.ui.widgets import Widget


class Branch(Widget):
    name = "branch"
    family = "part"
    html = """
<div class="fork">
  <div class="knobs"><p class="cap"><b class="from"></b></p>
    <div class="field"><p class="cap">From here on, label</p><div class="choices label" role="group" aria-label="Label of the branch"></div></div>
    <div class="field"><p class="cap">Sampler</p><div class="segments samplers" role="group" aria-label="Sampler of the branch"></div></div>
    <div class="field"><p class="cap">Guidance<span class="num amount"></span></p>
      <input type="range" min="0" max="8" step="0.1" aria-label="Guidance of the branch"></div>
    <div class="row"><button class="btn primary go">Branch here</button>
      <button class="btn other" title="For samplers that add noise on the way">Other noise</button></div></div>
  <figure class="old"><p class="cap"><b class="which"></b><span class="num reads"></span></p><div class="sheet">
    <canvas class="pixels" role="img"></canvas></div></figure>
  <figure class="new answer"><p class="cap"><b class="which"></b><span class="num reads"></span></p><div class="sheet">
    <canvas class="pixels" role="img"></canvas></div></figure>
  <div class="both film"><button class="play"></button><div class="strip"><canvas class="olds"></canvas><canvas class="news"></canvas>
    <div class="head"></div></div>
    <p class="cap"><span class="moment"></span><span class="note verdict-note" aria-live="polite"></span></p></div>
</div>
<div class="crowd"><div class="head-row"><h3>Sixteen branches, each with noise of its own</h3>
  <button class="btn send">Send sixteen from two frames</button></div>
  <div class="rows"></div></div>"""

    def __init__(self, value: dict, *, branch: Callable[[dict], dict], sixteen: Callable[[dict], dict], **kwargs):
        super().__init__(value, server_functions=[branch, sixteen], **kwargs)
