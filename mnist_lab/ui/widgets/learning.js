const { $, $$, clamp, el, named, percent, spoken } = Lab;
const { images = [], accuracy = [], loss = [], channels = 0, side = 3, missing } = props.value ?? {};
const count = images.length, digits = [...Array(10).keys()];
let reading = null, pixels = null, beliefs = null, now = 0; // beliefs: ten numbers for each snapshot
let known = "", wanted = null, asking = false, near = false;

const number = (n) => n.toLocaleString("en");
const after = (k) => (images[k] ? `after ${number(images[k])} digits` : "before the first digit");
const share = (v) => `${(100 * v).toFixed(v < .995 ? 0 : 1)}\u00a0%`;
const { top } = Lab;

// ---- kernels and mistakes of one moment
const kernels = count ? Lab.signed(props.value.kernels) : [], matrices = count ? new Uint16Array(Lab.bytes(props.value.confusion).buffer) : [];
const biases = count ? new Float32Array(Lab.bytes(props.value.bias).buffer) : [];
const tiles = Array.from({ length: channels }, () => el("div", {}, ...["weights", "map"].map((name) => el("canvas", { class: `pixels ${name}`, width: name === "map" ? 28 : side, height: name === "map" ? 28 : side }))));
$(".tiles", element).append(...tiles);
const kernel = (c) => kernels.subarray((now * channels + c) * side * side, (now * channels + c + 1) * side * side);
const response = (c) => { // the map of channel c where all of the kernel lies on the digit's paper, 28 x 28
  const weights = kernel(c), half = (side - 1) / 2, out = new Float32Array(784).fill(biases[now * channels + c]);
  for (let i = 0; i < side; i++) for (let j = 0; j < side; j++) {
    const w = weights[i * side + j] * props.value.scale / 127;
    for (let y = 0; y < 28; y++) for (let x = 0; x < 28; x++) {
      const v = y + i - half, u = x + j - half;
      out[y * 28 + x] += w * (v < 0 || u < 0 || v > 27 || u > 27 ? -1 : pixels[v * 28 + u] / 127.5 - 1);
    }
  }
  return out;
};
const paintKernels = () => {
  const colour = Lab.signScale(127), maps = tiles.map((_, c) => (pixels ? response(c) : new Float32Array(784))), all = new Float32Array(784 * maps.length);
  maps.forEach((map, c) => all.set(map, 784 * c));
  const shade = Lab.signScale(Lab.strongest(all));
  tiles.forEach((tile, c) => { Lab.paint(tile.firstChild, kernel(c), side, side, colour); Lab.paint(tile.lastChild, maps[c], 28, 28, shade); });
};
const matrix = (k) => matrices.subarray(100 * k, 100 * k + 100);
const written = count ? digits.map((r) => matrix(0).subarray(10 * r, 10 * r + 10).reduce((a, b) => a + b)) : [];
const heat = (k) => Array.from(matrix(k), (v, i) => Math.sqrt(v / Math.max(1, written[Math.floor(i / 10)]))); // the root: one mistake in a hundred is to be seen
const paintMatrix = () => Lab.paint($(".matrix canvas", element), heat(now), 10, 10, Lab.inkScale(0, 1));
for (const d of digits) {
  $(".matrix", element).append(el("span", { class: "row", style: `--at:${d}` }, String(d)), el("span", { class: "column", style: `--at:${d}` }, String(d)));
}
const worst = (k) => matrix(k).reduce((best, v, i) => (i % 11 && v > matrix(k)[best] ? i : best), 1);
const told = (i, v) => (v ? `${i % 11 ? "" : "right: "}${Math.floor(i / 10)} read as ${i % 10}, ${v} of ${written[Math.floor(i / 10)]}` : `no ${Math.floor(i / 10)} read as ${i % 10}`);
let pointed = null; // a cell of the matrix
const sayCell = () => {
  const i = pointed ?? worst(now);
  $(".cell", element).textContent = told(i, matrix(now)[i]);
  const spot = $(".spot", element); spot.hidden = pointed === null;
  spot.style.setProperty("--x", i % 10); spot.style.setProperty("--y", Math.floor(i / 10));
  $(".matrix canvas", element).setAttribute("aria-label", `Confusion matrix ${after(now)}. Most common mistake: ${told(worst(now), matrix(now)[worst(now)])}`);
};
const picture = $(".matrix canvas", element);
for (const kind of ["pointermove", "pointerdown"]) picture.addEventListener(kind, (e) => {
  const r = picture.getBoundingClientRect(), cell = (v) => Math.floor(clamp(v, 0, .999) * 10);
  pointed = 10 * cell((e.clientY - r.top) / r.height) + cell((e.clientX - r.left) / r.width); sayCell();
});
picture.addEventListener("pointerleave", (e) => { if (e.pointerType === "mouse") { pointed = null; sayCell(); } }); // a finger's cell stays

