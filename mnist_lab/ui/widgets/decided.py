"""When it is decided: ten curves, what LeNet reads in the network's guess at every step of the film above.

No value and no server: hears "film" and "frame" of the room's film, reads its guesses with the network in the page, tells "seek".
"""

from mnist_lab.ui.widgets import SAVE, Widget


class Decided(Widget):
    name = "decided"
    html = f"""
<div class="wing"><header><div><div class="titled"><h2 class="verdict">When is it decided?</h2>{SAVE.format("When is it decided?")}</div>
<p class="lede">At every step a classifier reads the guess. Ten curves, one a digit: how strongly it believes in each.</p></div></header></div>
<div class="plot" role="img" aria-label="How strongly a classifier believes in each digit, step by step"></div>"""
