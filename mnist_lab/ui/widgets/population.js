const { $, $$, el, named, percent, spoken } = Lab;
const DIGITS = [...Array(10).keys()], SIDE = 28, TOP = 127;
const RETRY = 200; // ms until a busy server is asked again
const number = (v) => v.toLocaleString("en-GB");
const { top } = Lab;
const sum = (values) => values.reduce((a, b) => a + b, 0);
const signed = (v, digits = 2) => (v < 0 ? "−" : "") + Math.abs(v).toFixed(digits);
let data = null, near = false, wanted = null, asked = null; // names of networks

// ---- a picture of the sheet; pressing it makes it the drawing
const picture = (sheet, i) => {
  const x = i % data.columns * SIDE, y = Math.floor(i / data.columns) * SIDE, out = new Uint8Array(SIDE * SIDE);
  for (let r = 0; r < SIDE; r++) out.set(sheet.grey.subarray((y + r) * sheet.width + x, (y + r) * sheet.width + x + SIDE), r * SIDE);
  return out;
};
const take = (i) => {
  Lab.tell("take", { pixels: Lab.text(picture(data.pictures, i)), label: data.labels[i] });
  Lab.toast(`This ${data.labels[i]} is your drawing now.`);
};
const card = (i, words) => {
  const canvas = el("canvas", { class: "pixels", width: SIDE, height: SIDE, "aria-hidden": "true" });
  Lab.paint(canvas, picture(data.pictures, i), SIDE, SIDE, Lab.inkScale(0, 255));
  const said = `${named(data.labels[i])}, read as ${data.read[i]}, ${spoken(data.confidence[i])} sure`;
  return el("button", { class: "card", "data-picture": i, "aria-label": `Take ${said}`, title: said, onclick: () => take(i) }, canvas, ...words(i));
};
const sure = (i) => el("span", {}, `${(100 * data.confidence[i]).toFixed(0)} % sure`);
const fate = (i) => el("span", {}, `${named(data.labels[i]).slice(0, -1)}`, el("b", {}, `${data.labels[i]}`), " read as ", el("b", {}, `${data.read[i]}`));

// ---- confusion: rows are labels
const MOST = 1135; // digits of one class: the scale is logarithmic, or a mistake made eight times would not show
const shade = (count) => Math.log1p(count) / Math.log1p(MOST);
let open = null; // [label, read]
const cellAt = (r, c) => $(`[data-row="${r}"][data-column="${c}"]`, element);
const buildMatrix = () => {
  const { confusion } = data, missed = confusion.map((row, r) => sum(row) - row[r]), most = Math.max(1, ...missed);
  const rows = confusion.flatMap((row, r) => [
    el("b", {}, String(r)),
    ...row.map((count, c) => el("button", { class: count ? "cell" : "cell none", "data-row": r, "data-column": c, tabindex: -1,
      "aria-label": `${named(r)} read as ${c}: ${number(count)}` }, count ? String(count) : "")),
    el("span", { class: "right" }, el("i", { style: `--p:${missed[r] / most}` }, String(missed[r])), percent(row[r] / sum(row))),
  ]);
  $(".matrix", element).replaceChildren(el("i"), ...DIGITS.map((c) => el("b", {}, String(c))), el("span", { class: "right" }, el("em", {}, "misread"), "right"), ...rows);
  tint();
};
const tint = () => {
  const scale = Lab.inkScale(0, 1), css = (v) => `rgb(${scale(v).map(Math.round)})`;
  for (const cell of $$(".cell", element)) {
    const count = data.confusion[cell.dataset.row][cell.dataset.column], t = shade(count);
    cell.style.background = count ? css(t * .9) : ""; cell.style.color = t > .5 ? "var(--lab-paper)" : "var(--lab-ink)";
  }
};
const show = (r, c) => { // open a cell
  if (open) { cellAt(...open).classList.remove("open"); cellAt(...open).tabIndex = -1; }
  open = [r, c];
  const cell = cellAt(r, c), inside = data.cells[r][c].filter((i) => i >= 0), count = data.confusion[r][c];
  cell.classList.add("open"); cell.tabIndex = 0;
  const all = inside.length < count ? r === c ? `, ${inside.length} typical ones` : `, the ${inside.length} it was surest of` : "";
  $(".inside", element).textContent = count ? `${r} read as ${c}: ${number(count)} ${count > 1 ? "digits" : "digit"}${all}` : `No ${r} was read as ${c}`;
  $(".inmates", element).replaceChildren(...inside.map((i) => card(i, (k) => [sure(k)])));
};
$(".matrix", element).addEventListener("click", (e) => {
  const cell = e.target.closest(".cell");
  if (cell) show(+cell.dataset.row, +cell.dataset.column);
});
const STEPS = { ...Lab.ARROWS, Home: [-9, 0], End: [9, 0] }; // columns, rows
$(".matrix", element).addEventListener("keydown", (e) => {
  const cell = e.target.closest(".cell"), step = STEPS[e.key];
  if (!cell || !step) return;
  e.preventDefault();
  const next = [+cell.dataset.row + step[1], +cell.dataset.column + step[0]].map((v) => Lab.clamp(v, 0, 9));
  show(...next); cellAt(...next).focus();
});
const buildMistakes = () => {
  const pairs = DIGITS.flatMap((r) => DIGITS.filter((c) => c !== r).map((c) => [r, c])), count = ([r, c]) => data.confusion[r][c];
  const most = pairs.reduce((a, b) => (count(b) > count(a) ? b : a)), right = data.confusion.map((row, r) => row[r] / sum(row));
  $(".confused", element).textContent = count(most)
    ? `Most often it takes ${named(most[0])} for ${named(most[1])}; it reads ${top(right)} best and ${top(right.map((v) => -v))} worst` : "Not one test digit is misread";
  const [first] = data.worst;
  $(".surest", element).textContent = first === undefined ? "" : `At worst it was ${spoken(data.confidence[first])} sure of ${named(data.read[first])} that is ${named(data.labels[first])}`;
  $(".worst", element).replaceChildren(...data.worst.map((i) => card(i, (k) => [fate(k), sure(k)])));
  open = null; show(...most);
};

