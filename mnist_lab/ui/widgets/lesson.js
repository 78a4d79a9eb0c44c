const { $, $$, clamp, el, named, spoken } = Lab;
const STEPS = 10; // frames a stage
const river = $(".river", element), chips = $(".chips", element), digits = [...Array(10).keys()];
let reading = null, label = null, steps = 1; // what is asked
let told = null, trace = null, now = 0; // the last answer; now runs from 0 to 5, a whole number is the start of a stage
let built = "", wanted = false, asking = false, near = false, played = false;

const { top } = Lab;
const few = (v) => (v === 0 ? "0" : v < .001 ? v.toExponential(0).replace(/e-(\d+)/, (_, n) => ` × 10⁻${[...n].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]).join("")}`) : String(+v.toPrecision(2)));

// ---- the label to teach
for (const d of digits) chips.append(el("button", { role: "radio", "aria-checked": "false", tabindex: -1, onclick: () => choose(d) }, String(d)));
const markLabel = () => $$("button", chips).forEach((chip, d) => { chip.setAttribute("aria-checked", d === label); chip.tabIndex = d === (label ?? 0) ? 0 : -1; });
const choose = (d) => { label = d; steps = 1; markLabel(); ask(); };
const MOVES = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
chips.addEventListener("keydown", (e) => {
  if (!MOVES[e.key]) return;
  e.preventDefault(); choose(((label ?? 0) + MOVES[e.key] + 10) % 10); chips.children[label].focus();
});

// ---- the river: what each layer said above, its blame below
const tileSize = (size) => Math.max(1, Math.floor(48 / size)) * size;
const square = (layer, part) => el("div", { class: `tiles ${part}`, style: `--size:${tileSize(layer.size)}px` },
  ...layer.channels.map(() => el("canvas", { width: layer.size, height: layer.size, "aria-hidden": "true" })));
const row = (layer, part) => el("div", { class: `cells ${part}` }, ...layer.channels.map(() => el("i")));
const build = () => {
  const heads = el("div", { class: "heads" }, el("p"), el("p", { class: "said" }, "What it said"), el("p", { class: "blames" }, "Its blame"),
    el("p", { class: "figure" }, "its size"), el("p", { class: "figure" }, "moved by"));
  river.replaceChildren(heads, ...told.layers.map((layer) => {
    const view = layer.kind === "map" ? square : row;
    return el("div", { class: "layer" }, el("p", { class: "cap" }, el("b", {}, layer.name)), view(layer, "said"), view(layer, "blames"),
      el("p", { class: "figure norm" }), el("p", { class: "figure moved" }));
  }));
};
const css = (byte) => `rgb(${Lab.signScale(127)(byte).map(Math.round)})`;
const paintPart = (box, layer, bytes) => {
  if (layer.kind === "row") { $$("i", box).forEach((cell, i) => { cell.style.background = css(bytes[i]); }); return; }
  const n = layer.size * layer.size, colour = Lab.signScale(127);
  $$("canvas", box).forEach((canvas, i) => Lab.paint(canvas, bytes.subarray(i * n, i * n + n), layer.size, layer.size, colour));
};
const fill = () => {
  $$(".layer", river).forEach((box, k) => {
    const layer = told.layers[k];
    paintPart($(".said", box), layer, layer.saidBytes); paintPart($(".blames", box), layer, layer.blameBytes);
    $(".norm", box).textContent = few(layer.norm); $(".moved", box).textContent = layer.moved ? `${few(100 * layer.moved)}\u00a0%` : "";
  });
  paintKernels();
};

// ---- the first kernels: before, the nudge enlarged to be seen, after
const ROWS = ["before", "nudge", "after"];
const buildKernels = () => {
  const { channels, side } = told.kernels;
  $(".rows3", element).replaceChildren(...ROWS.map((name) => el("div", { class: `three ${name}`, role: "img", "aria-label": `Kernels: ${name}` },
    el("p", {}, name), ...channels.map(() => el("canvas", { width: side, height: side })))));
};
const strongest = (values) => values.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-12);
const paintKernels = () => {
  const { side, before, nudge } = told.kernels, n = side * side, u = clamp(now - 3), own = strongest(before);
  const rows = { before: [before, own], nudge: [nudge, strongest(nudge)], after: [before.map((v, i) => v + u * nudge[i]), own] };
  for (const [name, [values, size]] of Object.entries(rows)) {
    const colour = Lab.signScale(size);
    $$(`.${name} canvas`, element).forEach((canvas, i) => Lab.paint(canvas, values.subarray(i * n, i * n + n), side, side, colour));
  }
};
const enlarged = () => {
  const times = strongest(told.kernels.before) / strongest(told.kernels.nudge);
  return times > 2 ? `The nudge is drawn ${Math.round(+times.toPrecision(1)).toLocaleString("en")} times larger than it is.` : "";
};

