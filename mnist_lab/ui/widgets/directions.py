"""Directions of latent space with names, each a slider; what they do to five measures; and a list of the visitor's own.

Value: {"directions": [{"name", "vector": base64 of float32 (D,), "effects": {measure: standard deviations}, "change": of `name`
for one step, "found": how}], "units": {measure: unit}, "weights": fingerprint of the generator}. Starts from the plane's
digit (event "latent") or from one told as event "base": {"z", "digit", "name"}. Tells "place" and "stop".
"""

from mnist_lab.ui.widgets import Widget


class Directions(Widget):
    name = "directions"
    family = "part"
    html = """
<figure class="now"><p class="cap"><b class="of"></b><span class="num reads"></span></p><div class="sheet"><canvas class="pixels" role="img"></canvas></div>
  <div class="row"><button class="btn quiet reset">Back to the start</button><button class="btn quiet as-a">Make it A</button>
  <button class="btn quiet as-stop">Add it to the morph</button></div></figure>
<div class="list"><div class="found"></div><p class="cap own-title" hidden><b>Your own</b></p><div class="own"></div>
  <div class="row"><button class="btn save">Save this direction</button><span class="note saved"></span></div></div>"""
