const { $, clamp, el, inkScale, line, narrow, paint, plot, repaint } = Lab;
const LOWEST = 4.0358e-5, HIGHEST = .9999, CHAIN = 1000; // the levels the network was trained on; 1,000 betas
let alphaBar = props.value?.alpha_bar ?? [0, 1], now = null;

// ---- levels from the controls, as in diffusion/schedules.py: positions on a chain of 1,000, never a chain of n
const linear = (n, first, last) => {
  const log = [0];
  for (let i = 0; i < CHAIN; i++) log.push(log[i] + Math.log(1 - (first + (last - first) * i / (CHAIN - 1))));
  return Array.from({ length: n + 1 }, (_, k) => {
    const at = CHAIN * (1 - k / n), low = Math.min(CHAIN - 1, Math.floor(at));
    return Math.exp(log[low] + (log[low + 1] - log[low]) * (at - low));
  });
};
const cosine = (n, s = .008) => Array.from({ length: n + 1 }, (_, k) =>
  (Math.cos((1 - k / n + s) / (1 + s) * Math.PI / 2) / Math.cos(s / (1 + s) * Math.PI / 2)) ** 2);
const levels = ({ n, kind, first, last }) => {
  const a = (kind === "cosine" ? cosine(n) : linear(n, first, last)).map((v) => clamp(v, LOWEST, HIGHEST));
  a[n] = 1; return a;
};

// ---- the plots
const logit = (a) => Math.log(clamp(a, LOWEST, HIGHEST) / (1 - clamp(a, LOWEST, HIGHEST)));
const signed = (v) => `${v < 0 ? "−" : ""}${Math.abs(v).toFixed(1)}`;
const dotRadius = (n) => (n <= 25 ? 3.5 : n <= 60 ? 2.5 : n <= 200 ? 1.75 : 0); // none above 200
const text = (words, attributes) => { const e = el("text", attributes); e.textContent = words; return e; };
let grain = "";
const makeGrain = () => { // noise is drawn as static
  const canvas = document.createElement("canvas"), scale = inkScale(-3.4, 5.5);
  const normal = () => Math.sqrt(-2 * Math.log(Math.random() + 1e-12)) * Math.cos(2 * Math.PI * Math.random());
  paint(canvas, Float32Array.from({ length: 14400 }, normal), 120, 120, scale); grain = canvas.toDataURL();
};

function points(svg, xs, ys) {
  const r = dotRadius(xs.length - 1);
  if (r) xs.forEach((x, i) => svg.append(el("circle", { class: "dot", cx: x, cy: ys[i], r })));
}
function caret(svg, xs, ys, bottom) {
  if (now === null) return;
  svg.append(el("line", { class: "now", x1: xs[now], x2: xs[now], y1: 1, y2: bottom }), el("circle", { class: "dot here", cx: xs[now], cy: ys[now], r: 7 }));
}
const drawSignal = plot($(".signal", element), () => (narrow() ? 180 : 230), (svg, w, h) => {
  const n = alphaBar.length - 1, H = h - 22, xs = alphaBar.map((_, i) => 1 + (w - 2) * i / n), ys = alphaBar.map((a) => 1 + (H - 2) * (1 - a));
  const d = line(xs, ys);
  svg.append(
    el("defs", {}, el("pattern", { id: "lab-grain", width: 120, height: 120, patternUnits: "userSpaceOnUse" }, el("image", { href: grain, width: 120, height: 120, style: "image-rendering:pixelated" }))),
    el("rect", { x: 0, y: 0, width: w, height: H, rx: 4, fill: "url(#lab-grain)" }), el("path", { d: `${d}L${w} ${H}L0 ${H}Z`, style: "fill:var(--lab-surface)" }),
    el("path", { class: "curve ink", d }), el("rect", { class: "frame", x: .5, y: .5, width: w - 1, height: H - 1, rx: 4 }),
    text("noise", { class: "label halo", x: 12, y: 22 }), text("signal", { class: "label halo", x: w - 12, y: H - 12, "text-anchor": "end" }));
  points(svg, xs, ys); caret(svg, xs, ys, H);
  svg.append(text("start", { x: 0, y: h - 4 }), text(`${n.toLocaleString("en")} step${n > 1 ? "s" : ""}`, { x: w, y: h - 4, "text-anchor": "end" }));
});
const drawLogSnr = plot($(".logsnr", element), () => 96, (svg, w, h) => {
  const top = 10, n = alphaBar.length - 1, L = 30, px = (i) => L + (w - L - 1) * i / n, py = (v) => 4 + (h - 8) * (1 - (v + top) / (2 * top));
  for (const v of [-top, 0, top]) svg.append(el("line", { class: "gridline", x1: L, x2: w, y1: py(v), y2: py(v) }), text(signed(v).replace(".0", ""), { x: L - 8, y: clamp(py(v) + 4, 12, h - 2), "text-anchor": "end" }));
  const xs = alphaBar.map((_, i) => px(i)), ys = alphaBar.map((a) => py(logit(a)));
  svg.append(el("path", { class: "curve ink", d: line(xs, ys) }));
  points(svg, xs, ys); caret(svg, xs, ys, h - 4);
});
function draw() {
  const a = now === null ? null : alphaBar[now];
  $(".share", element).textContent = a === null ? "" : `signal ${Math.round(100 * a)} %, noise ${Math.round(100 * (1 - a))} %`;
  $(".snr", element).textContent = a === null ? "" : signed(logit(a));
  drawSignal(); drawLogSnr();
}

Lab.hear("schedule", (settings) => { alphaBar = levels(settings); now = null; draw(); element.dataset.levels = JSON.stringify(alphaBar); });
Lab.hear("frame", ({ index, alpha_bar }) => { alphaBar = alpha_bar; now = index; draw(); });
repaint(() => { makeGrain(); draw(); });
