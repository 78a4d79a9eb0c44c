"""Break it: every filter of every convolution as a toggle, with the verdict and the accuracy of each digit before and after.

It follows the page's event "reading" and runs the reading's network in the page, with the maps that are off or inverted
scaled; only while it is near the viewport. Server functions:

- `accuracy`({"network", "scaled": {place: {map: factor}}, "digits": [...]}) -> {"before": [a count a digit], "after", "of",
  "words"}, asked for a few digits at a time.
- `find`({"network", "scaled", "pixels": base64}) -> {"digit", "p", "maps": [{"place", "digits": a verdict a map lost, "p"}]}.
"""

from mnist_lab.ui.widgets import Widget


class Surgery(Widget):
    name = "surgery"
    html = """
<div class="table">
  <div class="convs"></div>
  <div class="side">
    <div class="now"><p class="result" aria-live="polite"></p>
      <ol class="ten rows" aria-label="Belief in each digit, with what is switched off"></ol>
      <p class="note key"><i></i>now <u></u>with every filter on</p></div>
    <div class="crowd"><p class="cap"><b>Read right, digit by digit</b><span class="num total"></span></p>
      <ol class="cols"></ol><div class="rail" role="progressbar" aria-label="Examples read" aria-valuemin="0" aria-valuemax="10"><i></i></div>
      <p class="note of"></p></div>
    <div class="acts"><button class="btn find">Find the one whose loss flips my digit</button><button class="btn quiet mend">Mend all</button>
      <p class="note found" aria-live="polite"></p></div>
  </div>
</div>"""
