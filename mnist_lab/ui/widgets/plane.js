const { $, $$, bytes, clamp, el, inkScale, line, narrow, paint, repaint } = Lab;
const MOST = 8; // pins
const EDGE = 1.25, LAND = 9, COLUMNS = 20, FRAMES = 61, OPENS_AT = .72; // as plane.py and the recording have them
const BUDGET = 9; // ms a frame for the land, so that the digit under the finger never waits
const sheet = $(".square .sheet", element), handle = $(".handle", element), svg = $("svg", element);

// ---- the slice: three vectors, and what the controls say
let size = 0, centre, right, up, radius = 1; // radius: of the ring where random latents lie
let generator = null, reader = null;
let pins = [[-.7, .7], [.7, .7]], here = [0, .9], names = ["A", "B"];
let s = { digit: 2, second: 8, share: 0, path: "spherical", wildness: 1 };
let from = { seeds: [11, 12] }; // what spans the slice, for the three lines of Python

const span = (basis) => {
  const all = new Float32Array(bytes(basis).buffer); size = all.length / 3;
  [centre, right, up] = [0, 1, 2].map((i) => all.slice(i * size, (i + 1) * size));
  radius = Math.sqrt(Math.max(0, 1 - centre.reduce((sum, v) => sum + v * v, 0) / size));
};
const tame = ([x, y]) => { const r = Math.sqrt(size); return centre.map((c, i) => c + r * (x * right[i] + y * up[i])); }; // before wildness
const latentAt = (place) => tame(place).map((v) => s.wildness * v);
const shares = () => Array.from({ length: 10 }, (_, d) => (d === s.digit ? 1 - s.share : 0) + (d === s.second ? s.share : 0));
const blank = new Uint8Array(784);
const make = (place) => generator?.make(latentAt(place), shares()) ?? blank;

// ---- the way through all pins, t from 0 to 1
const leg = (a, b, t) => {
  if (s.path === "linear") return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
  if (s.path === "centre") return t < .5 ? a.map((v) => v * (1 - 2 * t)) : b.map((v) => v * (2 * t - 1));
  const from = Math.atan2(a[1], a[0]), turn = ((Math.atan2(b[1], b[0]) - from + 3 * Math.PI) % (2 * Math.PI)) - Math.PI;
  const r = Math.hypot(...a) * (1 - t) + Math.hypot(...b) * t, angle = from + turn * t;
  return [r * Math.cos(angle), r * Math.sin(angle)];
};
const way = (t) => { const legs = pins.length - 1, k = Math.min(legs - 1, Math.floor(t * legs)); return leg(pins[k], pins[k + 1], t * legs - k); };

// ---- the digit at the handle
const toShare = ([x, y]) => [(x / EDGE + 1) / 2, (1 - y / EDGE) / 2];
const bars = $(".code-bars", element);
const says = (p) => {
  const order = [...Array(10).keys()].sort((a, b) => p[b] - p[a]);
  $(".read", element).textContent = `LeNet reads ${order[0]}, ${Lab.percent(p[order[0]])}`;
  return order[0];
};
const showDigit = (pixels, p) => {
  const z = latentAt(here), length = Math.hypot(...z), canvas = $(".digit", element);
  paint(canvas, pixels, 28, 28, inkScale(0, 255));
  canvas.setAttribute("aria-label", `The digit at the dot, read as ${p ? says(p) : s.digit}`);
  const [x, y] = toShare(here); Object.assign(handle.style, { left: `${100 * x}%`, top: `${100 * y}%` });
  $$("i", bars).forEach((bar, i) => { bar.style.setProperty("--v", clamp(Math.abs(z[i]) / 2.6) * Math.sign(z[i])); bar.classList.toggle("minus", z[i] < 0); });
  $(".length", element).innerHTML = `length ${length.toFixed(1)}<span class="rest">, a random one is about ${Math.sqrt(size).toFixed(1)}</span>`;
  return z;
};
let made = blank, p = null;
const move = (place, final = true, quiet = false) => { // quiet: the address and the three lines stay as they are
  here = [clamp(place[0], -EDGE, EDGE), clamp(place[1], -EDGE, EDGE)];
  if (generator) { made = make(here); p = reader ? reader.run(made).p : null; }
  const z = showDigit(made, p);
  if (generator) Lab.tell("latent", { z, label: shares(), digit: s.share > .5 ? s.second : s.digit, pixels: made, final });
  if (final && generator && !quiet) rest();
};

