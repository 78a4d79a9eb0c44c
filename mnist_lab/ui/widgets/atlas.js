const { $, $$, el, named, clamp } = Lab;
const DIGITS = [...Array(10).keys()], SIDE = 28, RETRY = 200; // ms until a busy server is asked again
const LAYOUTS = [["pca", "PCA", "The three directions in which the digits differ most. A straight shadow: nothing is bent, much is hidden."],
  ["tsne", "t-SNE", "Bent so that neighbours stay neighbours. Distances between the clusters mean little."]];
const sky = $(".sky canvas", element), glance = $(".glance", element), pen = sky.getContext("2d");
let data = null, landing = null, near = false, layout = "pca", only = null;
let reading = null, asked = null; // the newest one, and the network whose points were asked for

// ---- the camera: y is up, the viewer looks along -z from DISTANCE
const HOME = { yaw: -.6, pitch: .35, zoom: 1 }, DISTANCE = 3.4, STEEP = 1.5;
let camera = { ...HOME };
const project = (w, h) => {
  const [cy, sy, cp, sp] = [Math.cos(camera.yaw), Math.sin(camera.yaw), Math.cos(camera.pitch), Math.sin(camera.pitch)], unit = Math.min(w, h) * .46 * camera.zoom * DISTANCE;
  return (x, y, z) => {
    const u = cy * x + sy * z, v = -sy * x + cy * z, up = cp * y - sp * v, depth = sp * y + cp * v, scale = unit / Math.max(.3, DISTANCE - depth);
    return [w / 2 + u * scale, h / 2 - up * scale, depth, scale / unit * DISTANCE];
  };
};