// ---- the stages
const bars = Lab.ten($(".rows", element));
const plot = Lab.plot($(".trace", element), () => (Lab.narrow() ? 176 : 196), (svg, w, h) => {
  const [left, right, high, low] = [44, 28, 10, 24], x = (k) => left + (w - left - right) * k / (trace ? trace.length - 1 : 1), y = (v) => high + (h - high - low) * (1 - v);
  for (const v of [0, .5, 1]) svg.append(el("line", { class: "gridline", x1: left, x2: w - right, y1: y(v), y2: y(v) }), el("text", { x: left - 8, y: y(v) + 4, "text-anchor": "end" }, `${100 * v}\u00a0%`));
  if (!trace) return;
  Lab.tenCurves(svg, trace, trace.map((_, k) => x(k)), y);
  svg.append(el("text", { x: left, y: h - 4 }, "before"), el("text", { x: w - right, y: h - 4, "text-anchor": "end" }, `step ${trace.length - 1}`));
});
const words = (stage) => {
  const before = trace.at(-2), after = trace.at(-1), d = told.label;
  return [
    () => `The digit runs through every layer, and ${spoken(before[d])} of the belief goes to ${d}.`,
    () => `It was told ${d}. The loss is minus the logarithm of that share: ${few(told.loss)}. The less it expected a ${d}, the larger the loss.`,
    () => `The blame flows back, layer by layer: would the loss grow (warm) or shrink (cool) if this value were a little larger?`,
    () => `Each of ${told.weights.toLocaleString("en")} weights moves a little against its blame, at rate ${few(told.rate)}.`,
    () => `The same digit once more: the belief in ${d} goes from ${spoken(before[d])} to ${spoken(after[d])}.`,
  ][stage]();
};
const result = () => {
  if (!told) return reading?.error ? "No lesson" : "Draw a digit, and teach it";
  const [first, last, d] = [trace[0], trace.at(-1), told.label], rival = digits.reduce((a, b) => (b !== d && first[b] > (first[a] ?? -1) ? b : a), -1);
  if (first[d] > .995) return `It is ${spoken(first[d])} sure of the ${d} already: little to learn. Tell it that this is ${named(rival)}`;
  const verb = last[d] >= first[d] ? "rises" : "falls";
  return told.steps === 1 ? `One step, and its belief in ${d} ${verb} from ${spoken(first[d])} to ${spoken(last[d])}`
    : `After ${told.steps} steps its belief in ${d} has ${verb === "rises" ? "risen" : "fallen"} from ${spoken(first[d])} to ${spoken(last[d])}`;
};
const show = (frame) => {
  now = frame / STEPS;
  const stage = Math.min(4, Math.floor(now)), many = told?.layers.length ?? 0;
  $$(".stages li", element).forEach((item, k) => { item.classList.toggle("now", k === stage); item.classList.toggle("past", k < stage); });
  if (!told) return;
  $$(".layer", river).forEach((box, k) => {
    box.classList.toggle("spoke", now * many >= k + 1 || now >= 1); box.classList.toggle("blamed", (now - 2) * many >= many - k); box.classList.toggle("moves", now > 3);
  });
  const before = trace.at(-2), after = trace.at(-1), u = clamp(now - 4);
  bars(now < 1 ? null : before.map((v, d) => v + u * (after[d] - v)), now < 1 ? null : trace[0]);
  $$(".rows li", element).forEach((item, d) => item.classList.toggle("asked", d === told.label && now >= 1));
  $(".loss", element).textContent = now >= 1 ? `loss ${few(told.loss)}` : "";
  element.firstElementChild.classList.toggle("nudged", now > 3);
  $(".words", element).textContent = words(stage);
  paintKernels(); follow(stage);
};
const follow = (stage) => { // on a narrow screen the river scrolls to the layer that speaks or is blamed
  if (river.scrollWidth <= river.clientWidth) return;
  const share = [now, 1, 3 - now, 0, 0][stage];
  river.scrollLeft = share * (river.scrollWidth - river.clientWidth);
};
const player = Lab.film($(".film", element), { frames: 5 * STEPS + 1, label: "Stage of the training step", seconds: 7, show,
  text: (frame) => `${Math.min(4, Math.floor(frame / STEPS)) + 1}, ${told ? words(Math.min(4, Math.floor(frame / STEPS))) : "waiting"}` });