// ---- the land under it: refreshed a few tiles a frame, the nearest to the handle first
let tiles = Array.from({ length: LAND * LAND }, () => blank), stale = [], surveying = false;
const cell = (k) => [((k % LAND + .5) / LAND * 2 - 1) * EDGE, (1 - (Math.floor(k / LAND) + .5) / LAND * 2) * EDGE];
const paintLand = () => {
  const side = LAND * 28, data = new Uint8Array(side * side);
  tiles.forEach((tile, k) => { for (let y = 0; y < 28; y++) data.set(tile.subarray(28 * y, 28 * y + 28), (Math.floor(k / LAND) * 28 + y) * side + k % LAND * 28); });
  paint($(".land", element), data, side, side, inkScale(0, 255));
};
const survey = () => {
  if (!generator) return;
  const far = (k) => Math.hypot(cell(k)[0] - here[0], cell(k)[1] - here[1]);
  stale = tiles.map((_, k) => k).sort((a, b) => far(b) - far(a));
  if (!surveying) { surveying = true; requestAnimationFrame(surveyed); }
};
const surveyed = () => {
  for (const start = performance.now(); stale.length && performance.now() - start < BUDGET;) { const k = stale.pop(); tiles[k] = make(cell(k)); }
  paintLand();
  surveying = stale.length > 0;
  if (surveying) requestAnimationFrame(surveyed);
};

// ---- ring, way and pins over it
const over = () => {
  const side = 448, at = (place) => toShare(place).map((v) => v * side), points = Array.from({ length: 121 }, (_, i) => at(way(i / 120)));
  svg.replaceChildren(el("circle", { class: "ring", cx: side / 2, cy: side / 2, r: side / 2 / EDGE * radius }),
    el("path", { class: "way", d: line(points.map((q) => q[0]), points.map((q) => q[1])) }));
  const box = $(".pins", element);
  if (box.children.length !== pins.length) box.replaceChildren(...pins.map((_, i) => el("button", { class: "pin", "data-pin": i }, letter(i))));
  pins.forEach((pin, i) => {
    const [x, y] = toShare(pin); Object.assign(box.children[i].style, { left: `${100 * x}%`, top: `${100 * y}%` });
    box.children[i].setAttribute("aria-label", `Pin ${letter(i)}${names[i] && names[i] !== letter(i) ? `, ${names[i]}` : ""}. Arrow keys move it${pins.length > 2 ? ", Delete takes it away" : ""}.`);
  });
  $(".last", element).textContent = letter(pins.length - 1);
  $(".pin-away", element).hidden = pins.length < 3; $(".pin-away", element).textContent = `Take ${letter(pins.length - 1)} away`;
  $(".pin-here", element).hidden = pins.length >= MOST;
};
const letter = (i) => "ABCDEFGH"[i];

// ---- the walk
let frames = [], shooting = 0;
const paintStrip = () => { if (frames.length) Lab.paintStrip($(".strip canvas", element), frames, 3); };
const shoot = () => {
  const many = narrow() ? 9 : 17;
  frames = generator ? Array.from({ length: many }, (_, i) => make(way(i / (many - 1)))) : frames; paintStrip();
};
const shootSoon = () => { cancelAnimationFrame(shooting); shooting = requestAnimationFrame(shoot); };
const player = Lab.film($(".film", element), { frames: FRAMES, label: "Walk through the pins", show: (i) => { if (generator) move(way(i / (FRAMES - 1)), !player?.playing); }, text: (i) => `${Math.round(100 * i / (FRAMES - 1))} % of the way` });

