"""What the rooms share: their opening words, feet, friendly errors, and settings that travel in the address."""

import functools
import html
import inspect
import json
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import gradio as gr

from mnist_lab.checkpoint import CheckpointError
from mnist_lab.ui.widgets import SAVE


@dataclass(frozen=True)
class Room:
    """One tab: what its address and title are, and which of its settings travel in a link."""

    id: str
    title: str
    settings: dict[str, gr.components.Component] = field(default_factory=dict)  # key in the address -> control
    run: str = ""  # id of the button to press when a link has restored settings


def opening(title: str, words: str) -> gr.HTML:
    return gr.HTML(f'<div class="lab"><div class="opening"><h1>{title}</h1><p class="lede">{words}</p></div></div>', container=False, padding=False)


def wing(title: str, words: str, aside: str = "") -> gr.HTML:
    """The heading of a further part of a room, which can be saved as a picture."""
    save = SAVE.format(re.sub("<[^>]+>", "", title))
    told = f'<div class="titled"><h2>{title}</h2>{save}</div><p class="lede">{words}</p>'
    return gr.HTML(f'<div class="lab"><div class="wing"><header><div>{told}</div>{aside}</header></div></div>', container=False, padding=False)


SCALE = '<div class="scale"><span>below zero</span><i></i><span>above zero</span></div>'


NO_WEIGHTS = "This room’s weights are not here, or can’t be read. Run make train-gan or make train-diffusion, or visit another room."


def sentence(error: Exception) -> gr.Error:
    """What the visitor is told. Where weights lie on the server is for the log only."""
    if isinstance(error, CheckpointError):
        logging.getLogger(__name__).warning("%s", error)
        return gr.Error(NO_WEIGHTS, print_exception=False)
    return gr.Error(html.escape(str(error), quote=False), print_exception=False)  # it may quote what a visitor brought


def friendly(handler: Callable) -> Callable:
    """A handler whose bad input becomes a sentence for the visitor instead of a traceback."""

    if inspect.isgeneratorfunction(handler):
        @functools.wraps(handler)
        def stream(*args):
            try:
                yield from handler(*args)
            except (ValueError, CheckpointError) as error:
                raise sentence(error) from error

        return stream

    @functools.wraps(handler)
    def call(*args):
        try:
            return handler(*args)
        except (ValueError, CheckpointError) as error:
            raise sentence(error) from error

    return call


# ---- settings in the address: a link restores the screen ------------------------------------------------------------

def _describe(key: str, component: gr.components.Component) -> dict:
    """What the page must know to read one setting from the address: its kind, its bounds, its default."""
    value = component.value() if callable(component.value) else component.value
    if isinstance(component, gr.Slider | gr.Number):
        return {"key": key, "kind": "number", "low": component.minimum, "high": component.maximum, "value": value}
    if isinstance(component, gr.Textbox):
        return {"key": key, "kind": "text", "value": value}
    return {"key": key, "kind": "choice", "choices": [v for _, v in component.choices], "value": value}


def read_address(rooms: Sequence[Room]) -> str:
    """JavaScript that returns the tab to select and the value of every setting, in the order of `settings_of`."""
    settings = [_describe(f"{room.id}.{key}", c) for room in rooms for key, c in room.settings.items()]
    runs = {room.id: room.run for room in rooms if room.run}
    return f"""() => {{
  const q = window.labQuery, settings = {json.dumps(settings)}, runs = {json.dumps(runs)}, rooms = {json.dumps([r.id for r in rooms])};
  const read = (s) => {{
    const text = q.get(s.key.split('.')[1]);
    if (q.get('room') !== s.key.split('.')[0] || text === null) return s.value;
    if (s.kind === 'number') return text.trim() !== '' && isFinite(text) ? Math.min(s.high ?? 2147483647, Math.max(s.low ?? 0, +text)) : s.value;
    if (s.kind === 'text') return /^[\\d.,e+-]*$/.test(text) ? text : s.value;  // numbers: a link is a stranger's, and what it says may be copied as code
    return s.choices.find((c) => String(c) === text) ?? s.value;
  }};
  const room = rooms.includes(q.get('room')) ? q.get('room') : rooms[0];
  const given = settings.some((s) => s.key.startsWith(room + '.') && q.has(s.key.split('.')[1]));
  let tries = 20;  // a page that is still being put together loses the press
  const press = () => {{ if (Lab.last('sampling') || !tries--) return; document.getElementById(runs[room])?.click(); setTimeout(press, 500); }};
  window.labRuns = given && room in runs;
  if (window.labRuns) setTimeout(press, 600);
  addEventListener('popstate', () => {{
    const to = Math.max(0, rooms.indexOf(new URLSearchParams(location.search).get('room')));
    document.querySelectorAll('#rooms > .tab-wrapper [role=tab]')[to].click();
  }});
  window.labAwaited = q.get('room') && room !== rooms[0] ? room : null;  // the first tab is selected already: no event would tell of it
  return [{{__type__: 'update', selected: room}}, ...settings.map(read)];
}}"""


def settings_of(rooms: Sequence[Room]) -> list[gr.components.Component]:
    return [c for room in rooms for c in room.settings.values()]


def write_address(room: Room, key: str) -> str:
    """JavaScript that keeps one setting in the address while its room is open; a choice that came later, a visitor's own network, is nobody else's."""
    known = json.dumps(_describe(key, room.settings[key]).get("choices"))
    return f"""(v) => {{ const known = {known};
  Lab.address('{room.id}').write({{ '{key}': known && !known.includes(v) ? null : v }}); }}"""


def enter_room(room: Room) -> str:
    """JavaScript that puts the room in the address, with its own settings as they were left, and those of other rooms taken out.

    A page of its own in the browser's history, but for the first: Back goes to the room before.
    """
    return f"""() => {{ const q = new URLSearchParams(location.search);
  if (window.labAwaited && window.labAwaited !== '{room.id}') return;  // the first tab is selected before the address is read
  window.labAwaited = null;
  if (q.get('room') === '{room.id}') return;
  const left = window.labAddresses ??= {{}}, kept = left['{room.id}'] ?? new URLSearchParams();
  left[q.get('room') ?? 'classify'] = q;
  for (const k of ['__theme', 'still']) if (q.has(k)) kept.set(k, q.get(k));
  kept.set('room', '{room.id}'); history[q.has('room') ? 'pushState' : 'replaceState'](history.state, '', '?' + kept); }}"""
