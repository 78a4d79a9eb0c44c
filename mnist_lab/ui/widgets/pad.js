const { $, el, bytes } = Lab;
const SIDE = devicePixelRatio > 1 ? 784 : 392, CELL = SIDE / 28; // the pad's own pixels: as many as the screen shows
const BEST = "resnet", QUICK = "lenet", BOTH = "both";
const LIGHT = 2e6; // multiplications a run, about 3 ms: a network up to this size follows the pen by itself
const MAPS_EVERY = 150; // ms between two of the server's readings that bring the layers' maps while the pen is down
const form = $(".form", element), ink = $(".ink", element), undo = $(".undo", element), context = ink.getContext("2d");
form.width = form.height = ink.width = ink.height = SIDE;

let strokes = [], pixels = null, brush = .08, network = BEST, by = "pen";
let live = null; // the stroke under the pen
let version = 0, told = 0; // of the drawing, and of the drawing that the last of the server's readings was of
let kept = null; // the strokes of the last drawing by hand that something else has taken the place of
let own = false; // false while the recorded drawing stands: the first touch wipes it
const blank = () => !strokes.length && !pixels;

// ---- the printed form: 28 x 28 squares, and the corners of the 20 x 20 box that digits are fitted to
const corner = (c, x, y, dx, dy) => {
  c.beginPath(); c.moveTo((x + 1.5 * dx) * CELL, y * CELL); c.lineTo(x * CELL, y * CELL); c.lineTo(x * CELL, (y + 1.5 * dy) * CELL); c.stroke();
};
const paintForm = () => {
  const c = form.getContext("2d"); c.clearRect(0, 0, SIDE, SIDE);
  c.strokeStyle = `rgb(${Lab.rgb("dropout-soft")})`; c.lineWidth = SIDE / 520;
  for (let i = 1; i < 28; i++) {
    c.beginPath(); c.moveTo(i * CELL, 0); c.lineTo(i * CELL, SIDE); c.moveTo(0, i * CELL); c.lineTo(SIDE, i * CELL); c.stroke();
  }
  c.strokeStyle = `rgb(${Lab.rgb("dropout")})`; c.lineWidth = SIDE / 260;
  for (const [x, y, dx, dy] of [[4, 4, 1, 1], [24, 4, -1, 1], [4, 24, 1, -1], [24, 24, -1, -1]]) corner(c, x, y, dx, dy);
};

// ---- what was drawn or borrowed
const paintStroke = (stroke) => {
  const at = (p) => [p[0] * SIDE, p[1] * SIDE];
  context.beginPath();
  if (stroke.length < 2) { context.arc(...at(stroke[0]), brush * SIDE / 2, 0, 7); context.fill(); return; }
  context.moveTo(...at(stroke[0]));
  for (let i = 1; i < stroke.length - 1; i++) {
    const [p, q] = [at(stroke[i]), at(stroke[i + 1])];
    context.quadraticCurveTo(...p, (p[0] + q[0]) / 2, (p[1] + q[1]) / 2);
  }
  context.lineTo(...at(stroke.at(-1))); context.stroke();
};
const paintPixels = () => {
  for (let i = 0; i < 784; i++) {
    if (!pixels[i]) continue;
    context.fillStyle = `rgb(${Lab.rgb("ink")} / ${pixels[i] / 255})`.replaceAll(",", " ");
    context.fillRect(i % 28 * CELL, Math.floor(i / 28) * CELL, CELL, CELL);
  }
};
const paintInk = () => {
  context.clearRect(0, 0, SIDE, SIDE);
  if (pixels) paintPixels();
  context.strokeStyle = context.fillStyle = `rgb(${Lab.rgb("pen")})`;
  context.lineCap = context.lineJoin = "round"; context.lineWidth = brush * SIDE;
  strokes.forEach(paintStroke);
  $(".ghost", element).style.opacity = blank() ? 1 : 0;
  undo.hidden = !kept || strokes.length > 0;
};
let queued = false;
const soon = () => {
  if (queued) return;
  queued = true; requestAnimationFrame(() => { queued = false; paintInk(); readHere(); });
};

