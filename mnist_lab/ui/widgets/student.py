"""Ten digits drawn anew while the noise is turned, by a network that needs one look; and by its teacher once the hand rests.

Value, recorded: {"seed", "angle", "label": digit or None, "calls", "student", "teacher": an answer of each server function}. Asks
`student` at every move, the newest one only, and `teacher` once the hand rests.
"""

from collections.abc import Callable

from mnist_lab.ui.widgets import Widget


class Student(Widget):
    name = "student"
    family = "part"
    html = """
<div class="knobs"><div class="field"><p class="cap"><b>Start from</b></p>
    <div class="segments kind" role="group" aria-label="Start from"></div></div>
  <div class="field"><p class="cap"><b>Looks</b></p><div class="segments calls" role="group" aria-label="Looks at the noise"></div></div>
  <div class="field which"><p class="cap"><b>Label</b></p><div class="choices" role="group" aria-label="Label"></div></div></div>
<div class="turn">
  <div class="sheet"><canvas class="pixels noise" role="img" aria-label="The noise, the first one if there are ten"></canvas></div>
  <div class="field"><label class="cap"><b>Turn the noise</b><span class="num angle"></span></label>
    <input type="range" min="0" max="360" step="1" aria-label="Turn the noise"></div>
  <button class="btn other">New noise</button></div>
<div class="table"><p class="who"><b>Student</b><span class="note cost"></span></p><div class="tiles made"></div>
  <p class="who"><b>Its teacher</b><span class="note cost"></span></p><div class="tiles taught answer"></div></div>
<p class="note says" aria-live="polite"></p>"""

    def __init__(self, value: dict, *, student: Callable[[dict], dict], teacher: Callable[[dict], dict], **kwargs):
        super().__init__(value, server_functions=[student, teacher], **kwargs)
