const { $, $$, el, inkScale, line, paint } = Lab;
const RUNNERS = props.value.samplers; // key -> [name, what is particular about it, a short name]
const MOST = props.value.most, PLAYS = 2600; // ms of a replayed race
let film = null, reader = null, laps = [];
const { top } = Lab;

const lanes = props.value.laps.map(({ sampler, steps }, i) => {
  const who = el("select", { "aria-label": `Sampler in lane ${i + 1}` }, ...Object.entries(RUNNERS).map(([key, [name]]) => el("option", { value: key }, name)));
  const count = el("input", { type: "number", min: 1, max: MOST, value: steps, "aria-label": `Steps in lane ${i + 1}`, title: "steps" });
  const lane = el("li", { class: "lane" }, el("div", { class: "who" }, who, count, el("span", { class: "note" })), el("div", { class: "track" }), el("div", { class: "result" }, el("b"), el("span", { class: "note reads" }), el("span", { class: "note ms" })));
  who.value = sampler; $(".lanes", element).append(lane);
  const run = () => {
    address.write({ lanes: lanes.map((l) => `${l.who.value}.${l.count.value}`).join("*") });
    return film && raced !== of(film) ? all() : one(i).then(() => play()); // lanes of another film would not be of one noise
  };
  who.addEventListener("change", run); count.addEventListener("change", () => { count.value = Lab.clamp(Math.round(+count.value) || 1, 1, MOST); run(); });
  return { who, count, lane };
});

// ---- the lanes, as far as `part` of the longest race; one call is the same width in every lane
const lay = (part) => {
  const most = Math.max(1, ...laps.map((l) => l?.calls ?? 0)), small = Lab.narrow() ? 32 : 40, large = Lab.narrow() ? 52 : 64;
  lanes.forEach(({ lane, who }, i) => {
    const lap = laps[i], track = $(".track", lane), [, how] = RUNNERS[who.value];
    $(".who .note", lane).textContent = how; track.replaceChildren();
    if (!lap) { $(".result b", lane).textContent = "running"; $$(".result .note", lane).forEach((n) => { n.textContent = ""; }); track.style.setProperty("--done", "0%"); return; }
    const width = track.clientWidth - large, end = width * lap.calls / most, done = part * most >= lap.calls, room = Math.max(1, Math.min(lap.x.length, Math.floor(end / (small + 6))));
    track.style.setProperty("--done", `${Math.min(end, part * width)}px`);
    for (let j = 0; j < room; j++) {
      const k = Math.floor(j / room * lap.x.length);
      if (lap.at[k] > part * most) continue;
      const canvas = el("canvas"); canvas.style.left = `${end * j / room}px`; paint(canvas, lap.x[k], 28, 28, inkScale(0, 255)); track.append(canvas);
    }
    if (done) { const canvas = el("canvas", { class: "last" }); canvas.style.left = `${end}px`; paint(canvas, lap.end, 28, 28, inkScale(0, 255)); track.append(canvas); }
    $(".result b", lane).textContent = `${done ? lap.calls : Math.floor(part * most)} call${lap.calls > 1 ? "s" : ""}`;
    if (done && reader) lap.p ??= reader.run(lap.end).p;
    $(".reads", lane).textContent = done && lap.p ? Lab.readAs(lap.p) : "\u00a0"; $(".ms", lane).textContent = done ? `${(lap.ms / 1000).toFixed(2)} s${lap.distance === null ? "" : `, distance ${lap.distance.toFixed(1)}`}` : "\u00a0";
  });
};
const tell = () => {
  if (!reader || laps.some((l) => !l)) return;
  const ends = laps.map((l) => top(l.p ??= reader.run(l.end).p)), all = ends.every((d) => d === ends[0]), least = Math.min(...laps.map((l) => l.calls)), few = [...new Set(laps.filter((l) => l.calls === least).map((l) => RUNNERS[l.sampler][0]))];
  const [label] = laps[0].of.labels, earlier = film && raced?.split(" ")[0] !== film.run ? "These lanes are of an earlier film. " : "";
  const outcome = all ? `all four write ${Lab.named(ends[0])}` : `they end as ${[...new Set(ends)].join(", ")}`;
  $(".says", element).textContent = `${earlier}${Lab.capital(`${label === null ? "" : `told ${label}: `}${outcome}`)}. The fewest calls: ${few.join(" and ")}, ${least}.`;
  element.dataset.raced = laps.map((l) => l.calls).join(" ");
};
let playing = 0;
const play = () => {
  const mine = ++playing, start = performance.now(); tell();
  if (Lab.calm) return lay(1);
  const go = (now) => { if (mine !== playing) return; const part = Lab.clamp((now - start) / PLAYS); lay(part); if (part < 1) requestAnimationFrame(go); };
  requestAnimationFrame(go);
};

// ---- running
const open = (answer, of) => ({ ...answer, of, distance: distance({ ...answer, of }), x: Lab.digits(Lab.bytes(answer.x)), end: Lab.bytes(answer.end) });
const asks = lanes.map(() => Lab.newest(server.lap)), of = (told) => `${told.run} ${told.column}`;
const before = []; // the last lap of each lane: it stays if another is refused
let raced = null; // the film all laps are of
const one = async (i, told = film) => {
  if (!told?.settings) return;
  before[i] = laps[i] ?? before[i];
  laps[i] = null; lay(1); plot?.(); delete element.dataset.raced;
  const answer = await asks[i]({ settings: told.settings, column: told.column, sampler: lanes[i].who.value, steps: +lanes[i].count.value });
  if (answer?.error) Lab.toast(answer.error);
  if (answer) { laps[i] = answer.error ? before[i] : open(answer, { ...told.settings, labels: [told.settings.labels[told.column]] }); lay(1); tell(); }
  plot?.();
};
const address = Lab.address("diffusion"), given = /^(\w+\.\d+\*){3}\w+\.\d+$/.test(address.read("lanes") ?? "") ? address.read("lanes").split("*").map((one) => one.split(".")) : [];
const again = $(".again", element);
const all = async () => {
  const told = film, ready = Lab.busy(again); raced = told && of(told);
  for (let i = 0; i < lanes.length; i++) await one(i, told);
  ready(); play();
};
again.addEventListener("click", all);

