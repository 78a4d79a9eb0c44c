"""The map: test digits as points in three dimensions, turned by hand, with the visitor's drawing among them.

It follows the page's event "reading", works only near the viewport, and tells "landing" ({"network", "seen": the drawing's
pixels as base64, "features": its first numbers}, or null). Server functions:

- `where`({"network"}) -> {"labels", "read": base64 of uint8 (N,), "pca", "tsne": base64 of float32 (N, 3), about 1 in size}
- `pictures`({"network"}) -> {"sheet": address of a PNG with all N digits, "columns"}
- `land`({"network", "pixels": base64}) -> {"pca": [x, y, z], "tsne", "near": [five points], "far": bool, "features"}
- `take`({"network", "layout", "dark", "pixels"}) -> {"html": a page to keep}
"""

from mnist_lab.ui.widgets import Widget


class Atlas(Widget):
    name = "atlas"
    html = """
<p class="missing" role="status" hidden></p>
<div class="whole">
  <div class="sky sheet"><canvas tabindex="0" role="application" aria-label="Map of the test digits"></canvas>
    <div class="glance" hidden><canvas class="pixels"></canvas><p></p></div></div>
  <div class="side">
    <div><h3 class="landed" aria-live="polite"></h3><p class="note verdict"></p>
      <div class="family"><figure class="you"><canvas class="pixels" width="28" height="28" aria-hidden="true"></canvas><figcaption>you</figcaption></figure>
        <ol class="near"></ol></div></div>
    <fieldset><legend>Laid out by</legend><div class="segments" role="radiogroup" aria-label="Laid out by"></div><p class="note layout"></p></fieldset>
    <fieldset><legend>One digit alone</legend><div class="classes"></div></fieldset>
    <div class="acts"><button class="btn quiet back">Turn it back</button><button class="btn quiet keep">Take the map with you</button></div>
    <p class="note hint"></p>
  </div>
</div>"""
