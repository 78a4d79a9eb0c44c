"""The river of layers: every map of every layer as a tile, dense layers as cells, the answer as a column.

Value: {"layers": [{"name", "kind": "conv" | "pool" | "dense" | "answer", "count": maps or numbers in the layer, "size":
side of a map, "channels": [indices sent], "maps": base64 of int8, value / scale * 127, "scale", "rectified"}]}. It follows
the page's event "reading". Pointing at a map shows it large, without asking the server.
"""

from mnist_lab.ui.widgets import Widget


class Layers(Widget):
    name = "layers"
    html = """
<ol class="river"></ol>
<div class="preview" hidden><canvas class="pixels" aria-hidden="true"></canvas><i class="spot"></i>
  <p class="cap"><b class="name"></b><span class="num value"></span></p></div>"""
