"""Our own small components: what moves under the finger gets its data once and answers in the page, without the server.

A widget is one Python file with its .js and .css beside it: a `Widget` subclass that says its HTML, and takes plain
data as its value. It knows nothing of models. Shared: `lab.js` (window.Lab), `lab.css`, `tokens.css`.
"""

import base64
import io
from pathlib import Path

import gradio as gr
import numpy as np
from PIL import Image

FOLDER = Path(__file__).parent
SAVE = ('<button class="icon save" data-do="picture" title="Save this part as a picture" aria-label="Save as a picture: {}">'
        '<svg viewBox="0 0 18 18"><path d="M9 2.500v8.500m-3.500-3.500L9 11l3.500-3.500M3 14.500h12"/></svg></button>')  # beside a heading


def asset(name: str) -> str:
    """The text of a .js or .css file of this folder."""
    return (FOLDER / name).read_text(encoding="utf-8")


def packed(array: np.ndarray) -> str:
    """An array's raw bytes as base64: what Lab.bytes and Lab.signed read in the page."""
    return base64.b64encode(array.tobytes()).decode()


def data_url(data: bytes, kind: str) -> str:
    """A file as an address: kind is "image/png" and the like."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def png(image: Image.Image) -> str:
    """A PIL picture as a data URL."""
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return data_url(file.getvalue(), "image/png")


class Widget(gr.HTML):
    """Custom HTML with a script of its own. Subclasses set `name` (of the .js and .css files) and `html`.

    `html` is static: no `${` and no `{{`, so that nothing a visitor sends is ever read as a template. The script sees
    `element`, `props`, `watch`, `trigger`, `server` (Gradio's) and `Lab` (ours).
    """

    name = ""
    family = ""  # a second class: "part" brings the chips, sliders and rows of parts.css
    html = ""

    def __init__(self, value=None, *, server_functions=(), **kwargs):
        super().__init__(value, html_template=f'<div class="lab {self.family} {self.name}">{self.html}</div>', js_on_load=asset(f"{self.name}.js"),
                         apply_default_css=False, server_functions=list(server_functions), container=False, padding=False, **kwargs)

    def api_info(self) -> dict:
        return {"type": "object"}
