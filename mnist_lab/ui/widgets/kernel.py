"""One convolution, by hand: a window slides over a picture, its pixels times the weights, added up, make one pixel of the map.

It follows the page's events "reading" and "map" (a map chosen in the river: {"network", "place" of the step, "channel", "input"})
and runs the reading's network in the page; only while it is near the viewport, and it asks no server for anything else. The
weights are a learned kernel's, those of a named one, or typed.
"""

from mnist_lab.ui.widgets import Widget


class Kernel(Widget):
    name = "kernel"
    html = """
<div class="picks">
  <div class="pick learned"><p class="label">Learned<span></span></p><div class="row" role="group" aria-label="Learned kernels"></div></div>
  <div class="pick deeper" hidden><p class="label"><b></b><span></span></p>
    <div class="row" role="group" aria-label="Kernels of the map chosen above, strongest first"></div></div>
  <div class="pick named"><p class="label">Written by people</p><div class="row" role="group" aria-label="Named kernels"></div></div>
</div>
<div class="conv">
  <figure class="in"><p class="cap"><b></b><span class="num"></span></p>
    <div class="touch" tabindex="0" role="application"><canvas class="pixels"></canvas><i class="window"></i></div><p class="note"></p></figure>
  <div class="sum">
    <div class="times"><table class="nine patch"><caption></caption></table><span class="op">×</span>
      <table class="nine weights"><caption>weights, yours to change</caption></table></div>
    <p class="refused" role="alert" hidden></p>
    <div class="times result"><span class="op">=</span><table class="nine products"><caption>products</caption></table><dl class="total"></dl></div>
    <div class="film"><button class="play"></button><div class="strip thin"><div class="rail"></div><div class="head"></div></div>
      <div class="steps"><button class="icon back" aria-label="One step back" title="One step back">
        <svg viewBox="0 0 18 18"><path d="m11 4-5 5 5 5"/></svg></button>
        <button class="icon on" aria-label="One step on" title="One step on">
        <svg viewBox="0 0 18 18"><path d="m7 4 5 5-5 5"/></svg></button></div></div>
    <p class="note verdict"></p>
  </div>
  <figure class="out"><p class="cap"><b></b><span class="num"></span></p>
    <div class="touch" tabindex="0" role="application"><canvas class="pixels"></canvas><i class="window"></i></div><p class="note"></p></figure>
</div>"""
