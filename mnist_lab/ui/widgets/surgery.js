const { $, $$, el, named, percent } = Lab;
const box = $(".convs", element), digits = [...Array(10).keys()];
let reading = null, net = null, pixels = null; // what is operated on
let marks = {}; // place of a convolution -> map -> the digit its loss makes of the drawing
let scaled = {}; // place of a convolution -> map -> 0 or -1; what is not in it works
let whole = null, now = null; // runs of the network: intact, and as it is
let near = false, due = false; // work waits until the wing is near the viewport

// ---- the filters, built anew when the network changes
const convs = () => net.ops.map((op, place) => ({ op, place })).filter(({ op }) => op.kind === "conv");
const GAP = 4, SMALLEST = 28, LARGEST = 96, CAPTION = 27; // px; the caption with the space below it
const rows = (count, size) => Math.ceil(count / Math.floor(((box.clientWidth || 832) + GAP) / (size + GAP)));
const tileSize = ([count, side]) => { // the largest whole multiple of the map that takes no more rows than the smallest
  const sizes = Array.from({ length: LARGEST }, (_, i) => (i + 1) * side).filter((size) => size >= SMALLEST && size <= LARGEST);
  return sizes.findLast((size) => rows(count, size) === rows(count, sizes[0])) ?? LARGEST;
};
const build = () => box.replaceChildren(...convs().map(({ op, place }) => {
  const [count, side] = op.shape, size = tileSize(op.shape);
  const tiles = Array.from({ length: count }, (_, c) => el("button", { class: "tile", "data-place": place, "data-map": c, tabindex: c ? -1 : 0 },
    el("canvas", { width: side, height: side, "aria-hidden": "true" }), el("i"), el("b")));
  return el("div", { class: "conv", style: `--height:${CAPTION + rows(count, size) * (size + GAP) - GAP}px` }, // known before it is ever on the screen
    el("p", { class: "cap" }, el("b", {}, op.name), el("span", {}, `${count} filters`)),
    el("div", { class: "tiles", style: `--size:${size}px`, role: "group", "aria-label": op.name }, ...tiles));
}));
const factor = (place, c) => scaled[place]?.[c] ?? 1;
const called = (place, c) => `${net.ops[place].name}, filter ${+c + 1}`;
const STATES = { 1: "on", 0: "off", [-1]: "inverted" };

// ---- maps: what passes now; an off one shows, dimmed, what it would have passed
const paint = () => {
  if (!now) return;
  for (const row of $$(".conv", box)) {
    const tiles = $$(".tile", row), place = +tiles[0].dataset.place, [, side] = net.ops[place].shape;
    const colour = Lab.signScale(Lab.strongest(whole.values[place]));
    tiles.forEach((tile, c) => {
      const f = factor(place, c), values = (f ? now : whole).values[place], n = side * side;
      Lab.paint(tile.firstChild, values.subarray(c * n, c * n + n), side, side, colour);
      tile.className = `tile ${STATES[f]}`;
    });
  }
  label();
};
const label = () => $$(".tile", box).forEach((tile) => {
  const { place, map } = tile.dataset, flips = marks[place]?.[map];
  tile.classList.toggle("flips", flips !== undefined && flips !== MOST); tile.classList.toggle("most", flips === MOST);
  tile.lastChild.textContent = flips === MOST ? "" : flips ?? ""; // the digit it becomes
  const found = flips === undefined ? "" : flips === MOST ? ". The one it leans on most" : `. Its loss makes it ${named(flips)}`;
  tile.setAttribute("aria-label", `${called(place, map)}: ${STATES[factor(place, map)]}${found}`);
  tile.title = called(place, map);
});

