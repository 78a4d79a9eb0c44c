"""Watch it learn: a training on a slider. Kernels, confusion matrix and accuracy of each snapshot, and its verdict on the drawing.

Value: {"images": [S numbers of digits seen], "loss": [S], "accuracy": [S], "kernels": base64 of int8 (S, channels, side, side), 127 for
`scale`, "scale", "bias": base64 of float32 (S, channels), "channels", "side", "confusion": base64 of uint16 (S, 10, 10), rows
are labels}, or {"missing": a sentence}. It follows the page's event "reading"; scrubbing asks nothing. Server function, once a
final reading while it is near the viewport: `verdicts`({"pixels": base64}) -> {"p": base64 of float32 (S, 10)}.
"""

from mnist_lab.ui.widgets import Widget


class Learning(Widget):
    name = "learning"
    html = """
<p class="missing note" hidden></p>
<div class="body">
  <p class="result" aria-live="polite"></p>
  <div class="film"><button class="play"></button><div class="strip"><canvas></canvas><div class="head"></div></div>
    <p class="cap"><b class="moment"></b><span class="num ends"></span></p></div>
  <div class="moments">
    <figure class="drawn"><p class="cap"><b>Your drawing</b><span class="num says"></span></p>
      <ol class="ten rows" aria-label="What this snapshot reads"></ol></figure>
    <figure class="kernels"><p class="cap"><b>First convolution</b><span>kernels, and what they make of it</span></p>
      <div class="tiles" role="img" aria-label="The kernels of the first convolution, each with its map of your drawing"></div>
      <div class="scale"><span>below zero</span><i></i><span>above zero</span></div></figure>
    <figure class="mistakes"><p class="cap"><b>Written, and read as</b><span class="num cell"></span></p>
      <div class="matrix"><canvas class="pixels" role="img" aria-label="Confusion matrix"></canvas><i class="spot" hidden></i></div></figure>
  </div>
  <div class="curves">
    <figure><p class="cap"><b>Read right, of 2,000 digits by new writers</b><span class="num right"></span></p><div class="plot accuracy"></div></figure>
    <figure><p class="cap"><b>Belief in each digit, for your drawing</b><span class="num believed"></span></p><div class="plot belief"></div></figure>
  </div>
</div>"""
