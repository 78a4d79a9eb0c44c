"""A morph through up to eight stops, by three paths side by side: what a straight line, the ring and the centre make of the same stops.

Value: {"stops": [{"digit", "seed", "z": base64 of float32 (D,)}], "names": {path: [title, words]}}. Asks `latents` for the
latents of new seeds and `film` for a file to take away. Hears event "stop": {"z", "digit", "name"}, one more stop.
"""

from collections.abc import Callable

from mnist_lab.ui.widgets import Widget


class Morph(Widget):
    name = "morph"
    family = "part"
    html = """
<div class="stops" role="group" aria-label="Stops of the morph"></div>
<div class="stop-editor"><span class="cap"><b class="which"></b></span><div class="choices" role="group" aria-label="Digit at this stop"></div>
  <div class="row"><button class="btn quiet dice">Another hand</button><button class="btn quiet away">Take it away</button></div></div>
<div class="lanes"></div>
<div class="film"><button class="play"></button><div class="strip"><div class="rail"></div><div class="head"></div></div>
  <p class="cap"><span class="where"></span></p></div>
<div class="row take"><button class="btn loop" aria-pressed="true">Round and round</button><button class="btn gif">Download a GIF</button>
  <button class="btn png">Download a strip</button><span class="note taken"></span></div>"""

    def __init__(self, value: dict, *, latents: Callable[[dict], dict], film: Callable[[dict], dict], **kwargs):
        super().__init__(value, server_functions=[latents, film], **kwargs)
