// A generator that runs in the page: the list of steps of mnist_lab.explain.forging.
// Lab.generator() -> promise of { latent, make }. The plane says where the generator comes from, with Lab.generatorFrom.
// All its layers are sums of vectors times matrices: one small WebAssembly function with SIMD does them, a loop where there is none.
(() => {
  // ---- accumulate(y, x, w, rows, columns): y[0..columns] += x[0..rows] W, W (rows, columns). Addresses are in bytes, columns a multiple of 8.
  const WIDTH = 8;
  const assemble = (pages) => {
    const leb = (v) => (v < 128 ? [v] : [v & 127 | 128, ...leb(v >> 7)]);
    const get = (i) => [0x20, i], set = (i) => [0x21, i], constant = (v) => [0x41, v]; // a constant below 64 is one byte
    const load = (offset) => [0xfd, 0x00, 4, offset], store = (offset) => [0xfd, 0x0b, 4, offset], splat = [0xfd, 0x09, 2, 0];
    const plus = [0x6a], shift = [0x74], less = [0x49], fadd = [0xfd, 0xe4, 1], fmul = [0xfd, 0xe6, 1];
    const loop = (again, ...body) => [0x03, 0x40, ...body.flat(), ...again, 0x0d, 0, 0x0b]; // goes on while `again` is true
    const [y, x, w, rows, columns, o, px, pw, a, b, s] = Array.from({ length: 11 }, (_, i) => i);
    const sum = (to, offset) => [...get(to), ...get(s), ...get(pw), ...load(offset), ...fmul, ...fadd, ...set(to)];
    const code = [
      [...get(columns), ...constant(2), ...shift, ...set(columns)], // from here on in bytes
      [...get(x), ...get(rows), ...constant(2), ...shift, ...plus, ...set(rows)], // from here on where x ends
      loop([...get(o), ...get(columns), ...less],
        [...get(y), ...get(o), ...plus, ...load(0), ...set(a), ...get(y), ...get(o), ...plus, ...load(16), ...set(b)],
        [...get(x), ...set(px), ...get(w), ...get(o), ...plus, ...set(pw)],
        loop([...get(px), ...get(rows), ...less],
          [...get(px), ...splat, ...set(s)], sum(a, 0), sum(b, 16),
          [...get(pw), ...get(columns), ...plus, ...set(pw), ...get(px), ...constant(4), ...plus, ...set(px)]),
        [...get(y), ...get(o), ...plus, ...get(a), ...store(0), ...get(y), ...get(o), ...plus, ...get(b), ...store(16)],
        [...get(o), ...constant(32), ...plus, ...set(o)]),
    ].flat();
    const i32 = 0x7f, v128 = 0x7b, body = [2, 3, i32, 3, v128, ...code, 0x0b]; // locals: o, px, pw; a, b, s
    const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];
    return new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
      ...section(1, [1, 0x60, 5, i32, i32, i32, i32, i32, 0]), ...section(3, [1, 0]), ...section(5, [1, 0, ...leb(pages)]),
      ...section(7, [2, 1, 0x66, 0, 0, 1, 0x6d, 2, 0]), ...section(10, [1, ...leb(body.length), ...body])]); // exports: f, m
  };
  const machine = (bytes) => {
    const pages = Math.ceil(bytes / 65536);
    try {
      const { f, m } = new WebAssembly.Instance(new WebAssembly.Module(assemble(pages))).exports;
      return { memory: new Float32Array(m.buffer), accumulate: f };
    } catch { // no SIMD here
      const memory = new Float32Array(pages * 16384);
      return { memory, accumulate: (y, x, w, rows, columns) => {
        y >>= 2; x >>= 2; w >>= 2;
        for (let i = 0; i < rows; i++, w += columns) { const v = memory[x + i]; if (v) for (let o = 0; o < columns; o++) memory[y + o] += v * memory[w + o]; }
      } };
    }
  };

  const half = (bits) => { // one float16
    const e = bits >> 10 & 31, m = bits & 1023;
    return (bits & 32768 ? -1 : 1) * (e ? 2 ** (e - 15) * (1 + m / 1024) : m * 2 ** -24);
  };
  const padded = (n) => Math.ceil(n / WIDTH) * WIDTH;

  // ---- layout: a map (C, H, W) lies as (H, W, padded C), so that a window of pixels side by side is one vector
  const places = (program) => { // addresses, in numbers, of each step's output, weight and bias
    let at = 0;
    const take = (count) => { const here = at; at += padded(count); return here; };
    const steps = program.steps.map((step) => {
      const [channels, height = 1, width = 1] = step.shape, stride = padded(channels), from = step.from.map((i) => program.steps[i].shape);
      const inputs = from[0] ? padded(from[0][0]) : 0;
      const rows = { dense: inputs, conv: inputs * (step.weight / channels / (from[0]?.[0] ?? 1)), up: inputs * 16 }[step.kind] ?? 0;
      const columns = step.kind === "dense" ? height * width * stride : stride;
      return { ...step, channels, height, width, stride, out: take(height * width * stride), w: take(rows * columns), b: take(columns) };
    });
    return { steps, size: at };
  };
  const fill = (memory, step, before, numbers) => { // weights and biases into their places
    const { channels, height, width, stride, w, b } = step, { weight, bias } = numbers, pixels = height * width, inputs = before.stride;
    if (step.kind === "dense") {
      const columns = pixels * stride, count = weight.length / bias.length;
      for (let o = 0; o < bias.length; o++) {
        const to = o % pixels * stride + Math.floor(o / pixels);
        memory[b + to] = bias[o];
        for (let i = 0; i < count; i++) memory[w + i * columns + to] = weight[o * count + i];
      }
      return;
    }
    memory.set(bias, b);
    const k = step.kind === "up" ? 4 : Math.round(Math.sqrt(weight.length / channels / before.channels));
    step.kernel = k;
    for (let i = 0; i < k; i++) for (let j = 0; j < k; j++) {
      // a transposed convolution is four convolutions 2 x 2, one for each parity of the output's row and column
      const place = step.kind === "up" ? (((3 - i) % 2 * 2 + (3 - j) % 2) * 2 + (3 - i >> 1)) * 2 + (3 - j >> 1) : i * k + j;
      for (let c = 0; c < before.channels; c++) for (let o = 0; o < channels; o++)
        memory[w + (place * inputs + c) * stride + o] = weight[((o * before.channels + c) * k + i) * k + j];
    }
  };

  // ---- one function a kind of step, on the machine's memory
  const windows = ({ memory, accumulate }, step, before, rowsOf) => { // a sum over windows: rowsOf(y, x) calls back with each row of the window
    const { width, height, stride, out, b } = step;
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
      const to = out + (y * width + x) * stride;
      memory.copyWithin(to, b, b + stride);
      rowsOf(y, x, (row, left, right, weights) => { // input pixels left..right of a row, and where the first one's weights lie
        if (row < 0 || row >= before.height) return;
        const from = Math.max(0, left), skipped = from - left, count = Math.min(before.width, right) - from;
        accumulate(4 * to, 4 * (before.out + (row * before.width + from) * before.stride), 4 * (step.w + (weights + skipped) * before.stride * stride), count * before.stride, stride);
      });
    }
  };
  const size = (step) => step.height * step.width * step.stride, view = (memory, step) => memory.subarray(step.out, step.out + size(step));
  const rectify = (memory, step, before, slope) => {
    const to = view(memory, step), from = view(memory, before);
    for (let i = 0; i < to.length; i++) { const v = from[i]; to[i] = v > 0 ? v : slope * v; }
  };
  const KINDS = {
    dense: ({ memory, accumulate }, step, [before]) => {
      memory.copyWithin(step.out, step.b, step.b + size(step));
      accumulate(4 * step.out, 4 * before.out, 4 * step.w, before.stride, size(step));
    },
    conv: (m, step, [before]) => {
      const k = step.kernel, p = k >> 1;
      windows(m, step, before, (y, x, row) => { for (let i = 0; i < k; i++) row(y + i - p, x - p, x - p + k, i * k); });
    },
    up: (m, step, [before]) => windows(m, step, before, (y, x, row) => {
      const a = y & 1, b = x & 1, top = (y >> 1) - 1 + a, left = (x >> 1) - 1 + b;
      for (let r = 0; r < 2; r++) row(top + r, left, left + 2, ((a * 2 + b) * 2 + r) * 2);
    }),
    relu: ({ memory }, step, [before]) => rectify(memory, step, before, 0),
    leaky: ({ memory }, step, [before]) => rectify(memory, step, before, step.number),
    add: ({ memory }, step, [a, b]) => {
      const to = view(memory, step), from = view(memory, a), other = view(memory, b);
      for (let i = 0; i < to.length; i++) to[i] = from[i] + other[i];
    },
    tanh: ({ memory }, step, [before]) => { for (let at = 0; at < size(step); at += step.stride) for (let c = 0; c < step.channels; c++) memory[step.out + at + c] = Math.tanh(memory[before.out + at + c]); },
    grow: ({ memory }, step, [a]) => { // each new pixel lies a quarter off an old one
      const near = (i, n) => { const at = Math.max(0, (i + .5) / 2 - .5), low = Math.floor(at); return [low, Math.min(n - 1, low + 1), at - low]; };
      for (let y = 0; y < step.height; y++) for (let x = 0; x < step.width; x++) {
        const [t, b, v] = near(y, a.height), [l, r, u] = near(x, a.width), at = (i, j) => a.out + (i * a.width + j) * a.stride;
        const [p, q, s, z, to] = [at(t, l), at(t, r), at(b, l), at(b, r), step.out + (y * step.width + x) * step.stride];
        for (let c = 0; c < step.stride; c++) memory[to + c] = (1 - v) * ((1 - u) * memory[p + c] + u * memory[q + c]) + v * ((1 - u) * memory[s + c] + u * memory[z + c]);
      }
    },
    pad: ({ memory }, step, [a]) => {
      view(memory, step).fill(-1);
      for (let y = 0; y < a.height; y++) memory.copyWithin(step.out + ((y + step.number) * step.width + step.number) * step.stride, a.out + y * a.width * a.stride, a.out + (y + 1) * a.width * a.stride);
    },
  };

  // program: { latent, steps: [{ kind, from, shape, number, weight, bias: counts of numbers }], weights: base64 of float16 }
  const makeGenerator = (program) => {
    const raw = new Uint16Array(Lab.bytes(program.weights).buffer), { steps, size } = places(program), m = machine(4 * size);
    let at = 0;
    const take = (count) => Float32Array.from(raw.subarray(at, at += count), half);
    for (const step of steps) if (step.weight) fill(m.memory, step, steps[step.from[0]], { weight: take(step.weight), bias: take(step.bias) });
    const [start, last] = [steps[0], steps.at(-1)], edge = (last.width - 28) / 2;
    // z: `latent` numbers, label: ten shares that sum to one -> uint8 28 x 28, ink 255
    const make = (z, label) => {
      m.memory.set(z, start.out); m.memory.set(label, start.out + program.latent);
      for (const step of steps.slice(1)) KINDS[step.kind](m, step, step.from.map((i) => steps[i]));
      const out = new Uint8ClampedArray(784); // rounds
      for (let y = 0; y < 28; y++) for (let x = 0; x < 28; x++) out[28 * y + x] = (m.memory[last.out + ((y + edge) * last.width + x + edge) * last.stride] + 1) * 127.5;
      return out;
    };
    return { latent: program.latent, make };
  };

  let source, arrived, asked; // arrived: the plane has said where the generator comes from
  const ready = new Promise((done) => { arrived = done; });
  const generatorFrom = (fetch) => { source = fetch; arrived(); };
  const generator = () => asked ??= ready.then(() => Lab.fetched(source)).then(makeGenerator).catch((error) => { asked = null; throw error; }); // who asks next, asks anew

  Object.assign(Lab, { generator, generatorFrom, makeGenerator });
})();
