"""The noise schedule: share of signal over the steps, static above the curve, and log-SNR below it.

Value: {"alpha_bar": [n + 1 levels]}. It follows two events of the page: "schedule" while a control moves (the levels are
worked out here, by the same formulas as mnist_lab.diffusion.schedules) and "frame" while a film is scrubbed.
"""

from mnist_lab.ui.widgets import Widget

from gradio.events import Dependency

class Schedule(Widget):
    name = "schedule"
    html = """
<p class="cap"><b>How much is signal</b><span class="num share"></span></p>
<div class="plot signal" role="img" aria-label="Share of signal at each step"></div>
<p class="cap snr-cap"><b>Log-SNR</b><span class="num snr"></span></p>
<div class="plot logsnr" role="img" aria-label="Logarithm of the signal-to-noise ratio at each step"></div>"""
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component