"""The river of layers: every map of every layer as a tile, dense layers as cells, the answer as a column.

Value: {"layers": [{"name", "kind": "conv" | "pool" | "dense" | "answer", "count": maps or numbers in the layer, "size":
side of a map, "channels": [indices sent], "maps": base64 of int8, value / scale * 127, "scale"}], "network": its name}. It
follows the page's event "reading"; a reading with a run of the page itself ("page") needs no "layers".

Pointing at a map shows it large and lights what feeds it. Pressing it opens it below the river, with its kernels, the sum
behind one of its pixels and where in the drawing that pixel looked; the page then hears event "map": {"network", "place" of
the step, "channel", "input": channel of the step before}. The network is fetched once, at a visitor's first sign of life; after
that nothing here asks the server.
"""

from mnist_lab.ui.widgets import Widget


class Layers(Widget):
    name = "layers"
    html = """
<p class="note whose" hidden>These are the best network’s layers. Choose LeNet alone to see its own.</p>
<div class="flow"><ol class="river"></ol><svg class="wires" aria-hidden="true"></svg></div>
<section class="large" aria-label="One map, large" hidden></section>
<div class="preview" hidden><canvas class="pixels" aria-hidden="true"></canvas><i class="spot"></i>
  <p class="cap"><b class="name"></b><span class="num value"></span></p><p class="note fed"></p></div>"""
