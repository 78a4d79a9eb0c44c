"""One training step in slow motion, as a film of five stages: forward, loss, blame, nudge, and the probability that moved.

It follows the page's event "reading" and opens with the verdict as the label to teach. Server function, once a final reading,
label or number of steps, while it is near the viewport: `lesson`({"pixels": base64, "network", "label", "steps"}) -> {"label",
"steps", "most", "rate", "loss", "trace": base64 of float32 (steps + 1, 10), "layers": [{"name", "kind": "map" or "row", "count", "size",
"channels", "values" and "blame": base64 of int8, "norm", "moved"}], "kernels": {"channels", "side", "before", "nudge": base64 of
float32 (channels, side, side), "name", "moved"}, "weights"}.
"""

from mnist_lab.ui.widgets import Widget

STAGES = ("Forward", "Loss", "Blame", "Nudge", "Result")


class Lesson(Widget):
    name = "lesson"
    html = f"""
<div class="asks"><p class="cap" id="lesson-asks">Teach it that this is</p>
  <div class="chips" role="radiogroup" aria-labelledby="lesson-asks"></div>
  <div class="acts"><button class="btn again">Again, ten times</button><button class="btn quiet over">Start over</button></div></div>
<p class="result" aria-live="polite"></p>
<div class="film"><button class="play"></button>
  <div class="strip"><ol class="stages">{"".join(f"<li><b>{i}</b> {name}</li>" for i, name in enumerate(STAGES, 1))}</ol><div class="head"></div></div>
  <p class="cap words"></p></div>
<div class="river" tabindex="0" role="group" aria-label="Every layer: what it said, and its share of the blame"></div>
<div class="below">
  <div class="answer"><p class="cap"><b>Belief</b><span class="num loss"></span></p>
    <ol class="ten rows" aria-label="Belief in each digit, before and after"></ol>
    <p class="note key"><i></i>now <u></u>before the first step, as in training: uncalibrated</p></div>
  <figure class="kernels"><p class="cap"><b class="name"></b><span class="num moved"></span></p><div class="rows3"></div><p class="note enlarged"></p></figure>
  <figure><p class="cap"><b>Belief after each step</b><span class="num steps"></span></p><div class="plot trace"></div></figure>
</div>"""
