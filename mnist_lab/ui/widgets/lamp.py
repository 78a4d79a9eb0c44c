"""A keyhole: only a window of the drawing is visible to the network, as large as what one value of a layer sees.

It follows the page's event "reading" and runs the reading's network in the page for each place of the window; it asks no
server. Only while it is near the viewport.
"""

from mnist_lab.ui.widgets import Widget


class Lamp(Widget):
    name = "lamp"
    html = """
<div class="bench">
  <div class="sheet box" tabindex="0" role="application"><canvas class="pixels" width="28" height="28"></canvas><i class="window" hidden></i></div>
  <div class="side">
    <p class="result"></p><p class="announce" aria-live="polite"></p>
    <fieldset class="sizes"><legend>The window one value of a layer looks through</legend><div class="choices"></div></fieldset>
    <ol class="ten rows" aria-label="Belief in each digit, from the window alone"></ol>
    <p class="note key"><i></i>from the window <u></u>from the whole drawing</p>
  </div>
</div>"""
