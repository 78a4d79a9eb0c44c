const { $, $$, named, percent } = Lab;
const SIDE = 28, HUNDRED = 100, MOST = 150; // the strip's places are hundredths of the change found
const after = $(".after canvas", element), delta = $(".delta canvas", element), inputs = $$("input", element);
let reading = null, pixels = new Uint8Array(SIDE * SIDE);
let target = null; // null until the runner-up is known: its probability is often too small to be told from the page's numbers
let known = {}; // target -> the change found for the present drawing
let near = false, asking = false;
const found = () => (known[target]?.delta ? known[target] : null);

// ---- the drawing at a strength
const changed = (strength) => {
  const change = found()?.delta;
  return change ? Uint8Array.from(pixels, (v, i) => Math.round(Lab.clamp(v + 255 * strength * change[i], 0, 255))) : pixels;
};
const belief = (strength) => { // between two of the strengths Python tried
  const { strengths, p } = found();
  const k = Lab.clamp(strengths.findLastIndex((s) => s <= strength + 1e-6), 0, strengths.length - 2);
  const t = Lab.clamp((strength - strengths[k]) / (strengths[k + 1] - strengths[k]));
  return p[k].map((v, d) => v + t * (p[k + 1][d] - v));
};
const bars = Lab.ten($(".rows", element));
const { top } = Lab;
const read = (strength) => {
  const p = belief(strength), d = top(p), times = strength.toFixed(2);
  return `At strength ${times}: ${d === reading.digit ? `still ${named(d)}` : named(d)}, ${percent(p[d])}`;
};
const paint = () => {
  const strength = film.frame / HUNDRED, change = found()?.delta ?? new Float32Array(SIDE * SIDE);
  Lab.paint(after, changed(strength), SIDE, SIDE, Lab.inkScale(0, 255));
  Lab.paint(delta, change.map((v) => strength * v), SIDE, SIDE, Lab.signScale(largest(change)));
  bars(found() ? belief(strength) : reading?.p, reading?.p);
  const words = found() ? read(strength) : reading?.seen ? "As drawn" : "";
  $(".read", element).textContent = words;
  after.setAttribute("aria-label", `The drawing, changed. ${words}`);
  delta.setAttribute("aria-label", `What changes: ${$(".size", element).textContent}`);
};
const largest = (values) => values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
const film = Lab.film($(".film", element), { frames: MOST + 1, label: "Strength of the change", seconds: 2.4, show: () => paint(), text: (i) => (found() ? read(i / HUNDRED) : "") });
const CELLS = 11;
const paintStrip = () => Lab.paintStrip($(".strip canvas", element), Array.from({ length: CELLS }, (_, k) => reading?.seen ? changed(k / (CELLS - 1) * MOST / HUNDRED) : null), 2);

// ---- words
const total = (values) => values.reduce((a, b) => a + b, 0);
const share = (v) => (v < .095 ? (100 * v).toFixed(1) : Math.round(100 * v)) + "\u00a0%";
const say = () => {
  const result = $(".result", element), size = $(".size", element), change = found();
  if (!reading?.seen) { result.textContent = "Draw a digit, then change its mind"; size.textContent = reading?.error ?? ""; return; }
  const from = reading.digit, to = target === null ? "another digit" : named(target);
  if (known[target]?.error) { result.textContent = `No way to ${to}`; size.textContent = known[target].error; return; }
  if (!change) { result.textContent = `Looking for what would make this ${from} ${to}`; size.textContent = ""; return; }
  const added = total(change.delta.filter((v) => v > 0)), gone = -total(change.delta.filter((v) => v < 0)), ink = total(pixels) / 255;
  result.textContent = change.reached ? `Changing ${share((added + gone) / ink)} of the ink makes this ${from} ${to}` : `No small change was found that makes this ${from} ${to}`;
  const parts = [added >= .05 && `${added.toFixed(1)} pixels’ worth of ink added`, gone >= .05 && `${gone.toFixed(1)} taken away`].filter(Boolean).join(", ");
  const own = Math.sqrt(total(Float32Array.from(pixels, (v) => (v / 255) ** 2)));
  size.textContent = `${change.reached ? "" : "The nearest try: "}${parts || "Less than a tenth of a pixel of ink"}. Its L2 norm is ${change.norm.toFixed(2)}, where your digit’s is ${own.toFixed(1)}.`;
};
const show = (frame) => {
  inputs.forEach((input) => { const d = +input.value; input.checked = d === target; input.disabled = !reading?.seen || d === reading.digit; });
  $(".take", element).disabled = !found();
  say(); paintStrip(); film.stop(); film.seek(frame);
};

// ---- ask the server: once a drawing and target, one call in flight, the newest wins
const wanted = () => near && reading?.seen && !known[target];
const ask = async () => {
  if (asking) return;
  asking = true;
  while (wanted()) {
    const [mine, to] = [reading, target], answer = await server.change({ network: mine.network, target: to, pixels: mine.seen });
    if (mine !== reading) continue;
    if (answer?.busy) { await new Promise((go) => setTimeout(go, 200)); continue; }
    const change = answer?.delta ? { ...answer, delta: new Float32Array(Lab.bytes(answer.delta).buffer) } : { error: answer?.error ?? LOST };
    known[change.target ?? to] = change;
    if (to === target) { target = change.target ?? to; show(HUNDRED); }
  }
  asking = false;
};
const LOST = "The connection is lost. Choose a digit to try again.";
const SETTLED = 200; // ms without a further choice or reading
const soon = () => { clearTimeout(ask.rest); ask.rest = setTimeout(ask, SETTLED); };
const choose = (d) => {
  target = d;
  if (known[d]?.error) delete known[d];
  show(known[d] ? HUNDRED : 0); soon();
};
inputs.forEach((input) => input.addEventListener("change", () => choose(+input.value)));
$(".chips", element).addEventListener("click", (e) => { if (e.target.value && known[target]?.error) choose(target); });
Lab.follow("reading", (next) => {
  if (!next.final) return;
  const same = reading && next.seen === reading.seen && (next.network ?? reading.network) === reading.network;
  reading = { network: reading?.network, ...next };
  if (same) return;
  known = {}; pixels = reading.seen ? Lab.bytes(reading.seen) : new Uint8Array(SIDE * SIDE);
  target = null; show(0); soon();
});
Lab.attend(element, (here) => { near = here; if (near) ask(); });
$(".take", element).addEventListener("click", () => Lab.tell("take", { pixels: Lab.text(changed(film.frame / HUNDRED)) }));
Lab.repaint(() => { paint(); paintStrip(); });
element.dataset.ready = 1;
