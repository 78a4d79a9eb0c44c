const { $, $$, el } = Lab;
const flow = $(".flow", element), river = $(".river", element), wires = $(".wires", element), preview = $(".preview", element), large = $(".large", element);
const TOP = 127; // maps are signed bytes: 127 is the layer's scale, and whatever lies above it
let layers = [], built = "", table = null;
let reading = null, network = null, flowing = null; // the latest reading, the name of its network, and of the one whose layers are shown
let known = null; // { net, run, fields, places: layer's name -> place among the steps, shown: the places }, once the network is in the page
let pointed = null, open = null; // { item, x, y }: the tile or cell under pointer or focus; { name of the layer, channel }: the map that is open

// ---- colours: one entry a signed byte, so that three hundred maps repaint within a frame
const colours = () => {
  const scale = Lab.signScale(TOP);
  table = Uint32Array.from({ length: 256 }, (_, i) => {
    const [r, g, b] = scale(i - 128);
    return 0xff000000 | Math.round(b) << 16 | Math.round(g) << 8 | Math.round(r);
  });
};
const paintMap = (canvas, values, side) => {
  if (canvas.width !== side) canvas.width = canvas.height = side;
  const context = canvas.getContext("2d"), image = context.createImageData(side, side), out = new Uint32Array(image.data.buffer);
  for (let i = 0; i < out.length; i++) out[i] = table[values[i] + 128];
  context.putImageData(image, 0, 0);
};
// All maps of a layer on one canvas, behind their buttons: three hundred canvases would be as many layers for the browser to put together
const laid = new Map(); // row of the river -> { context, image, out: its pixels, w: side of a tile, from: pixel of the map for each of them, spots: where each tile begins }
const lay = (k) => {
  const box = $(".tiles", river.children[k]), tiles = $$(".tile", box), side = layers[k].size, sheet = $("canvas", box), across = tiles[0].offsetWidth;
  const scale = across % side ? Math.min(2, devicePixelRatio) : 1; // where a tile is a whole multiple of its map, one canvas pixel a CSS pixel is sharp enough
  const [width, height] = [["Left", "Width"], ["Top", "Height"]].map(([at, size]) => Math.max(...tiles.map((t) => t[`offset${at}`] + t[`offset${size}`])));
  [sheet.width, sheet.height] = [width, height].map((v) => Math.round(v * scale)); Object.assign(sheet.style, { width: `${width}px`, height: `${height}px` });
  const context = sheet.getContext("2d"), image = context.createImageData(sheet.width, sheet.height), w = Math.round(across * scale);
  return { context, image, out: new Uint32Array(image.data.buffer), w, from: Int32Array.from({ length: w }, (_, x) => Math.floor((x + .5) * side / w)),
    spots: tiles.map((t) => Math.round(t.offsetTop * scale) * sheet.width + Math.round(t.offsetLeft * scale)) };
};
const paintRow = (k) => {
  if (!laid.has(k)) laid.set(k, lay(k));
  const { context, image, out, w, from, spots } = laid.get(k), { width } = image, side = layers[k].size;
  spots.forEach((spot, i) => {
    const map = values(k, i);
    for (let y = 0, last = -1; y < w; y++) {
      const at = spot + y * width, row = from[y] * side;
      if (from[y] === last) { out.copyWithin(at, at - width, at - width + w); continue; }
      last = from[y];
      for (let x = 0; x < w; x++) out[at + x] = table[map[row + from[x]] + 128];
    }
  });
  context.putImageData(image, 0, 0);
};
const paintRows = () => { if (river.clientWidth) layers.forEach((layer, k) => { if (!flat(layer)) paintRow(k); }); }; // off the screen its size is not known
const css = (value) => `rgb(${Lab.signScale(TOP)(value).map(Math.round)})`;

