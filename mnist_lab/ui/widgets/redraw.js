const { $, el, inkScale, named, paint } = Lab;
const WAYS = { redrawn: "Redraw it", finished: "Finish it", relabelled: "As another digit" }, RUBBER = 2.2; // radius, in pixels of the 28
let way = "redrawn", pixels = null, label = null, seed = 0, reader = null, rubbed = new Uint8Array(784), film = null;
const done = {}, answers = {}; // way -> what its last answer was for, and that answer
let soon = 0; // a question that waits for the hand to rest
const { top } = Lab, read = (cell) => reader && top(reader.run(cell).p), bare = (cell) => (reader ? `read as ${read(cell)}` : "");

// ---- from a noise level (SDEdit)
const show = (k) => {
  if (!film) return;
  paint($(".from", element), film.start[k], 28, 28, inkScale(0, 255)); paint($(".to", element), film.end[k], 28, 28, inkScale(0, 255));
  const strength = Math.round(100 * film.strengths[k]), before = pixels && read(pixels), after = read(film.end[k]);
  $(".redrawn .reads", element).textContent = bare(film.end[k]);
  $(".from", element).setAttribute("aria-label", `Your digit, ${strength} % of the way back to noise`); $(".to", element).setAttribute("aria-label", `What comes back, ${bare(film.end[k])}`);
  $(".redrawn .says", element).textContent = `${strength} % of the way back: ${!reader ? "" : after === before ? (strength < 40 ? "your hand, a little tidier." : "still your digit, in a hand of its own.") : `now it is ${named(after)}.`}`;
};
const player = Lab.film($(".redrawn .film", element), { frames: 10, label: "How far back to noise", show, text: (k) => (film ? `${Math.round(100 * film.strengths[k])} % of the way` : ""), seconds: 4 });
const strip = () => film && Lab.paintStrip($(".redrawn .strip canvas", element), film.end.filter((_, k) => !Lab.narrow() || k % 2), 2);

// ---- a part rubbed out (RePaint)
const rub = $(".rub", element), noise = Uint8Array.from({ length: 784 }, () => 40 + 170 * Math.random());
const paintRub = () => { if (pixels) paint(rub, pixels.map((v, i) => (rubbed[i] ? noise[i] : v)), 28, 28, inkScale(0, 255)); rub.setAttribute("aria-label", "Your digit; what is static will be drawn by the network. Arrows move the rubber, space rubs out."); };
const wipe = (e) => {
  const r = rub.getBoundingClientRect(); wipeAt((e.clientX - r.left) / r.width * 28, (e.clientY - r.top) / r.height * 28);
};
const wipeAt = (x, y) => {
  for (let i = 0; i < 784; i++) if (Math.hypot(i % 28 + .5 - x, Math.floor(i / 28) + .5 - y) < RUBBER) rubbed[i] = 255;
  paintRub();
};
Lab.hand(rub, { down: wipe, move: (e) => Lab.moves(e).forEach(wipe), up: () => ask() });
const spot = { x: 14, y: 14 }, rubber = $(".rubber", element), aim = () => { for (const name of ["x", "y"]) rubber.style.setProperty(`--${name}`, spot[name]); };
rub.addEventListener("keydown", (e) => {
  const [dx, dy] = { ...Lab.ARROWS, " ": [0, 0] }[e.key] ?? [];
  if (dx === undefined) return;
  e.preventDefault(); spot.x = Lab.clamp(spot.x + dx, 0, 28); spot.y = Lab.clamp(spot.y + dy, 0, 28); aim();
  if (e.key === " ") { wipeAt(spot.x, spot.y); clearTimeout(soon); soon = setTimeout(ask, 600); }
});
const whole = () => { rubbed = new Uint8Array(784); paintRub(); delete answers.finished; $(".four", element).replaceChildren(); $(".finished .says", element).textContent = "Wipe over a part of your digit."; };
$(".half", element).addEventListener("click", () => { rubbed = Uint8Array.from({ length: 784 }, (_, i) => (i < 392 ? 0 : 255)); paintRub(); ask(); });
$(".mend", element).addEventListener("click", whole);
const tile = (cell, words, kind = "") => { const canvas = el("canvas", { class: "pixels" }); paint(canvas, cell, 28, 28, inkScale(0, 255)); return el("div", { class: `tile ${kind}` }, canvas, words); };

