const { $, $$, el, written } = Lab;
const NAMED = { // 3 x 3 weights, laid on the picture as they stand here
  identity: { name: "Identity", weights: [0, 0, 0, 0, 1, 0, 0, 0, 0], words: "One weight in the middle: the picture comes out as it went in." },
  blur: { name: "Blur", weights: Array(9).fill(1 / 9), words: "The average of nine pixels: every edge becomes a slope." },
  sharpen: { name: "Sharpen", weights: [0, -1, 0, -1, 5, -1, 0, -1, 0], words: "Five times the pixel, less its four neighbours: what differs stands out." },
  edges: { name: "Edges", weights: [-1, -1, -1, -1, 8, -1, -1, -1, -1], words: "The weights add up to 0: an even area gives nothing, an edge a lot." },
  across: { name: "Sobel across", weights: [-1, 0, 1, -2, 0, 2, -1, 0, 1], words: "Right less left: above zero where paper turns to ink from left to right." },
  down: { name: "Sobel down", weights: [-1, -2, -1, 0, 0, 0, 1, 2, 1], words: "Below less above: above zero where paper turns to ink from top to bottom." },
};
const BOUND = 10, STEP = .1; // of a typed weight, and of an arrow key
const SECONDS = 9; // of a sweep
let known = null; // { net, run }
let choice = null; // { place, channel, input: of a convolution among the steps } or { named: key }
let own = null; // weights that were typed, in place of the choice's
let picked = null; // the map chosen in the river
let now = null; // what is shown: see `compute`
let at = [0, 0], whole = false; // row and column of the window; true: the map is full, not filled up to the window

// ---- what is multiplied with what
const first = () => known.net.ops.findIndex((op) => op.kind === "conv");
const place = () => choice.place ?? first(); // a named kernel reads what the first convolution reads
const compute = () => {
  const { net: { ops }, run } = known, k = place(), op = ops[k], from = op.from[0], shape = ops[from].shape, x = run.values[from], input = choice.input ?? 0;
  const [, h, w] = op.shape, n = h * w;
  if (choice.named) {
    const weights = Float32Array.from(own ?? NAMED[choice.named].weights), side = Math.sqrt(weights.length), pad = (side - 1) / 2;
    const out = Lab.share(x, shape, input, weights, pad);
    now = { x, shape, input, weights, pad, k: side, size: shape.slice(1), out, bias: 0, others: null, scale: Lab.strongest(out) };
    return;
  }
  const learned = Lab.kernelOf(op, shape[0], choice.channel, input), weights = Float32Array.from(own ?? learned), pad = op.size;
  const before = run.values[k].subarray(choice.channel * n, choice.channel * n + n), mine = Lab.share(x, shape, input, learned, pad);
  const rest = before.map((v, i) => v - mine[i]); // other maps and the bias
  const out = own ? Lab.share(x, shape, input, weights, pad).map((v, i) => v + rest[i]) : before;
  const scale = Lab.strongest(own ? out : run.values[k]), others = shape[0] > 1 ? rest : null;
  now = { x, shape, input, weights, pad, k: op.kernel, size: [h, w], out, bias: op.bias[choice.channel], others, scale };
};
const inScale = () => (now.shape[0] === 1 ? Lab.inkScale(-1, 1) : Lab.signScale(Lab.strongest(now.x)));
const largest = (weights) => Math.max(...[...weights].map(Math.abs)) || 1;
const sourceName = (k, c) => {
  const { ops } = known.net, shown = new Set(ops.flatMap((op, i) => (op.name ? [i] : [])));
  return Lab.nearestShown(ops, shown, ops[k].from[0], c).map((s) => ops[s.place].name).join(" + ");
};

