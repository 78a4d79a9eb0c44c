"""Why: what in the drawing argues for each digit and against it, and what a place in the drawing votes for.

It follows the page's event "reading" and hears "ask-why": {"digit"}, which chooses a digit and scrolls here. Server function, once a
final reading and method, while it is near the viewport: `evidence`({"pixels": base64, "network", "method"}) -> {"maps": base64 of
int8 (10, 28, 28), votes for each digit, "unit": logits a step}. Pointing, dragging and choosing a digit ask nobody.
"""

from mnist_lab.ui.widgets import Widget

METHODS = {
    "occlusion": ("Hide a patch", "A patch of paper, 5 × 5 pixels, slides over the digit. A place counts for what its loss would cost."),
    "gradient": ("Gradient", "How much a little more ink at each pixel would move the answer, times the ink that is there."),
    "grad-cam": ("Grad-CAM", "The last convolution’s maps, each weighed by what it does for the digit. Made for networks that end in a mean over places."),
    "integrated": ("Integrated gradients", "The gradient, gathered on the way from a blank page to your digit. All votes together are what your "
     "ink adds to its answer for a blank page."),
}


def _choice(key: str, name: str, words: str) -> str:
    return f'<label title="{words}"><input type="radio" name="why-method" value="{key}" data-words="{words}"><span>{name}</span></label>'


class Why(Widget):
    name = "why"
    html = f"""
<div class="bench">
  <figure><div class="sheet box" tabindex="0" role="application"><canvas class="pixels" width="28" height="28"></canvas><i class="spot" hidden></i></div>
    <figcaption class="scale"><span class="low">against</span><i></i><span class="high">for</span></figcaption></figure>
  <div class="side">
    <p class="result" aria-live="polite"></p><p class="note says"></p>
    <p class="cap"><b class="whose"></b><span class="unit">in logits, the ten sum to 0</span></p>
    <ol class="rows" aria-label="Votes for each digit. Each is a button: ask why."></ol>
    <div class="segments" role="radiogroup" aria-label="Method">{"".join(_choice(key, *words) for key, words in METHODS.items())}</div>
    <p class="note method"></p>
  </div>
</div>"""
