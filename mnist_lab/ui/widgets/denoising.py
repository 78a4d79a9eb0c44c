"""The film of a diffusion run: x_t beside the network's guess of the clean digit, eleven labels from one noise, a strip to scrub.

Value while sampling, one frame at a time (the page keeps them):
    {"run": id, "index": k, "total": n, "labels": [...], "alpha_bar": [n + 1 levels], "settings": {...}, "columns": [...], "cells": base64}
where `cells` are deflated uint8 pictures of 28x28: first x, then x0, then eps of the labels (-1: no label) in these columns. Of a long
film some frames hold one label only, and no eps; the first and the last hold all.
Value of a stored film: {"run", "total", "labels", "alpha_bar", "settings", "sprite", "noise": URLs, "recorded": true}; the sprite has one
row a frame, first the columns of x, then those of x0, and "noise" those of eps.
Tells "film" (all of it so far, and the chosen column) and "frame"; hears "seek".
Server function `take_away`: {"kind": "gif" | "png", "x", "x0": base64} -> {"file": data URL}.
"""

from mnist_lab.ui.widgets import Widget


class Denoising(Widget):
    name = "denoising"
    html = """
<div class="pair">
  <figure><p class="cap"><b class="step"></b><span class="math">x<sub>t</sub></span></p>
    <div class="sheet"><canvas class="pixels xt" role="img" aria-label="The noisy picture"></canvas><div class="busy" hidden><i></i></div></div></figure>
  <figure class="between"><svg class="arrow" viewBox="0 0 48 24" aria-hidden="true"><path d="M4 12h38M36 6l7 6-7 6"/></svg>
    <div class="sheet"><canvas class="pixels eps" role="img" aria-label="The noise the network sees"></canvas></div>
    <figcaption class="note">less the noise<br>it sees, <span class="math">ε</span></figcaption></figure>
  <figure><p class="cap"><b>Its guess</b><span class="math"><span class="hat">x</span><sub>0</sub></span></p>
    <div class="sheet"><canvas class="pixels guess" role="img" aria-label="The network’s guess of the clean digit"></canvas></div></figure>
</div>
<div class="ten" role="group" aria-label="Label: films from the same noise"></div>
<div class="film"><button class="play"></button><div class="strip"><canvas></canvas><div class="head"></div></div>
  <p class="cap"><span class="left"></span><span class="announce" aria-live="polite"></span><span class="recorded note" hidden>recorded</span></p></div>
<div class="take"><button class="btn quiet loop" aria-pressed="false">Loop</button>
  <button class="btn quiet gif">Download as GIF</button><button class="btn quiet png">as PNG strip</button></div>"""