// ---- the river, built anew when the network changes
const flat = (layer) => layer.kind === "dense" || layer.kind === "answer";
const tileSize = (side) => (side >= 28 ? 56 * (side === 28) || 64 : side >= 14 ? 2 * side : side >= 5 ? 3 * side : 6 * side);
const rowsOf = (layer) => (layer.size < 28 ? 4 : layer.channels.length > 16 ? 3 : 2);
const words = (layer) => {
  if (flat(layer)) return `${layer.count}`;
  const side = `${layer.size} × ${layer.size}`;
  return layer.channels.length < layer.count
    ? `${layer.channels.length} of ${layer.count} maps, the strongest, ${side}` : `${layer.count} maps, ${side}`;
};
const item = (k, i, tag, attributes, ...children) => el(tag, { "data-layer": k, "data-map": i, tabindex: i ? -1 : 0, ...attributes }, ...children);
const group = (layer, columns, style, ...children) => el("div",
  { class: flat(layer) ? "tiles one" : "tiles", style: `--cols:${columns};${style}`, role: "group", "aria-label": layer.name }, ...children);
const tiles = (layer, k) => group(layer, Math.ceil(layer.channels.length / rowsOf(layer)), `--size:${tileSize(layer.size)}px`,
  el("canvas", { class: "pixels" }), ...layer.channels.map((_, i) => item(k, i, "button", { class: "tile", "aria-expanded": false })));
const cells = (layer, k) => group(layer, 1, "", el("div", { class: "cells" }, ...layer.channels.map((_, i) =>
  item(k, i, "i", { class: "cell", role: "img" }))));
const answers = (layer, k) => group(layer, 1, "", el("div", { class: "answers" }, ...layer.channels.map((d, i) =>
  item(k, i, "span", { class: "cell", role: "img" }, String(d), el("i")))));
const build = () => {
  hide(); close(); laid.clear();
  river.replaceChildren(...layers.map((layer, k) => el("li", { class: `layer ${layer.kind}` },
    el("p", { class: "cap" }, el("b", {}, layer.name), el("span", {}, words(layer))),
    (layer.kind === "answer" ? answers : flat(layer) ? cells : tiles)(layer, k))));
};
const values = (k, i) => { const n = flat(layers[k]) ? 1 : layers[k].size ** 2; return layers[k].values.subarray(i * n, i * n + n); };
const nameOf = (k, i) => {
  const { name, kind, channels, count } = layers[k];
  return kind === "answer" ? `${name}: ${channels[i]}` : `${name}, ${flat(layers[k]) ? "number" : "map"} ${channels[i] + 1} of ${count}`;
};
const fill = () => {
  colours();
  layers.forEach((layer, k) => $$("[data-map]", river.children[k]).forEach((node, i) => {
    if (flat(layer)) (layer.kind === "answer" ? node.lastChild : node).style.background = css(layer.values[i]);
    const name = flat(layer) ? `${nameOf(k, i)}, ${number(layer.values[i], layer.scale)}` : nameOf(k, i);
    if (node.ariaLabel !== name) node.ariaLabel = name;
  }));
  paintRows();
  if (pointed) paintPreview();
  if (open) mark(); // the strongest maps of another drawing may be others
  if (pointed || open) light();
};
const adopt = (next, name = network) => {
  layers = next; flowing = name;
  const shape = [name, ...layers.map((l) => [l.name, l.size, l.channels.length])].join();
  if (shape !== built) { built = shape; build(); }
  fill();
};

