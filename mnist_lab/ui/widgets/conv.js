// What the river's enlarged view and the convolution by hand share: what a value sees, what feeds it, and a window of values times weights.
(() => {
  const { $$, el } = Lab, DIGIT = 28, MARGIN = 2; // the digit lies in the middle of an input of 32 x 32

  // ---- receptive fields, as in mnist_lab.explain.receptive: value u along a side sees [start + u stride, start + u stride + size)
  const WHOLE = { size: DIGIT, stride: 0, start: 0 };
  const pool = (op, f) => ({ size: f.size + (op.size - 1) * f.stride, stride: op.size * f.stride, start: f.start });
  const FIELDS = {
    input: () => ({ size: 1, stride: 1, start: -MARGIN }), maxpool: pool, avgpool: pool, relu: (op, f) => f, add: (op, f) => f,
    crop: (op, f) => ({ ...f, start: f.start + op.size * f.stride }),
    conv: (op, f) => ({ size: f.size + (op.kernel - 1) * f.stride, stride: f.stride, start: f.start - op.size * f.stride }),
  };
  const joined = (fields) => {
    const start = Math.min(...fields.map((f) => f.start)), end = Math.max(...fields.map((f) => f.start + f.size));
    return { size: end - start, stride: fields[0]?.stride, start };
  };
  const receptiveFields = (ops) => {
    const found = [];
    for (const op of ops) found.push(FIELDS[op.kind]?.(op, joined(op.from.map((i) => found[i]))) ?? WHOLE);
    return found;
  };
  const rectangle = ({ size, stride, start }, row = 0, column = 0) => { // [left, top, right, bottom] in the digit
    const span = (place) => [0, size].map((end) => Lab.clamp(start + place * stride + end, 0, DIGIT));
    const [[left, right], [top, bottom]] = [span(column), span(row)];
    return [left, top, right, bottom];
  };

  // ---- what feeds a map: the nearest maps before it that are shown (a Set of places among the steps)
  const STRONGEST = 6; // inputs of a dense layer's value
  const nearest = (ops, shown, place, channel) => {
    const op = ops[place];
    if (shown.has(place)) return [{ place, channel }];
    if (op.kind === "flatten") { const [, h, w] = ops[op.from[0]].shape; return nearest(ops, shown, op.from[0], Math.floor(channel / (h * w))); }
    if (op.kind === "concat") {
      let part = 0;
      while (channel >= ops[op.from[part]].shape[0]) channel -= ops[op.from[part++]].shape[0];
      return nearest(ops, shown, op.from[part], channel);
    }
    return op.from.flatMap((i) => nearest(ops, shown, i, channel));
  };
  const kernelOf = (op, count, out, channel) => { // the k x k weights from one of `count` input maps
    const n = op.kernel ** 2, at = (out * count + channel) * n;
    return op.weight.subarray(at, at + n);
  };
  const norm = (weights) => weights.reduce((sum, w) => sum + Math.abs(w), 0);
  const direct = (ops, place, channel, values) => { // [{ channel of the step before, weight }]
    const op = ops[place], count = ops[op.from[0]]?.shape[0];
    if (op.kind === "conv") return Array.from({ length: count }, (_, c) => ({ channel: c, weight: norm(kernelOf(op, count, channel, c)) }));
    if (op.kind !== "dense") return [{ channel, weight: 1 }];
    const x = values[op.from[0]], share = Array.from({ length: count }, (_, c) => ({ channel: c, weight: Math.abs(op.weight[channel * count + c] * x[c]) }));
    return share.sort((a, b) => b.weight - a.weight).slice(0, STRONGEST);
  };
  const feeders = (ops, shown, place, channel, values) => {
    const found = new Map();
    for (const { channel: c, weight } of direct(ops, place, channel, values)) {
      for (const map of nearest(ops, shown, ops[place].from[0], c)) {
        const key = `${map.place} ${map.channel}`;
        found.set(key, { ...map, weight: weight + (found.get(key)?.weight ?? 0) });
      }
    }
    return [...found.values()];
  };

  // ---- the numbers: a window of one map, and the share of one map in a convolution
  const windowOf = (x, [, height, width], channel, row, column, k, pad) => {
    const values = new Float32Array(k * k);
    for (let i = 0; i < k; i++) for (let j = 0; j < k; j++) {
      const y = row + i - pad, z = column + j - pad;
      if (y >= 0 && z >= 0 && y < height && z < width) values[i * k + j] = x[(channel * height + y) * width + z];
    }
    return values;
  };
  const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);
  const share = (x, shape, channel, weights, pad) => { // what one map and its kernel give to every pixel of the output
    const k = Math.sqrt(weights.length), [height, width] = shape.slice(1).map((n) => n + 2 * pad - k + 1), out = new Float32Array(height * width);
    for (let y = 0; y < height; y++) for (let z = 0; z < width; z++) out[y * width + z] = dot(windowOf(x, shape, channel, y, z, k, pad), weights);
    return out;
  };
  const scales = new WeakMap(); // each array is measured once
  const strongest = (values) => { // 98.5th percentile of |value|: a few hot pixels must not wash out the rest. Never 0.
    if (!scales.has(values)) {
      const sizes = Float32Array.from(values, Math.abs).sort();
      scales.set(values, sizes[Math.floor(.985 * (sizes.length - 1))] || sizes.at(-1) || 1);
    }
    return scales.get(values);
  };
  const written = (v, digits = 2) => { const text = Math.abs(v).toFixed(digits); return (v < 0 && +text ? "−" : "") + text; };

  // ---- drawing them
  const light = (colour) => colour.map((v) => (v / 255) ** 2.2).reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], .05);
  const legible = (background) => { // ink or paper, whichever stands out more
    const [a, b, c] = [background, Lab.rgb("ink"), Lab.rgb("surface")].map(light), ratio = (u, v) => Math.max(u, v) / Math.min(u, v);
    return ratio(a, b) >= ratio(a, c) ? "ink" : "surface";
  };
  const square = (table, side, content = () => null) => { // the cells of a table of side x side, made anew only if the side changes
    if (+table.dataset.side !== side) {
      $$("tbody", table).forEach((body) => body.remove());
      const row = () => el("tr", {}, ...Array.from({ length: side }, () => el("td", {}, content())));
      table.append(el("tbody", {}, ...Array.from({ length: side }, row))); table.dataset.side = side;
    }
    return $$("td", table);
  };
  const fillSquare = (table, values, colour) => square(table, Math.sqrt(values.length)).forEach((cell, i) => {
    const background = colour(values[i]).map(Math.round);
    cell.style.background = `rgb(${background})`; cell.style.color = `var(--lab-${legible(background)})`;
    if (!cell.firstElementChild) cell.textContent = written(values[i]);
  });
  const placeWindow = (node, left, top, width, height, side) => {
    const [l, t, w, h] = [left, top, width, height].map((v) => `${100 * v / side}%`);
    Object.assign(node.style, { left: l, top: t, width: w, height: h });
  };

  // ---- pointing: cells of a picture, and groups of buttons with one tab stop each
  const pointing = (box, size, move) => { // size() -> [rows, columns]; move(row, column) is called for pointer, finger and arrows; box.at: where they are
    const go = (row, column) => { const [h, w] = size(); move(Lab.clamp(row, 0, h - 1), Lab.clamp(column, 0, w - 1)); };
    const at = (e) => {
      if (!e.isPrimary) return;
      const r = box.getBoundingClientRect(), [h, w] = size();
      go(Math.floor((e.clientY - r.top) / r.height * h), Math.floor((e.clientX - r.left) / r.width * w));
    };
    box.addEventListener("pointerdown", (e) => { if (!e.button) { box.setPointerCapture(e.pointerId); at(e); } });
    box.addEventListener("pointermove", at);
    box.addEventListener("keydown", (e) => {
      const step = Lab.ARROWS[e.key];
      if (!step || !box.at) return;
      e.preventDefault(); go(box.at[0] + step[1], box.at[1] + step[0]);
    });
  };
  const rove = (box, selector, columns = () => 1) => box.addEventListener("keydown", (e) => {
    const item = e.target.closest?.(selector), group = item?.closest("[role=group]");
    if (!group) return;
    const all = $$(selector, group), wide = columns(group);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: wide, ArrowUp: -wide, Home: -1e4, End: 1e4 }[e.key];
    if (!step) return;
    e.preventDefault();
    const next = all[Lab.clamp(all.indexOf(item) + step, 0, all.length - 1)];
    all.forEach((other) => { other.tabIndex = other === next ? 0 : -1; }); next.focus();
  });

  // ---- the run of a reading's network on its digit: the pad's own if it was made with that network, otherwise made here, once for all widgets
  const runs = new WeakMap();
  const runsHere = (reading) => Boolean(reading.page) && reading.page.name === reading.network;
  const runOf = (reading, name) => {
    if (!runs.has(reading)) {
      const pixels = reading.seen ? Lab.bytes(reading.seen) : new Uint8Array(DIGIT * DIGIT);
      runs.set(reading, Lab.network(name).then((net) => ({ net, run: runsHere(reading) ? reading.page.run : net.run(pixels) })));
    }
    return runs.get(reading);
  };
  // show({ net, run }, reading) for the reading that stands and each later one (while the pen moves only for networks that run in the page),
  // as long as the element is in view; refuse(sentence) if the network can’t be had.
  const EDGE = 160; // pixels: what only peeps in at the foot of the window is not in view yet
  const followRuns = (element, show, refuse) => {
    let reading = null, name = null, near = false, due = false;
    const go = async () => {
      if (!near || !reading) { due = true; return; }
      due = false;
      const mine = reading;
      try {
        const found = await runOf(mine, name);
        if (mine === reading) show(found, mine);
      } catch (error) { if (mine === reading) refuse(error.message); }
    };
    Lab.follow("reading", (next) => {
      name = next.network ?? name;
      if (next.error || !name || !(next.final || runsHere(next))) return;
      reading = next; go();
    });
    Lab.attend(element, (here) => { near = here; if (near && due) go(); }, -EDGE);
  };

  Object.assign(Lab, {
    cellPointing: pointing, dot, feeders, fillSquare, followRuns, kernelOf, nearestShown: nearest, placeWindow, receptiveFields, rectangle, rove, runOf,
    runsHere, share, square, strongest, windowOf, written,
  });
})();
