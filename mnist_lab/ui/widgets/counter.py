"""A counterfactual: the drawing changed, little by little, until the network reads the digit that was asked for.

It follows the page's event "reading", opens on the runner-up, and tells "take": {"pixels": base64 of 784 bytes}. Server function, once a
final reading and target, while it is near the viewport: `change`({"pixels": base64, "network", "target": a digit, or null for the
runner-up}) -> {"target", "delta": base64 of float32 (28, 28), shares of ink, "norm", "strengths": [...], "p": [ten probabilities a
strength], "reached"}. The strip asks nobody.
"""

from mnist_lab.ui.widgets import Widget

CHIPS = "".join(f'<label><input type="radio" name="counter-target" value="{d}" aria-label="{d}"><span>{d}</span></label>' for d in range(10))


class Counter(Widget):
    name = "counter"
    html = f"""
<div class="bench">
  <figure class="after"><div class="sheet"><canvas class="pixels" width="28" height="28" role="img"></canvas></div>
    <p class="cap"><b class="read"></b></p></figure>
  <figure class="delta"><div class="sheet"><canvas class="pixels" width="28" height="28" role="img"></canvas></div>
    <figcaption class="scale"><span>ink taken away</span><i></i><span>ink added</span></figcaption></figure>
  <div class="side">
    <p class="result" aria-live="polite"></p><p class="note size"></p>
    <fieldset class="asks"><legend>Make it read</legend><div class="chips">{CHIPS}</div></fieldset>
    <ol class="ten rows" aria-label="Belief in each digit, at this strength"></ol>
    <p class="note key"><i></i>now <u></u>as drawn</p>
  </div>
  <div class="below"><div class="film"><button class="play"></button><div class="strip"><canvas></canvas><div class="head"></div></div>
    <p class="marks"><span>as drawn</span><span class="one">the change found</span><span class="more">half as much again</span></p></div>
    <button class="btn take">Take this digit</button></div>
</div>"""