// ---- where the numbers come from: the server's reading as bytes, or a run of the page's own
const KINDS = { conv: "conv", maxpool: "pool", avgpool: "pool", dense: "dense" };
const MOST = 32; // maps of one layer, as from the server
const ofRun = ({ ops }, run) => ops.flatMap((op, place) => {
  if (!op.name || !KINDS[op.kind]) return [];
  const all = run.values[place], count = op.shape[0], n = all.length / count, scale = Lab.strongest(all);
  const power = (c) => all.subarray(c * n, c * n + n).reduce((sum, v) => sum + Math.abs(v), 0);
  const every = Array.from({ length: count }, (_, c) => c);
  const channels = n > 1 && count > MOST ? every.sort((a, b) => power(b) - power(a)).slice(0, MOST).sort((a, b) => a - b) : every;
  const bytes = Int8Array.from(channels.flatMap((c) => [...all.subarray(c * n, c * n + n)]), (v) => Math.round(Lab.clamp(v / scale, -1, 1) * TOP));
  return [{ name: op.name, kind: place === ops.length - 1 ? "answer" : KINDS[op.kind], count, size: op.shape[2] ?? 1, channels, scale, values: bytes }];
});
const EVERY = 66; // ms between two paintings of the river, which cost the next frame as much as its sums cost this one
let rested = 0, waiting = false; // it takes at most a third of the page's time, so that the bars keep up with the pen
const tick = async () => {
  if (performance.now() < rested) { afterFrame(); return; }
  const mine = reading, found = await Lab.runOf(mine, network).catch(() => null), from = performance.now();
  waiting = false;
  if (mine !== reading) { if (runs(reading)) soon(); return; }
  if (found) adopt(ofRun(found.net, found.run), found.net.name);
  rested = Math.max(from + EVERY, 3 * performance.now() - 2 * from);
};
const afterFrame = () => requestAnimationFrame(() => setTimeout(tick)); // painted in the next: the frame itself belongs to the pen and the bars
const soon = () => { if (!waiting) { waiting = true; afterFrame(); } };
const runs = (data) => !data.empty && !data.layers && (Lab.runsHere(data) || (data.final && !data.recorded));
const show = (data) => {
  if (data.error) return;
  $(".whose", element).hidden = !data.pair;
  reading = data; network = data.network ?? network;
  if (data.empty) adopt(layers.map((layer) => ({ ...layer, values: new Int8Array(layer.values.length) })));
  else if (data.layers) adopt(data.layers.map((layer) => ({ ...layer, values: Lab.signed(layer.maps) })));
  else if (runs(data)) { wake(); soon(); }
};

// ---- the network itself, at the first sign of a visitor: what feeds a map, and how each of its pixels was made
const arrive = ({ net, run }) => {
  const places = new Map(net.ops.flatMap((op, place) => (op.name && KINDS[op.kind] ? [[op.name, place]] : [])));
  const same = known?.net === net;
  known = { net, run, places, shown: new Set(places.values()), fields: same ? known.fields : Lab.receptiveFields(net.ops) };
  element.dataset.knows = net.name;
  if (pointed) light();
  enlarge();
};
const refuse = (words) => { $(".fed", preview).textContent = words; if (open) Lab.toast(words); };
const SIGNS = ["pointermove", "click", "keydown", "scroll"];
let awake = false;
const wake = () => { if (awake) return; awake = true; Lab.followRuns(element, arrive, refuse); };
const sign = (e) => { // not a stroke on the pad: its reading comes first
  if (e.buttons) return;
  SIGNS.forEach((name) => removeEventListener(name, sign, true)); wake();
};
SIGNS.forEach((name) => addEventListener(name, sign, { capture: true, passive: true }));
const ready = () => known?.net.name === flowing;

