const { $, $$, el, inkScale, paint, signScale } = Lab;
const WHO = { both: "Both move", judge: "Discriminator only", forger: "Generator only" }, EIGHT = 8;
const value = props.value, turns = value?.turns ?? {}, number = (n) => Math.round(n).toLocaleString("en"), mean = (v) => v.reduce((a, b) => a + b, 0) / v.length;
let who = "both", k = 1;
const signed = (v) => `${v < 0 ? "−" : "+"}${Math.abs(v).toFixed(1)}`;
for (const turn of Object.values(turns)) { const all = Lab.digits(Lab.bytes(turn.fakes)); turn.cells = turn.marks.map((_, i) => all.slice(i * EIGHT, (i + 1) * EIGHT)); }

const row = (name, cells, words, colour, side = 28) => {
  const box = $(`.${name}`, element);
  if (!box.children.length) box.append(...cells.map(() => el("figure", {}, el("canvas", { class: "pixels" }), el("figcaption"))));
  cells.forEach((cell, i) => { paint($("canvas", box.children[i]), cell, side, side, colour); $("figcaption", box.children[i]).textContent = words(i); });
};
const strongest = (values) => Float32Array.from(values, Math.abs).sort()[Math.floor(.985 * (values.length - 1))] || 1;
const text = (x, y, words, anchor = "end") => { const t = el("text", { x, y, "text-anchor": anchor }); t.textContent = words; return t; };
const limits = () => { const all = Object.values(turns).flatMap((t) => t.marks.flat(2)); return [Math.min(-1, ...all), Math.max(1, ...all)]; };

// Marks on a line: real digits above it, fakes below; where they lay before the update, pale
const scores = Lab.plot($(".scores", element), () => 84, (svg, w, h) => {
  if (!value) return;
  const [low, high] = limits(), x = (v) => 8 + (w - 16) * (v - low) / (high - low), y = { real: 24, fake: 46 };
  svg.append(el("line", { class: "gridline", x1: 0, x2: w, y1: 35, y2: 35 }), el("line", { class: "axis", x1: x(0), x2: x(0), y1: 8, y2: 60 }), text(0, 78, "taken for fake", "start"), text(w, 78, "taken for real"), text(x(0), 78, "0", "middle"));
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
  $(".told", element).textContent = k === 0 ? "Nothing has moved yet. Scrub." : who === "judge" ? `Alone, the discriminator pulls real digits and fakes apart: ${signed(before[0])} and ${signed(before[1])} have become ${signed(real)} and ${signed(fake)}.`
    : who === "forger" ? `Alone, the generator lets its fakes climb from ${signed(before[1])} to ${signed(fake)}: it bends each towards whatever this discriminator likes.` : `Both moved: real digits ${signed(real)}, fakes ${signed(fake)} on average. Each step of one is undone by the other.`;
  scores();
};
const player = Lab.film($(".film", element), { frames: turns.both?.marks.length ?? 1, label: "Updates from here", show, text: (i) => `${i} updates`, seconds: 4 });
const mark = Lab.segments($(".segments", element), WHO, (name) => { who = name; player.stop(); player.seek(player.frame); });

const paintAll = () => {
  const ink = inkScale(0, 255), noise = Lab.floats(value.noise), size = noise.length / EIGHT, side = Math.round(Math.sqrt(size)), wish = Lab.floats(value.wish);
  const cut = (all, n) => Array.from({ length: EIGHT }, (_, i) => all.subarray(i * n, (i + 1) * n));
  row("latents", cut(noise, size), (d) => `a ${d}`, signScale(2.5), side); row("fakes", turns.both.cells[0], () => "", ink);
  row("reals", Lab.digits(Lab.bytes(value.real)), () => "", ink); row("wishes", cut(wish, 784), () => "", signScale(strongest(wish)));
  show(player.frame);
};
if (value) {
  $(".d", element).textContent = value.losses[0].toFixed(2); $(".g", element).textContent = value.losses[1].toFixed(2);
  $(".when", element).textContent = `From update ${number(value.step)} of the war above, after ${number(value.images)} digits`;
  mark(who); player.seek(1); Lab.repaint(paintAll); element.dataset.ready = 1;
} else element.hidden = true;
