"""Play with the static: a walk from one noise to another, and a patch of noise that changes places, with what it does as ink.

Value, recorded: {"seeds": [two], "label", "patch": [top, left, height, width], "between", "patched": an answer of each
server function}. Asks `between` for two seeds and a label, and `patch` when the window on the noise is let go.
"""

from collections.abc import Callable

from mnist_lab.ui.widgets import Widget


class Seeds(Widget):
    name = "seeds"
    family = "part"
    html = """
<div class="knobs"><div class="field"><p class="cap"><b>Label</b></p><div class="choices" role="group" aria-label="Label"></div></div>
  <div class="row"><button class="btn one">Other first noise</button><button class="btn two">Other second noise</button></div></div>
<div class="parts answer">
  <div class="walk"><h3>From one noise to the other</h3>
    <div class="pair"><figure><p class="cap"><span class="where"></span></p><div class="sheet">
      <canvas class="pixels noise" role="img" aria-label="The noise"></canvas></div></figure>
      <figure><p class="cap"><b>Its digit</b><span class="num reads"></span></p><div class="sheet">
        <canvas class="pixels end" role="img"></canvas></div></figure></div>
    <div class="film"><button class="play"></button><div class="strip"><canvas></canvas><div class="head"></div></div></div></div>
  <div class="swap"><h3>A patch from the other noise</h3>
    <div class="three"><figure><p class="cap"><span>Drag the window</span></p><div class="sheet window">
      <canvas class="pixels mixed" role="img" aria-label="The first noise with a patch of the second"></canvas>
      <i tabindex="0" role="slider" aria-label="Window on the noise" aria-valuemin="0" aria-valuemax="783"></i></div></figure>
      <figure><p class="cap"><b>Its digit</b></p><div class="sheet">
        <canvas class="pixels made" role="img" aria-label="The digit of the mixed noise"></canvas></div></figure>
      <figure><p class="cap"><b>What changed</b></p><div class="sheet">
        <canvas class="pixels change" role="img" aria-label="Ink that came and went"></canvas></div></figure></div>
    <p class="note says" aria-live="polite"></p><div class="scale"><span>less ink</span><i></i><span>more</span></div></div>
</div>"""

    def __init__(self, value: dict, *, between: Callable[[dict], dict], patch: Callable[[dict], dict], **kwargs):
        super().__init__(value, server_functions=[between, patch], **kwargs)