// ---- once a choice, or a drawing: the pictures
const fit = () => { // whole screen pixels a pixel of the picture
  const ratio = devicePixelRatio || 1;
  for (const [name, side] of [["in", now.shape[2] + 2 * now.pad], ["out", now.size[1]]]) {
    const figure = $(`.${name}`, element), unit = Math.max(1, Math.floor(figure.clientWidth * ratio / side)) / ratio;
    figure.style.setProperty("--side", `${unit * side}px`);
  }
};
const paintIn = () => { // with the zeros that lie outside
  const [, h, w] = now.shape, p = now.pad, wide = w + 2 * p, tall = h + 2 * p, all = new Float32Array(wide * tall);
  for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) all[(y + p) * wide + x + p] = now.x[(now.input * h + y) * w + x];
  Lab.paint($(".in canvas", element), all, wide, tall, inScale());
};
const paintOut = () => {
  const [h, w] = now.size, colour = Lab.signScale(now.scale), till = whole ? h * w : at[0] * w + at[1] + 1, sunken = Lab.rgb("sunken");
  const canvas = $(".out canvas", element); canvas.response = now.out;
  Lab.paint(canvas, now.out.map((_, i) => i), w, h, (i) => (i < till ? colour(now.out[i]) : sunken));
};
const title = () => {
  const op = known.net.ops[place()], deep = now.shape[0] > 1;
  $(".in b", element).textContent = deep ? `In: ${sourceName(place(), now.input)}, map ${now.input + 1}` : "In: what the network reads";
  const out = own ? "by your weights" : choice.named ? NAMED[choice.named].name : `${op.name}, map ${choice.channel + 1}`;
  $(".out b", element).textContent = `Out: ${out}`;
  const rim = deep ? "Outside the map lie zeros, as in the network." : "Paper is −1, ink 1. The grey rim: zeros, as in the network.";
  $(".in .note", element).textContent = now.pad ? rim : "";
  $(".out .note", element).textContent = now.others ? `All ${now.shape[0]} input maps give to it; the sum of products is the share of one.` : "";
  $(".patch caption", element).textContent = deep ? "values" : "pixels";
};
const paint = () => { if (now) { fit(); paintIn(); title(); weights(); here(); } };

// ---- once a place of the window: the products and their sum
const next = () => { const { ops } = known.net; return ops.find((op) => op.from.includes(place()))?.kind; };
const verdict = (value) => { // what becomes of it depends on what follows: a ReLU, or a sum with what was carried past this step
  const found = value > 0 ? `Above zero: ${own ? "your weights find what they look" : "this filter found what it looks"} for`
    : `Below zero: not what ${own ? "your weights look" : "this filter looks"} for`;
  if (choice.named) return `${found}.`;
  if (next() === "add") return `${found}. What was carried past it is added next.`;
  return value > 0 ? `${found}, and ${own ? "pass" : "passes"} it on.` : `${found}. ${own ? "They pass" : "It passes"} on nothing.`;
};
const here = () => {
  const [y, z] = at, { k, pad, out, weights, bias, others } = now, i = y * now.size[1] + z;
  const patch = Lab.windowOf(now.x, now.shape, now.input, y, z, k, pad), sum = Lab.dot(patch, weights), value = out[i];
  Lab.fillSquare($(".patch", element), patch, inScale());
  Lab.placeWindow($(".in .window", element), z, y, k, k, now.shape[2] + 2 * pad);
  Lab.placeWindow($(".out .window", element), z, y, 1, 1, now.size[1]);
  paintOut();
  const products = patch.map((v, j) => v * weights[j]), rest = choice.named ? [] : [["bias", bias]];
  if (others) rest.unshift([`other ${now.shape[0] - 1} maps`, others[i] - bias]);
  Lab.fillSquare($(".products", element), products, Lab.signScale(largest(products)));
  const row = (name, v) => el("div", {}, el("dt", {}, name), el("dd", {}, written(v)));
  $(".total", element).replaceChildren(row("sum of products", sum), ...rest.map(([name, v]) => row(`+ ${name}`, v)), row("the map’s pixel", value));
  $(".in .num", element).textContent = `row ${y + 1}, column ${z + 1}`; $(".out .num", element).textContent = written(value);
  $(".verdict", element).textContent = choice.named && !own ? NAMED[choice.named].words : verdict(value);
  const half = k >> 1, label = `Row ${y + 1}, column ${z + 1}: ${written(value)}. Arrow keys move the window.`;
  Object.assign($(".in .touch", element), { at: [y + half, z + half], ariaLabel: `${$(".in b", element).textContent}. ${label}` });
  Object.assign($(".out .touch", element), { at, ariaLabel: `${$(".out b", element).textContent}. ${label}` });
};

