const { $, $$, el } = Lab;
const river = $(".river", element), preview = $(".preview", element);
const TOP = 127; // maps are signed bytes: 127 is the layer's scale, and whatever lies above it
let layers = [], built = "", table = null, shown = null;

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
const tiles = (layer, k) => {
  const columns = Math.ceil(layer.channels.length / rowsOf(layer));
  const box = el("div", { class: "tiles", style: `--cols:${columns};--size:${tileSize(layer.size)}px`, role: "group", "aria-label": layer.name });
  layer.channels.forEach((_, i) => box.append(
    el("button", { class: "tile", "data-layer": k, "data-map": i, tabindex: i ? -1 : 0 }, el("canvas", { width: layer.size, height: layer.size }))));
  return box;
};
const cells = (layer) => el("div", { class: "tiles one" }, el("div", { class: "cells" }, ...Array.from({ length: layer.count }, () => el("i"))));
const answers = () => el("div", { class: "tiles one" }, el("div", { class: "answers" }, ...Array.from({ length: 10 }, (_, d) => el("span", {}, String(d), el("i")))));
const build = () => {
  hide();
  river.replaceChildren(...layers.map((layer, k) => el("li", { class: `layer ${layer.kind}` },
    el("p", { class: "cap" }, el("b", {}, layer.name), el("span", {}, words(layer))),
    layer.kind === "answer" ? answers() : flat(layer) ? cells(layer) : tiles(layer, k))));
};
const values = (k, i) => { const n = layers[k].size ** 2; return layers[k].values.subarray(i * n, i * n + n); };
const nameOf = (k, i) => `${layers[k].name}, map ${layers[k].channels[i] + 1} of ${layers[k].count}`;
const fill = () => {
  colours();
  layers.forEach((layer, k) => {
    const item = river.children[k];
    if (flat(layer)) { $$("i", item).forEach((cell, i) => (cell.style.background = css(layer.values[i]))); return; }
    $$(".tile", item).forEach((tile, i) => { paintMap(tile.firstChild, values(k, i), layer.size); tile.setAttribute("aria-label", nameOf(k, i)); });
  });
  if (shown) paintPreview();
};
const show = (data) => {
  if (data.empty) layers = layers.map((layer) => ({ ...layer, values: new Int8Array(layer.values.length) }));
  else if (data.layers) layers = data.layers.map((layer) => ({ ...layer, values: Lab.signed(layer.maps) }));
  else return;
  const shape = layers.map((l) => [l.name, l.size, l.channels.length]).join();
  if (shape !== built) { built = shape; build(); }
  fill();
};

// ---- a map, large, near the pointer
const number = (byte, scale) => {
  const size = Math.abs(byte) / TOP * scale, sign = byte < 0 ? "−" : "";
  return Math.abs(byte) < TOP ? sign + size.toFixed(2) : byte < 0 ? `−${size.toFixed(2)} or less` : `${size.toFixed(2)} or more`;
};
const paintPreview = () => {
  const { tile, x, y } = shown, k = +tile.dataset.layer, i = +tile.dataset.map, side = layers[k].size, data = values(k, i);
  paintMap($("canvas", preview), data, side);
  $(".name", preview).textContent = nameOf(k, i);
  $(".value", preview).textContent = x === null ? `${side} × ${side}` : number(data[y * side + x], layers[k].scale);
  const spot = $(".spot", preview); spot.hidden = x === null;
  Object.assign(spot.style, { left: `calc(8px + 192px * ${x / side})`, top: `calc(8px + 192px * ${y / side})`, width: `${192 / side}px`, height: `${192 / side}px` });
};
const place = (x, y) => { // beside the pointer, inside the window
  const w = preview.offsetWidth, h = preview.offsetHeight, gap = 20;
  const left = x + gap + w < innerWidth ? x + gap : Math.max(8, x - gap - w);
  const top = y - gap - h > 64 ? y - gap - h : Math.min(innerHeight - h - 8, y + gap);
  Object.assign(preview.style, { left: `${left}px`, top: `${top}px` });
};
const enlarge = (tile, pointer) => {
  const r = tile.getBoundingClientRect(), side = layers[tile.dataset.layer].size;
  const cell = (v) => Math.floor(Lab.clamp(v, 0, .999) * side);
  shown = pointer ? { tile, x: cell((pointer.clientX - r.left) / r.width), y: cell((pointer.clientY - r.top) / r.height) } : { tile, x: null, y: null };
  preview.hidden = false; paintPreview();
  place(pointer?.clientX ?? r.right, pointer?.clientY ?? r.top);
};
const hide = () => { shown = null; preview.hidden = true; };
const tileAt = (e) => e.target.closest?.(".tile");
river.addEventListener("pointermove", (e) => { const tile = tileAt(e); tile ? enlarge(tile, e) : hide(); });
river.addEventListener("pointerleave", (e) => { if (e.pointerType === "mouse") hide(); });
river.addEventListener("click", (e) => { const tile = tileAt(e); if (tile && e.detail) enlarge(tile, e); });
river.addEventListener("focusin", (e) => { const tile = tileAt(e); if (tile?.matches(":focus-visible")) enlarge(tile); });
river.addEventListener("focusout", hide);
document.addEventListener("pointerdown", (e) => { if (shown && !river.contains(e.target)) hide(); });
addEventListener("scroll", () => shown && hide(), { passive: true, capture: true });

// ---- keys: one tab stop a layer, arrows inside it
const STEPS = { ArrowRight: 1, ArrowLeft: -1, Home: -1e3, End: 1e3 };
river.addEventListener("keydown", (e) => {
  const tile = tileAt(e);
  if (e.key === "Escape") hide();
  if (!tile) return;
  const all = $$(".tile", tile.parentElement), columns = +tile.parentElement.style.getPropertyValue("--cols");
  const step = STEPS[e.key] ?? { ArrowDown: columns, ArrowUp: -columns }[e.key];
  if (!step) return;
  e.preventDefault();
  const next = all[Lab.clamp(all.indexOf(tile) + step, 0, all.length - 1)];
  tile.tabIndex = -1; next.tabIndex = 0; next.focus();
});

Lab.hear("reading", show);
const start = () => show(props.value ?? {});
watch("value", start); start();
Lab.repaint(() => layers.length && fill());
element.dataset.ready = 1;
