const { $, el, paint, inkScale } = Lab;
const SHORT = { slant: "Slant", stroke: "Stroke", aspect: "Aspect", roundness: "Roundness", ink: "Ink" };
const WORDS = { slant: "Slant", stroke: "Stroke width", aspect: "Width to height", roundness: "Roundness", ink: "Ink" };
const FARTHEST = 3, TILES = 7, KEPT = "mnist-lab.directions", MOST = 12;
const { directions, units, weights } = props.value;
let generator = null, reader = null, base = null, ways = [], seen = false;
const one = (digit) => Array.from({ length: 10 }, (_, d) => +(d === digit));
const signed = (v, digits) => (v === 0 ? "0" : `${v < 0 ? "−" : "+"}${Math.abs(v).toFixed(digits)}`);
const along = (z, vector, amount) => Array.from(z, (v, i) => v + amount * vector[i]);
const moved = () => ways.reduce((z, w) => along(z, w.vector, w.amount), base.z);
const label = () => base.label ?? one(base.digit);

// ---- what stands now, and each direction's strip from here
const draw = () => {
  if (!generator || !base || !seen) return;
  const made = generator.make(moved(), label()), p = reader?.run(made).p, canvas = $(".now canvas", element), read = p?.indexOf(Math.max(...p));
  paint(canvas, made, 28, 28, inkScale(0, 255));
  canvas.setAttribute("aria-label", `The digit, changed${p ? `, read as ${read}` : ""}`);
  $(".of", element).textContent = base.name; $(".reads", element).textContent = p ? `read as ${read}, ${Lab.percent(p[read])}` : "";
  for (const w of ways) w.by.textContent = w.change === undefined ? signed(w.amount, 1) : `${signed(w.amount * w.change, w.name === "slant" ? 0 : w.name === "ink" || w.name === "stroke" ? 1 : 2)}\u202f${units[w.name]}`;
  $(".save", element).disabled = ways.every((w) => !w.amount);
};
const strips = () => {
  if (!generator || !base || !seen) return;
  const start = moved();
  for (const w of ways) Lab.paintStrip(w.canvas, Array.from({ length: TILES }, (_, i) => generator.make(along(start, w.vector, (i / (TILES - 1) * 2 - 1) * FARTHEST - w.amount), label())), 2);
};
let waiting = 0;
const stripsSoon = () => { clearTimeout(waiting); waiting = setTimeout(strips, 150); };

// ---- a row a direction
const effects = (d) => el("div", { class: "effects", role: "img", "aria-label": `In standard deviations: ${Object.entries(d.effects).map(([m, v]) => `${WORDS[m]} ${signed(v, 1)}`).join(", ")}` },
  ...Object.entries(d.effects).map(([m, v]) => el("div", { class: m === d.name ? "most" : "", title: `${signed(v, 1)} standard deviations` }, SHORT[m], el("i", { class: v < 0 ? "minus" : "", style: `--v:${Lab.clamp(Math.abs(v) / 4)}` }))));
const row = (d, remove) => {
  const title = WORDS[d.name] ?? d.name, canvas = el("canvas", { "aria-hidden": "true" }), by = el("span", { class: "by" });
  const slider = el("input", { type: "range", min: -FARTHEST, max: FARTHEST, step: .05, value: 0, "aria-label": title });
  const w = { ...d, amount: 0, canvas, by, slider };
  slider.addEventListener("input", () => { w.amount = +slider.value; slider.setAttribute("aria-valuetext", by.textContent); draw(); stripsSoon(); });
  w.row = el("div", { class: "way", "data-name": d.name }, el("div", { class: "name" }, el("b", {}, title), d.found ? el("span", { class: "note" }, d.found) : null,
    el("button", { class: "see", onclick: () => see(w, title) }, "See it on the plane"), remove ? el("button", { class: "see", onclick: () => remove(w) }, "Forget it") : null),
    el("div", { class: "slide" }, canvas, slider), by, d.effects ? effects(d) : null);
  return w;
};
const see = (w, title) => {
  const z = moved();
  Lab.tell("place", { points: [along(z, w.vector, -FARTHEST), along(z, w.vector, FARTHEST), new Float32Array(z.length)], names: [`less ${title.toLowerCase()}`, `more ${title.toLowerCase()}`], digit: base.digit, code: `lab.directions()  # "${w.name}": this slice runs along it` });
  document.getElementById("gan-room").scrollIntoView({ behavior: Lab.calm ? "auto" : "smooth" });
};
const reset = () => { for (const w of ways) { w.amount = 0; w.slider.value = 0; } draw(); strips(); };

// ---- the visitor's own, kept in this browser
const read = () => { try { const list = JSON.parse(localStorage.getItem(KEPT)) ?? []; return list.filter((d) => d.weights === weights && Array.isArray(d.vector) && typeof d.name === "string"); } catch { return []; } };
const write = (list) => { try { localStorage.setItem(KEPT, JSON.stringify(list)); } catch { Lab.toast("Your browser keeps nothing here. It stays until you leave."); } };
let kept = read();
const list = () => {
  const amounts = Object.fromEntries(ways.map((w) => [w.name, w.amount]));
  const own = kept.map((d) => row(d, (w) => { kept = kept.filter((k) => k.name !== w.name); write(kept); list(); }));
  ways = [...directions.map((d) => row({ ...d, vector: Lab.floats(d.vector) })), ...own];
  for (const w of ways) { w.amount = amounts[w.name] ?? 0; w.slider.value = w.amount; }
  $(".found", element).replaceChildren(...ways.slice(0, directions.length).map((w) => w.row)); $(".own", element).replaceChildren(...own.map((w) => w.row));
  $(".own-title", element).hidden = !own.length; draw(); strips();
};
$(".save", element).addEventListener("click", () => {
  const parts = ways.filter((w) => w.amount), sum = parts.reduce((v, w) => along(v, w.vector, w.amount), new Float32Array(base.z.length)), length = Math.hypot(...sum);
  if (!length) return;
  const name = parts.map((w) => `${(WORDS[w.name] ?? w.name).toLowerCase()} ${signed(w.amount, 1)}`).join(", ");
  kept = [...kept.filter((d) => d.name !== name), { name, weights, vector: sum.map((v) => v / length) }].slice(-MOST); write(kept);
  for (const w of ways) w.amount = 0;
  list(); const mine = ways.find((w) => w.name === name); mine.amount = Math.min(FARTHEST, length); mine.slider.value = mine.amount; draw(); strips();
  $(".saved", element).textContent = "Kept in this browser, under Your own.";
});
$(".reset", element).addEventListener("click", reset);
$(".as-a", element).addEventListener("click", () => { Lab.tell("place", { z: moved(), digit: base.digit, end: 0, name: base.name, code: "lab.edit(z, digit, slant=1.5)  # of a latent vector z" }); Lab.toast("It is A on the plane now."); });
$(".as-stop", element).addEventListener("click", () => { Lab.tell("stop", { z: moved(), digit: base.digit, name: base.name }); Lab.toast("Added to the morph."); });

const start = (told) => { base = told; draw(); stripsSoon(); };
Lab.follow("latent", (told) => { if (told.final) start({ z: told.z, digit: told.digit, label: told.label, name: "The plane’s digit" }); });
Lab.hear("base", start);
list();
Lab.attend(element, (here) => { seen = here; draw(); strips(); });
Lab.near(element, () => Lab.generator().then(async (found) => { generator = found; draw(); strips(); element.dataset.ready = 1; }, () => {}));
Lab.near(element, async () => { reader = await Lab.network("lenet").catch(() => null); if (generator) draw(); });
Lab.repaint(() => { draw(); strips(); });
