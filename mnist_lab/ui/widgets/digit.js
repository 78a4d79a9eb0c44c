// A drawing to the digit a network reads, as mnist_lab.drawing does it: the same sums in the same order, so that both agree.
// Lab.toDigit(strokes, brush) -> { pixels: uint8 (28 x 28), ink 255; box: around the ink, in fractions of the pad; placed: where that
// box lies in the pixels }, or null without ink. strokes: lists of points [x, y] in [0, 1]; one point is a dot. brush: share of the pad.
(() => {
  const SIDE = 28, INNER = 20, FINE = 16, GRID = INNER * FINE;
  const PEN = [.08, .18]; // pen width as a share of the drawing's longer side: the middle 90 % of MNIST

  const within = (pen, span) => { // the pen width nearest to `pen` whose share of span + pen lies in PEN
    const [thinnest, thickest] = PEN.map((share) => span * share / (1 - share));
    return Math.min(Math.max(pen, thinnest), thickest);
  };

  const WIDE = GRID + 1, edges = new Int32Array(GRID * WIDE); // +1 where a run of ink begins, -1 where it has ended
  const clamp = (v, lo, hi) => (v < lo ? lo : v > hi ? hi : v);

  // a disc of radius r moved from (ax, ay) to (bx, by): a run of fine pixels in each row
  const sweep = (ax, ay, bx, by, r) => {
    if (ay > by) { sweep(bx, by, ax, ay, r); return; } // downwards
    const dx = bx - ax, dy = by - ay, lean = r * dx / Math.max(Math.sqrt(dx * dx + dy * dy), 1e-9), steep = Math.max(dy, 1e-9), square = r * r;
    const end = Math.min(GRID, Math.floor(by + r - .5) + 1);
    for (let row = Math.max(0, Math.ceil(ay - r - .5)); row < end; row++) {
      const h = row + .5 - ay, t = clamp((h - lean) / steep, 0, 1), u = clamp((h + lean) / steep, 0, 1), off = h - t * dy, far = h - u * dy;
      const left = ax + t * dx - Math.sqrt(Math.max(square - off * off, 0)), right = ax + u * dx + Math.sqrt(Math.max(square - far * far, 0));
      const first = clamp(Math.ceil(left - .5), 0, GRID);
      edges[row * WIDE + first]++; edges[row * WIDE + clamp(Math.floor(right - .5) + 1, first, GRID)]--;
    }
  };

  // the runs -> 20 x 20: the share of each pixel that is ink
  const shares = () => {
    const count = new Int32Array(INNER * INNER), small = new Uint8Array(INNER * INNER);
    for (let y = 0, at = 0; y < GRID; y++, at++) {
      const row = (y >> 4) * INNER; // FINE is 16
      for (let x = 0, inside = 0; x < GRID; x++, at++) { inside += edges[at]; if (inside > 0) count[row + (x >> 4)]++; }
    }
    for (let i = 0; i < small.length; i++) small[i] = (count[i] * 255 + FINE * FINE / 2) >> 8;
    return small;
  };

  // 20 x 20 -> 28 x 28, moved by whole pixels until the centre of mass lies in the middle
  const centred = (small) => {
    let mass = 0, sumX = 0, sumY = 0, right = 0, bottom = 0;
    for (let y = 0; y < INNER; y++) for (let x = 0; x < INNER; x++) {
      const v = small[y * INNER + x];
      if (!v) continue;
      mass += v; sumX += v * x; sumY += v * y; right = Math.max(right, x + 1); bottom = y + 1;
    }
    const left = Lab.clamp(Math.ceil(SIDE / 2 - .5 - sumX / mass), 0, SIDE - right), top = Lab.clamp(Math.ceil(SIDE / 2 - .5 - sumY / mass), 0, SIDE - bottom);
    const pixels = new Uint8Array(SIDE * SIDE);
    for (let y = 0; y < bottom; y++) for (let x = 0; x < right; x++) pixels[(y + top) * SIDE + x + left] = small[y * INNER + x];
    return { pixels, left, top };
  };

  const toDigit = (strokes, brush) => {
    const lines = strokes.filter((s) => s.length).map((s) => s.map(([x, y]) => [Lab.clamp(x), Lab.clamp(y)]));
    if (!lines.length) return null;
    const low = [Infinity, Infinity], high = [-Infinity, -Infinity];
    for (const line of lines) for (const p of line) for (const i of [0, 1]) { low[i] = Math.min(low[i], p[i]); high[i] = Math.max(high[i], p[i]); }
    const span = Math.max(high[0] - low[0], high[1] - low[1]), dot = span < brush / 2; // a dot stays as small as it was drawn
    const pen = dot ? brush : within(brush, span), longer = dot ? INNER / SIDE : span + pen, scale = FINE * INNER / longer;
    const x = (p) => (p[0] - low[0] + pen / 2) * scale, y = (p) => (p[1] - low[1] + pen / 2) * scale, r = pen * scale / 2;
    edges.fill(0);
    for (const line of lines) {
      if (line.length < 2) sweep(x(line[0]), y(line[0]), x(line[0]), y(line[0]), r);
      for (let k = 1; k < line.length; k++) sweep(x(line[k - 1]), y(line[k - 1]), x(line[k]), y(line[k]), r);
    }
    const { pixels, left, top } = centred(shares()), size = [0, 1].map((i) => INNER * ((high[i] - low[i] + pen) / longer));
    const box = [low[0] - brush / 2, low[1] - brush / 2, high[0] + brush / 2, high[1] + brush / 2].map((v) => Lab.clamp(v));
    return { pixels, box, placed: [left, top, left + size[0], top + size[1]] };
  };

  Object.assign(Lab, { toDigit });
})();
