"""Noise a digit: drag from a drawing to pure static; the noisy picture, what the network sees in it at one look, and what LeNet reads in both.

Value, a recorded digit: {"pixels": base64 of 784 bytes, "seed", "alpha_bar": [n], "sheet": PNG data URL, one row of noisy
pictures and one of guesses, "samples": [{"pixels", "name"}], digits that all pads of the room offer}. Asks `noised` once for
a drawing or a seed; dragging asks nothing.
"""

from collections.abc import Callable

from mnist_lab.ui.widgets import Widget


class Noising(Widget):
    name = "noising"
    family = "part"
    html = """
<figure class="draw"><p class="cap"><b>Your digit</b></p><div class="sketch"></div></figure>
<figure class="noisy"><p class="cap"><b>With noise</b><span class="num reads"></span></p><div class="sheet answer">
  <canvas class="pixels" role="img"></canvas></div></figure>
<figure class="guess"><p class="cap"><b>The network’s one look</b><span class="num reads"></span></p><div class="sheet answer">
  <canvas class="pixels" role="img"></canvas></div></figure>
<div class="tale"><h3 class="verdict" aria-live="polite"></h3>
  <p class="cap"><span class="legend"><span class="in-noise"><i></i>LeNet, in the noisy picture</span><span class="in-guess"><i></i>in the guess</span>
    <span class="signal"><i></i>signal</span></span></p>
  <div class="plot" role="img" aria-label="What LeNet reads at every level"></div></div>
<div class="film"><button class="play"></button><div class="strip"><canvas></canvas><div class="head"></div></div>
  <p class="cap"><span class="share"></span><button class="btn quiet other">Other noise</button></p></div>"""

    def __init__(self, value: dict, *, noised: Callable[[dict], dict], **kwargs):
        super().__init__(value, server_functions=[noised], **kwargs)
