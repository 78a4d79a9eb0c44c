"""One update of a GAN in slow motion, six numbered stages; then the discriminator or the generator alone, stored update by update.

No value; asks `blow` once, when it comes near: {"images", "step", "noise": base64 of float32 (8, D), "real": base64 of uint8
(8, 28, 28), "wish": base64 of float32 (8, 28, 28), "losses": [discriminator, generator], "turns": {"both" | "judge" | "forger":
{"marks": [updates][2][8], real then fake, "fakes": base64 of uint8 (updates, 8, 28, 28)}}}. Scrubbing asks nothing.
"""

from collections.abc import Callable

from mnist_lab.ui.widgets import Widget


class Blow(Widget):
    name = "blow"
    family = "part"
    html = """
<div class="row"><div class="segments" role="group" aria-label="Who moves"></div><p class="note when"></p></div>
<ol class="stages">
  <li data-stage="noise"><div><h3><i>1</i>Noise</h3><p class="note">Eight latents, each a square of random numbers with a label.</p></div>
    <div class="eight latents"></div></li>
  <li data-stage="fakes"><div><h3><i>2</i>Fakes</h3><p class="note">The generator turns each into a digit.</p></div><div class="eight fakes"></div></li>
  <li data-stage="marks"><div><h3><i>3</i>Marks</h3>
    <p class="note">The discriminator marks real digits and fakes: above zero it takes them for real. Pale: before the update.</p></div><div>
    <div class="eight reals"></div><div class="plot scores" role="img"></div></div></li>
  <li data-stage="losses"><div><h3><i>4</i>Losses</h3><p class="note">What each side lost by the marks before the update.</p></div><div class="losses">
    <p><b class="d"></b><span>discriminator: real marked low, fakes marked high</span></p><p><b class="g"></b>
      <span>generator: its fakes marked low</span></p></div></li>
  <li data-stage="wish"><div><h3><i>5</i>Gradients, as ink</h3>
    <p class="note">Where more ink, or less, would have passed better. This is all the generator is told.</p></div><div>
    <div class="eight wishes"></div><div class="scale"><span>less ink</span><i></i><span>more ink</span></div></div></li>
  <li data-stage="update"><div><h3><i>6</i>Update</h3><p class="note told" aria-live="polite"></p></div><div><div class="eight after"></div>
    <div class="film"><button class="play"></button><div class="strip"><div class="rail"></div><div class="head"></div></div><p class="cap">
      <span class="count"></span></p></div></div></li>
</ol>"""

    def __init__(self, *, blow: Callable[[dict], dict], **kwargs):
        super().__init__(server_functions=[blow], **kwargs)