// ---- what each map answers to: rows are digits, columns are maps
let layer = 0, chosen = 0, against = true, longest = 1; // the bar of the largest value in the layer is as long as its well
const value = (one, d, m) => one.values[d * one.count + m] / TOP * one.scale;
const middle = (one, m) => sum(DIGITS.map((d) => value(one, d, m))) / 10;
const shown = (one, d, m) => value(one, d, m) - (against ? middle(one, m) : 0);
const sizes = (one) => DIGITS.flatMap((d) => Array.from({ length: one.count }, (_, m) => Math.abs(shown(one, d, m)))).sort((a, b) => a - b);
const quantile = (sorted, q) => sorted[Math.floor(q * (sorted.length - 1))] || sorted.at(-1) || 1;
const peak = (one) => quantile(sizes(one), .985); // of the colours; bars go up to the largest
const MODES = ["Mean activation", "Against the average digit"];
const radio = (box, words, chosen, choose) => {
  box.replaceChildren(...words.map((word, i) => el("button", { role: "radio", "aria-checked": i === chosen, tabindex: i === chosen ? 0 : -1, onclick: () => choose(i) }, word)));
  centre(box, box.children[chosen].offsetLeft + box.children[chosen].offsetWidth / 2);
};
const centre = (box, x) => { box.scrollLeft = x - box.clientWidth / 2; };
const arrows = (box, choose) => box.addEventListener("keydown", (e) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key], all = $$("button", box);
  if (!step) return;
  e.preventDefault(); choose((all.findIndex((b) => b.tabIndex === 0) + step + all.length) % all.length); $("[tabindex='0']", box).focus();
});
const chooseLayer = (i) => { layer = i; chosen = favourite(data.layers[i]); paintMeans(); centre($(".scroll", element), (chosen + .5) / data.layers[i].count * field.clientWidth); };
const chooseMode = (i) => { against = i === 1; paintMeans(); };
arrows($(".layers", element), chooseLayer); arrows($(".modes", element), chooseMode);
const contrast = (one, m) => { // how far a map's strongest digit is above its others, in units of the layer's scale
  const means = DIGITS.map((d) => value(one, d, m));
  return (Math.max(...means) - sum(means) / 10) / one.scale;
};
const favourite = (one) => top(Array.from({ length: one.count }, (_, m) => contrast(one, m)));
const digits = $(".digits", element), field = $(".grid canvas", element);
digits.append(...DIGITS.map((d) => el("li", {}, el("b", {}, String(d)), el("canvas", { class: "pixels", "aria-hidden": "true" }), el("div", { class: "well" }, el("i")), el("span"))));
$(".names", element).append(...DIGITS.map((d) => el("li", {}, String(d))));
const paintMeans = () => {
  const one = data.layers[layer], colour = Lab.signScale(peak(one));
  longest = quantile(sizes(one), 1);
  radio($(".layers", element), data.layers.map((l) => l.name), layer, chooseLayer);
  radio($(".modes", element), MODES, +against, chooseMode);
  Lab.paint(field, Float32Array.from({ length: 10 * one.count }, (_, i) => shown(one, Math.floor(i / one.count), i % one.count)), one.count, 10, colour);
  $(".grid", element).style.setProperty("--count", one.count);
  const best = favourite(one), digit = top(DIGITS.map((d) => value(one, d, best)));
  $(".favourite", element).textContent = `${one.name}, map ${best + 1} answers to ${digit} more than to any other digit`;
  point(chosen);
};
const point = (m) => { // one map, beside the field
  const one = data.layers[layer], means = DIGITS.map((d) => shown(one, d, m)), css = Lab.signScale(1);
  const strongest = top(DIGITS.map((d) => value(one, d, m))), pictured = one.name === data.last.name;
  chosen = m;
  $(".column", element).style.setProperty("--at", m);
  const words = `${one.name}, map ${m + 1} of ${one.count}: strongest for ${strongest}`;
  $(".map", element).textContent = words; field.setAttribute("aria-label", `Mean activation of each map, a row for each digit. ${words}`);
  $$("li", digits).forEach((row, d) => {
    row.classList.toggle("top", d === strongest);
    const low = Math.min(0, means[d] / longest), high = Math.max(0, means[d] / longest);
    Object.entries({ "--from": low, "--to": high, "--colour": `rgb(${css(Math.sign(means[d])).map(Math.round)})` })
      .forEach(([k, v]) => row.style.setProperty(k, v));
    row.lastChild.textContent = signed(means[d]);
    const canvas = $("canvas", row); canvas.classList.toggle("gone", !pictured);
    if (pictured) paintMap(canvas, d, m);
  });
};
const paintMap = (canvas, d, m) => { // the last convolution: where in the picture, on average
  const { values, count, side } = data.last, n = side * side, at = (digit) => (digit * count + m) * n;
  const means = Array.from({ length: n }, (_, i) => values[at(d) + i] - (against ? sum(DIGITS.map((k) => values[at(k) + i])) / 10 : 0));
  Lab.paint(canvas, means, side, side, Lab.signScale(TOP));
};
const mapAt = (e) => { const r = field.getBoundingClientRect(); return Lab.clamp(Math.floor((e.clientX - r.left) / r.width * data.layers[layer].count), 0, data.layers[layer].count - 1); };
for (const kind of ["pointermove", "pointerdown"]) field.addEventListener(kind, (e) => data && point(mapAt(e)));
field.addEventListener("keydown", (e) => {
  const step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 8, PageUp: -8, Home: -1e4, End: 1e4 }[e.key];
  if (!step || !data) return;
  e.preventDefault(); point(Lab.clamp(chosen + step, 0, data.layers[layer].count - 1));
});