// ---- painting, far points first. Dots are set pixel by pixel: without a GPU, the canvas takes longer than a frame for two thousand
let painting = false, spots = null, image = null; // where each point is on the screen: [x, y, depth, scale]
let shades = []; // class -> LEVELS colours, the faintest first
const LEVELS = 32, RIM = .8, DOT = (h) => clamp(h / 220, 2, 2.7); // px: the paper around a dot, and a dot's radius
const mixShades = () => {
  const paper = Lab.rgb("surface");
  shades = DIGITS.map((d) => Array.from({ length: LEVELS }, (_, k) => Lab.mix(paper, Lab.rgb(`digit-${d}`), (k + 1) / LEVELS)));
};
const soon = () => { if (!painting) { painting = true; requestAnimationFrame(() => { painting = false; paint(); }); } };
const alone = (i) => only === null || data.labels[i] === only;
const stain = ({ data: out, width, height }, x, y, r, rim, [red, green, blue], [r0, g0, b0]) => { // one dot with smooth edges
  const all = r + rim, sure = Math.max(0, r - .5) ** 2, none = (all + .5) ** 2, left = Math.max(0, Math.ceil(x - all)), right = Math.min(width - 1, Math.floor(x + all));
  for (let j = Math.max(0, Math.ceil(y - all)), last = Math.min(height - 1, y + all); j <= last; j++) for (let i = left; i <= right; i++) {
    const away = (i - x) * (i - x) + (j - y) * (j - y), at = 4 * (j * width + i);
    if (away >= none) continue;
    if (away <= sure) { out[at] = red; out[at + 1] = green; out[at + 2] = blue; continue; }
    const edge = Math.sqrt(away), filled = Math.max(0, Math.min(1, r - edge + .5)), rimmed = Math.min(1, all - edge + .5) * (1 - filled), kept = 1 - filled - rimmed;
    out[at] = filled * red + rimmed * r0 + kept * out[at]; out[at + 1] = filled * green + rimmed * g0 + kept * out[at + 1]; out[at + 2] = filled * blue + rimmed * b0 + kept * out[at + 2];
  }
};
const paintDots = (ratio, h) => {
  const paper = Lab.rgb("surface"), order = spots.map((_, i) => i).sort((a, b) => spots[a][2] - spots[b][2]);
  if (image?.width !== sky.width || image.height !== sky.height) image = pen.createImageData(sky.width, sky.height);
  new Uint32Array(image.data.buffer).fill(0xff000000 | paper[2] << 16 | paper[1] << 8 | paper[0]);
  for (const i of order) {
    const [x, y, depth, scale] = spots[i], strength = alone(i) ? clamp(.72 + .4 * depth, .3, 1) : .1, r = DOT(h) * scale * Math.sqrt(camera.zoom);
    stain(image, x * ratio, y * ratio, r * ratio, RIM * ratio, shades[data.labels[i]][Math.ceil(strength * LEVELS) - 1], paper);
  }
  pen.putImageData(image, 0, 0);
};
const paint = () => {
  const w = sky.clientWidth, h = sky.clientHeight, ratio = Math.min(2, devicePixelRatio);
  if (!w || !data) return;
  if (sky.width !== Math.round(w * ratio) || sky.height !== Math.round(h * ratio)) { sky.width = Math.round(w * ratio); sky.height = Math.round(h * ratio); }
  const at = project(w, h), points = data[layout];
  spots = Array.from(data.labels, (_, i) => at(points[3 * i], points[3 * i + 1], points[3 * i + 2]));
  paintDots(ratio, h);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  paintNumerals(at);
  if (landing) paintLanding(at);
  if (shown !== null) ring(spots[shown], 7);
};
const serif = getComputedStyle(element).getPropertyValue("--lab-serif");
const written = (text, x, y, size, colour) => { // over the dots, with a rim of paper
  pen.font = `500 ${size}px ${serif}`; pen.textBaseline = "middle"; pen.lineJoin = "round"; pen.lineWidth = 4;
  pen.strokeStyle = `rgb(${Lab.rgb("surface")})`; pen.strokeText(text, x, y); pen.fillStyle = `rgb(${Lab.rgb(colour)})`; pen.fillText(text, x, y);
};
const paintNumerals = (at) => { // in the middle of each class
  pen.textAlign = "center";
  data.middles[layout].forEach((middle, d) => { if (only === null || only === d) { const [x, y] = at(...middle); written(String(d), x, y, 20, "ink"); } });
  pen.textAlign = "start";
};
const ring = ([x, y], r) => { pen.beginPath(); pen.arc(x, y, r, 0, 7); pen.strokeStyle = `rgb(${Lab.rgb("pen")})`; pen.lineWidth = 2; pen.stroke(); };
const paintLanding = (at) => { // lines to the five nearest, the mark itself above everything
  const [x, y] = at(...you), ink = `rgb(${Lab.rgb("pen")})`;
  for (const [u, v] of landing.near.map((i) => spots[i])) {
    pen.beginPath(); pen.moveTo(x, y); pen.lineTo(u, v); pen.strokeStyle = ink; pen.lineWidth = 1.5; pen.stroke();
  }
  for (const i of landing.near) { pen.beginPath(); pen.arc(spots[i][0], spots[i][1], 5.5, 0, 7); pen.fillStyle = `rgb(${Lab.rgb(`digit-${data.labels[i]}`)})`; pen.fill(); ring(spots[i], 6); }
  pen.beginPath(); pen.arc(x, y, 8, 0, 7); pen.fillStyle = ink; pen.fill(); pen.lineWidth = 3; pen.strokeStyle = `rgb(${Lab.rgb("surface")})`; pen.stroke(); ring([x, y], 10.5);
  written("you", x + 17, y, 17, "pen");
};

// ---- the mark travels from where it was to where it lands
let you = null, travel = 0;
const TRAVEL = 450; // ms
const fly = () => {
  const from = you, to = landing[layout], start = performance.now(), mine = ++travel;
  const ease = (t) => 1 - (1 - t) ** 3;
  const step = (now) => {
    if (mine !== travel) return;
    const t = Lab.calm || !from ? 1 : clamp((now - start) / TRAVEL);
    you = to.map((v, k) => (from ? from[k] + (v - from[k]) * ease(t) : v));
    paint();
    if (t < 1) requestAnimationFrame(step);
  };
  step(start);
};

