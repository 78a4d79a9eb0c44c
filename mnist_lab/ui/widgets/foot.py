"""The foot of every room: the call that makes what is on the screen, and a link to it."""

from mnist_lab.ui.widgets import Widget


class Foot(Widget):
    """Three lines of Python and a link to the screen. Value: the lines, as text."""

    name = "foot"
    html = """<footer class="foot"><details class="fold"><summary>Three lines of Python</summary>
<pre class="code"></pre><button class="btn" data-do="copy">Copy</button></details>
<button class="btn quiet" data-do="link">Copy a link to this screen</button></footer>"""

    def api_info(self) -> dict:
        return {"type": "string"}
