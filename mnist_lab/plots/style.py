"""Colours by meaning for figures: read from the same tokens as the page, so that they stand in one place."""

import functools
import re
from pathlib import Path

TOKENS = Path(__file__).parent.parent / "ui" / "widgets" / "tokens.css"
SANS = "Schibsted Grotesk, system-ui, sans-serif"
SERIF = "Literata, Georgia, serif"


@functools.cache
def colours(dark: bool = False) -> dict[str, str]:
    """{"ink": "#161B22", "digit-0": ...}: the names of the tokens without --lab-. Read-only."""
    light, _, rest = TOKENS.read_text(encoding="utf-8").partition("\n.dark {")
    return _hex(light) | (_hex(rest.partition("\n}")[0]) if dark else {})


def _hex(rules: str) -> dict[str, str]:
    return dict(re.findall(r"--lab-([\w-]+): (#[0-9A-Fa-f]{6});", rules))