// ---- the window: played, scrubbed, stepped; or taken over by the pointer, which shows the whole map
let full = false; // what `whole` becomes at the next step
const sweep = Lab.film($(".film", element), {
  frames: 1, label: "Position of the window", seconds: SECONDS, text: () => `row ${at[0] + 1}, column ${at[1] + 1}`,
  show: (frame) => {
    if (!now) return;
    at = [Math.floor(frame / now.size[1]), frame % now.size[1]]; whole = full; here();
  },
});
const seek = ([y, z], all) => { full = all; sweep.seek(y * now.size[1] + z); full = false; };
const take = (row, column) => {
  if (!now) return;
  sweep.stop(); seek([row, column].map((v, i) => Lab.clamp(v, 0, now.size[i] - 1)), true);
};
const ringed = () => (now ? now.shape.slice(1).map((n) => n + 2 * now.pad) : [1, 1]);
Lab.cellPointing($(".in .touch", element), ringed, (...middle) => take(...middle.map((v) => v - (now?.k >> 1))));
Lab.cellPointing($(".out .touch", element), () => now?.size ?? [1, 1], take);
for (const [name, step] of [[".back", -1], [".on", 1]]) $(name, element).addEventListener("click", () => { sweep.stop(); sweep.seek(sweep.frame + step); });

// ---- choosing a kernel
const key = ({ named, place: k, channel, input }) => named ?? [k, channel, input].join(" ");
const tile = (weights, most, attributes, ...children) => {
  const canvas = el("canvas", { class: "pixels", "aria-hidden": "true" }), side = Math.sqrt(weights.length);
  Lab.paint(canvas, weights, side, side, Lab.signScale(most));
  return el("button", { class: "choice", ...attributes }, canvas, ...children);
};
const fillRow = (row, items) => { // items: { choice, weights, label }, to one scale unless each has a name
  const most = Math.max(...items.map((i) => largest(i.weights)));
  row.replaceChildren(...items.map(({ choice: mine, weights, label, name }) => {
    const attributes = { "data-key": key(mine), "aria-label": label, title: label, onclick: () => choose(mine) };
    return tile(weights, name ? largest(weights) : most, attributes, name ? el("span", {}, name) : null);
  }));
};
const kernels = (k, channel, inputs) => { // of one map, over each of its inputs
  const { ops } = known.net, op = ops[k], fed = ops[op.from[0]].shape[0];
  return inputs.map((input) => ({ choice: { place: k, channel, input }, weights: Lab.kernelOf(op, fed, channel, input) }));
};
const strength = (weights) => weights.reduce((sum, w) => sum + Math.abs(w), 0);
const rows = () => {
  const { ops } = known.net, k = first(), row = (name) => $(`${name} .row`, element);
  $(".learned span", element).textContent = `${ops[k].name}, ${ops[k].shape[0]} kernels`;
  fillRow(row(".learned"), Array.from({ length: ops[k].shape[0] }, (_, c) => ({ ...kernels(k, c, [0])[0], label: `Kernel ${c + 1} of ${ops[k].name}` })));
  fillRow(row(".named"), Object.entries(NAMED).map(([named, { name, weights }]) => ({ choice: { named }, weights, name, label: name })));
  row(".named").append(tile(now.weights, 1, { "data-key": "own", onclick: () => $("input", element).focus() }, el("span", {}, "Your own")));
  const deep = $(".deeper", element); deep.hidden = !picked;
  if (picked) {
    const { place: p, channel } = picked, inputs = [...Array(ops[ops[p].from[0]].shape[0]).keys()];
    const all = kernels(p, channel, inputs).sort((a, b) => strength(b.weights) - strength(a.weights));
    $("b", deep).textContent = `${ops[p].name}, map ${channel + 1}`; $("span", deep).textContent = `${all.length} kernels, strongest first`;
    fillRow(row(".deeper"), all.map((item) => ({ ...item, label: `Kernel over ${sourceName(p, item.choice.input)}, map ${item.choice.input + 1}` })));
  }
  mark();
};
const mark = () => { // which is chosen; one tab stop a row; the last tile shows what stands in the table
  const chosen = own ? "own" : key(choice), last = $("[data-key=own] canvas", element);
  for (const row of $$(".row", element)) {
    const all = $$(".choice", row), stop = all.find((b) => b.dataset.key === chosen) ?? all.find((b) => b === document.activeElement) ?? all[0];
    all.forEach((b) => { b.setAttribute("aria-pressed", b.dataset.key === chosen); b.tabIndex = b === stop ? 0 : -1; });
  }
  Lab.paint(last, now.weights, now.k, now.k, Lab.signScale(largest(now.weights)));
};
const follow = () => { // the window keeps its place in the picture when the map's size changes
  const share = now ? at.map((v, i) => (v + .5) / now.size[i]) : null;
  compute();
  sweep.frames = now.size[0] * now.size[1];
  at = share ? share.map((v, i) => Math.min(now.size[i] - 1, Math.floor(v * now.size[i]))) : telling();
  seek(at, whole);
};
const choose = (next) => { sweep.stop(); choice = next; own = null; whole = true; refuse(null); follow(); paint(); mark(); };
const TELLING = [.4, .75]; // of the sweep: the strongest response there is where the film stands at first
const telling = () => {
  const [from, to] = TELLING.map((share) => Math.floor(share * now.out.length)), part = [...now.out.slice(from, to)];
  const i = from + part.indexOf(Math.max(...part));
  return [Math.floor(i / now.size[1]), i % now.size[1]];
};
const clearest = () => { // the kernel of the first convolution that finds most in this drawing
  const k = first(), [count, h, w] = known.net.ops[k].shape, all = known.run.values[k], n = h * w;
  const found = (c) => Math.max(...all.subarray(c * n, c * n + n)) - Math.max(0, all[c * n + 5 * w + 5]); // above what plain paper gives
  return { place: k, channel: Array.from({ length: count }, (_, c) => c).reduce((best, c) => (found(c) > found(best) ? c : best)), input: 0 };
};
for (const row of $$(".row", element)) Lab.rove(row, ".choice");

