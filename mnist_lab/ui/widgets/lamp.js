const { $, $$, el, named } = Lab;
const SIDE = 28, box = $(".box", element), view = $("canvas", element), frame = $(".window", element);
let reading = null, net = null, pixels = new Uint8Array(SIDE * SIDE), whole = null;
let size = 10, at = [9, 9]; // the window's side and its corner, in pixels
let near = false, due = false;

const choices = () => { // one a size; the first layer that sees all of the drawing stands for those behind it
  const seen = Lab.receptiveFields(net.ops), found = [];
  net.ops.forEach((op, k) => {
    const side = Math.min(SIDE, seen[k].size);
    if (op.name && side > 1 && !found.some((f) => f.side === side)) found.push({ side, name: op.name });
  });
  return found;
};
const build = () => {
  const all = choices(), usual = all.reduce((a, b) => (Math.abs(b.side - 10) < Math.abs(a.side - 10) ? b : a));
  $(".choices", element).replaceChildren(...all.map(({ side, name }) => {
    const input = el("input", { type: "radio", name: "lamp-size", value: side, "aria-label": `${name}: ${side} by ${side} pixels`, onchange: () => resize(side) });
    input.checked = side === usual.side;
    return el("label", { title: name }, input, el("b", {}, side === SIDE ? "all" : String(side)), el("span", {}, name.replace("Convolution", "Conv")));
  }));
  size = usual.side;
};

// ---- the window
const middle = () => at.map((v) => v + size / 2);
const moveTo = (x, y) => { // the middle, in pixels
  const next = [x, y].map((v) => Lab.clamp(Math.round(v - size / 2), 0, SIDE - size));
  if (next.join() === at.join()) return;
  at = next; soon();
};
const resize = (side) => { const [x, y] = middle(); size = side; at = [-1, -1]; moveTo(x, y); };
const inside = (i) => { const x = i % SIDE - at[0], y = Math.floor(i / SIDE) - at[1]; return x >= 0 && y >= 0 && x < size && y < size; };
const GHOST = .16; // of the ink outside the window: for your eye only, the network sees paper there
const paint = () => {
  const ink = Lab.inkScale(0, 255);
  Lab.paint(view, pixels.map((v, i) => (inside(i) ? v : GHOST * v)), SIDE, SIDE, ink);
  frame.hidden = !whole;
  Object.assign(frame.style, { left: `${100 * at[0] / SIDE}%`, top: `${100 * at[1] / SIDE}%`, width: `${100 * size / SIDE}%`, height: `${100 * size / SIDE}%` });
};
const inkiest = () => { // where the window holds most ink: a first place
  let best = -1;
  for (let y = 0; y <= SIDE - size; y++) for (let x = 0; x <= SIDE - size; x++) {
    let ink = 0;
    for (let j = 0; j < size; j++) for (let i = 0; i < size; i++) ink += pixels[(y + j) * SIDE + x + i];
    if (ink > best) { best = ink; at = [x, y]; }
  }
};

// ---- what can be known from it
const bars = Lab.ten($(".rows", element));
const guess = ({ p, likeness }) => { // likeness is null where the network was never taught to tell a digit from none
  const [a, b] = p.map((v, d) => d).sort((i, j) => p[j] - p[i]);
  if (likeness !== null && likeness < .5) return `no digit by itself. If it must be one, ${named(a)}`;
  return p[a] > .97 ? `surely ${named(a)}` : p[a] > .8 ? `almost surely ${named(a)}` : p[a] > .5 ? `probably ${named(a)}, perhaps ${named(b)}`
    : p[a] > .25 ? `could be ${named(a)} or ${named(b)}` : "could be anything";
};
const read = () => {
  const seen = pixels.map((v, i) => (inside(i) ? v : 0)), found = net.run(seen), all = size === SIDE;
  bars(found.p, whole.p);
  $(".result", element).textContent = all ? `The whole drawing: ${guess(found)}`
    : seen.some(Boolean) ? `Through ${size} × ${size} pixels: ${guess(found)}` : `Only paper here. From nothing at all: ${guess(found)}`;
  box.setAttribute("aria-label", `Your drawing through a window of ${size} by ${size} pixels, at ${at[0]} across and ${at[1]} down. Arrow keys move it.`);
  clearTimeout(read.rest); read.rest = setTimeout(() => { $(".announce", element).textContent = $(".result", element).textContent; }, 500);
};
let waiting = false, ready = 0; // a slow network reads at most half of the time, so that the window keeps up with the finger
const tick = () => {
  const from = performance.now();
  if (from < ready) { requestAnimationFrame(tick); return; }
  waiting = false;
  if (!whole) return;
  read();
  ready = 2 * performance.now() - from;
};
const soon = () => { paint(); if (!waiting && whole) { waiting = true; requestAnimationFrame(tick); } };

// ---- pointer, finger, keys
const follow = (e) => {
  const r = box.getBoundingClientRect();
  moveTo(SIDE * (e.clientX - r.left) / r.width, SIDE * (e.clientY - r.top) / r.height);
};
box.addEventListener("pointerdown", (e) => { if (e.isPrimary && !e.button) { box.setPointerCapture(e.pointerId); follow(e); } });
box.addEventListener("pointermove", (e) => { if (e.isPrimary) follow(e); });
box.addEventListener("keydown", (e) => {
  const step = Lab.ARROWS[e.key];
  if (!step) return;
  e.preventDefault();
  const [x, y] = middle(), far = e.shiftKey ? 4 : 1;
  moveTo(x + far * step[0], y + far * step[1]);
});

// ---- follow the drawing
const empty = (words) => { whole = null; pixels = new Uint8Array(SIDE * SIDE); bars(null); $(".result", element).textContent = words; paint(); };
const refresh = async () => {
  due = false;
  const mine = reading;
  if (mine.error || !mine.seen) { empty(mine.error ?? "Draw a digit to look at it through a keyhole"); return; }
  let next;
  try { next = await Lab.network(mine.network); } catch (error) { if (mine === reading) empty(error.message); return; }
  if (mine !== reading) return;
  const first = !whole; // a drawing that changes under the window leaves it where it is
  pixels = Lab.bytes(mine.seen);
  if (next !== net) { net = next; build(); at = at.map((v) => Lab.clamp(v, 0, SIDE - size)); }
  whole = net.run(pixels);
  if (first) inkiest();
  soon();
};
Lab.follow("reading", (next) => { if (next.final) { reading = { network: reading?.network, ...next }; due = true; if (near) refresh(); } });
Lab.attend(element, (here) => { near = here; if (near && due) refresh(); });
Lab.repaint(paint);
element.dataset.ready = 1;
