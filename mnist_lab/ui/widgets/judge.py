"""The discriminator's eye: how real a picture looks to it, and the ink it would like to see; "Obey" gives it what it wants.

Value: {"range": [low, high] of the gauge, "real": shares of real digits in each of its bins, "fake": the same of fakes, "first":
base64 of 784 bytes with "digit"}. Asks `judge`.
"""

from collections.abc import Callable

from mnist_lab.ui.widgets import Widget


class Judge(Widget):
    name = "judge"
    family = "part"
    html = """
<figure class="draw"><p class="cap"><b>Show it something</b><button class="btn quiet fake">Take a fake</button></p><div class="sketch"></div></figure>
<figure class="wish"><p class="cap"><b>What it wants</b><span class="num steps"></span></p><div class="sheet"><canvas class="pixels" role="img"></canvas></div>
  <div class="scale"><span>less ink</span><i></i><span>more ink</span></div>
  <div class="row"><button class="btn primary obey">Obey</button><button class="btn undo" disabled>Back to yours</button></div></figure>
<div class="told"><h3 class="verdict" aria-live="polite"></h3>
  <p class="cap"><span class="legend"><span class="real"><i></i>real digits</span>
  <span class="fakes"><i></i>fakes</span></span><span class="num score"></span></p>
  <div class="plot gauge" role="img"></div>
  <p class="cap">Judged as a</p><div class="choices" role="group" aria-label="Judged as"></div>
  <p class="cap"><b>Our classifier reads it</b><span class="num reads"></span></p><ul class="ten"></ul></div>"""

    def __init__(self, value: dict, *, judge: Callable[[dict], dict], **kwargs):
        super().__init__(value, server_functions=[judge], **kwargs)
