"""The app: the bar, the rooms, and what every visitor's page starts with."""

import os

# Before gradio is imported: no call home, and queue statistics that never grow (they cost more than our handlers).
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "100")
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000000")

import gradio as gr  # noqa: E402

from mnist_lab.checkpoint import Store  # noqa: E402
from mnist_lab.ui import classify_tab, diffusion_tab, gan_tab, theme  # noqa: E402
from mnist_lab.ui.controls import enter_room, read_address, settings_of, write_address  # noqa: E402

TABS = (classify_tab, gan_tab, diffusion_tab)

BRAND = """<div class="lab brand"><svg viewBox="0 0 22 22" aria-hidden="true"><rect x=".5" y=".5" width="21" height="21" rx="3" fill="none"
 stroke="var(--lab-dropout)"/><path d="M5 3h9v3H5zM14 6h3v4h-3zM8 10h6v2H8zM14 12h3v4h-3zM5 16h9v3H5z" fill="currentColor"/></svg>MNIST Lab</div>"""
TOOLS = """<div class="lab tools"><button class="icon" data-do="link" aria-label="Copy a link to this screen" title="Copy a link to this screen">
<svg viewBox="0 0 18 18"><path d="M7.500 10.500 10.500 7.500
M8 5l1.600-1.600a3.200 3.200 0 0 1 4.600 4.600L12.500 9.600M10 13l-1.600 1.600a3.200 3.200 0 0 1-4.600-4.600L5.500 8.400"/></svg></button>
<button class="icon" data-do="mode" aria-label="Light or dark" title="Light or dark"><svg viewBox="0 0 18 18"><circle cx="9" cy="9" r="6.200"/>
<path d="M9 2.800a6.200 6.200 0 0 1 0 12.400z" fill="currentColor"/></svg></button></div>"""


def build(store: Store | None = None) -> gr.Blocks:
    """The whole app on the checkpoints of one store; loads no network yet."""
    store = store or Store()
    gr.set_static_paths([theme.FONTS])
    with gr.Blocks(title="MNIST Lab", fill_width=True, delete_cache=(3600, 3600)) as demo:
        gr.HTML(BRAND, elem_id="brand", container=False, padding=False)
        gr.HTML(TOOLS, elem_id="tools", container=False, padding=False)
        rooms = []
        with gr.Tabs(elem_id="rooms", overflow_behavior="wrap") as tabs:
            for module in TABS:
                with gr.Tab(module.TITLE, id=module.ID) as tab:
                    room = module.build(store)
                tab.select(None, js=enter_room(room))
                rooms.append(room)
        for room in rooms:
            for key, control in room.settings.items():
                control.change(None, control, None, js=write_address(room, key))
        demo.load(None, None, [tabs, *settings_of(rooms)], js=read_address(rooms))
    demo.queue(max_size=32, api_open=False)
    return demo


def launch_settings() -> dict:
    """What `launch` needs: look, script, and limits."""
    return {"theme": theme.THEME, "css": theme.css(), "head": theme.head(), "footer_links": ["api"], "run_history": False,
            "ssr_mode": False, "max_file_size": "8mb", "pwa": False}
