"""The look: Gradio's base theme, and every style sheet of ours put together. Colours stand in `widgets/tokens.css`."""

from pathlib import Path
from urllib.parse import quote

import gradio as gr

from mnist_lab.ui.widgets import FOLDER, asset

FONTS = Path(__file__).parent / "fonts"
THEME = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])


def css() -> str:
    """For launch(css=...): Gradio's own elements, then ours: rooms, shared, and one sheet a widget."""
    sheets = [p.name for p in sorted(FOLDER.glob("*.css")) if p.name not in ("tokens.css", "lab.css")]
    return "\n".join([_own("gradio.css"), _own("rooms.css"), asset("lab.css"), *map(asset, sheets)])


def head() -> str:
    """The address as it was before any tab rewrote it, the tokens and page rules, then window.Lab and the networks that run in the page."""
    tokens = asset("tokens.css").replace("fonts/", f"gradio_api/file={quote(FONTS.as_posix())}/")
    address = "window.labQuery = new URLSearchParams(location.search); window.labAwaited = window.labQuery.get('room');"
    scripts = "\n".join(map(asset, ("lab.js", "net.js", "digit.js", "conv.js", "enlarged.js", "forge.js", "sketch.js", "picture.js")))
    return f"<script>{address}</script>\n<style>{tokens}\n{_own('page.css')}</style>\n<script>{scripts}</script>"


def _own(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
