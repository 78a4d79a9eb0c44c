"""The look: Gradio's base theme, and every style sheet of ours put together. Colours stand in `widgets/tokens.css`."""

from pathlib import Path

import gradio as gr

from mnist_lab.ui.widgets import FOLDER, asset

FONTS = Path(__file__).parent / "fonts"
THEME = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])


def css() -> str:
    """Tokens first, then Gradio's own elements, then ours: shared, rooms, and one sheet a widget."""
    tokens = asset("tokens.css").replace("fonts/", f"gradio_api/file={FONTS}/")
    sheets = [p.name for p in sorted(FOLDER.glob("*.css")) if p.name not in ("tokens.css", "lab.css")]
    own = [Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("gradio.css", "rooms.css")]
    return "\n".join([tokens, *own, asset("lab.css"), *map(asset, sheets)])


def head() -> str:
    """The address as it was before any tab rewrote it, then window.Lab."""
    return f"<script>window.labQuery = new URLSearchParams(location.search)</script>\n<script>{asset('lab.js')}</script>"
