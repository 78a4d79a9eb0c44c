"""The verdict in words, and ten bars: how strongly the network believes in each digit.

Value: {"p": [ten probabilities]}. It follows the page's event "reading"; a screen reader hears the verdict at the end of a
stroke only.
"""

from mnist_lab.ui.widgets import Widget


class Bars(Widget):
    name = "bars"
    html = """
<p class="says"></p><p class="note second"></p>
<ol class="rows" aria-label="Belief in each digit"></ol>
<p class="announce" aria-live="polite"></p>"""
