"""A walk through latent space: the digit at the slider, both ends, its latent numbers, and the whole walk as a strip.

Value: {"sprite": PNG data URL, one row of 28x28 frames, "count": n, "latents": base64 of int8 (n, size) in fortieths,
"lengths": [n], "typical": length of a random latent, "ends": [{"digit", "seed"}, {"digit", "seed"}], "path": "linear" |
"spherical", "recorded": bool}.
"""

from mnist_lab.ui.widgets import Widget


class Morph(Widget):
    name = "morph"
    html = """
<div class="walk">
  <figure class="made"><p class="cap"><b class="where"></b><span class="num share"></span></p>
    <div class="sheet"><canvas class="pixels digit" role="img"></canvas></div></figure>
  <div class="inside">
    <div class="ends">
      <figure><p class="cap"><span class="badge">A</span><span class="end-a"></span></p>
        <div class="sheet"><canvas class="pixels a" role="img" aria-label="The digit at A"></canvas></div></figure>
      <figure><p class="cap"><span class="badge">B</span><span class="end-b"></span></p>
        <div class="sheet"><canvas class="pixels b" role="img" aria-label="The digit at B"></canvas></div></figure>
    </div>
    <p class="cap"><b class="numbers"></b></p>
    <div class="latent" aria-hidden="true"></div>
    <p class="cap"><b>Length on the way</b><span class="num length"></span></p>
    <div class="plot lengths" role="img" aria-label="Length of the latent vector along the path"></div>
  </div>
</div>
<div class="film"><button class="play"></button><div class="strip"><canvas></canvas><div class="head"></div></div>
  <p class="cap"><span class="badge">A</span><span class="recorded note" hidden>recorded</span><span class="badge">B</span></p></div>"""