// ---- sixteen latent features
let landing = null, seen = null; // where a drawing lies; and the drawing that stands
const drawHistograms = () => {
  const { counts, low, high, mean, std } = data.histograms, W = 100, H = 48, landed = landing?.network === data.network && landing.seen === seen ? landing : null;
  const living = counts.map((_, f) => f).filter((f) => std[f]); // a feature whose unit never fires is 0 for every digit
  const misfit = living.map((f) => { // half the area between bars and curve
    const bars = counts[f], total = sum(bars), step = (high[f] - low[f]) / bars.length;
    return sum(bars.map((count, b) => Math.abs(count / total - bell(low[f] + (b + .5) * step, mean[f], std[f]) * step))) / 2;
  });
  const best = living[top(misfit.map((v) => -v))] + 1, worst = living[top(misfit)] + 1;
  $(".normal", element).textContent = `Of the first ${counts.length} latent features, number ${best} comes closest to a normal curve, number ${worst} the least`;
  $(".histograms", element).replaceChildren(...counts.map((bars, f) => {
    const step = (high[f] - low[f]) / bars.length, total = sum(bars), curve = Array.from({ length: 61 }, (_, i) => low[f] + (high[f] - low[f]) * i / 60);
    const line = std[f] ? curve.map((x) => bell(x, mean[f], std[f]) * step * total) : [];
    const most = Math.max(...bars.slice().sort((a, b) => b - a).slice(1), ...line) || 1;
    const at = (v) => W * (v - low[f]) / (high[f] - low[f]), up = (v) => H - H * Math.min(1, v / most);
    const svg = el("svg", { viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: "none", "aria-hidden": "true" },
      ...bars.map((count, b) => el("rect", { x: b * W / bars.length, y: up(count), width: W / bars.length - .4, height: H - up(count) })),
      std[f] ? el("path", { class: "curve", d: Lab.line(curve.map(at), line.map(up)) }) : null,
      el("line", { class: "axis", x1: 0, x2: W, y1: H, y2: H }));
    const own = landed?.features[f], mark = own === undefined ? null : el("i", { class: "own", style: `left:${Lab.clamp(at(own), 0, W)}%` });
    const known = std[f] ? `mean ${signed(mean[f])}, spread ${std[f].toFixed(2)}` : `always ${signed(mean[f])}, its unit never fires`;
    const words = `Feature ${f + 1}: ${known}${own === undefined ? "" : `, your drawing ${signed(own)}`}`;
    return el("li", { title: words }, el("div", { class: "box", role: "img", "aria-label": words }, svg, mark),
      el("p", {}, el("b", {}, String(f + 1)), el("span", {}, std[f] ? `${signed(mean[f])} ± ${std[f].toFixed(2)}` : `always ${signed(mean[f])}`)));
  }));
  $(".spread .key", element).hidden = !landed;
};
const bell = (x, mean, std) => Math.exp(-.5 * ((x - mean) / std) ** 2) / (std * Math.sqrt(2 * Math.PI)); // N(mean, std^2)