// ---- pictures
const picture = (i) => {
  const { grey, width, columns } = data.sheet, x = i % columns * SIDE, y = Math.floor(i / columns) * SIDE, out = new Uint8Array(SIDE * SIDE);
  for (let r = 0; r < SIDE; r++) out.set(grey.subarray((y + r) * width + x, (y + r) * width + x + SIDE), r * SIDE);
  return out;
};
const said = (i) => named(data.labels[i]) + (data.read[i] === data.labels[i] ? "" : `, read as ${data.read[i]}`);
const draw = (canvas, pixels) => Lab.paint(canvas, pixels, SIDE, SIDE, Lab.inkScale(0, 255));
const take = (i) => {
  if (!data.sheet) return;
  Lab.tell("take", { pixels: Lab.text(picture(i)), label: data.labels[i] });
  Lab.toast(`This ${data.labels[i]} is your drawing now.`);
};
const NUMBERS = ["no", "one", "two", "three", "four"];
const outcome = () => {
  const votes = DIGITS.map((d) => landing.near.filter((i) => data.labels[i] === d).length), most = votes.indexOf(Math.max(...votes)), others = landing.near.length - votes[most];
  if (landing.far) return "Your drawing lies far out, away from every digit";
  return others ? `Your drawing lands among the ${most}s, with ${NUMBERS[others]} ${others > 1 ? "others" : "other"} near by` : `Your drawing lands among the ${most}s`;
};
const describe = () => {
  const side = $(".side", element);
  side.classList.toggle("without", !landing);
  $(".landed", element).textContent = landing ? outcome() : reading?.error ? "No reading" : "Draw a digit to see where it lands";
  $(".verdict", element).textContent = landing ? "Its five nearest, by all the numbers and not by the map alone. Press one to draw with it." : "";
  sky.setAttribute("aria-label", `Map of ${data?.labels.length.toLocaleString("en-GB") ?? "the"} test digits, to turn with the arrow keys. ${$(".landed", element).textContent}.`);
  if (reading?.seen) draw($(".you canvas", element), Lab.bytes(reading.seen));
  if (!landing || !data.sheet) return;
  $(".near", element).replaceChildren(...landing.near.map((i) => {
    const canvas = el("canvas", { class: "pixels", "aria-hidden": "true" }); draw(canvas, picture(i));
    return el("li", {}, el("button", { "aria-label": `Take ${said(i)}`, title: said(i), onclick: () => take(i) }, canvas, el("span", {}, el("i", { style: `--class:var(--lab-digit-${data.labels[i]})` }), String(data.labels[i]))));
  }));
};

// ---- pointing at a digit
let shown = null;
const REACH = 14; // px
const hit = (e) => {
  const r = sky.getBoundingClientRect(), [x, y] = [e.clientX - r.left, e.clientY - r.top];
  let best = null, least = REACH;
  spots?.forEach((spot, i) => { const d = Math.hypot(spot[0] - x, spot[1] - y) - 2 * spot[2]; if (alone(i) && d < least) { least = d; best = i; } }); // the nearer to the eye wins
  return best;
};
const look = (i) => {
  if (i === shown) return;
  shown = i; glance.hidden = i === null || !data.sheet; soon();
  if (glance.hidden) return;
  draw($("canvas", glance), picture(i)); $("p", glance).textContent = said(i);
  const [x, y] = spots[i], w = sky.clientWidth, gap = 18, size = 108;
  Object.assign(glance.style, { left: `${x + gap + size < w ? x + gap : x - gap - size}px`, top: `${clamp(y - size / 2, 8, sky.clientHeight - size - 24)}px` });
};

