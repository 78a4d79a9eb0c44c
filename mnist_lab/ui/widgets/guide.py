"""What guidance does: two looks at one noisy picture, their difference as ink, and the guess at any guidance along the line through both.

Value, recorded looks: the answer of `looks` with "guidance", the amount to open with, and "taught", what the network was. Hears "film" and "frame": once the
visitor's hand moves the film above, or picks a label, `looks` is asked for that frame. The slider asks nothing.
"""

from collections.abc import Callable

from mnist_lab.ui.widgets import Widget


class Guide(Widget):
    name = "guide"
    family = "part"
    html = """
<p class="note older" aria-live="polite"></p><div class="looks answer">
  <figure class="x"><p class="cap"><b class="where"></b></p><div class="sheet"><canvas class="pixels" role="img"></canvas></div></figure>
  <figure class="free"><p class="cap"><b class="nothing"></b><span class="num reads"></span></p><div class="sheet">
    <canvas class="pixels" role="img"></canvas></div></figure>
  <figure class="asked"><p class="cap"><b class="told"></b><span class="num reads"></span></p><div class="sheet">
    <canvas class="pixels" role="img"></canvas></div></figure>
  <figure class="between"><p class="cap"><b>The difference</b></p><div class="sheet">
    <canvas class="pixels" role="img" aria-label="Ink that the label adds or takes away"></canvas></div>
    <div class="scale"><span>less ink</span><i></i><span>more</span></div></figure>
  <figure class="pushed"><p class="cap"><b class="at"></b><span class="num reads"></span></p><div class="sheet">
    <canvas class="pixels" role="img"></canvas></div></figure>
</div>
<div class="plot line" aria-hidden="true"></div>
<div class="knobs"><div class="field"><p class="cap"><b>Guidance</b><span class="num amount"></span></p>
  <input type="range" min="0" max="8" step="0.1" aria-label="Guidance"></div>
  <div class="field"><p class="cap"><b>Told to see</b></p><div class="choices" role="group" aria-label="Label"></div></div></div>
<p class="note says" aria-live="polite"></p>"""

    def __init__(self, value: dict, *, looks: Callable[[dict], dict], **kwargs):
        super().__init__(value, server_functions=[looks], **kwargs)
