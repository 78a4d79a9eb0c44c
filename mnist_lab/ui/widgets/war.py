"""The war of a GAN on a slider: sixty-four fakes, losses, how often the discriminator is right, and which digits are still made.

Value: {"wars": [{"key", "name", "images": [S], "batch", "made": [S][10], "curve": {"step": [C], "generator", "discriminator",
"right_on_real", "right_on_fake"}, "figures": {"modes", "read_as_asked", "recall", "precision", "frechet_distance"}}], "last": PNG
data URL of the first war's last fakes in a row}, or {"missing": a sentence}. Asks `fakes` once a war; scrubbing asks nothing.
"""

from collections.abc import Callable

from mnist_lab.ui.widgets import Widget


class War(Widget):
    name = "war"
    family = "part"
    html = """
<p class="missing note" hidden></p>
<div class="whole"><div class="kinds" role="group" aria-label="Which war"></div>
<div class="field">
  <figure><h3 class="verdict" aria-live="polite"></h3><p class="note tale"></p>
    <div class="sheet answer"><canvas class="pixels wall" role="img"></canvas></div>
    <div class="film"><button class="play"></button><div class="strip"><div class="rail"></div><div class="head"></div></div>
      <p class="cap"><span>Untrained</span><span class="end"></span></p></div></figure>
  <div class="charts">
    <p class="cap"><b>Loss</b><span class="legend"><span class="g"><i></i>generator</span><span class="d"><i></i>discriminator</span></span></p>
    <div class="plot loss" role="img"></div>
    <p class="cap"><b>Discriminator is right about</b><span class="legend"><span class="r"><i></i>real</span><span class="f"><i></i>fake</span></span></p>
    <div class="plot right" role="img"></div>
    <p class="cap" title="A digit counts as made while half of it are read as asked"><b>Digits still made</b><span class="num still"></span></p>
    <div class="plot made" role="img"></div>
    <button class="btn smooth" aria-pressed="false">Smooth the curves</button></div>
</div></div>"""

    def __init__(self, value: dict, *, fakes: Callable[[dict], dict], **kwargs):
        super().__init__(value, server_functions=[fakes], **kwargs)
