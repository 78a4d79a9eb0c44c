const { $, $$, bytes, el, inkScale, narrow, paint, repaint } = Lab;
const ANY = -1, LABELS = [ANY, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const name = (d) => (d === ANY ? "any" : String(d)), words = (d) => (d === ANY ? "any digit" : Lab.named(d));
const say = (text, aloud = text) => { $(".left", element).textContent = text; $(".announce", element).textContent = aloud; };
let film = { run: null, total: 1, labels: [ANY], alpha_bar: [0, 1], x: [], x0: [], eps: [] };
let chosen = ANY, follow = true, started = 0, sampling = false, halted = false, moved = "", away = false; // moved: the frame last told to the room; away: a label is chosen that the film is not of

// One label's picture in a frame; a label that was not asked for shows the noise all started from. Of a long film only
// one label has every frame: another keeps the last it has.
const column = () => Math.max(0, film.labels.indexOf(chosen));
const held = (k, c, frames = film.x) => { while (k > 0 && !frames[k]?.[c]) k--; return k; };
const cell = (frames, k, c) => frames[held(k, c, frames)]?.[c];
const received = () => film.x.length - 1;

// ---- pictures
function showFrame(k) {
  k = Math.min(k, received());
  if (k < 0) return;
  const scale = inkScale(0, 255), c = column();
  k = held(k, c);
  paint($(".xt", element), cell(film.x, k, c), 28, 28, scale);
  paint($(".guess", element), cell(film.x0, k, c), 28, 28, scale);
  const noise = cell(film.eps, k, c); // a stored film's comes a moment later
  if (noise) paint($(".eps", element), noise, 28, 28, scale);
  $$(".ten canvas", element).forEach((canvas, i) => {
    const own = film.labels.indexOf(LABELS[i]);
    paint(canvas, own < 0 ? cell(film.x, 0, 0) : cell(film.x, k, own), 28, 28, scale);
    canvas.parentElement.classList.toggle("absent", own < 0);
  });
  const says = k === 0 ? "Pure noise" : k === film.total ? "Done" : `Step ${k} of ${film.total}`;
  $(".step", element).textContent = says;
  $(".xt", element).setAttribute("aria-label", `The noisy picture: ${says}`); $(".guess", element).setAttribute("aria-label", `The network's guess: ${says}`);
  const moment = `${film.run} ${k}`;
  if (moment !== moved) { moved = moment; Lab.tell("frame", { index: k, total: film.total, alpha_bar: film.alpha_bar }); }
}

function paintStrip() {
  const many = narrow() ? 8 : 14, c = column();
  const at = Array.from({ length: many }, (_, j) => Math.round(j / (many - 1) * (player.frames - 1)));
  Lab.paintStrip($(".strip canvas", element), at.map((k) => (k <= received() ? cell(film.x, k, c) : null)), 2);
}

// ---- the player; scrubbing stays within the frames that have arrived
const player = Lab.film($(".film", element), {
  frames: 2, label: "Step of the denoising",
  show: (k) => {
    if (k > received() && received() >= 0) return player.seek(received());
    follow = k === received(); showFrame(k);
  },
  text: (k) => (k === 0 ? "pure noise" : `step ${k} of ${film.total}`),
});

$(".loop", element).addEventListener("click", (e) => { player.loop = !player.loop; e.currentTarget.setAttribute("aria-pressed", player.loop); });

// ---- labels: the tiles choose what is large; which film there is, only Generate changes
const ten = $(".ten", element);
for (const d of LABELS) {
  const button = el("button", { "aria-label": d === ANY ? "No label: any digit" : `Label ${d}`, onclick: () => { choose(d); window.labLabel = name(d); trigger("input"); } },
    el("canvas", { class: "pixels" }), name(d));
  ten.append(button);
}
function choose(d) {
  chosen = d;
  $$("button", ten).forEach((b, i) => b.setAttribute("aria-pressed", LABELS[i] === d));
  if (received() < 0) return;
  paintStrip(); showFrame(player.frame); announce();
  const elsewhere = !sampling && !film.labels.includes(d);
  if (elsewhere) say(`This film is of ${words(film.labels[0])}, not of ${words(d)}: Generate makes another.`); else if (away) say("");
  away = elsewhere;
}

// ---- the room's other parts work on this film, and may turn it to a frame
const announce = () => Lab.tell("film", { ...film, column: column() });
Lab.hear("seek", (k) => { player.stop(); player.seek(k); });

// ---- frames arrive
function begin(value) {
  film = { run: value.run, total: value.total, labels: value.labels, alpha_bar: value.alpha_bar, settings: value.settings, x: [], x0: [], eps: [] };
  if (!film.labels.includes(chosen) && film.labels.length === 1) choose(film.labels[0]);
  player.stop(); player.frames = film.total + 1; follow = true;
  $(".recorded", element).hidden = !value.recorded;
}
const inflate = async (text) => new Uint8Array(await new Response(new Blob([bytes(text)]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());
let last = Promise.resolve(); // frames are unpacked one after the other
function add(value) {
  if (!value?.run) return;
  if (value.sprite) return load(value);
  last = last.then(async () => take(value, Lab.digits(await inflate(value.cells))));
}
function take(value, cells) {
  if (halted) return; // it was on its way when Stop was pressed: what is said of that moment stays true
  if (value.run !== film.run) { begin(value); busy(true); }
  const frames = [film.x, film.x0, film.eps].map((all) => (all[value.index] = []));
  value.columns.forEach((c, j) => frames.forEach((frame, part) => { const found = cells[part * value.columns.length + j]; if (found) frame[c] = found; }));
  if (value.index % Math.max(1, Math.floor(film.total / 14)) === 0 || value.index === film.total) paintStrip();
  if (value.index >= player.frames) { player.frames = value.index + 1; paintStrip(); } // the end was told before the last were unpacked
  if (follow) player.seek(value.index);
  progress(); announce();
  if (value.index === film.total) busy(false);
}
async function load(value) { // a stored film: cut the sprite into frames
  const rows = await Lab.cells(value.sprite), count = value.labels.length;
  if (film.run && film.run !== value.run) return; // a visitor's own run came first
  begin(value);
  rows.forEach((row, k) => { film.x[k] = row.slice(0, count); film.x0[k] = row.slice(count); });
  paintStrip(); player.seek(Math.round(.6 * value.total)); announce();
  const own = film, noise = await Lab.cells(value.noise);
  own.eps = noise; if (film === own) showFrame(player.frame);
  element.dataset.ready = 1;
}

// ---- to take away: the chosen label's film, as it stands
const MOST = { gif: 51, png: 14 }, fetchFile = Lab.newest(server.take_away);
const taken = (kind) => {
  const many = Math.min(MOST[kind], received() + 1), c = column(), at = Array.from({ length: many }, (_, j) => Math.round(j / (many - 1) * received()));
  const all = (frames) => Lab.text(Uint8Array.from(at.flatMap((k) => [...cell(frames, k, c)])));
  return { kind, x: all(film.x), x0: all(film.x0) };
};
for (const kind of ["gif", "png"]) Lab.takeaway($(`.take .${kind}`, element),
  async () => (received() < 1 ? { error: "There is no film yet. Press Generate." } : fetchFile(taken(kind))), () => `digit-${name(film.labels[column()])}.${kind}`);

// What has arrived is all there will be: a film that was stopped plays to where it was
function whole() {
  if (received() < 0 || received() === film.total) return;
  player.stop(); player.frames = received() + 1; player.seek(player.frame); paintStrip();
}

// ---- busy: the picture so far, a line under it, the time left
function busy(on) {
  const focused = document.activeElement?.id; // Stop stands where Generate did: the keyboard stays there
  sampling = on; document.getElementById("diffusion-room")?.classList.toggle("sampling", on);
  if (["generate", "new-noise"].includes(focused) && on) document.getElementById("stop").focus({ preventScroll: true });
  if (focused === "stop" && !on) document.getElementById("generate").focus({ preventScroll: true });
  $(".busy", element).hidden = !on;
  if (on) started = performance.now(); else { say("", received() === film.total ? "Done" : ""); whole(); }
}
function progress() {
  if (!sampling) return;
  const done = received() / film.total, seconds = (performance.now() - started) / 1000 * (1 - done) / Math.max(done, 1e-6);
  $(".busy i", element).style.width = `${100 * done}%`;
  if (received() > 1) $(".left", element).textContent = `Step ${received()} of ${film.total}, about ${Math.max(1, Math.round(seconds))} s left`;
}
Lab.hear("sampling", (state) => {
  if (state === "start") { halted = false; busy(true); say("Waiting for the network"); }
  if (["end", "refused"].includes(state) && sampling) busy(false);
  if (state === "stop" && sampling) {
    halted = true;
    busy(false);
    say(received() < film.total ? `Stopped at step ${Math.max(0, received())}. You can scrub what there is.` : "");
  }
});

choose(ANY);
Lab.follow("label", (text) => choose(text === "any" ? ANY : +text)); // a link may have spoken before this script was there
watch("value", () => add(props.value));
add(props.value);
repaint(() => { if (received() >= 0) { paintStrip(); showFrame(player.frame); } });