// ---- calibration: how often it was right when it was so sure
const filled = () => data.calibration.count.map((count, b) => ({ b, count, sure: data.calibration.confidence[b], right: data.calibration.accuracy[b] })).filter((one) => one.count);
const wilson = ({ count, right }) => { // 95 % interval of a share of `count` digits (Wilson 1927)
  const z = 1.96, middle = right + z * z / (2 * count), half = z * Math.sqrt(right * (1 - right) / count + z * z / (4 * count * count));
  return [middle - half, middle + half].map((v) => v / (1 + z * z / count));
};
const BINS = () => data.calibration.count.length;
const frame = (w, h) => { // from the lowest bin with anyone in it
  const low = Math.floor(filled()[0].b / BINS() * 10) / 10;
  return { low, x: (v) => 44 + (w - 56) * (v - low) / (1 - low), y: (v) => 8 + (h - 34) * (1 - v) };
};
const drawReliability = (svg, w, h) => {
  if (!data) return;
  const { low, x, y } = frame(w, h), word = (v) => `${Math.round(100 * v)} %`;
  for (const v of [0, .5, 1]) svg.append(el("line", { class: "gridline", x1: x(low), x2: x(1), y1: y(v), y2: y(v) }), el("text", { x: 36, y: y(v) + 4, "text-anchor": "end" }, word(v)));
  for (const v of [low, (1 + low) / 2, 1]) svg.append(el("text", { x: x(v), y: h - 4, "text-anchor": v === 1 ? "end" : v === low ? "start" : "middle" }, word(v)));
  svg.append(el("line", { class: "axis perfect", x1: x(low), y1: y(low), x2: x(1), y2: y(1) }));
  for (const one of filled()) {
    const [from, to] = wilson(one);
    svg.append(el("line", { class: "may", x1: x(one.sure), x2: x(one.sure), y1: y(from), y2: y(to) }));
    svg.append(el("circle", { class: one.b === pointed ? "dot on" : "dot", cx: x(one.sure), cy: y(one.right), r: 2.5 + 1.1 * Math.log10(one.count) }));
  }
};
const reliability = $(".reliability", element);
let pointed = null;
const redraw = Lab.plot(reliability, () => (Lab.narrow() ? 280 : 330), drawReliability);
const WORDS = (e) => (e <= .005 ? "its confidence can be taken at its word" : e <= .02 ? "its confidence is nearly honest" : "its confidence is not to be trusted");
const share = (v) => `${(100 * v).toFixed(v > .99 && v < 1 ? 2 : 0)} %`;
const tellBin = (bin) => {
  const { b, count, right } = bin, edge = (v) => Math.round(100 * v / BINS());
  pointed = b; redraw();
  const words = `Between ${edge(b)} and ${edge(b + 1)} % sure: ${number(count)} ${count > 1 ? "digits" : "digit"}, ${share(right)} read right.`;
  $(".bin", element).textContent = words; reliability.setAttribute("aria-label", `Calibration curve. ${words}`);
};
const drawHonesty = () => {
  const { calibration_error: error, nll, brier } = data.scores;
  $(".honest", element).textContent = `Expected calibration error ${(100 * error).toFixed(2)} %: ${WORDS(error)}`;
  tellBin(filled().at(-1));
  $(".bin", element).append(` Log-likelihood −${nll.toFixed(4)}, Brier score ${brier.toFixed(4)}.`);
};
for (const kind of ["pointermove", "pointerdown"]) reliability.addEventListener(kind, (e) => {
  if (!data) return;
  const r = reliability.getBoundingClientRect(), { x } = frame(r.width, r.height), off = (one) => Math.abs(x(one.sure) - (e.clientX - r.left));
  tellBin(filled().reduce((a, b) => (off(b) < off(a) ? b : a)));
});
reliability.addEventListener("keydown", (e) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key], all = data && filled();
  if (!step || !all) return;
  e.preventDefault(); tellBin(all[Lab.clamp(all.findIndex((one) => one.b === pointed) + step, 0, all.length - 1)]);
});

