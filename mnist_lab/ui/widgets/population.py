"""All test digits at once: the confusion matrix and the pictures in it, what each map answers to, latent features, calibration.

It follows the page's event "reading" for the network, and "landing" (see atlas.py) for where the drawing lies. Server function
`people`({"network"}), asked once a network when near the viewport -> {"confusion": 10 x 10 counts, "cells": 10 x 10 lists of pictures
(-1: no more), "worst": [pictures], "sheet": address of a PNG of all pictures, "columns": in a row of it, "labels", "read",
"confidence": one a picture, "layers": [{"name", "count": maps, "values": base64 of int8 (10, maps), value / scale * 127, "scale"}],
"last": the same with "side", and maps of side x side, "histograms": {"counts": a list a feature, "low", "high", "mean", "std"},
"calibration": {"count", "confidence", "accuracy": one a bin}, "scores"}. Pressing a picture tells "take".
"""

from mnist_lab.ui.widgets import Widget


class Population(Widget):
    name = "population"
    html = """
<p class="missing" role="status" hidden></p>
<div class="whole">
  <div class="mistakes">
    <section><h3 class="confused"></h3>
      <p class="cap"><span>Rows: what it is. Columns: what it was read as. Press a cell to see its digits.</span></p>
      <div class="matrix" role="group" aria-label="Confusion matrix"></div></section>
    <section><h3 class="surest"></h3><p class="cap"><span>The mistakes it was surest of. Press one to draw with it.</span></p>
      <div class="worst"></div></section>
  </div>
  <div class="drawer" aria-live="polite"><p class="cap"><b class="inside"></b></p><div class="inmates"></div></div>
  <section class="answers"><h3 class="favourite"></h3>
    <div class="choice"><div class="segments layers" role="radiogroup" aria-label="Layer"></div>
      <div class="segments modes" role="radiogroup" aria-label="Shown"></div></div>
    <div class="means"><div class="field"><ol class="names" aria-hidden="true"></ol><div class="scroll"><div class="grid">
        <canvas class="pixels" tabindex="0" role="application"></canvas><i class="column" aria-hidden="true"></i></div></div></div>
      <div class="one"><p class="cap"><b class="map"></b></p><ol class="digits"></ol></div></div>
  </section>
  <div class="spread">
    <section><h3 class="normal"></h3><p class="cap"><span>Bars: test digits. Line: a normal curve of the same mean and spread.</span>
      <span class="key" hidden><u></u>your drawing</span></p><ol class="histograms"></ol></section>
    <section><h3 class="honest"></h3><p class="cap"><span>Across: how sure it was. Up: how often it was right.</span></p>
      <div class="plot reliability" tabindex="0" role="application"></div><p class="note bin"></p></section>
  </div>
</div>"""
