const { $, el, inkScale, named, paint } = Lab;
const EARLIEST = .12, APART = .2; // shares of the film
let film = null, at = 0, decided = null, reader = null, fork = null, lots = []; // lots: crowds of sixteen
let wish = { label: props.value.branch.labels[1], sampler: "ddim", guidance: null, seed: null }; // a seed of its own once other noise was asked for
const { top } = Lab, label = (d) => (d === null ? "no label" : `label ${d}`);
const slider = $("input", element), own = () => film?.settings;

// ---- two films, one head
const read = (cell) => { const p = reader?.run(cell).p; return p ? { digit: top(p), says: Lab.readAs(p) } : null; };
const show = (i) => {
  if (!fork) return;
  for (const side of ["old", "new"]) {
    const figure = $(`.${side}`, element), guess = fork[side].x0[i], seen = read(guess);
    paint($("canvas", figure), guess, 28, 28, inkScale(0, 255));
    $(".reads", figure).textContent = seen?.says ?? ""; $("canvas", figure).setAttribute("aria-label", `The guess of the ${side} film, ${seen?.says ?? ""}`);
  }
  const step = fork.at[i], total = fork.at.at(-1);
  $(".moment", element).textContent = i === 0 ? `Step ${step}: here they part` : step >= total ? "Done" : `Step ${step} of ${total}`;
};
const player = Lab.film($(".both", element), { frames: 2, label: "Step of both films", show, text: (i) => `step ${fork?.at[i] ?? i}` });
const strips = () => {
  const many = Lab.narrow() ? 6 : 12;
  for (const side of ["old", "new"]) Lab.paintStrip($(`.${side}s`, element), Array.from({ length: many }, (_, j) => fork[side].x[Math.round(j / (many - 1) * (fork[side].x.length - 1))]), 2);
};
const tell = () => {
  const ends = ["old", "new"].map((side) => read(fork[side].x.at(-1))?.digit);
  const same = fork.new.x.at(-1).every((v, i) => v === fork.old.x.at(-1)[i]);
  $(".verdict-note", element).textContent = same ? "It ends the same, to the pixel." : ends[1] === undefined ? "" : ends[0] === ends[1] ? `Both end as ${named(ends[0])}.` : `The old ends as ${named(ends[0])}, the branch as ${named(ends[1])}.`;
};
const titles = () => fork?.labels.forEach((d, i) => { // a film that is no longer the one above is called so
  const whose = (!film || fork.run === film.run ? ["The film", "The branch"] : ["An earlier film", "Its branch"])[i];
  $(`.${["old", "new"][i]} .which`, element).textContent = `${whose}: ${label(d)}`;
});
const open = (answer, run) => {
  const cells = ({ x, x0 }) => ({ x: Lab.digits(Lab.bytes(x)), x0: Lab.digits(Lab.bytes(x0)) });
  fork = { ...answer, run, old: cells(answer.old), new: cells(answer.new) };
  titles();
  player.stop(); player.frames = fork.at.length; strips(); player.seek(player.frames - 1); tell();
  element.dataset.branched = `${fork.at[0]} ${fork.labels.join(" ")}`;
};

// ---- where, and with what
const place = () => Math.min(at, (film?.total ?? 1) - 1);
const state = () => { $(".from", element).textContent = film ? `From step ${place()} of ${film.total}` : ""; $(".other", element).disabled = !fresh(); $(".amount", element).textContent = wish.guidance === 1 ? "1.0, plain" : (wish.guidance ?? 1).toFixed(1); };
const markLabel = Lab.labels($(".label", element), (d) => { wish.label = d; go(); }, true);
const markSampler = Lab.segments($(".samplers", element), props.value.samplers, (name) => { wish.sampler = name; state(); go(); });
slider.addEventListener("input", () => { wish.guidance = +slider.value; state(); });
slider.addEventListener("change", () => go());
const branch = Lab.asking(element, server.branch);
const fresh = () => props.value.fresh.includes(wish.sampler) || (wish.sampler === "ddim" && own()?.eta > 0); // adds noise on the way: another seed is another branch
const go = async () => {
  if (!own()) return;
  const { run } = film, seed = fresh() && wish.seed !== null ? wish.seed : own().seed, { label, sampler, guidance } = wish;
  const answer = await branch({ settings: own(), column: film.column, step: place(), label, sampler, guidance, seed });
  if (!answer) return;
  open(answer, run);
  if (film.run === run) address.write({ branch: [answer.at[0], label ?? "any", sampler, guidance, seed].join("*") });
  if (!Lab.calm) { player.seek(0); player.play(); }
};
const address = Lab.address("diffusion"), given = /^(\d+)\*(any|\d)\*(\w+)\*(\d+(?:\.\d+)?)\*(\d+)$/.exec(address.read("branch") ?? "");
let linked = () => Boolean(given); // a link's branch is still to come
$(".go", element).addEventListener("click", go);
$(".other", element).addEventListener("click", () => { wish.seed = Lab.another(wish.seed); go(); });

