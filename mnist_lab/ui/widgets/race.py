"""A race of four samplers from one noise: a lane is as long as the number of network calls.

Value, a recorded race: {"laps": [answers of `lap`]}, with "samplers": {key: [name, what is particular about it, short name]} and "most": the steps
a lane may have. Hears "film": the race is run for the film's label, noise, schedule and guidance, without eta. Each lane's sampler and
steps can be chosen; `lap` is asked once a lane. "film": the settings of the film they are of, "shape": what
schedules are shaped by unless told otherwise; "measured": {"samples", "network", "guidance",
"schedule", "distance_by_calls": {sampler: {calls: Frechet distance}}} or None, for the plot below.
"""

from collections.abc import Callable

from mnist_lab.ui.widgets import Widget


class Race(Widget):
    name = "race"
    family = "part"
    html = """<ol class="lanes"></ol><div class="row below"><button class="btn primary again">Race again</button>
      <p class="note says" aria-live="polite"></p></div>
<figure class="quality"><h3>Measured: how far from real digits, by the number of calls</h3>
  <div class="plot" role="img" aria-label="A line for each sampler"></div><p class="note of"></p></figure>"""

    def __init__(self, value: dict, *, lap: Callable[[dict], dict], **kwargs):
        super().__init__(value, server_functions=[lap], **kwargs)
