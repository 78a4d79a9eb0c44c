const { $, clamp, el, line, narrow, plot, repaint } = Lab;
const [LOWEST, HIGHEST] = props.value.range, CHAIN = props.value.chain, USUAL = props.value.shape;
const MOST_DOTS = 200, MOST_HELD = 100; // steps drawn as dots; stretches of a curve by hand
let alphaBar = props.value.alpha_bar, now = null, guided = [0, 1], chosen = null;

// ---- levels from the controls, as in diffusion/schedules.py: positions on a chain, never a chain of n
const list = (n, f) => Array.from({ length: n }, (_, i) => f(i));
const along = (n, beta) => {
  const log = [0];
  for (let i = 0; i < CHAIN; i++) log.push(log[i] + Math.log(1 - beta(i / (CHAIN - 1))));
  return list(n + 1, (k) => {
    const at = CHAIN * (1 - k / n), low = Math.min(CHAIN - 1, Math.floor(at));
    return Math.exp(log[low] + (log[low + 1] - log[low]) * (at - low));
  });
};
const between = (a, b, t) => a + (b - a) * t, logistic = (v) => 1 / (1 + Math.exp(-v)), sigma = (a) => Math.sqrt(1 / a - 1);
const SHAPES = {
  linear: (n, s) => along(n, (t) => between(s.beta_first, s.beta_last, t)),
  scaled_linear: (n, s) => along(n, (t) => between(Math.sqrt(s.beta_first), Math.sqrt(s.beta_last), t) ** 2),
  cosine: (n, { offset: s }) => list(n + 1, (k) => (Math.cos((1 - k / n + s) / (1 + s) * Math.PI / 2) / Math.cos(s / (1 + s) * Math.PI / 2)) ** 2),
  sigmoid: (n, { start, end, tau }) => {
    const side = start > 0 ? -1 : 1, at = (v) => logistic(side * v / tau), low = at(start), high = at(end); // as in Python
    return list(n + 1, (k) => (high - at(between(end, start, k / n))) / (high - low));
  },
  karras: (n, { rho }) => list(n + 1, (k) => 1 / (1 + between(sigma(LOWEST) ** (1 / rho), sigma(HIGHEST) ** (1 / rho), k / Math.max(1, n - 1)) ** (2 * rho))),
  freehand: (n, s) => {
    const held = s.curve ? s.curve.split(",").map(Number) : [0, 1];
    held.forEach((v, i) => { held[i] = Math.max(v, held[i - 1] ?? 0); });
    return list(n + 1, (k) => { const at = k / n * (held.length - 1), low = Math.min(held.length - 2, Math.floor(at)); return between(held[low], held[low + 1], at - low); });
  },
};
const levels = (s) => {
  const a = SHAPES[s.kind](s.n, { ...USUAL, ...s }).map((v) => clamp(v, LOWEST, HIGHEST));
  a[0] = LOWEST; a[s.n] = 1; return a;
};

// ---- the plots
const logit = (a) => Math.log(clamp(a, LOWEST, HIGHEST) / (1 - clamp(a, LOWEST, HIGHEST)));
const signed = Lab.tenth;
const dotRadius = (n) => (n <= 25 ? 3.5 : n <= 60 ? 2.5 : n <= MOST_DOTS ? 1.75 : 0);
const text = (words, attributes) => { const e = el("text", attributes); e.textContent = words; return e; };
function points(svg, xs, ys) {
  const r = dotRadius(xs.length - 1);
  if (r) xs.forEach((x, i) => svg.append(el("circle", { class: "dot", cx: x, cy: ys[i], r })));
  if (chosen !== null) svg.append(el("circle", { class: "dot chosen", cx: xs[chosen], cy: ys[chosen], r: 5 }));
}
function caret(svg, xs, ys, bottom) {
  if (now === null) return;
  svg.append(el("line", { class: "now", x1: xs[now], x2: xs[now], y1: 1, y2: bottom }), el("circle", { class: "dot here", cx: xs[now], cy: ys[now], r: 7 }));
}
const box = $(".signal", element), FOOT = 22; // px below the plot
const drawSignal = plot(box, () => (narrow() ? 180 : 230), (svg, w, h) => {
  const n = alphaBar.length - 1, H = h - FOOT, px = (t) => 1 + (w - 2) * t, xs = alphaBar.map((_, i) => px(i / n)), ys = alphaBar.map((a) => 1 + (H - 2) * (1 - a));
  const d = line(xs, ys);
  svg.append(
    el("defs", {}, el("pattern", { id: "lab-grain", width: 120, height: 120, patternUnits: "userSpaceOnUse" }, el("image", { href: Lab.grain(), width: 120, height: 120, style: "image-rendering:pixelated" }))),
    el("rect", { x: 0, y: 0, width: w, height: H, rx: 4, fill: "url(#lab-grain)" }), el("path", { d: `${d}L${w} ${H}L0 ${H}Z`, style: "fill:var(--lab-surface)" }),
    el("path", { class: "curve ink", d }), el("rect", { class: "frame", x: .5, y: .5, width: w - 1, height: H - 1, rx: 4 }),
    text("noise", { class: "label halo", x: 12, y: 22 }), text("signal", { class: "label halo", x: w - 12, y: H - 12, "text-anchor": "end" }));
  if (guided[0] > 0 || guided[1] < 1) svg.append(el("line", { class: "guided", x1: px(guided[0]), x2: px(guided[1]), y1: H, y2: H }));
  points(svg, xs, ys); caret(svg, xs, ys, H); svg.append(el("path", { class: "grip", d }));
  svg.append(text("start", { x: 0, y: h - 4 }), text(`${n.toLocaleString("en")} step${n > 1 ? "s" : ""}`, { x: w, y: h - 4, "text-anchor": "end" }));
});
const drawLogSnr = plot($(".logsnr", element), () => 96, (svg, w, h) => {
  const top = 10, n = alphaBar.length - 1, L = 30, px = (i) => L + (w - L - 1) * i / n, py = (v) => 4 + (h - 8) * (1 - (v + top) / (2 * top));
  for (const v of [-top, 0, top]) svg.append(el("line", { class: "gridline", x1: L, x2: w, y1: py(v), y2: py(v) }), text(signed(v).replace(".0", ""), { x: L - 8, y: clamp(py(v) + 4, 12, h - 2), "text-anchor": "end" }));
  const xs = alphaBar.map((_, i) => px(i)), ys = alphaBar.map((a) => py(logit(a)));
  svg.append(el("path", { class: "curve ink", d: line(xs, ys) }));
  points(svg, xs, ys); caret(svg, xs, ys, h - 4);
});
const percent = (a) => `signal ${Math.round(100 * a)} %, noise ${Math.round(100 * (1 - a))} %`;
function draw() {
  const k = chosen ?? now, a = k === null ? null : alphaBar[k], n = alphaBar.length - 1;
  $(".share", element).textContent = a === null ? "" : percent(a);
  $(".snr", element).textContent = a === null ? "" : signed(logit(a));
  box.setAttribute("aria-valuenow", Math.round(100 * (a ?? 0)));
  box.setAttribute("aria-valuetext", a === null ? `${n} steps` : `step ${k} of ${n}: ${percent(a)}`);
  drawSignal(); drawLogSnr();
}

