// A network that runs in the page: the list of steps of mnist_lab.explain.program, in float32 like Python's own.
// Lab.network(name) -> promise of { name, ops, run }. The pad says where networks come from, with Lab.networksFrom.
(() => {
  const PADDED = 2; // a digit of 28 x 28 lies in an input of 32 x 32

  // uint8 28 x 28, ink 255 -> float32 32 x 32, paper -1, ink 1
  const input = (pixels) => {
    const x = new Float32Array(1024).fill(-1);
    for (let i = 0; i < 784; i++) x[(Math.floor(i / 28) + PADDED) * 32 + i % 28 + PADDED] = pixels[i] / 127.5 - 1;
    return x;
  };

  // ---- one function a kind of step: (op, the outputs of its inputs, the shape of the first) -> output
  const conv = (op, [x], [channels, height, width]) => { // row by row of the kernel, its usual three weights at once: that is what the page's time goes into
    const k = op.kernel, n = height * width, out = new Float32Array(op.shape[0] * n), wide = width + 2 * op.size, tall = height + 2 * op.size, padded = new Float32Array(channels * wide * tall);
    for (let c = 0; c < channels; c++) for (let y = 0; y < height; y++) padded.set(x.subarray(c * n + y * width, c * n + y * width + width), (c * tall + y + op.size) * wide + op.size);
    for (let o = 0; o < op.shape[0]; o++) {
      out.fill(op.bias[o], o * n, o * n + n);
      for (let c = 0; c < channels; c++) for (let i = 0; i < k; i++) {
        const at = ((o * channels + c) * k + i) * k, [p, q, r] = [op.weight[at], op.weight[at + 1], op.weight[at + 2]];
        for (let y = 0; y < height; y++) {
          const to = o * n + y * width, from = (c * tall + y + i) * wide;
          if (k === 3) for (let z = 0; z < width; z++) out[to + z] += p * padded[from + z] + q * padded[from + z + 1] + r * padded[from + z + 2];
          else for (let j = 0; j < k; j++) for (let z = 0; z < width; z++) out[to + z] += op.weight[at + j] * padded[from + z + j];
        }
      }
    }
    return out;
  };
  const dense = (op, [x]) => {
    const out = Float32Array.from(op.bias);
    for (let o = 0; o < out.length; o++) { let sum = 0; for (let i = 0; i < x.length; i++) sum += op.weight[o * x.length + i] * x[i]; out[o] += sum; }
    return out;
  };
  // every cell of the output is made of a block of the input: first(), then each value, then last(total, count)
  const blocks = (start, add, end) => (op, [x], [channels, height, width]) => {
    const s = op.size || height, h = height / s, w = width / s, out = new Float32Array(channels * h * w);
    for (let c = 0, at = 0; c < channels; c++) for (let y = 0; y < h; y++) for (let z = 0; z < w; z++, at++) {
      let v = start;
      for (let i = 0; i < s; i++) for (let j = 0; j < s; j++) v = add(v, x[(c * height + y * s + i) * width + z * s + j]);
      out[at] = end(v, s * s);
    }
    return out;
  };
  const most = blocks(-Infinity, Math.max, (v) => v), average = blocks(0, (a, b) => a + b, (v, count) => v / count);
  const crop = (op, [x], [channels, height, width]) => {
    const [, h, w] = op.shape, out = new Float32Array(channels * h * w);
    for (let c = 0, at = 0; c < channels; c++) for (let y = 0; y < h; y++) for (let z = 0; z < w; z++, at++) out[at] = x[(c * height + y + op.size) * width + z + op.size];
    return out;
  };
  const concat = (op, parts) => { const out = new Float32Array(op.shape[0]); let at = 0; for (const p of parts) { out.set(p, at); at += p.length; } return out; };
  const KINDS = {
    crop, conv, dense, maxpool: most, max: most, avgpool: average, mean: average, concat, flatten: (op, [x]) => x,
    relu: (op, [x]) => x.map((v) => (v > 0 ? v : 0)), add: (op, [a, b]) => a.map((v, i) => v + b[i]),
  };

  const softmax = (logits, temperature = 1) => {
    const top = Math.max(...logits), e = [...logits].map((v) => Math.exp((v - top) / temperature)), sum = e.reduce((a, b) => a + b, 0);
    return e.map((v) => v / sum);
  };
  // logits -> { p, score, likeness }, as mnist_lab.labs.Calibration: likeness 0 to 1, one half at the threshold, null if never fitted
  const judged = (logits, { temperature = 1, threshold = null, typical = null } = {}) => {
    const top = Math.max(...logits), score = top + Math.log([...logits].reduce((sum, v) => sum + Math.exp(v - top), 0));
    const likeness = threshold === null ? null : Lab.clamp(.5 + (score - threshold) / (2 * (typical - threshold)));
    return { p: softmax(logits, temperature), score, likeness };
  };

  // program: { network, ops: [{ kind, from, shape, size, name, weight, bias: counts of numbers }], weights: base64 of float32, calibration }
  const makeNetwork = (program) => {
    const numbers = new Float32Array(Lab.bytes(program.weights).buffer);
    let at = 0;
    const take = (count) => numbers.subarray(at, at += count);
    const ops = program.ops.map((op) => ({ ...op, weight: op.weight ? take(op.weight) : null, bias: op.bias ? take(op.bias) : null }));
    for (const op of ops) if (op.kind === "conv") op.kernel = Math.round(Math.sqrt(op.weight.length / op.shape[0] / ops[op.from[0]].shape[0]));
    // pixels: uint8 28 x 28. scaled: { place of a step: { channel: factor } } multiplies maps of that step (0 switches them off, -1 inverts).
    const run = (pixels, scaled = {}) => {
      const values = [];
      ops.forEach((op, k) => {
        values.push(op.kind === "input" ? input(pixels) : KINDS[op.kind](op, op.from.map((i) => values[i]), ops[op.from[0]].shape));
        for (const [channel, factor] of Object.entries(scaled[k] ?? {})) {
          const n = values[k].length / op.shape[0];
          for (let i = channel * n; i < (+channel + 1) * n; i++) values[k][i] *= factor;
        }
      });
      const logits = values.at(-1);
      return { values, logits, ...judged(logits, program.calibration) };
    };
    return { name: program.network, ops, run };
  };

  // ---- networks by name, fetched once each
  const known = {};
  let source, arrived; // resolves when the pad has said where networks come from
  const ready = new Promise((done) => { arrived = done; });
  const networksFrom = (fetch) => { source = fetch; arrived(); };
  const fetched = async (ask) => { // a program, asked for again while the server is busy; throws what is wrong
    let program = await ask();
    while (program?.busy) { await new Promise((done) => setTimeout(done, 200)); program = await ask(); }
    if (!program || program.error) throw new Error(program?.error ?? "The lab does not answer.");
    return program;
  };
  const network = (name) => known[name] ??= ready.then(() => fetched(() => source(name))).then(makeNetwork).catch((error) => { delete known[name]; throw error; }); // who asks next, asks anew

  // f(LeNet) once the element is looked at; nothing where its weights are missing
  const reads = (element, f) => Lab.near(element, () => network("lenet").then(f, () => {}));

  Object.assign(Lab, { fetched, makeNetwork, network, networksFrom, reads });
})();