// ---- turning: one pointer turns, two zoom; the wheel zooms once the map has been touched, so that the page still scrolls over it
const held = new Map();
let moved = 0, apart = 0;
const TURN = .008, ZOOMS = [.6, 5]; // radians a px
const turn = (dx, dy) => { camera.yaw += dx; camera.pitch = clamp(camera.pitch + dy, -STEEP, STEEP); look(null); soon(); };
const zoom = (factor) => { camera.zoom = clamp(camera.zoom * factor, ...ZOOMS); look(null); soon(); };
const gap = () => { const [a, b] = [...held.values()]; return Math.hypot(a.x - b.x, a.y - b.y); };
sky.addEventListener("pointerdown", (e) => {
  if (e.button) return;
  sky.setPointerCapture(e.pointerId); held.set(e.pointerId, { x: e.clientX, y: e.clientY });
  if (held.size === 1) moved = 0; else { apart = gap(); moved = Infinity; }
});
sky.addEventListener("pointermove", (e) => {
  const last = held.get(e.pointerId);
  if (!last) { if (data) look(hit(e)); return; }
  const [dx, dy] = [e.clientX - last.x, e.clientY - last.y];
  held.set(e.pointerId, { x: e.clientX, y: e.clientY });
  if (held.size > 1) { const now = gap(); zoom(now / apart); apart = now; return; }
  moved += Math.hypot(dx, dy);
  if (moved > 4) { sky.classList.add("turning"); turn(dx * TURN, dy * TURN); }
});
sky.addEventListener("pointerup", (e) => {
  const still = held.has(e.pointerId) && moved <= 4;
  held.delete(e.pointerId); sky.classList.remove("turning");
  if (!still || !data) return;
  const found = hit(e), same = found !== null && found === shown; // a finger shows first, and takes with the second touch
  if (same) take(found); else look(found);
});
sky.addEventListener("pointercancel", (e) => { held.delete(e.pointerId); sky.classList.remove("turning"); });
sky.addEventListener("pointerleave", (e) => { if (!held.size && e.pointerType === "mouse") { look(null); if (!sky.matches(":focus-visible")) sky.blur(); } });
sky.addEventListener("wheel", (e) => {
  if (document.activeElement !== sky && !e.ctrlKey) return; // a pinch on a touchpad comes with ctrlKey
  e.preventDefault(); zoom(Math.exp(-e.deltaY * (e.ctrlKey ? .01 : .0015)));
}, { passive: false });
const back = () => { camera = { ...HOME }; look(null); soon(); };
const KEYS = { ArrowLeft: () => turn(-.1, 0), ArrowRight: () => turn(.1, 0), ArrowUp: () => turn(0, -.1), ArrowDown: () => turn(0, .1), "+": () => zoom(1.2), "=": () => zoom(1.2), "-": () => zoom(1 / 1.2), Home: back, Escape: () => sky.blur() };
sky.addEventListener("keydown", (e) => { if (KEYS[e.key] && !e.ctrlKey && !e.metaKey) { e.preventDefault(); KEYS[e.key](); } });
$(".back", element).addEventListener("click", back);

// ---- choices
const segments = $(".segments", element);
const choose = (name) => {
  layout = name; look(null);
  $(".layout", element).textContent = LAYOUTS.find(([key]) => key === name)[2];
  $$("button", segments).forEach((b) => { const on = b.dataset.layout === name; b.setAttribute("aria-checked", on); b.tabIndex = on ? 0 : -1; });
  if (landing) you = landing[layout];
  travel++; soon();
};
segments.append(...LAYOUTS.map(([key, word]) => el("button", { role: "radio", "data-layout": key, onclick: () => choose(key) }, word)));
segments.addEventListener("keydown", (e) => {
  if (!/^Arrow/.test(e.key)) return;
  e.preventDefault(); choose(layout === "pca" ? "tsne" : "pca"); $("[tabindex='0']", segments).focus();
});
const isolate = (d) => {
  only = only === d ? null : d; look(null); soon();
  $$(".classes button", element).forEach((b, k) => b.setAttribute("aria-pressed", k === only));
};
$(".classes", element).append(...DIGITS.map((d) => el("button", { "aria-pressed": false, "aria-label": `Only ${d}`, onclick: () => isolate(d) }, el("i", { style: `--class:var(--lab-digit-${d})` }), String(d))));

