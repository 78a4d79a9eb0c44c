"""Forty digits from safe to wild: truncation, the length of every latent under one slider.

Value: {"wildness": [w], "asked": [share read as asked at each], "variety": [how much digits of one label differ, of that at 1],
"z": base64 of float32 (40, D)}.
"""

from mnist_lab.ui.widgets import Widget


class Wild(Widget):
    name = "wild"
    family = "part"
    html = """
<figure><div class="sheet"><canvas class="pixels" role="img"></canvas></div>
  <div class="ends"><span>safe and dull</span><input type="range" min="0" max="2" step="0.02" value="1" aria-label="Wildness"><span>wild</span></div></figure>
<div class="told"><h3 class="verdict"></h3><p class="note says"></p><p class="cap"><span class="legend"><span class="asked"><i></i>read as asked</span>
  <span class="variety"><i></i>variety</span></span></p><div class="plot" role="img"></div><button class="btn hands">Other hands</button></div>"""