// ---- a map lights only what feeds it
const placeOf = (node) => ({ place: known.places.get(layers[node.dataset.layer].name), channel: layers[node.dataset.layer].channels[node.dataset.map] });
const itemOf = ({ place, channel }) => tileOf({ name: known.net.ops[place].name, channel });
const list = (names) => [...new Set(names)].join(" and ");
const story = (place, sources, lit) => { // where a value comes from, in words
  const { ops } = known.net, op = ops[place], fed = ops[op.from[0]].shape[0], from = list(sources.map((s) => ops[s.place].name));
  if (!sources.length) return "Made from the drawing itself.";
  if (op.kind === "dense") return `Lit: its strongest inputs here, of ${fed}.`;
  if (op.kind !== "conv") return `Made from one map of ${from}.`;
  return `Made from all ${fed} maps of ${from}${lit < sources.length ? ", those shown are lit" : ""}. Thick lines: strong kernels.`;
};
const line = (from, to, weight, frame) => {
  const a = from.getBoundingClientRect(), b = to.getBoundingClientRect(), across = a.right <= b.left;
  const [x, y, u, v] = across ? [a.right, a.top + a.height / 2, b.left, b.top + b.height / 2] : [a.left + a.width / 2, a.bottom, b.left + b.width / 2, b.top];
  const [px, py, qx, qy] = [x - frame.left, y - frame.top, u - frame.left, v - frame.top], mx = (px + qx) / 2, my = (py + qy) / 2;
  const d = across ? `M${px} ${py}C${mx} ${py} ${mx} ${qy} ${qx} ${qy}` : `M${px} ${py}C${px} ${my} ${qx} ${my} ${qx} ${qy}`;
  return el("path", { d, style: `stroke-width:${(.5 + 2.5 * weight).toFixed(2)};stroke-opacity:${(.3 + .7 * weight).toFixed(2)}`,
    "data-from": `${from.dataset.layer} ${from.dataset.map}` });
};
const dark = () => { wires.replaceChildren(); $$(".on, .to", river).forEach((node) => node.classList.remove("on", "to")); river.classList.remove("lit"); };
const light = () => {
  dark();
  const node = pointed?.item ?? (open && tileOf(open));
  if (!node || !ready()) return;
  const { place, channel } = placeOf(node), sources = Lab.feeders(known.net.ops, known.shown, place, channel, known.run.values);
  const lit = sources.map((s) => ({ ...s, node: itemOf(s) })).filter((s) => s.node), most = Math.max(...lit.map((s) => s.weight)) || 1;
  wires.setAttribute("width", flow.scrollWidth); wires.setAttribute("height", flow.scrollHeight);
  const frame = wires.getBoundingClientRect();
  wires.append(...lit.sort((a, b) => a.weight - b.weight).map((s) => line(s.node, node, s.weight / most, frame)));
  lit.forEach((s) => s.node.classList.add("on")); node.classList.add("to");
  if (pointed) { river.classList.add("lit"); $(".fed", preview).textContent = story(place, sources, lit.length); }
};

// ---- a map, large, near the pointer
const number = (byte, scale) => {
  const size = Math.abs(byte) / TOP * scale, sign = byte < 0 ? "−" : "";
  return Math.abs(byte) < TOP ? sign + size.toFixed(2) : byte < 0 ? `−${size.toFixed(2)} or less` : `${size.toFixed(2)} or more`;
};
const paintPreview = () => {
  const { item, x, y } = pointed, k = +item.dataset.layer, i = +item.dataset.map;
  const side = layers[k].size, data = values(k, i), single = flat(layers[k]), one = number(data[single ? 0 : y * side + x], layers[k].scale);
  preview.classList.toggle("single", single);
  if (!single) paintMap($("canvas", preview), data, side);
  $(".name", preview).textContent = nameOf(k, i);
  $(".value", preview).textContent = x === null && !single ? `${side} × ${side}` : one;
  const spot = $(".spot", preview); spot.hidden = single || x === null;
  const [left, top] = [x, y].map((v) => `calc(8px + 192px * ${v / side})`), cell = `${192 / side}px`;
  Object.assign(spot.style, { left, top, width: cell, height: cell });
};
const place = (x, y, row) => { // right of the pointer, inside the window; where there is no room, above the row: what is lit lies to the left
  const w = preview.offsetWidth, h = preview.offsetHeight, gap = 20, room = x + gap + w < innerWidth;
  const from = room ? y : Math.min(y, row.getBoundingClientRect().top + gap);
  const left = room ? x + gap : Math.max(8, x - gap - w);
  const top = from - gap - h > 64 ? from - gap - h : Math.min(innerHeight - h - 8, y + gap);
  Object.assign(preview.style, { left: `${left}px`, top: `${top}px` });
};
const point = (item, pointer) => {
  const r = item.getBoundingClientRect(), side = layers[item.dataset.layer].size;
  const cell = (v) => Math.floor(Lab.clamp(v, 0, .999) * side), changed = pointed?.item !== item;
  pointed = pointer ? { item, x: cell((pointer.clientX - r.left) / r.width), y: cell((pointer.clientY - r.top) / r.height) } : { item, x: null, y: null };
  preview.hidden = false; paintPreview();
  if (changed) { $(".fed", preview).textContent = ""; light(); }
  place(pointer?.clientX ?? r.right, pointer?.clientY ?? r.top, item.closest(".layer"));
};
const hide = () => { if (!pointed) return; pointed = null; preview.hidden = true; light(); };
const itemAt = (e) => e.target.closest?.("[data-map]");
river.addEventListener("pointermove", (e) => { if (e.pointerType === "touch") return; const node = itemAt(e); node ? point(node, e) : hide(); });
river.addEventListener("pointerleave", (e) => { if (e.pointerType !== "touch") hide(); });
river.addEventListener("focusin", (e) => { const node = itemAt(e); if (node?.matches(":focus-visible")) point(node); });
river.addEventListener("focusout", hide);
document.addEventListener("pointerdown", (e) => { if (pointed && !river.contains(e.target)) hide(); });
addEventListener("scroll", hide, { passive: true, capture: true });
Lab.rove(river, "[data-map]", (box) => +box.style.getPropertyValue("--cols"));

