"""The noise schedule: share of signal over the steps, static above the curve, and log-SNR below it.

Value: {"alpha_bar": [n + 1 levels], "range": [lowest, highest] level the network knows, "chain": steps of the training
chain, "shape": {what shapes a schedule: its usual value}}. It follows two events of the page: "schedule" while a control
moves (the levels are worked out here, by the same formulas as mnist_lab.diffusion.schedules) and "frame" while a film is
scrubbed.

Dragging a dot, or sweeping along the curve, draws a schedule by hand: window.labCurve holds its levels with commas between
them, and the widget triggers "input".
"""

from mnist_lab.ui.widgets import Widget


class Schedule(Widget):
    name = "schedule"
    html = """
<p class="cap"><b>How much is signal</b><span class="num share"></span></p>
<div class="plot signal" role="slider" tabindex="0" aria-label="Share of signal at each step. Left and right choose a step, up and down move it."
  aria-valuemin="0" aria-valuemax="100" aria-valuenow="0"></div>
<p class="cap snr-cap"><b>Log-SNR</b><span class="num snr"></span></p>
<div class="plot logsnr" role="img" aria-label="Logarithm of the signal-to-noise ratio at each step"></div>"""
