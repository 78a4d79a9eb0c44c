"""Ten digits that a network made, each above the most alike of those it learned from, and the difference between the two as ink; for
two networks.

Value: {"all", "few": digits each learned from, "ours", "heart": {"made", "nearest": base64 of uint8 (10, 28, 28), "distance": ten},
"nearer": {"ours", "heart": how often a sample lies nearer to training digits than a new person's digit does}, "usual": that digit's
distance}. The page does it all.
"""

from mnist_lab.ui.widgets import Widget


class Copies(Widget):
    name = "copies"
    family = "part"
    html = """<section class="ours"></section><section class="heart"></section>
<div class="scale"><span>less ink</span><i></i><span>more</span></div>"""