// ---- sixteen, counted
const counted = (lot) => {
  const counts = Array(10).fill(0);
  for (const cell of lot.ends) counts[top(reader.run(cell).p)]++;
  return counts.map((n, d) => [n, d]).filter(([n]) => n).sort((a, b) => b[0] - a[0]).map(([n, d]) => `${d} (${n === 1 ? "once" : `${n}\u00a0times`})`).join(", ");
};
const rows = () => $(".rows", element).replaceChildren(...lots.map((lot) => {
  const many = el("div", { class: "many", role: "img", "aria-label": `Sixteen digits from step ${lot.step}` });
  for (const cell of lot.ends) { const canvas = el("canvas", { class: "pixels" }); paint(canvas, cell, 28, 28, inkScale(0, 255)); many.append(canvas); }
  return el("div", { class: "lot" }, el("div", {}, el("b", {}, `From step ${lot.step}${lot.when}${film && film.run !== lot.run ? ", in an earlier film" : ""}`), el("span", { class: "note" }, reader ? counted(lot) : "")), many);
}));
const lot = (answer, run, when = "") => ({ step: answer.step, run, when, ends: Lab.digits(Lab.bytes(answer.ends)) });
const sixteen = Lab.newest(server.sixteen);
const send = $(".send", element);
send.addEventListener("click", async () => {
  if (!own()) return;
  const { settings, column, total, run } = film, known = decided?.run === run && decided.k > 1, middle = known ? decided.k : Math.round(.3 * total);
  // the last step adds no noise: from there all sixteen would be one
  const steps = [Math.min(middle / 2, middle - EARLIEST * total), middle + APART * total].map((k) => Math.round(Lab.clamp(k, 0, Math.max(0, total - 2))));
  const found = [];
  const ready = Lab.busy(send);
  for (const step of steps) {
    const answer = await sixteen({ settings, column, step, label: settings.labels[column], seed: Lab.another() });
    if (!answer || answer.error) { if (answer) Lab.toast(answer.error); break; }
    found.push(lot(answer, run, !known ? "" : answer.step < middle ? ", before it was decided" : ", after it was decided")); lots = found; rows();
  }
  ready(); element.dataset.sent = lots.map((l) => l.step).join(" ");
});

Lab.follow("film", (told) => {
  const first = !film || told.run !== film.run; film = told;
  if (first && !linked()) address.write({ branch: null }); // a link to it would lead elsewhere
  if (first && film.settings) { wish.guidance = film.settings.guidance; wish.sampler = film.settings.sampler; wish.seed = null; slider.value = wish.guidance; markSampler(wish.sampler); titles(); }
  if (first) rows();
  state();
});
Lab.follow("frame", ({ index }) => { at = index; state(); });
Lab.hear("decided", (found) => { decided = found; });
if (given) linked = Lab.arrived(({ total }) => { // a link has chosen where to leave the film, and how
  const [, step, label, sampler, guidance, seed] = given;
  wish = { label: label === "any" ? null : +label, sampler: Object.hasOwn(props.value.samplers, sampler) ? sampler : "ddim", guidance: Lab.clamp(+guidance, 0, 8), seed: +seed };
  slider.value = wish.guidance; markLabel(wish.label); markSampler(wish.sampler); Lab.tell("seek", Math.min(+step, total - 1)); go();
});
markLabel(wish.label); markSampler(wish.sampler); open(props.value.branch, "recorded"); lots = props.value.sixteen.map((found) => lot(found, "recorded")); rows(); state();
Lab.reads(element, (found) => { reader = found; show(player.frame); tell(); rows(); element.dataset.ready = 1; });
Lab.repaint(() => { strips(); show(player.frame); rows(); });