// ---- nine numbers to type
const read = (text) => { // a number, or null
  const plain = text.trim().replace(",", ".").replace("−", "-");
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain) && Math.abs(+plain) <= BOUND ? +plain : null;
};
const refuse = (typed) => { // null: nothing to refuse
  const box = $(".refused", element); box.hidden = typed === null;
  const fault = typed?.trim() ? `“${typed.slice(0, 12)}” is not a weight.` : "A weight is missing.";
  box.replaceChildren(el("b", {}, fault), ` A number from −${BOUND} to ${BOUND}, please, such as 0.5 or −1.`);
};
const change = (i, value) => {
  own = Float32Array.from(now.weights); own[i] = value;
  compute(); paintWeights(); title(); here(); mark();
};
const input = (i) => el("input", {
  type: "text", inputmode: "decimal", autocomplete: "off", "aria-label": `Weight, row ${Math.floor(i / now.k) + 1}, column ${i % now.k + 1}`,
  onfocus: (e) => e.target.select(),
  oninput: (e) => { const value = read(e.target.value); if (value !== null) { refuse(null); change(i, value); } },
  onchange: (e) => { if (read(e.target.value) === null) refuse(e.target.value); e.target.value = written(now.weights[i]); },
  onkeydown: (e) => {
    const step = { ArrowUp: STEP, ArrowDown: -STEP }[e.key];
    if (!step) return;
    e.preventDefault(); refuse(null);
    const value = Lab.clamp(Math.round((now.weights[i] + step) * 100) / 100, -BOUND, BOUND);
    change(i, value); e.target.value = written(value);
  },
});
const paintWeights = () => Lab.fillSquare($(".weights", element), now.weights, Lab.signScale(largest(now.weights)));
const weights = () => {
  let i = 0;
  Lab.square($(".weights", element), now.k, () => input(i++)).forEach(({ firstChild: field }, j) => {
    if (field !== document.activeElement) field.value = written(now.weights[j]); // not under the visitor's fingers
  });
  paintWeights();
};

// ---- follow the drawing, and the map chosen in the river
const settle = () => { // the map chosen in the river, if it belongs to this network; one that reads the drawing stands among the learned kernels already
  if (picked?.network !== known.net.name) { picked = null; return null; }
  const { ops } = known.net, { place: k, channel, input } = picked;
  if (ops[ops[k].from[0]].shape[0] === 1) picked = null;
  return { place: k, channel, input };
};
const arrive = (found) => {
  const other = known?.net !== found.net;
  known = found;
  if (other) { own = now = null; choice = settle() ?? clearest(); }
  follow(); paint();
  if (other) rows();
  element.dataset.shows = known.net.name;
};
Lab.followRuns(element, arrive, (words) => { $(".verdict", element).textContent = words; });
Lab.follow("map", (map) => {
  picked = map;
  const next = known && settle();
  if (next) { rows(); choose(next); }
});
new ResizeObserver(() => now && fit()).observe(element);
Lab.repaint(() => { if (now) { paint(); rows(); } });
element.dataset.ready = 1;