// ---- pointer and keyboard: the whole plane drags, a pin drags itself
let held = "handle"; // or the place of a pin in the list
const place = (held, [x, y], final) => {
  const there = [clamp(x, -EDGE, EDGE), clamp(y, -EDGE, EDGE)];
  if (held === "handle") return move(there, final);
  pins[held] = there; over(); shootSoon(); if (final) rest();
};
const at = (e) => { const r = sheet.getBoundingClientRect(); return [((e.clientX - r.left) / r.width * 2 - 1) * EDGE, (1 - (e.clientY - r.top) / r.height * 2) * EDGE]; };
Lab.hand(sheet, {
  down: (e) => { held = e.target.dataset.pin ? +e.target.dataset.pin : "handle"; player.stop(); place(held, at(e), false); },
  move: (e) => place(held, at(e), false),
  up: () => place(held, held === "handle" ? here : pins[held], true),
});
const KEYS = { ArrowLeft: [-.05, 0], ArrowRight: [.05, 0], ArrowUp: [0, .05], ArrowDown: [0, -.05] };
sheet.addEventListener("keydown", (e) => {
  const pin = e.target.dataset.pin, step = KEYS[e.key], before = pin ? pins[+pin] : here;
  if (step) { e.preventDefault(); player.stop(); place(pin ? +pin : "handle", [before[0] + step[0], before[1] + step[1]], true); }
  if (pin && pins.length > 2 && ["Delete", "Backspace"].includes(e.key)) { e.preventDefault(); pinned(pins.filter((_, i) => i !== +pin)); focusPin(+pin); }
});
const pinned = (list) => { pins = list; over(); shoot(); rest(); };
$(".pin-here", element).addEventListener("click", () => pinned([...pins, here]));
const focusPin = (i) => $$(".pin", element)[Math.min(i, pins.length - 1)].focus({ preventScroll: true }); // where the keyboard goes on
$(".pin-away", element).addEventListener("click", () => { pinned(pins.slice(0, -1)); if ($(".pin-away", element).hidden) focusPin(pins.length - 1); });

// ---- the address and the three lines: written when the finger rests
const short = (v) => +v.toFixed(3), text = (list) => list.map(([x, y]) => `${short(x)}_${short(y)}`).join("*");
const code = () => {
  const [x, y] = here.map(short), blend = s.share ? `, blend=(${s.second}, ${short(s.share)})` : "", wild = s.wildness === 1 ? "" : `, wildness=${short(s.wildness)}`;
  const call = from.seeds ? `lab.at(${x}, ${y}, seeds=(${from.seeds.join(", ")}), digit=${s.digit}${blend}${wild})` : from.code;
  return `import mnist_lab\nlab = mnist_lab.load("gan")\n${call}`;
};
const address = Lab.address("gan");
let resting = 0, wanted = null; // wanted: a digit that another part of the room has chosen
const rest = () => { clearTimeout(resting); resting = setTimeout(() => {
  address.write({ at: text([here]), pins: text(pins) });
  props.value = { code: code(), digit: wanted ?? s.digit }; wanted = null;
}, 200); };
const places = (name, least = 1, most = 1) => { // from the address, so many; nonsense counts as nothing
  const list = (address.read(name) ?? "").split("*").map((pair) => pair.split("_").map(Number));
  return list.length >= least && list.length <= most && list.every((pair) => pair.length === 2 && pair.every((v) => Number.isFinite(v) && Math.abs(v) <= EDGE)) ? list : null;
};

