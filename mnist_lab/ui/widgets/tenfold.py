"""One latent vector under all ten labels, beside digits that people wrote.

Value: {"real": PNG data URL of 28x28 digits, ten columns from 0 to 9}. Hears event "latent" of the plane; tells the page the
real digits as "samples": [{"name", "pixels"}], for every pad that offers digits to take.
"""

from mnist_lab.ui.widgets import Widget


class Tenfold(Widget):
    name = "tenfold"
    family = "part"
    html = """
<div class="table"><b class="who fake">Fake</b><div class="fakes"></div><b class="who">Real</b><div class="reals"></div></div>
<div class="row"><button class="btn noise">New noise</button><button class="btn more">Other people</button><span class="note says"></span></div>"""
