const { $, $$, clamp, el, inkScale, line, paint } = Lab;
const SOUND = "sound", LEFT = 40, FOOT = 18, SIDE = 8, GAP = 2, ALIVE = .5, RECENT = 8, WIDE = 9; // a digit is made while half are read as asked; points of a curve for "now", and to smooth over
const { wars = [], missing } = props.value ?? {}, sheets = {};
let war = wars[0], k = 0, smooth = false, last = null;
const share = (v) => `${Math.round(100 * v)}\u00a0%`, mean = (v) => v.reduce((a, b) => a + b, 0) / Math.max(1, v.length), number = (n) => Math.round(n).toLocaleString("en");
const steps = () => war.images.map((n) => n / war.batch);

// ---- the wall of fakes
const wall = () => {
  const cells = sheets[war.key]?.[k] ?? (k === war.images.length - 1 && war === wars[0] ? last : null), w = SIDE * (28 + GAP) - GAP, all = new Int16Array(w * w).fill(cells ? -1 : -2);
  cells?.forEach((cell, i) => { for (let y = 0; y < 28; y++) for (let x = 0; x < 28; x++) all[(Math.floor(i / SIDE) * (28 + GAP) + y) * w + i % SIDE * (28 + GAP) + x] = cell[28 * y + x]; });
  const scale = inkScale(0, 255), soft = Lab.rgb("dropout-soft"), sunken = Lab.rgb("sunken");
  paint($(".wall", element), all, w, w, (v) => (v === -1 ? soft : v === -2 ? sunken : scale(v)));
  $(".wall", element).setAttribute("aria-label", `Sixty-four fakes after ${number(war.images[k])} real digits, ${share(mean(war.made[k]))} of them read as asked`);
};

// ---- what is so at this moment, by its own figures
const now = (name) => { // the mean of the last few points up to this moment
  const at = steps()[k], i = war.curve.step.findLastIndex((s) => s <= at);
  return i < 0 ? null : mean(war.curve[name].slice(Math.max(0, i - RECENT + 1), i + 1));
};
const beside = () => { // what the sound war had made by then
  const sound = wars.find((one) => one.key === SOUND), i = sound?.images.findLastIndex((n) => n <= war.images[k]) ?? -1;
  return i < 0 ? "" : ` The sound war made ${sound.made[i].filter((v) => v >= ALIVE).length} of ten digits by then, ${share(mean(sound.made[i]))} read as asked.`;
};
const tale = () => {
  const read = mean(war.made[k]), alive = war.made[k].filter((v) => v >= ALIVE).length, right = k ? (now("right_on_real") + now("right_on_fake")) / 2 : null, end = k === war.images.length - 1, { recall, modes } = war.figures;
  const best = Math.max(...war.made.slice(0, k + 1).map((row) => row.filter((v) => v >= ALIVE).length)); // digits made at its best moment so far
  const judged = right === null ? "" : ` The discriminator is right ${share(right)} of the time.`;
  if (!k) return ["Nobody knows anything yet", "The generator paints what its first, random weights happen to say."];
  if (end && war.key !== SOUND) return [modes === 10 ? "It got there, more or less" : modes ? `${modes} of ten digits ${modes === 1 ? "is" : "are"} still made` : "Not one digit is made", `Read as asked: ${share(war.figures.read_as_asked)}; it reaches ${share(recall)} of the variety of people’s hands.${judged}${beside()}`];
  if (alive < best - 1) return ["Digits are dying", `Of ${best} digits that were made, ${alive} are left.${judged}`];
  if (read < .2) return [right > .9 ? "The discriminator learns first" : "Ink looks for its place", `Hardly a fake is read as asked.${judged}`];
  if (alive < 10) return ["Strokes appear", `${alive} of ten digits are made by now.${judged}`];
  return [right < .8 ? "Neither wins: each got better because the other did" : "Digits, and the discriminator still sees through many", `${share(end ? war.figures.read_as_asked : read)} are read as asked${end ? `; it reaches ${share(recall)} of the variety of people’s hands` : ""}.${judged}`];
};