// ---- by hand: a grabbed dot follows the pointer; a sweep draws the curve. Levels never fall, so others give way. Both ends stay.
const steps = () => alphaBar.length - 1, inner = (k) => clamp(Math.round(k), 1, steps() - 1);
function put(k, level) {
  if (alphaBar[k] === undefined || k < 1 || k >= steps()) return;
  const v = clamp(level, LOWEST, HIGHEST);
  alphaBar = alphaBar.map((a, i) => (i === k ? v : i === 0 || i === steps() ? a : i < k ? Math.min(a, v) : Math.max(a, v)));
}
function hand() { // what was drawn, told to the room
  const n = Math.min(steps(), MOST_HELD);
  const held = list(n + 1, (j) => { const at = j / n * steps(), low = Math.min(steps() - 1, Math.floor(at)); return between(alphaBar[low], alphaBar[low + 1], at - low); });
  window.labCurve = held.map((v) => +v.toPrecision(4)).join(",");
  trigger("input");
}
let grabbed = null; // {k, x, shift, sweeping, moved}
const place = (e) => { const r = box.getBoundingClientRect(), H = $("svg", box).clientHeight - FOOT; return { x: (e.clientX - r.left) / r.width, y: 1 - (e.clientY - r.top) / H, width: r.width }; };
const grab = (e) => {
  if (!e.target.classList.contains("grip") || steps() < 2) return false;
  const p = place(e), k = inner(p.x * steps());
  grabbed = { k, x: p.x, shift: alphaBar[k] - p.y, sweeping: false, moved: false };
  chosen = k; now = null; draw();
};
const pull = (e) => {
  const p = place(e), level = p.y + grabbed.shift, far = Math.max(14, .75 * p.width / steps()) / p.width;
  grabbed.sweeping ||= Math.abs(p.x - grabbed.x) > far;
  const from = grabbed.k, to = grabbed.sweeping ? inner(p.x * steps()) : from, old = alphaBar[from];
  for (let k = from; k !== to; k += Math.sign(to - from)) put(k, between(old, level, Math.abs(k - from) / Math.abs(to - from)));
  put(to, level); grabbed.k = to; grabbed.moved = true; chosen = to; draw();
};
Lab.hand(box, { down: grab, move: pull, up: () => { if (grabbed.moved) hand(); grabbed = null; } });
box.addEventListener("blur", () => { chosen = null; draw(); });
box.addEventListener("keydown", (e) => {
  const go = { ArrowLeft: -1, ArrowRight: 1, Home: -1e6, End: 1e6 }[e.key], lift = { ArrowUp: .01, ArrowDown: -.01, PageUp: .1, PageDown: -.1 }[e.key];
  if ((!go && !lift) || steps() < 2) return;
  e.preventDefault();
  const k = inner((chosen ?? now ?? Math.floor(steps() / 2)) + (go ?? 0));
  if (lift) { put(k, alphaBar[k] + lift); hand(); }
  chosen = k; draw();
});

Lab.follow("schedule", (s) => { // a link may have spoken before this script was there
  alphaBar = levels(s); now = null; guided = [s.from ?? 0, s.to ?? 1];
  if (chosen !== null && chosen >= s.n) chosen = null;
  draw(); element.dataset.levels = JSON.stringify(alphaBar);
});
Lab.hear("frame", ({ index, alpha_bar }) => {
  if (grabbed) return; // a hand on a dot comes first
  alphaBar = alpha_bar; now = index; chosen = null; draw();
});
repaint(draw);