// ---- ask: one question in flight, the newest wins; the server takes all steps anew
const open = (answer) => {
  told = answer; steps = answer.steps;
  const p = new Float32Array(Lab.bytes(answer.trace).buffer);
  trace = Array.from({ length: p.length / 10 }, (_, k) => [...p.subarray(10 * k, 10 * k + 10)]);
  for (const layer of told.layers) { layer.saidBytes = Lab.signed(layer.values); layer.blameBytes = Lab.signed(layer.blame); }
  for (const part of ["before", "nudge"]) told.kernels[part] = new Float32Array(Lab.bytes(told.kernels[part]).buffer);
  const shape = JSON.stringify([told.layers.map((l) => [l.name, l.size, l.channels.length]), told.kernels.channels.length]);
  if (shape !== built) { built = shape; build(); buildKernels(); }
  fill(); plot();
  $(".kernels .name", element).textContent = `${told.kernels.name}${told.kernels.channels.length < told.layers[0].count ? `, ${told.kernels.channels.length} of ${told.layers[0].count}` : ""}`;
  $(".kernels .moved", element).textContent = `moved by ${few(100 * told.kernels.moved)}\u00a0% of their size`;
  $(".enlarged", element).textContent = enlarged();
  $(".steps", element).textContent = told.steps === 1 ? "1 step" : `${told.steps} steps`;
};
const settle = () => {
  $(".result", element).textContent = result();
  $(".again", element).disabled = !told || told.most; $(".over", element).disabled = !told || told.steps === 1;
};
const close = (error) => { told = trace = null; built = ""; river.replaceChildren(); $(".rows3", element).replaceChildren(); bars(null); plot(); $(".words", element).textContent = error ?? ""; show(player.frame); settle(); };
const ask = async () => {
  wanted = true;
  if (asking || !near) return;
  asking = true;
  while (wanted && near) {
    wanted = false;
    if (!reading?.seen) { close(reading?.error); continue; }
    const payload = { pixels: reading.seen, network: reading.network, label, steps };
    const answer = await server.lesson(payload);
    if (answer?.busy) { wanted = true; await new Promise((go) => setTimeout(go, 200)); continue; }
    if (wanted) continue;
    if (!answer || answer.error) { close(answer?.error ?? "The connection is lost. Choose a label to try again."); continue; }
    open(answer); settle(); start(payload);
  }
  asking = false;
};
const start = ({ steps: asked }) => { // the first lesson and each new label plays; ten more show their result
  if (Lab.calm || asked > 1 || !visible) { player.stop(); player.seek(5 * STEPS); return; }
  player.stop(); player.seek(0); player.play(); played = true;
};
let visible = false;
new IntersectionObserver((entries) => {
  visible = entries.at(-1).isIntersecting;
  if (visible && !played && told && steps === 1) start({ steps: 1 });
}, { threshold: .9 }).observe($(".film", element));

$(".again", element).addEventListener("click", () => { steps = Math.min(200, steps + 10); ask(); });
$(".over", element).addEventListener("click", () => { steps = 1; ask(); });
Lab.follow("reading", (next) => {
  if (!next.final) return;
  reading = { network: reading?.network, ...next };
  label = next.digit ?? label ?? 0; steps = 1; markLabel(); ask();
});
Lab.attend(element, (here) => { near = here; if (near && wanted) ask(); });
Lab.repaint(() => { if (told) fill(); });
show(player.frame); settle();
element.dataset.ready = 1;