// ---- the verdict on the drawing
const bars = Lab.ten($(".rows", element));
const sayVerdict = () => {
  const p = beliefs?.[now];
  bars(p, p && beliefs.at(-1));
  $(".says", element).textContent = p ? `${named(top(p))}, with a belief of ${spoken(Math.max(...p))}` : "";
  $(".believed", element).textContent = p && reading.digit !== undefined ? `${reading.digit}: ${percent(p[reading.digit])}` : "";
};
const story = () => { // when it first read the drawing as what it is read as now, and since when it has held to it
  if (!beliefs) return reading?.error ? "No reading" : "Draw a digit, and see when LeNet learned to read it";
  const tops = beliefs.map(top), digit = reading.digit, first = tops.indexOf(digit);
  if (first < 0) return `At no moment did it read your ${digit}: in the end it sees ${named(tops.at(-1))}`;
  let held = count; while (held && tops[held - 1] === digit) held--;
  const start = first ? `It first read your ${digit} ${after(first)}` : `It read your ${digit} before it had seen one digit, by luck`;
  if (held === count) return `${start}, and lost it again: in the end it sees ${named(tops.at(-1))}`;
  return held === first ? `${start}, and never wavered` : `${start}, and has held to it since ${number(images[held])}`;
};

// ---- two curves over the digits seen, on a logarithmic axis; both scrub
const unit = images[1] || 256, along = (n) => Math.log(1 + n / unit) / Math.log(1 + (images.at(-1) || 1) / unit);
const LEFT = 44, RIGHT = 24, TOP = 10, BOTTOM = 24;
const height = () => (Lab.narrow() ? 176 : 204);
const frame = (svg, w, h) => {
  const x = (n) => LEFT + (w - LEFT - RIGHT) * along(n), y = (v) => TOP + (h - TOP - BOTTOM) * (1 - v);
  for (const v of [0, .5, 1]) svg.append(el("line", { class: "gridline", x1: LEFT, x2: w - RIGHT, y1: y(v), y2: y(v) }), el("text", { x: LEFT - 8, y: y(v) + 4, "text-anchor": "end" }, `${100 * v}\u00a0%`));
  const last = images.at(-1), end = `${number(last)} digits`, ticks = [0, 1e3, 1e4, 1e5, 1e6].filter((n) => n < last && x(last) - x(n) > 7 * end.length + 34);
  for (const n of [...ticks, last]) svg.append(el("text", { x: x(n), y: h - 4, "text-anchor": n === last ? "end" : n ? "middle" : "start" }, n === last ? end : number(n)));
  return { x, y, xs: images.map(x) };
};
const marks = new Map(); // the curves stand while the present moment moves: a plot's svg -> what places its mark
const present = (svg, { x, y }, values) => {
  const line = el("line", { class: "now", y1: y(1), y2: y(0) }), dot = values && el("circle", { class: "here", r: 5 });
  svg.append(...[line, dot].filter(Boolean));
  const place = () => {
    line.setAttribute("x1", x(images[now])); line.setAttribute("x2", x(images[now]));
    dot?.setAttribute("cx", x(images[now])); dot?.setAttribute("cy", y(values?.[now] ?? 0));
  };
  marks.set(svg, place); place();
};
if (count) Lab.plot($(".accuracy", element), height, (svg, w, h) => {
  const axes = frame(svg, w, h);
  svg.append(el("path", { class: "curve", d: Lab.line(axes.xs, accuracy.map(axes.y)), style: "stroke:var(--lab-ink)" }));
  present(svg, axes, accuracy);
});
const beliefPlot = count && Lab.plot($(".belief", element), height, (svg, w, h) => {
  const axes = frame(svg, w, h);
  if (beliefs) Lab.tenCurves(svg, beliefs, axes.xs, axes.y);
  present(svg, axes);
});
const nearest = (t) => images.reduce((best, n, k) => (Math.abs(along(n) - t) < Math.abs(along(images[best]) - t) ? k : best), 0);