// ---- a reading in the page, at the latest in every frame in which the drawing changed
let pilot = null; // the network that follows the pen
let absent = false; // it could not be had: the server reads while the pen moves
let readAt = 0; // the version of the drawing last read here
const work = (net) => net.ops.reduce((sum, op) => sum + (op.weight?.length ?? 0) * (op.kind === "conv" ? op.shape[1] * op.shape[2] : 1), 0);
const board = async () => { // a visitor's own network if it is small, otherwise LeNet
  const mine = network;
  let found = null;
  for (const name of [network, QUICK].filter((name) => name !== BEST && name !== BOTH)) {
    const net = found ?? await Lab.network(name).catch(() => null);
    if (net && work(net) < LIGHT) found = net;
  }
  if (mine !== network) return;
  pilot = found; absent = !found;
  soon(); if (absent && live) ask();
};
const heading = () => ({ network: network === BOTH ? BEST : network });
const digitHere = () => (pixels ? { pixels, box: [0, 0, 1, 1], placed: [0, 0, 28, 28] } : Lab.toDigit(strokes, brush));
const verdictHere = () => {
  const digit = digitHere(), { values, logits, p, score, likeness } = pilot.run(digit.pixels);
  const verdict = { network: pilot.name, digit: p.indexOf(Math.max(...p)), p: [...p], score, likeness };
  return { ...verdict, ...heading(), seen: Lab.text(digit.pixels), box: digit.box, placed: digit.placed,
    pair: network === BOTH ? [verdict, null] : undefined, page: { name: pilot.name, run: { values, logits, p } } };
};
const readHere = () => {
  if (!own || !pilot || blank() || readAt === version || told === version) return;
  readAt = version; Lab.tell("reading", { ...verdictHere(), by, final: false, lifted: false, canvas: ink });
};

let rested = 0; // a mouse may tell of a thousand moves a second: between frames, half of the time is left to everything else
const readAhead = () => {
  const from = performance.now();
  if (from >= rested) { readHere(); rested = 2 * performance.now() - from; }
};

// ---- ask the server: one call in flight, the newest drawing wins
let busy = false, again = false, lifted = false, mapsAt = 0;
const tell = (answer, asked) => {
  const final = !live && asked === version;
  told = asked;
  Lab.tell("reading", { ...heading(), ...answer, by, final, lifted: final && lifted, canvas: ink });
  if (final) lifted = false;
};
const LOST = "The connection is lost. Your drawing stays: draw on to try again.";
const call = async () => {
  const layers = !live || performance.now() - mapsAt > MAPS_EVERY;
  const answer = await server.read({ strokes, brush, network, pixels: pixels && Lab.text(pixels), layers });
  if (layers) mapsAt = performance.now(); // counted from the answer: a slow line gets fewer maps, not later bars
  return answer;
};
const ask = async () => {
  if (busy) { again = true; return; }
  busy = true;
  do {
    again = false;
    if (blank()) break;
    const asked = version, answer = await call();
    const newest = asked === version, wanted = newest || (absent && !blank()); // a pad cleared meanwhile wants no verdict
    if (answer?.busy) again = true; // other visitors hold the network: try once more
    else if (answer && wanted) tell(answer, asked);
    else if (newest) tell(pilot ? { ...verdictHere(), alone: true } : { error: LOST }, asked);
    await new Promise((done) => setTimeout(done, props.gap));
  } while (again && (!live || absent));
  busy = false;
};
const changed = () => {
  version++; soon();
  if (blank()) tell({ empty: true }, version); else if (!live || absent) ask();
};
const commit = () => {
  changed(); // first: the server is on its way while Gradio takes the value
  props.value = { strokes: structuredClone(strokes), brush, network, pixels: pixels && Lab.text(pixels), picture: by === "picture" };
};

Lab.networksFrom((name) => server.steps({ network: name }));
Lab.remember("reading", { ...props.recorded, by: "pen", final: true, recorded: true });
const HANDS = ["pointermove", "pointerdown", "keydown"]; // the first sign of a hand in this room: fetch LeNet before the pen is down
const hand = () => { if (!ink.getClientRects().length) return; HANDS.forEach((sign) => document.removeEventListener(sign, hand)); board(); };
HANDS.forEach((sign) => document.addEventListener(sign, hand));

