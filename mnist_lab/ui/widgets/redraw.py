"""Start from your drawing: redraw it from a noise level, finish what was rubbed out, or wake its noise as another digit.

Value, recorded: {"pixels", "rubbed": base64 of 784 bytes, "label": what the drawing is, "redraw", "finish", "relabel": an
answer of each}. The pad is shared; each way asks its own server function, once for a drawing and a label.
"""

from collections.abc import Callable

from mnist_lab.ui.widgets import Widget


class Redraw(Widget):
    name = "redraw"
    family = "part"
    html = """
<figure class="draw"><p class="cap"><b>Your digit</b></p><div class="sketch"></div></figure>
<div class="work"><div class="segments ways" role="group" aria-label="What to do with it"></div>
  <div class="field"><p class="cap"><span>Told to see</span></p><div class="choices" role="group" aria-label="Label"></div></div>
  <div class="way answer redrawn">
    <div class="pair"><figure><p class="cap"><b>Sent back to here</b></p><div class="sheet"><canvas class="pixels from" role="img"></canvas></div></figure>
      <figure><p class="cap"><b>What comes back</b><span class="num reads"></span></p><div class="sheet">
        <canvas class="pixels to" role="img"></canvas></div></figure></div>
    <div class="film"><button class="play"></button><div class="strip"><canvas></canvas><div class="head"></div></div><p class="cap">
      <span class="note says"></span></p></div></div>
  <div class="way answer finished" hidden>
    <div class="pair"><figure><p class="cap"><b>Rub out</b>
        <span><button class="btn quiet half">Lower half</button><button class="btn quiet mend">Start over</button></span></p><div class="sheet rubbing">
      <canvas class="rub" role="application" tabindex="0"></canvas><i class="rubber"></i></div></figure>
      <figure><p class="cap"><b>Filled in, four ways</b></p><div class="four"></div></figure></div><p class="note says"></p></div>
  <div class="way answer relabelled" hidden>
    <div class="pair"><figure><p class="cap"><b>The noise it comes from</b></p><div class="sheet">
      <canvas class="pixels noise" role="img" aria-label="The noise of your digit"></canvas></div></figure>
      <figure><p class="cap"><b>The same noise, told each digit</b></p><div class="eleven-ends"></div></figure></div><p class="note says"></p></div>
  <button class="btn other">Other noise</button></div>"""

    def __init__(self, value: dict, *, redraw: Callable[[dict], dict], finish: Callable[[dict], dict], relabel: Callable[[dict], dict], **kwargs):
        super().__init__(value, server_functions=[redraw, finish, relabel], **kwargs)