// ---- the player
const show = (k) => {
  now = k;
  paintKernels(); paintMatrix(); sayCell(); sayVerdict(); marks.forEach((place) => place());
  $(".moment", element).textContent = `${after(k)}: ${share(accuracy[k])} right`.replace(/^./, (c) => c.toUpperCase());
  $(".right", element).textContent = `${share(accuracy[k])}, loss ${loss[k].toFixed(2)}`;
};
const paintFilm = () => { // the confusion matrix, from scattered to a diagonal
  const many = Math.min(count, Lab.narrow() ? 8 : 14);
  const cells = Array.from({ length: many }, (_, j) => {
    const values = heat(Math.round(j / Math.max(1, many - 1) * (count - 1)));
    return Uint8Array.from({ length: 784 }, (_, i) => 255 * values[10 * Math.floor(Math.floor(i / 28) / 2.8) + Math.floor(i % 28 / 2.8)]);
  });
  Lab.paintStrip($(".strip canvas", element), cells, 2);
};
const begin = () => {
  let touched = false; // by the visitor, or already played
  const player = Lab.film($(".film", element), { frames: count, label: "Moment of the training", show, text: (k) => `${after(k)}, ${share(accuracy[k])} right` });
  for (const box of $$(".curves .plot", element)) {
    Lab.drag(box, (t) => { const w = box.clientWidth; player.stop(); player.seek(nearest((t * w - LEFT) / (w - LEFT - RIGHT))); });
  }
  element.addEventListener("pointerdown", () => { touched = true; }); element.addEventListener("keydown", () => { touched = true; });
  $(".ends", element).textContent = `${count} moments, ${number(images.at(-1))} digits in all`;
  player.seek(Math.round(.4 * (count - 1)));
  Lab.repaint(() => { paintFilm(); show(now); });
  if (!Lab.calm) new IntersectionObserver((entries, observer) => {
    if (!entries.at(-1).isIntersecting) return;
    observer.disconnect();
    if (!touched) { player.seek(0); player.play(); }
  }, { threshold: .9 }).observe($(".film", element));
};

// ---- one question a drawing, for all moments at once: one in flight, the newest drawing wins
const take = (mine, answer) => {
  known = answer?.p ? mine.seen : "";
  const all = answer?.p && new Float32Array(Lab.bytes(answer.p).buffer);
  beliefs = all ? images.map((_, k) => [...all.subarray(10 * k, 10 * k + 10)]) : null;
  if (!all) reading = { error: answer?.error ?? "The connection is lost." };
};
const ask = async () => {
  if (asking) return;
  asking = true;
  while (wanted && near) {
    const mine = wanted; wanted = null; reading = mine;
    if (!mine.seen) take(mine, mine.error ? mine : { error: "" });
    else if (mine.seen !== known) {
      const answer = await server.verdicts({ pixels: mine.seen });
      if (answer?.busy) { wanted ??= mine; await new Promise((go) => setTimeout(go, 200)); continue; }
      if (!wanted) take(mine, answer);
    }
    if (!mine.seen && !mine.error) reading = null;
    pixels = mine.seen ? Lab.bytes(mine.seen) : null;
    $(".result", element).textContent = story();
    paintKernels(); sayVerdict(); beliefPlot();
  }
  asking = false;
};

if (missing) { $(".missing", element).textContent = missing; $(".missing", element).hidden = false; $(".body", element).hidden = true; }
else {
  begin();
  $(".result", element).textContent = story();
  Lab.follow("reading", (next) => { if (next.final) { wanted = next; ask(); } });
  Lab.attend(element, (here) => { near = here; ask(); });
}
element.dataset.ready = 1;