// ---- a map, open: below the river, or on a phone below its own row
const view = Lab.enlarged(large, ({ place, channel }) => reveal({ name: known.net.ops[place].name, channel }));
const tileOf = ({ name, channel }) => {
  const k = layers.findIndex((layer) => layer.name === name), i = layers[k]?.channels.indexOf(channel) ?? -1;
  return i < 0 ? null : $(`[data-layer="${k}"][data-map="${i}"]`, river);
};
const mark = () => $$(".tile", river).forEach((tile) => tile.setAttribute("aria-expanded", Boolean(open) && tile === tileOf(open)));
const enlarge = () => { // as soon as the network is there; a map that is open already follows the drawing
  if (!open || !ready()) return;
  if (open.shown) view.known(known); else view.show(known, known.places.get(open.name), open.channel);
  open.shown = true; large.hidden = false;
};
const settle = () => {
  const row = river.children[layers.findIndex((layer) => layer.name === open.name)];
  if (Lab.narrow() && row) row.append(large); else flow.after(large);
};
const reveal = (map) => {
  open = map; settle(); enlarge(); mark(); light();
  large.scrollIntoView({ block: "nearest", behavior: Lab.calm ? "auto" : "smooth" });
};
const close = () => {
  if (!open) return;
  const tile = tileOf(open), inside = large.contains(document.activeElement);
  open = null; large.hidden = true; flow.after(large); mark(); light();
  if (inside) tile?.focus();
};
river.addEventListener("click", (e) => {
  const tile = e.target.closest(".tile"), node = itemAt(e);
  if (!tile) { if (node) point(node, e); return; } // one value of a layer without maps: a finger has no hover
  const { name, channels } = layers[tile.dataset.layer], channel = channels[tile.dataset.map];
  if (open?.name === name && open.channel === channel) close(); else reveal({ name, channel });
});
$(".close", large).addEventListener("click", () => { const tile = tileOf(open); close(); tile?.focus(); });
document.addEventListener("keydown", (e) => {
  const at = document.activeElement;
  if (e.key === "Escape" && (at === document.body || element.contains(at))) { hide(); close(); }
});
addEventListener("resize", light);
new ResizeObserver(() => { laid.clear(); paintRows(); }).observe(river);
flow.addEventListener("scroll", () => open && light(), { passive: true, capture: true });

const start = () => show(props.value ?? {});
watch("value", start); start();
Lab.follow("reading", show);
Lab.repaint(() => layers.length && fill());
element.dataset.ready = 1;
