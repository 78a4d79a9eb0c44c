"""The verdict in words, a needle for how digit-like the drawing is, and ten bars: how strongly the network believes in each digit.

Value: {"p": [ten probabilities], "likeness": 0 to 1 or None, "network": name}. It follows the page's event "reading"; a reading
with "pair" has two wells a digit, LeNet's and the best network's. A screen reader hears the verdict at the end of a stroke only.
"""

from mnist_lab.ui.widgets import Widget


class Bars(Widget):
    name = "bars"
    html = """
<p class="says"></p><p class="note second"><span class="why"></span><span class="who"></span></p>
<div class="gauge" role="img"><span class="note">not a digit</span><div class="rail"><u></u><i></i></div><span class="note">a digit</span></div>
<p class="note sides" hidden aria-hidden="true"><span></span><span>LeNet</span><span></span><span>Best</span><span></span><em>Left LeNet, right Best</em></p>
<ol class="rows" aria-label="Belief in each digit"></ol>
<p class="announce" aria-live="polite"></p>"""