// ---- what the answers show
const OPEN = {
  redrawn: (answer) => { film = { strengths: answer.strengths, start: Lab.digits(Lab.bytes(answer.start)), end: Lab.digits(Lab.bytes(answer.end)) }; player.frames = film.end.length; strip(); player.seek(player.frame); },
  finished: ({ ends }) => { const cells = Lab.digits(Lab.bytes(ends)); $(".four", element).replaceChildren(...cells.map((cell) => tile(cell, bare(cell)))); $(".finished .says", element).textContent = "What you left stays as it was, to the pixel. Each of the four starts from other noise."; },
  relabelled: ({ noise, ends, own, seen }) => { // own: the label it was walked back with; seen: what LeNet reads in the drawing
    const cells = Lab.digits(Lab.bytes(ends));
    paint($(".noise", element), Lab.bytes(noise), 28, 28, inkScale(0, 255));
    $(".eleven-ends", element).replaceChildren(...cells.map((cell, k) => tile(cell, k ? String(k - 1) : "any", k - 1 === own ? "own" : "")));
    $(".relabelled .says", element).textContent = own == null ? "Walked back to its noise, and forward again under each label: the hand stays, the digit changes." : `Under ${own === seen ? "its own label" : "the label it was walked back with"}, ${own}, your digit comes back; under another, the same noise makes another digit in the same hand.`;
  },
};
const open = (name, answer) => { answers[name] = answer; OPEN[name](answer); element.dataset[name] = (+(element.dataset[name] ?? 0)) + 1; };

// ---- asking
const CALLS = { redrawn: Lab.asking(element, server.redraw), finished: Lab.asking(element, server.finish), relabelled: Lab.asking(element, server.relabel) };
const asked = (name) => [Lab.text(pixels), label, name === "relabelled" || seed, name === "finished" && Lab.text(rubbed)].join();
const ask = async () => {
  clearTimeout(soon);
  if (!pixels) return;
  const name = way, own = name === "relabelled" ? (label ?? read(pixels) ?? null) : label;
  if (name === "finished" && !rubbed.some(Boolean)) { whole(); return; }
  const key = asked(name), seen = read(pixels);
  const answer = await CALLS[name]({ pixels: Lab.text(pixels), label: own, seed, rubbed: Lab.text(rubbed) });
  if (!answer || !pixels || key !== asked(name)) return; // for an earlier drawing
  done[name] = key; open(name, { ...answer, own, seen });
  address.write({ redraw: [Lab.shorten(pixels, 4), way, label ?? "any", seed, Lab.shorten(rubbed, 1)].join("*") });
};
const address = Lab.address("diffusion");
const choose = (name) => {
  way = name; player.stop();
  for (const key of Object.keys(WAYS)) $(`.${key}`, element).hidden = key !== name;
  $(".other", element).hidden = name === "relabelled";
  if (name === "redrawn") strip(); if (pixels && done[name] !== asked(name)) ask();
};
const markWay = Lab.segments($(".ways", element), WAYS, choose), markLabel = Lab.labels($(".choices", element), (d) => { label = d; ask(); }, true);
$(".other", element).addEventListener("click", () => { seed = Lab.another(seed); ask(); });
const pad = Lab.sketch($(".sketch", element), { label: "Drawing pad. Draw a digit for the network to work on.", take: (given, how) => {
  clearTimeout(soon); pixels = given; player.stop(); whole();
  if (given) { if (how !== "moving") soon = setTimeout(ask, 100); }
} });

pixels = Lab.bytes(props.value.pixels); rubbed = Lab.bytes(props.value.rubbed); pad.show(pixels); paintRub(); markWay(way); markLabel(label); aim();
for (const [name, key] of [["redrawn", "redraw"], ["finished", "finish"], ["relabelled", "relabel"]]) { done[name] = asked(name); open(name, { ...props.value[key], own: props.value.label, seen: props.value.label }); }
player.seek(4);
const [drawing, wanted, told, hand, gone] = (address.read("redraw") ?? "").split("*"), given = Object.hasOwn(WAYS, wanted) && Lab.lengthen(drawing, 4);
if (given && given.some(Boolean) && /^(any|\d)$/.test(told) && /^\d{1,9}$/.test(hand)) { // a link has brought a drawing, and what to do with it
  pixels = given; label = told === "any" ? null : +told; seed = +hand; rubbed = Lab.lengthen(gone, 1) ?? rubbed; way = wanted;
  pad.show(pixels); markLabel(label); markWay(way); paintRub(); choose(way);
}
Lab.reads(element, (found) => { reader = found; if (given && way === "relabelled") ask(); show(player.frame); if (answers.finished) OPEN.finished(answers.finished); element.dataset.ready = 1; });
Lab.repaint(() => { paintRub(); strip(); show(player.frame); if (answers.finished) OPEN.finished(answers.finished); OPEN.relabelled(answers.relabelled); });
