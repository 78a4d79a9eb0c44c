const { $, $$, el, paint, signed } = Lab;
const { range: [low, high], real, fake, first, digit: firstDigit } = props.value;
let shown = Lab.bytes(first), yours = shown, label = firstDigit, wish = null, size = 1, score = null, before = null, taken = 0, reader = null, generator = null, showing = null;
const bars = Lab.ten($(".ten", element));

const draw = () => {
  if (!wish) return;
  const paper = Lab.rgb("surface"), ink = Lab.rgb("ink"), scale = Lab.signScale(1);
  // the wish over the digit, which shows through at 42 % ink
  const data = Int32Array.from(shown, (_, i) => i);
  paint($(".wish canvas", element), data, 28, 28, (i) => {
    const under = Lab.mix(paper, ink, .42 * shown[i] / 255), v = wish[i] / 127, strength = Math.min(1, 1.6 * Math.abs(v));
    return Lab.mix(under, scale(v), strength);
  });
  $(".wish canvas", element).setAttribute("aria-label", `What the discriminator would change, to call it a real ${label}`);
  $(".steps", element).textContent = taken ? `after ${taken} step${taken > 1 ? "s" : ""}` : "";
  $(".undo", element).disabled = !taken;
  gauge(); tell();
};
const tell = () => {
  const rank = (bins) => bins.reduce((sum, share, k) => sum + share * Lab.clamp((score - low) / (high - low) * bins.length - k), 0);
  const r = rank(real), f = rank(fake);
  $(".verdict", element).textContent = score > high ? "Realer than any real digit: it is fooled" : r > .25 ? `It takes this for a real ${label}` : r > .02 ? `It doubts this ${label}` : `It is sure this ${label} is no real one`;
  $(".score", element).textContent = `score ${score < 0 ? "−" : "+"}${Math.abs(score).toFixed(1)}`;
  $(".gauge", element).setAttribute("aria-label", `Score ${score.toFixed(1)}: above ${Math.round(100 * f)} percent of fakes and ${Math.round(100 * r)} percent of real digits`);
  if (reader) { const p = reader.run(shown).p, d = p.indexOf(Math.max(...p)); bars(p); $(".reads", element).textContent = `${Lab.named(d)}, ${Lab.percent(p[d])}`; }
  $$(".choices button", element).forEach((b, d) => b.setAttribute("aria-pressed", d === label));
};
const gauge = Lab.plot($(".gauge", element), () => 104, (svg, w, h) => {
  const x = (v) => Lab.clamp((v - low) / (high - low)) * w, base = h - 20, top = Math.max(...real, ...fake);
  for (const [bins, name] of [[fake, "f"], [real, "r"]]) {
    const points = bins.map((share, k) => [(k + .5) / bins.length * w, base - (base - 14) * share / top]);
    svg.append(el("path", { class: `hill ${name}`, d: `M0 ${base}${points.map((q) => `L${q[0].toFixed(1)} ${q[1].toFixed(1)}`).join("")}L${w} ${base}Z` }));
  }
  svg.append(el("line", { class: "axis", x1: 0, x2: w, y1: base, y2: base }));
  for (const t of [low, 0, high]) { const words = el("text", { x: x(t), y: h - 3, "text-anchor": t === low ? "start" : t === high ? "end" : "middle" }); words.textContent = t === 0 ? "0" : t < 0 ? "surely fake" : "surely real"; if (low <= t) svg.append(words); }
  if (score === null) return;
  if (before !== null) svg.append(el("line", { class: "trail", x1: x(before), x2: x(score), y1: base, y2: base }));
  svg.append(el("circle", { class: "mark", cx: x(score), cy: base, r: 7 }));
});

const ask = Lab.newest((payload) => server.judge(payload));
const judge = async (steps = 0) => {
  const answer = await ask({ pixels: Lab.text(shown), label, steps });
  if (!answer) return;
  if (answer.error) { $(".verdict", element).textContent = answer.error; return; }
  const films = answer.film ? [...Array(answer.scores.length).keys()].map((k) => Lab.bytes(answer.film).subarray(784 * k, 784 * k + 784)) : [];
  wish = signed(answer.wish); if (steps && !films.length) Lab.toast("Nothing would please it more.");
  films.length ? play(films, answer.scores, 0) : (score = answer.score, draw());
  element.dataset.ready = 1;
};
const play = (films, scores, k) => { // each step as it was taken
  clearTimeout(showing); shown = films[k]; score = scores[k]; taken++; draw(); pad.show(shown); // what it is fooled by must be seen
  if (k + 1 < films.length) showing = setTimeout(() => play(films, scores, k + 1), Lab.calm ? 0 : 90);
  else element.dataset.obeyed = taken;
};
const guess = (pixels) => { const p = reader?.run(pixels).p; return p ? p.indexOf(Math.max(...p)) : label; };
const take = (pixels, how) => {
  clearTimeout(showing);
  if (!pixels) return;
  shown = yours = pixels; taken = 0; before = null; label = guess(pixels); judge();
};
const pad = Lab.sketch($(".sketch", element), { take, label: "Drawing pad. Draw a digit for the discriminator." });
$(".choices", element).append(...Array.from({ length: 10 }, (_, d) => el("button", { onclick: () => { clearTimeout(showing); label = d; before = null; judge(); } }, String(d))));
$(".obey", element).addEventListener("click", () => { before ??= score; clearTimeout(showing); judge(5); });
$(".undo", element).addEventListener("click", () => { clearTimeout(showing); shown = yours; taken = 0; before = null; pad.show(shown); judge(); });
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
$(".fake", element).addEventListener("click", () => {
  if (!generator) return;
  const digit = Math.floor(10 * Math.random()), made = generator.make(Float32Array.from({ length: generator.latent }, normal), Array.from({ length: 10 }, (_, d) => +(d === digit)));
  const pixels = Uint8Array.from(made); pad.show(pixels); clearTimeout(showing); shown = yours = pixels; taken = 0; before = null; label = digit; judge();
});
pad.show(shown);
Lab.near(element, () => { judge(); Lab.network("lenet").then((found) => { reader = found; if (wish) draw(); }, () => {}); Lab.generator().then((found) => { generator = found; }, () => {}); });
Lab.repaint(() => { draw(); gauge(); });