// ---- what the recorded look says at once; pins and handle are the address's, if it has any
const recorded = props.value;
span(recorded.basis); bars.style.setProperty("--count", size); bars.replaceChildren(...Array.from({ length: size }, () => el("i")));
$(".numbers", element).textContent = `Its ${size} numbers`;
const linked = places("pins", 2, MOST);
pins = linked ?? recorded.pins; here = (places("at") ?? [recorded.at])[0];

// ---- another slice
let asking = 0, first = true; // first: the slice is still the recorded one
const another = async (request, then) => {
  const mine = ++asking;
  let answer = await server.plane(request);
  while (answer?.busy && mine === asking) { await new Promise((done) => setTimeout(done, 200)); answer = await server.plane(request); }
  if (mine !== asking) return;
  if (!answer || answer.error) { Lab.toast(answer?.error ?? "The connection is lost. Try again."); return; }
  span(answer.basis); then(answer);
};
const all = (quiet = false) => { survey(); over(); shoot(); move(here, true, quiet); };
Lab.follow("seeds", ({ seeds }) => {
  if (String(from.seeds) === String(seeds)) return;
  from = { seeds }; names = ["A", "B"];
  another({ seeds }, (answer) => { pins = first && linked || answer.pins; first = false; all(); });
});
Lab.hear("place", ({ z, digit, end, name, points, names: told, code: call }) => {
  const ends = [0, 1].map((i) => (i === end ? z : tame(pins[Math.min(i, pins.length - 1)])));
  from = { code: call }; names = told ?? ["A", "B"].map((n, i) => (i === end ? name : n));
  if (digit !== undefined) wanted = s.digit = digit;
  another({ points: (points ?? [...ends, new Float32Array(size)]).map(Lab.unfloats) }, (answer) => {
    pins = answer.pins.slice(0, 2).map((pin) => pin.map((v) => clamp(v, -EDGE, EDGE))); // a wild latent lies beyond the square: its pin stays in reach
    here = pins[end ?? 0]; all();
  });
});
Lab.follow("slice", (told) => {
  const before = JSON.stringify(s), path = s.path; s = { ...s, ...told };
  if (before === JSON.stringify(s)) return;
  over(); shootSoon(); if (path === s.path) { survey(); move(here); } else player.seek(player.frame);
});

// ---- first look: recorded, drawn before the generator is here
const draw = () => { paintLand(); over(); paintStrip(); showDigit(made, p); };
const open = async () => {
  const { grey, width } = await Lab.sprite(recorded.sheet);
  const cut = (k) => { const out = new Uint8Array(784), x = k % COLUMNS * 28, y = Math.floor(k / COLUMNS) * 28; for (let r = 0; r < 28; r++) out.set(grey.subarray((y + r) * width + x, (y + r) * width + x + 28), 28 * r); return out; };
  tiles = tiles.map((_, k) => cut(k)); made = cut(LAND * LAND); p = recorded.p;
  frames = Array.from({ length: 17 }, (_, i) => cut(LAND * LAND + 1 + i)).filter((_, i) => !narrow() || i % 2 === 0);
  draw(); player.frame = Math.round(OPENS_AT * (FRAMES - 1)); $(".head", element).style.left = `${100 * OPENS_AT}%`;
  element.dataset.drawn = 1;
};
const opened = open();
repaint(() => { if (element.dataset.drawn) draw(); });
Lab.networksFrom((name) => server.steps({ network: name }));
Lab.generatorFrom(() => server.generator({}));
const arrive = async (found) => {
  await opened; generator = found;
  const asRecorded = s.digit === recorded.digit && !s.share && s.wildness === 1 && s.path === "spherical" && !linked && !places("at") && first;
  asRecorded ? move(here, true, true) : all(true);
  element.dataset.ready = 1;
  reader = await Lab.network("lenet").catch(() => null); move(here, true, true);
};
// the sheet, not the element: the room lays the parts out by itself, so that the element has no box that could come near
Lab.near(sheet, () => Lab.generator().then(arrive, (error) => Lab.toast(error.message)));
