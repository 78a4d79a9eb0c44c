"""The 28x28 picture the network reads, and where on the pad it was cut from.

Value: {"seen": base64 of 784 bytes, "digit": int, "recorded": bool}. It follows the page's event "reading"; at the end of
a stroke the answer's "box" (fractions of the pad) flies to its "placed" (pixels of the picture).
"""

from mnist_lab.ui.widgets import Widget


class Seen(Widget):
    name = "seen"
    html = """
<figure>
  <div class="sheet"><canvas class="pixels view" width="28" height="28" role="img" aria-label="What the network reads"></canvas></div>
  <figcaption><p class="cap"><b>What the network reads</b><span class="recorded note" hidden>recorded</span></p><p class="note words"></p></figcaption>
</figure>"""