// ---- the verdict on the drawing, at once
const bars = Lab.ten($(".rows", element));
const { top } = Lab;
const count = (f) => Object.values(scaled).flatMap(Object.values).filter((v) => v === f).length;
const filters = (n) => `${n} filter${n === 1 ? "" : "s"}`;
const done = () => {
  const [off, turned] = [count(0), count(-1)];
  if (!turned) return `Without ${filters(off)}`;
  return off ? `Without ${filters(off)}, and with ${turned} inverted` : `With ${filters(turned)} inverted`;
};
const NUMBERS = ["", "", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
const share = (lost, digit) => { // of the examples of a digit, 0 to 1
  if (lost > .85) return `nearly every ${digit} is lost`;
  if (lost > .7) return `three ${digit}s in four are lost`;
  if (lost > .58) return `two ${digit}s in three are lost`;
  if (lost > .4) return `half of the ${digit}s are lost`;
  return lost > .095 ? `one ${digit} in ${NUMBERS[Math.round(1 / lost)]} is lost` : `one ${digit} in ${Math.round(1 / lost)} is lost`;
};
const say = () => {
  const result = $(".result", element), cut = Object.keys(scaled).length > 0;
  $(".mend", element).disabled = !cut; $(".find", element).disabled = !now;
  if (!now) {
    result.textContent = reading?.error ? "No reading" : reading?.p ? `With every filter on: ${named(reading.digit)}` : "Draw a digit, then break its network";
    return;
  }
  const [before, after] = [top(whole.p), top(now.p)];
  if (!cut) { result.textContent = `With every filter on: ${named(before)}`; return; }
  const verdict = before === after ? `still ${named(after)}` : named(after);
  result.textContent = `${done()}: ${verdict}${crowd.after.includes(null) ? "" : consequence()}`;
};
const consequence = () => {
  const lost = digits.map((d) => (crowd.before[d] - crowd.after[d]) / crowd.of), most = top(lost);
  return lost[most] < .01 ? ", and no digit suffers" : `, and ${share(lost[most], most)}`;
};

// ---- the crowd: how many of a thousand examples are read right, a few digits at a time; the newest state wins
const nobody = () => Array(10).fill(null);
const crowd = { before: nobody(), after: nobody(), of: 1, words: "" };
const columns = digits.map((d) => el("li", {}, el("div", { class: "well" }, el("i"), el("u")), el("b", {}, String(d)), el("span")));
$(".cols", element).append(...columns);
let asking = false, version = 0, wait = 0;
const sum = (counts) => counts.reduce((a, b) => a + b, 0);
const told = () => `${(10 * crowd.of).toLocaleString("en-GB")} ${crowd.words}`;
const paintCrowd = () => {
  const read = crowd.after.filter((v) => v !== null).length, whole = read === 10;
  const worst = whole ? top(digits.map((d) => crowd.before[d] - crowd.after[d])) : -1;
  columns.forEach((column, d) => {
    const [before, after] = [crowd.before[d], crowd.after[d]], lost = before - after;
    column.classList.toggle("stale", after === null);
    if (after === null) return; // the last count stays until the new one is there
    column.style.setProperty("--p", after / crowd.of); column.style.setProperty("--tick", before / crowd.of);
    column.lastChild.textContent = lost > 0 ? `−${lost}` : lost < 0 ? `+${-lost}` : "";
    column.classList.toggle("worst", d === worst && lost > 0);
    column.setAttribute("aria-label", `${d}: ${after} of ${crowd.of}, ${before} with every filter on`);
  });
  const rail = $(".rail", element);
  rail.style.setProperty("--done", read / 10); rail.classList.toggle("busy", asking && !whole); rail.setAttribute("aria-valuenow", read);
  $(".total", element).textContent = whole ? `${sum(crowd.after)} of ${told()}` : "";
  $(".of", element).textContent = !crowd.words ? "" : whole ? `With every filter on: ${sum(crowd.before)}.` : `${read} of 10 digits counted`;
};
const QUICK = 120; // ms an answer may take for the next question to be twice as large
const ask = async () => {
  if (asking) return;
  asking = true;
  for (let size = 1; crowd.after.includes(null) && near;) {
    const mine = version, next = digits.filter((d) => crowd.after[d] === null).slice(0, size), from = performance.now();
    paintCrowd();
    const answer = await server.accuracy({ network: reading.network, scaled, digits: next });
    if (mine !== version) { size = 1; continue; }
    if (answer?.busy) { await new Promise((go) => setTimeout(go, 200)); continue; }
    if (!answer || answer.error) { $(".of", element).textContent = answer?.error ?? "The connection is lost. Press a filter to try again."; break; }
    next.forEach((d, i) => { crowd.before[d] = answer.before[i]; crowd.after[d] = answer.after[i]; });
    Object.assign(crowd, { of: answer.of, words: answer.words });
    if (performance.now() - from < QUICK) size *= 2;
  }
  asking = false;
  if (crowd.after.includes(null)) { $(".rail", element).classList.remove("busy"); return; }
  paintCrowd(); say();
};
const SETTLED = 500; // ms without a further change
const recount = (delay = SETTLED) => {
  version++; crowd.after = nobody(); paintCrowd();
  clearTimeout(wait); wait = setTimeout(ask, delay);
};

// ---- which loss flips the verdict: marked with the digit it becomes; where none does, one after another until it flips
const MOST = "most", PAUSE = 350; // ms between two losses
let seeking = 0, onward = null; // what the button does next
const found = (text, next = find) => {
  onward = next;
  $(".found", element).textContent = text;
  $(".find", element).textContent = next === find ? "Find the one whose loss flips my digit" : "Take away more, until it flips";
};
const stop = () => { seeking++; found(""); };
const forget = () => { marks = {}; label(); stop(); };
const pause = (ms) => new Promise((go) => setTimeout(go, ms));
const search = async (mine) => { // every filter still on, with the verdict and the first digit's probability without it; null if overtaken
  for (;;) {
    const answer = await server.find({ network: reading.network, scaled, pixels: Lab.text(pixels) });
    if (mine !== seeking) return null;
    if (!answer || answer.error) { found(answer?.error ?? "The connection is lost. Try again."); return null; }
    if (answer.busy) { await pause(200); continue; }
    const all = answer.maps.flatMap(({ place, digits, p }) => digits.map((digit, c) => ({ place, c, digit, p: p[c] })))
      .filter(({ place, c }) => factor(place, c)).sort((a, b) => a.p - b.p);
    if (!all.length) { found("No filter is left to take away."); return null; }
    return { ...answer, least: all[0], flips: all.filter(({ digit }) => digit !== answer.digit) };
  }
};
const tell = ({ digit, p, least, flips }) => {
  const also = Object.keys(scaled).length ? " too" : "";
  if (flips.length > 1) return `The loss of any of ${flips.length} filters${also} flips this ${digit}. The number on each says what it becomes.`;
  if (flips.length) return `The loss of one filter${also} flips this ${digit}: ${called(flips[0].place, flips[0].c)}.`;
  const most = called(least.place, least.c);
  return least.p > .9995 ? `No single loss flips this ${digit}, or even shakes it. It leans most on ${most}.`
    : `No single loss flips this ${digit}. It leans most on ${most}: ${percent(least.p)} without it, ${percent(p)} with it.`;
};
const find = async () => {
  forget(); found("Taking away one filter after another.");
  const result = await search(seeking);
  if (!result) return;
  const { flips, least } = result;
  for (const { place, c, digit } of flips.length ? flips : [least]) (marks[place] ??= {})[c] = flips.length ? digit : MOST;
  found(tell(result), flips.length ? find : chase); label();
  const tile = $(".flips, .most", box), tiles = tile.parentElement;
  tiles.scrollTo({ left: tile.offsetLeft - tiles.clientWidth / 2, behavior: Lab.calm ? "auto" : "smooth" });
};
const chase = async () => {
  forget();
  const mine = seeking, before = top(now.p), total = convs().reduce((n, { op }) => n + op.shape[0], 0);
  for (let away = 0; top(now.p) === before;) {
    found(away ? `${filters(away)} taken away. Still ${named(before)}.` : "Taking away the one it leans on most.");
    const result = await search(mine);
    if (!result) return;
    const { place, c } = result.flips[0] ?? result.least;
    change(place, c, 0); away++;
    await pause(Lab.calm ? 0 : PAUSE);
    if (mine !== seeking) return;
  }
  found(`${count(0)} of its ${total} filters are enough: without them, this ${before} is ${named(top(now.p))}.`);
};

// ---- operate
const rerun = () => {
  now = Object.keys(scaled).length ? net.run(pixels, scaled) : whole;
  bars(now.p, whole.p); paint(); say();
};
const change = (place, c, to) => {
  const maps = { ...scaled[place], [c]: to };
  if (to === 1) delete maps[c];
  scaled = { ...scaled, [place]: maps };
  if (!Object.keys(maps).length) delete scaled[place];
  recount(); rerun();
};
const mend = () => { scaled = {}; forget(); recount(0); if (whole) rerun(); };
const tileAt = (e) => e.target.closest?.(".tile");
box.addEventListener("click", (e) => {
  const tile = tileAt(e);
  if (!tile || !whole) return;
  const { place, map } = tile.dataset;
  stop(); change(place, map, { 1: 0, 0: -1, [-1]: 1 }[factor(place, map)]);
});
$(".find", element).addEventListener("click", () => onward());
$(".mend", element).addEventListener("click", mend);
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -1e4, End: 1e4 };
box.addEventListener("keydown", (e) => { // one tab stop a convolution, arrows inside it
  const tile = tileAt(e);
  if (!tile || !STEPS[e.key]) return;
  e.preventDefault();
  const all = $$(".tile", tile.parentElement), next = all[Lab.clamp(all.indexOf(tile) + STEPS[e.key], 0, all.length - 1)];
  tile.tabIndex = -1; next.tabIndex = 0; next.focus();
});

// ---- follow the drawing
const idle = () => { whole = now = null; bars(reading?.p); say(); };
const refresh = async () => {
  due = false; forget();
  const mine = reading;
  if (mine.error || !mine.seen) { idle(); return; }
  let next;
  try { next = await Lab.network(mine.network); } catch (error) { if (mine === reading) { idle(); found(error.message); } return; }
  if (mine !== reading) return;
  pixels = Lab.bytes(mine.seen);
  if (next !== net) { net = next; scaled = {}; crowd.before = nobody(); build(); recount(0); }
  whole = net.run(pixels); rerun();
  if (!asking && crowd.after.includes(null)) ask();
};
const arrive = () => { if (due) refresh(); else if (net) ask(); };
Lab.follow("reading", (next) => {
  if (!next.final) return;
  reading = { network: reading?.network, ...next }; due = true;
  if (near) arrive(); else idle();
});
Lab.attend(element, (here) => { near = here; if (near) arrive(); });
Lab.repaint(paint);
paintCrowd(); forget();
element.dataset.ready = 1;