// ---- the pen
const point = (e) => {
  const r = ink.getBoundingClientRect();
  return [(e.clientX - r.left) / r.width, (e.clientY - r.top) / r.height].map((v) => +Lab.clamp(v).toFixed(4));
};
const extend = (e) => {
  const p = point(e), last = live.at(-1);
  if (Math.hypot(p[0] - last[0], p[1] - last[1]) > .003) live.push(p);
};
// Where the browser tells of a move at once, it is read before the next frame begins, which then has only to paint
const SOONEST = "onpointerrawupdate" in window ? "pointerrawupdate" : "pointermove";
Lab.hand(ink, {
  down: (e) => {
    if (!own || pixels) strokes = [];
    own = true; pixels = null; by = "pen";
    strokes.push(live = [point(e)]); changed();
    if (absent) board(); // perhaps it can be had by now
  },
  move: (e) => {
    if (!live) return;
    const before = live.length;
    for (const m of Lab.moves(e)) extend(m);
    if (live.length > before) { changed(); readAhead(); }
  },
  up: () => { if (live) { live = null; lifted = true; commit(); } },
}, SOONEST);

// ---- clear, samples, keys
const keep = () => { if (own && strokes.length) kept = strokes; }; // what a hand drew can be had back
const put = (drawn, borrowed, from) => { // in the place of what is on the pad
  keep(); own = true; live = null; [strokes, pixels, by] = [drawn, borrowed, from]; commit();
};
const clear = () => put([], null, "pen");
const take = (sample) => put([], bytes(sample.pixels), "sample");
const back = () => { if (kept && !strokes.length) put(kept, null, "pen"); };
$(".clear", element).addEventListener("click", clear);
undo.addEventListener("click", () => { back(); ink.focus({ preventScroll: true }); });
ink.addEventListener("keydown", (e) => {
  if ((e.ctrlKey || e.metaKey) && e.key === "z") { e.preventDefault(); back(); }
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  const sample = /^[0-9]$/.test(e.key) && props.samples.find((s) => s.label === +e.key);
  if (sample) take(sample);
  if (["Delete", "Backspace"].includes(e.key)) { e.preventDefault(); clear(); }
});
for (const sample of props.samples.filter((s) => s.row)) {
  const canvas = el("canvas", { class: "pixels" });
  const name = `Sample digit ${sample.label}${sample.hard ? ", a hard one" : ""}`;
  const button = el("button", { "aria-label": name, title: sample.hard ? "A hard one" : "", onclick: () => take(sample) }, canvas);
  Lab.repaint(() => Lab.paint(canvas, bytes(sample.pixels), 28, 28, Lab.inkScale(0, 255)));
  $(".samples", element).append(button);
}

// ---- from outside: the drawer's brush and network, a digit from another widget, a drawing that Python set, a file dropped in the room
Lab.hear("pen", (settings) => {
  const before = [brush, network].join(), last = network;
  brush = settings.brush ?? brush; network = settings.network ?? network;
  if (last !== network && (pilot || absent)) board();
  if (before !== [brush, network].join()) changed();
});
Lab.hear("take", (digit) => { if (digit.pixels) take(digit); });
const adopt = () => {
  const v = props.value ?? {};
  strokes = structuredClone(v.strokes ?? []); pixels = v.pixels ? bytes(v.pixels) : null;
  by = v.picture ? "picture" : pixels ? "sample" : "pen";
};
watch("value", () => {
  if (live) return;
  if (props.value?.pixels) keep(); // a picture takes the place of a drawing
  adopt(); own = true; changed();
});
const carries = (e) => element.offsetParent && [...e.dataTransfer?.types ?? []].includes("Files");
const give = async (file) => { // to the button that takes it, which is in the page only once its drawer has been opened
  const [, button] = Object.entries(props.drops).find(([end]) => file.name.toLowerCase().endsWith(end));
  const input = () => document.querySelector(button)?.previousElementSibling; // as Gradio builds it
  if (!input()) $(".label-wrap", $(props.drawer, document)).click();
  for (let tries = 0; !input() && tries < 50; tries++) await new Promise(requestAnimationFrame);
  const files = new DataTransfer(); files.items.add(file);
  input().files = files.files; input().dispatchEvent(new Event("change", { bubbles: true }));
};
document.addEventListener("dragover", (e) => { if (carries(e)) e.preventDefault(); });
document.addEventListener("drop", (e) => { if (carries(e)) { e.preventDefault(); if (e.dataTransfer.files[0]) give(e.dataTransfer.files[0]); } });
adopt(); brush = props.value?.brush ?? brush; network = props.value?.network ?? network;
Lab.repaint(() => { paintForm(); paintInk(); });
element.dataset.ready = 1;