// ---- the server: points once a network, a landing at the end of each stroke; the newest wins
const LOST = { error: "The connection is lost. Draw on to try again." };
const patient = async (call, payload, current) => {
  for (;;) {
    const answer = await call(payload);
    if (!answer?.busy || !current()) return answer ?? LOST;
    await new Promise((go) => setTimeout(go, RETRY));
  }
};
const middlesOf = (points, labels) => DIGITS.map((d) => [0, 1, 2].map((axis) => { // the median place of each class
  const values = points.filter((_, i) => i % 3 === axis && labels[(i - axis) / 3] === d).sort();
  return values[values.length >> 1] ?? 0;
}));
const say = (sentence) => {
  $(".missing", element).hidden = !sentence; $(".missing", element).textContent = sentence; $(".whole", element).hidden = Boolean(sentence);
};
const known = {};
const open = async (network) => {
  const current = () => asked === network;
  if (!known[network]) {
    const answer = await patient(server.where, { network }, current);
    if (!current() || answer.busy) return;
    if (answer.error) { asked = null; data = landing = null; say(answer.error); return; }
    const labels = Lab.bytes(answer.labels), [pca, tsne] = [Lab.floats(answer.pca), Lab.floats(answer.tsne)];
    known[network] = { network, labels, read: Lab.bytes(answer.read), pca, tsne, middles: { pca: middlesOf(pca, labels), tsne: middlesOf(tsne, labels) } };
  }
  data = known[network]; landing = you = null; shown = null; glance.hidden = true;
  say(""); describe(); paint(); place();
  element.dataset.network = network;
  if (data.sheet) return;
  const mine = data, { sheet, columns, busy, error } = await patient(server.pictures, { network }, current);
  if (busy || error) return;
  mine.sheet = { ...await Lab.sprite(sheet), columns };
  if (data === mine) describe();
};
let placing = false, placed = null;
const place = async () => {
  if (placing || placed === reading) return;
  if (!reading?.seen || reading.error) { placed = reading; landing = you = null; describe(); soon(); Lab.tell("landing", null); return; }
  placing = true;
  const mine = reading, [network, from] = [data.network, performance.now()];
  const answer = await patient(server.land, { network, pixels: mine.seen }, () => mine === reading);
  placing = false;
  if (mine === reading && data?.network === network && !answer.busy) {
    placed = mine;
    if (answer.error) $(".verdict", element).textContent = answer.error;
    else { landing = answer; describe(); fly(); Lab.tell("landing", { network, seen: mine.seen, features: answer.features }); element.dataset.landed = Math.round(performance.now() - from); }
  } else if (near && data) place();
};
const refresh = () => {
  if (!near || !reading) return;
  const network = reading.network ?? data?.network;
  if (!network) return;
  if (network !== asked) { asked = network; placed = null; open(network); } else if (data?.network === network) place();
};
Lab.follow("reading", (next) => { if (next.final) { reading = next; refresh(); } });

// ---- a page to keep
const keep = $(".keep", element);
keep.addEventListener("click", async () => {
  if (!data || keep.disabled) return;
  const ready = Lab.busy(keep); keep.textContent = "Packing the map";
  const answer = await patient(server.take, { network: data.network, layout, dark: document.body.classList.contains("dark"), pixels: landing ? reading.seen : null }, () => true);
  ready(); keep.textContent = "Take the map with you";
  if (answer.error) { Lab.toast(answer.error); return; }
  const address = URL.createObjectURL(new Blob([answer.html], { type: "text/html" }));
  el("a", { href: address, download: `digit-map-${layout}.html` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
});

new ResizeObserver(soon).observe(sky);
Lab.attend(element, (here) => { near = here; refresh(); });
$(".hint", element).textContent = matchMedia("(hover: hover)").matches
  ? "Drag to turn; from then on the wheel zooms. Point at a dot to see the digit, press it to draw with it." : "Turn it with one finger, zoom with two. Touch a dot to see the digit, touch it again to draw with it.";
choose(layout); describe(); say("");
Lab.repaint(() => { mixShades(); if (data) describe(); paint(); });
element.dataset.ready = 1;
