const { $, $$, el, inkScale, paint, signScale } = Lab;
const WHO = { both: "Both move", judge: "Discriminator only", forger: "Generator only" }, EIGHT = 8, NAMES = { latents: "Latent for a", fakes: "Fake", reals: "Real", wishes: "Ink the discriminator wishes of fake", after: "After the update, fake" };
let value = null, turns = {};
const number = (n) => Math.round(n).toLocaleString("en"), mean = (v) => v.reduce((a, b) => a + b, 0) / v.length;
let who = "both", k = 1;
const signed = (v) => `${v < 0 ? "−" : "+"}${Math.abs(v).toFixed(1)}`;

const row = (name, cells, words, colour, side = 28) => {
  const box = $(`.${name}`, element);
  if (!box.children.length) box.append(...cells.map((_, d) => el("figure", {}, el("canvas", { class: "pixels", role: "img", "aria-label": `${NAMES[name]} ${d}` }), el("figcaption"))));
  cells.forEach((cell, i) => { paint($("canvas", box.children[i]), cell, side, side, colour ?? signScale(Lab.strongest(cell))); $("figcaption", box.children[i]).textContent = words(i); });
};
const text = Lab.words;
const limits = () => { const all = Object.values(turns).flatMap((t) => t.marks.flat(2)); return [Math.min(-1, ...all), Math.max(1, ...all)]; };

// Marks on a line: real digits above it, fakes below; where they lay before the update, pale
const scores = Lab.plot($(".scores", element), () => 84, (svg, w, h) => {
  if (!value) return;
  const [low, high] = limits(), x = (v) => 8 + (w - 16) * (v - low) / (high - low), y = { real: 24, fake: 46 };
  svg.append(el("line", { class: "gridline", x1: 0, x2: w, y1: 35, y2: 35 }), el("line", { class: "axis", x1: x(0), x2: x(0), y1: 8, y2: 60 }), text(0, 78, "taken for fake", "start"), text(w, 78, "taken for real", "end"), text(x(0), 78, "0", "middle"));
  ["real", "fake"].forEach((kind, side) => { for (const [marks, past] of [[turns[who].marks[0], true], [turns[who].marks[k], false]]) for (const m of marks[side]) svg.append(el("circle", { class: `${kind}${past ? " before" : ""}`, cx: x(m), cy: y[kind], r: 5 })); });
  const [real, fake] = turns[who].marks[k].map(mean);
  $(".scores", element).setAttribute("aria-label", `Marks after ${k} updates: real digits ${signed(real)} on average, fakes ${signed(fake)}`);
});
const show = (i) => {
  if (!value) return;
  k = i;
  const turn = turns[who], ink = inkScale(0, 255), [real, fake] = turn.marks[k].map(mean), [before] = turn.marks.map((m) => m.map(mean));
  row("after", turn.cells[k], (d) => signed(turn.marks[k][1][d]), ink);
  $(".count", element).textContent = `${k} update${k === 1 ? "" : "s"} of ${who === "both" ? "both" : who === "judge" ? "the discriminator, the generator rests" : "the generator, the discriminator rests"}`;
  const was = `from ${signed(before[0])} and ${signed(before[1])} to ${signed(real)} and ${signed(fake)}`, apart = real - fake > before[0] - before[1];
  $(".told", element).textContent = k === 0 ? "Nothing has moved yet. Scrub." : who === "judge" ? `Alone, the discriminator ${apart ? "pulls real digits and fakes apart" : "does not yet tell them better"}: their marks went ${was}.`
    : who === "forger" ? `Alone, the generator ${fake > before[1] ? "lifts" : "lowers"} the mark of its fakes from ${signed(before[1])} to ${signed(fake)}; the discriminator’s taste is all it has to go by.` : `Both moved: the marks of real digits and fakes went ${was}.`;
  scores();
};
const player = Lab.film($(".film", element), { frames: 1, label: "Updates from here", show, text: (i) => `${i} updates`, seconds: 4 });
const mark = Lab.segments($(".segments", element), WHO, (name) => { who = name; player.stop(); player.seek(player.frame); });

const paintAll = () => {
  const ink = inkScale(0, 255), noise = Lab.floats(value.noise), size = noise.length / EIGHT, side = Math.round(Math.sqrt(size)), wish = Lab.floats(value.wish);
  const cut = (all, n) => Array.from({ length: EIGHT }, (_, i) => all.subarray(i * n, (i + 1) * n));
  row("latents", cut(noise, size), (d) => `a ${d}`, signScale(2.5), side); row("fakes", turns.both.cells[0], () => "", ink);
  row("reals", Lab.digits(Lab.bytes(value.real)), () => "", ink); row("wishes", cut(wish, 784), () => "", null); // each by its own strongest
  show(player.frame);
};
const open = (answer) => {
  value = answer; turns = answer.turns; player.frames = turns.both.marks.length;
  for (const turn of Object.values(turns)) { const all = Lab.digits(Lab.bytes(turn.fakes)); turn.cells = turn.marks.map((_, i) => all.slice(i * EIGHT, (i + 1) * EIGHT)); }
  $(".d", element).textContent = value.losses[0].toFixed(2); $(".g", element).textContent = value.losses[1].toFixed(2);
  $(".when", element).textContent = `From update ${number(value.step)} of the war above, after ${number(value.images)} digits`;
  mark(who); player.seek(1); Lab.repaint(paintAll); element.dataset.ready = 1;
};
const blow = Lab.asking(element, server.blow);
Lab.near(element, async () => { const answer = await blow({}); if (answer) open(answer); });