// ---- one question a network
const paint = () => {
  buildMatrix(); buildMistakes(); chooseLayer(data.layers.findIndex((one) => one.name === data.last.name)); drawHistograms(); drawHonesty();
  const total = sum(data.confusion.flat()), right = sum(DIGITS.map((d) => data.confusion[d][d]));
  head(`${number(total - right)} of ${number(total)} test digits are misread`);
};
const head = (words) => { const heading = $(".population-title", document); if (heading) heading.textContent = words; };
const say = (sentence) => {
  $(".missing", element).hidden = !sentence; $(".missing", element).textContent = sentence; $(".whole", element).hidden = Boolean(sentence);
};
const known = {};
const ask = async (network) => {
  for (;;) {
    const answer = await server.people({ network });
    if (!answer?.busy) return answer ?? { error: "The connection is lost. Choose a network to try again." };
    await new Promise((go) => setTimeout(go, RETRY));
  }
};
const signedLayer = (one) => ({ ...one, values: Lab.signed(one.values) });
const load = async () => {
  const mine = asked = wanted, answer = known[mine] ?? await ask(mine);
  if (mine !== wanted) return;
  if (answer.error) { asked = null; data = null; say(answer.error); head("Ten thousand digits at once"); return; }
  known[mine] ??= { ...answer, network: mine, pictures: await Lab.sprite(answer.sheet), layers: answer.layers.map(signedLayer), last: signedLayer(answer.last) };
  if (mine !== wanted) return;
  data = known[mine];
  say(""); paint();
  element.dataset.network = mine;
};
const refresh = () => { if (near && wanted && wanted !== asked) load(); };
Lab.follow("reading", (reading) => {
  if (reading.final && reading.seen !== seen) { seen = reading.seen; if (data) drawHistograms(); }
  if (reading.final && reading.network) { wanted = reading.network; refresh(); }
});
Lab.follow("landing", (next) => { landing = next; if (data) drawHistograms(); });
Lab.attend(element, (here) => { near = here; refresh(); });
Lab.repaint(() => { if (data) { const was = [layer, chosen, open]; buildMatrix(); buildMistakes(); [layer, chosen] = was; show(...was[2]); paintMeans(); redraw(); } });
say("");
element.dataset.ready = 1;
