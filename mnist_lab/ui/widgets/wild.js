const { $, el, paint, inkScale, line } = Lab;
const ROWS = 4, COLUMNS = 10, GAP = 2, SIDE = 28 + GAP, BUDGET = 12; // ms a frame
const { wildness: xs, asked, variety } = props.value, slider = $("input", element);
let generator = null, latents = [], amount = 1, tiles = [], next = 0, left = 0, drawing = false, seen = false;
const width = COLUMNS * SIDE - GAP, height = ROWS * SIDE - GAP, picture = new Int16Array(width * height).fill(-1);

const show = () => { const scale = inkScale(0, 255), paper = Lab.rgb("dropout-soft"); paint($("canvas", element), picture, width, height, (v) => (v < 0 ? paper : scale(v))); };
// a few digits a frame, round and round until all are as wild as the slider says: what moves is always within a frame of the finger
const step = () => {
  for (const start = performance.now(); left > 0 && performance.now() - start < BUDGET; left--, next = (next + 1) % (ROWS * COLUMNS)) {
    const x = next % COLUMNS * SIDE, y = Math.floor(next / COLUMNS) * SIDE, z = latents[next];
    const made = generator.make(z.map((v) => v * amount), Array.from({ length: 10 }, (_, d) => +(d === next % 10)));
    for (let r = 0; r < 28; r++) picture.set(made.subarray(28 * r, 28 * r + 28), (y + r) * width + x);
  }
  show(); drawing = left > 0; if (drawing) requestAnimationFrame(step); else element.dataset.drawn = amount;
};
const draw = () => { if (!generator || !seen) return; left = ROWS * COLUMNS; if (!drawing) { drawing = true; requestAnimationFrame(step); } };

const between = (values, x) => { const k = Math.min(xs.length - 2, xs.findIndex((v, i) => x <= (xs[i + 1] ?? Infinity))), t = (x - xs[k]) / (xs[k + 1] - xs[k]); return values[k] + (values[k + 1] - values[k]) * t; };
const plot = Lab.plot($(".plot", element), () => 180, (svg, w, h) => {
  const top = Math.max(1, ...variety) * 1.02, x = (v) => 40 + (w - 48) * v / xs.at(-1), y = (v) => h - 20 - (h - 28) * v / top;
  for (const t of [0, .5, 1]) svg.append(el("line", { class: "gridline", x1: 40, x2: w, y1: y(t), y2: y(t) }), text(32, y(t) + 4, `${100 * t} %`, "end"));
  for (const t of [0, 1, 2]) svg.append(text(x(t), h - 2, t === 1 ? "1, as trained" : t, "middle"));
  svg.append(el("path", { class: "curve fake", d: line(xs.map(x), variety.map(y)) }), el("path", { class: "curve ink", d: line(xs.map(x), asked.map(y)) }), el("line", { class: "now", x1: x(amount), x2: x(amount), y1: 4, y2: h - 18 }));
});
const text = Lab.words;
const tell = () => {
  const read = between(asked, amount), differ = between(variety, amount);
  $(".verdict", element).textContent = amount < .15 ? "Every hand is the same hand" : amount < .8 ? "Safe: clear digits, few hands" : amount < 1.2 ? "As trained: every latent at its own length" : amount < 1.6 ? "Wild: rare hands, some broken" : "Beyond what it was trained on";
  $(".says", element).textContent = `Each latent is ${amount.toFixed(2)} times its length. Of a thousand, ${Lab.percent(read)} are read as asked; they differ ${Math.round(100 * differ)}\u00a0% as much as at 1.`;
  slider.setAttribute("aria-valuetext", `${amount.toFixed(2)}: ${$(".verdict", element).textContent}`);
  $("canvas", element).setAttribute("aria-label", `Forty digits at wildness ${amount.toFixed(2)}`); $(".plot", element).setAttribute("aria-label", $(".says", element).textContent);
};
const set = (v) => { amount = v; slider.value = v; tell(); plot(); draw(); };
slider.addEventListener("input", () => set(+slider.value));
Lab.drag($(".plot", element), (x) => { const w = $(".plot", element).clientWidth; set(Lab.clamp((x * w - 40) / (w - 48)) * xs.at(-1)); });
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
$(".hands", element).addEventListener("click", () => { latents = latents.map((z) => Float32Array.from(z, normal)); draw(); });

const all = Lab.floats(props.value.z), size = all.length / (ROWS * COLUMNS);
latents = Array.from({ length: ROWS * COLUMNS }, (_, i) => all.slice(i * size, (i + 1) * size));
tell();
Lab.attend(element, (here) => { seen = here; draw(); });
Lab.near(element, () => Lab.generator().then((found) => { generator = found; draw(); element.dataset.ready = 1; }, () => {}));
Lab.repaint(() => { show(); plot(); });