// ---- curves on a logarithmic axis
const ticks = () => [0, 10, 100, 1000, 10000].filter((s) => s < (Lab.narrow() ? .1 : .7) * steps().at(-1)).concat(steps().at(-1));
const along = (s, w) => LEFT + (w - LEFT - 6) * Math.log10(1 + s / 4) / Math.log10(1 + steps().at(-1) / 4);
const smoothed = (v) => (smooth ? v.map((_, i) => mean(v.slice(Math.max(0, i - WIDE + 1), i + 1))) : v);
const text = Lab.words;
const chart = (box, top, marks, words, traces) => Lab.plot(box, () => 150, (svg, w, h) => {
  if (!war) return;
  const y = (v) => 6 + (h - FOOT - 6) * (1 - clamp(v / top(), 0, 1.02));
  for (const t of marks(top())) svg.append(el("line", { class: "gridline", x1: LEFT, x2: w, y1: y(t), y2: y(t) }), text(LEFT - 8, y(t) + 4, words(t), "end"));
  for (const s of ticks()) svg.append(text(along(s, w), h - 2, s === steps().at(-1) ? `${number(s)} updates` : number(s), s === 0 ? "start" : s === steps().at(-1) ? "end" : "middle"));
  const xs = war.curve.step.map((s) => along(s, w));
  for (const [name, kind] of traces) svg.append(el("path", { class: `curve ${kind}`, d: line(xs, smoothed(war.curve[name]).map(y)) }));
  svg.append(el("line", { class: "now", x1: along(steps()[k], w), x2: along(steps()[k], w), y1: 2, y2: h - FOOT }));
});
const highest = () => { const all = [...war.curve.generator, ...war.curve.discriminator].sort((a, b) => a - b); return Math.max(2, Math.ceil(all[Math.floor(.98 * (all.length - 1))])); };
const loss = chart($(".loss", element), highest, (top) => [0, top / 2, top], (t) => t, [["discriminator", "discriminator"], ["generator", "generator"]]);
const right = chart($(".right", element), () => 1, () => [0, .5, 1], (t) => `${100 * t} %`, [["right_on_fake", "fake"], ["right_on_real", "real"]]);
const made = Lab.plot($(".made", element), () => 96, (svg, w, h) => {
  if (!war) return;
  const each = (w - LEFT) / 10, floor = h - 22;
  war.made[k].forEach((v, d) => {
    const x = LEFT + d * each + each * .2, wide = each * .6, high = (floor - 4) * v;
    svg.append(el("rect", { class: "well", x, y: 4, width: wide, height: floor - 4, rx: 2 }), el("rect", { class: v < ALIVE ? "bar dead" : "bar", x, y: floor - high, width: wide, height: high }), text(x + wide / 2, h - 4, String(d), "middle", "numeral"));
  });
  const half = floor - (floor - 4) * ALIVE;
  svg.append(el("line", { class: "gridline", x1: LEFT, x2: w, y1: half, y2: half }), text(LEFT - 8, half + 4, share(ALIVE), "end"));
  $(".still", element).textContent = `${war.made[k].filter((v) => v >= ALIVE).length} of ten`;
  $(".made", element).setAttribute("aria-label", war.made[k].map((v, d) => `${d}: ${share(v)}`).join(", "));
});

const show = (i) => {
  if (!war) return;
  k = clamp(i, 0, war.images.length - 1); wall(); loss(); right(); made();
  const [title, words] = tale(); $(".verdict", element).textContent = title; $(".tale", element).textContent = `After ${number(war.images[k])} digits. ${words}`;
  $(".right", element).setAttribute("aria-label", words);
  $(".loss", element).setAttribute("aria-label", k ? `Losses: generator ${now("generator").toFixed(2)}, discriminator ${now("discriminator").toFixed(2)}` : "Losses, from the first update on");
};
const player = Lab.film($(".film", element), { frames: war?.images.length ?? 1, label: "Moment of the training", show, text: (i) => `after ${number(war?.images[i] ?? 0)} digits`, seconds: 5 });
for (const name of ["loss", "right"]) Lab.drag($(`.${name}`, element), (x) => {
  const w = $(`.${name}`, element).clientWidth, at = x * w, nearest = (best, s, i) => (Math.abs(along(s, w) - at) < Math.abs(along(steps()[best], w) - at) ? i : best);
  player.stop(); player.seek(steps().reduce(nearest, 0));
});
$(".smooth", element).addEventListener("click", (e) => { smooth = !smooth; e.currentTarget.setAttribute("aria-pressed", smooth); loss(); right(); });

// ---- which war
const fakes = Lab.asking(element, server.fakes);
const fetched = async () => {
  const { key } = war, answer = sheets[key] ? null : await fakes({ key });
  if (answer) sheets[key] = await Lab.cells(answer.sheet);
  if (war.key === key && sheets[key]) { show(player.frame); element.dataset.told = key; }
};
const choose = (one) => {
  player.stop(); war = one; player.frames = war.images.length; $(".end", element).textContent = `${number(war.images.at(-1))} digits`;
  $$(".kinds button", element).forEach((b) => b.setAttribute("aria-pressed", b.dataset.key === war.key)); player.seek(player.frames - 1);
};
if (missing) { $(".whole", element).hidden = true; $(".missing", element).hidden = false; $(".missing", element).textContent = missing; } else {
  $(".kinds", element).append(...wars.map((one) => el("button", { class: "btn", "data-key": one.key, onclick: () => { choose(one); fetched(); } }, one.name)));
  choose(wars[0]);
  Lab.cells(props.value.last).then(([row]) => { last = row; show(player.frame); element.dataset.ready = 1; });
  Lab.near(element, fetched); Lab.repaint(() => show(player.frame));
}