// ---- what was measured of each sampler, once, on many digits: a line a sampler, a dot for every lane that has run
const { measured } = props.value, LEFT = 40, FOOT = 22, SHORT = (name) => RUNNERS[name][2]; // px
const PLAIN = { variance: "small", negative: null, ...props.value.shape }; // of what was measured: told a label, guided all the way
const alike = (s) => measured && s && s.labels[0] !== null && s.interval[0] === 0 && s.interval[1] === 1
  && ["network", "guidance", "schedule"].every((key) => s[key] === measured[key]) && Object.keys(PLAIN).every((key) => s[key] === undefined || s[key] === PLAIN[key]);
const points = (name) => Object.entries(measured.distance_by_calls[name] ?? {}).map(([calls, d]) => ({ calls: +calls, d }));
const distance = ({ of, sampler, calls }) => { // of digits made like a lap's: on the line between measured runs, or null
  const all = alike(of) ? points(sampler) : [];
  if (!all.length || calls < all[0].calls || calls > all.at(-1).calls) return null;
  const k = Math.max(1, all.findIndex((p) => p.calls >= calls)), [a, b] = [all[k - 1], all[k]], t = Math.log(calls / a.calls) / Math.log(b.calls / a.calls);
  return a.d * (b.d / a.d) ** t;
};
const plot = measured && Lab.plot($(".plot", element), () => 240, (svg, w, h) => {
  const runs = Object.keys(measured.distance_by_calls).map((name) => ({ name, points: points(name) }));
  const every = runs.flatMap((r) => r.points), side = (values) => [Math.min(...values), Math.max(...values)].map(Math.log);
  const [x0, x1] = side(every.map((p) => p.calls)), [y0, y1] = side(every.map((p) => p.d)), right = w - 56;
  const x = (calls) => LEFT + (right - LEFT) * (Math.log(calls) - x0) / (x1 - x0), y = (d) => 8 + (h - FOOT - 16) * (1 - (Math.log(d) - y0) / (y1 - y0));
  for (const d of [.5, 1, 2, 5, 10, 20, 50, 100].filter((v) => Math.log(v) >= y0 && Math.log(v) <= y1)) svg.append(el("line", { class: "gridline", x1: LEFT, x2: right, y1: y(d), y2: y(d) }), Lab.words(LEFT - 8, y(d) + 4, d, "end"));
  for (const calls of [3, 5, 10, 20, 50].filter((v) => Math.log(v) <= x1)) svg.append(Lab.words(x(calls), h - 4, calls === 50 ? "50 calls" : calls, "middle"));
  const resting = [];
  for (const run of runs) {
    const dots = laps.filter((l) => l?.sampler === run.name && l.distance !== null);
    svg.append(el("path", { class: `curve ${dots.length ? "runs" : ""}`, d: line(run.points.map((p) => x(p.calls)), run.points.map((p) => y(p.d))) }));
    for (const { calls, distance: d } of dots) svg.append(el("circle", { class: "lap", cx: x(calls), cy: y(d), r: 5 }), Lab.words(x(calls) + 7, y(d) - 8, SHORT(run.name), "start", "runs"));
    if (!dots.length) resting.push({ ...run, at: y(run.points.at(-1).d) });
  }
  resting.sort((a, b) => a.at - b.at).forEach((r, k) => { // who does not race is named where its line ends; the names keep off each other
    r.at = Math.max(r.at, k ? resting[k - 1].at + 15 : 0);
  });
  resting.reverse().forEach((r, k) => { // and above the axis
    r.at = Math.min(r.at, k ? resting[k - 1].at - 15 : h - FOOT - 8);
    svg.append(Lab.words(x(r.points.at(-1).calls) + 8, r.at + 4, SHORT(r.name)));
  });
});
$(".quality", element).hidden = !measured;
if (measured) $(".of", element).textContent = `Frechet distance of ${measured.samples} digits at guidance ${measured.guidance} to those of new people, in our judge's features: lower is better. Dots, and the lanes’ distances: the lanes above, if their film is told a label and made by the same network, guidance and schedule, on the line between measured runs.`;

Lab.follow("film", (told) => {
  const other = film?.run !== told.run; film = told;
  if (raced === null && told.run === "recorded") raced = `recorded ${told.settings.labels.indexOf(props.value.film.labels[0])}`;
  if (other) tell();
});
if (given.length) Lab.arrived(() => { // a link has chosen the lanes
  given.forEach(([sampler, steps], i) => { if (Object.hasOwn(RUNNERS, sampler)) lanes[i].who.value = sampler; lanes[i].count.value = Lab.clamp(+steps, 1, MOST); });
  all();
});
laps = props.value.laps.map((lap) => open(lap, props.value.film)); lay(1);
new ResizeObserver(() => lay(1)).observe($(".lanes", element));
Lab.reads(element, (found) => { reader = found; lay(1); tell(); element.dataset.ready = 1; });
Lab.repaint(() => { lay(1); plot?.(); });
