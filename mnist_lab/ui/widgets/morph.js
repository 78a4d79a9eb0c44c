const { $, $$, el, paint, inkScale } = Lab;
const A_LEG = 30, MOST = 8, LETTERS = "ABCDEFGH"; // frames from one stop to the next
let generator = null, stops = [], chosen = 0, path = "spherical";
const NAMES = { linear: ["Straight", "cuts inside the ring: the middle turns plain"], spherical: ["Along the ring", "every stop is a likely digit"], centre: ["Through the centre", "by way of the most average digit"] };
const one = (digit) => Array.from({ length: 10 }, (_, d) => +(d === digit));
const mixed = (a, b, t) => Array.from(a, (v, i) => v + (b[i] - v) * t);
const length = (z) => Math.hypot(...z);

// ---- a point of one leg, as mnist_lab.latent.paths has it
const slerp = (a, b, t) => {
  const [la, lb] = [length(a), length(b)], angle = Math.acos(Lab.clamp(a.reduce((s, v, i) => s + v * b[i], 0) / (la * lb), -1, 1));
  if (!(angle > 1e-4 && angle < Math.PI - 1e-4)) return mixed(a, b, t);
  const l = la + (lb - la) * t, p = Math.sin((1 - t) * angle) / Math.sin(angle) * l / la, q = Math.sin(t * angle) / Math.sin(angle) * l / lb;
  return Array.from(a, (v, i) => p * v + q * b[i]);
};
const WAYS = { linear: mixed, spherical: slerp, centre: (a, b, t) => (t < .5 ? Array.from(a, (v) => v * (1 - 2 * t)) : Array.from(b, (v) => v * (2 * t - 1))) };
const ring = () => (player.loop ? [...stops, stops[0]] : stops);
const point = (path, share) => {
  const all = ring(), legs = all.length - 1, k = Math.min(legs - 1, Math.floor(share * legs)), t = share * legs - k;
  return { z: WAYS[path](all[k].z, all[k + 1].z, t), label: mixed(one(all[k].digit), one(all[k + 1].digit), t), k, t };
};

// ---- three lanes, one play head
const lanes = Object.entries(NAMES).map(([path, [title, words]]) => {
  const lane = el("div", { class: "lane", "data-path": path }, el("button", { class: "name", "aria-label": `${title}: the path to download`, onclick: () => choose(path) }, el("b", {}, title), words), el("div", { class: "way" }, el("canvas")),
    el("div", { class: "now sheet" }, el("canvas", { class: "pixels", role: "img" })), el("p", { class: "length note" }));
  $(".lanes", element).append(lane); return { path, lane, title, frames: [] };
});
const choose = (name) => {
  path = name; lanes.forEach((l) => { l.lane.classList.toggle("chosen", l.path === path); $(".name", l.lane).setAttribute("aria-pressed", l.path === path); });
  $(".taken", element).textContent = `of the path ${NAMES[path][0].toLowerCase()}`;
};
const show = (i) => {
  if (!generator || !stops.length) return;
  const share = player ? i / (player.frames - 1) : 0, scale = inkScale(0, 255);
  for (const { path, lane, title } of lanes) {
    const { z, label } = point(path, share), canvas = $(".now canvas", lane);
    paint(canvas, generator.make(z, label), 28, 28, scale); canvas.setAttribute("aria-label", `${title}: the digit at the head`);
    $(".length", lane).replaceChildren("length", el("b", {}, length(z).toFixed(1)));
  }
  $(".where", element).textContent = says(share);
};
const says = (share) => {
  const { k, t } = point("linear", share), next = LETTERS[(k + 1) % stops.length];
  return t < .005 ? `At ${LETTERS[k]}` : t > .995 ? `At ${next}` : `${Math.round(100 * t)} % of the way from ${LETTERS[k]} to ${next}`;
};
const player = Lab.film($(".film", element), { frames: A_LEG + 1, label: "Place on the morph", show: (i) => show(i), text: (i) => says(i / (player.frames - 1)) });
player.loop = true;

const strips = () => {
  const many = Lab.narrow() ? 7 : 17;
  for (const l of lanes) {
    l.frames = Array.from({ length: many }, (_, i) => { const { z, label } = point(l.path, i / (many - 1)); return generator.make(z, label); });
    Lab.paintStrip($(".way canvas", l.lane), l.frames, 3);
  }
};

// ---- the stops
const draw = () => {
  const box = $(".stops", element), scale = inkScale(0, 255), focused = box.contains(document.activeElement);
  box.replaceChildren(...stops.map((s, i) => {
    const canvas = el("canvas", { class: "pixels" });
    paint(canvas, generator.make(s.z, one(s.digit)), 28, 28, scale);
    return el("button", { class: i === chosen ? "chosen" : "", "aria-pressed": i === chosen, "aria-label": `Stop ${LETTERS[i]}, a ${s.digit}`, onclick: () => { chosen = i; draw(); player.stop(); player.seek(i * A_LEG); } }, canvas);
  }), ...(stops.length < MOST ? [el("button", { class: "more", "aria-label": "One more stop", title: "One more stop", onclick: () => more() }, "+")] : []));
  if (focused) box.children[chosen].focus({ preventScroll: true }); // the keyboard goes on from the stop that it chose
  const s = stops[chosen];
  $(".which", element).textContent = `Stop ${LETTERS[chosen]}${s.name ? `, ${s.name}` : ""}`;
  $$(".choices button", element).forEach((b, d) => b.setAttribute("aria-pressed", d === s.digit));
  $(".away", element).disabled = stops.length < 3;
};
const changed = () => {
  chosen = Math.min(chosen, stops.length - 1); player.frames = (ring().length - 1) * A_LEG + 1;
  draw(); strips(); player.seek(Math.min(player.frame, player.frames - 1));
};
const latents = Lab.newest((payload) => server.latents(payload));
const hand = async (old, digit) => { // a stop from a new seed, in the place of an old one or after the last
  const seed = Lab.another(...stops.map((stop) => stop.seed)), answer = await latents({ seeds: [seed] });
  if (!answer) return;
  if (answer.error) { Lab.toast(answer.error); return; }
  const i = stops.indexOf(old), place = i < 0 ? Math.min(stops.length, MOST - 1) : i; // others may have come and gone meanwhile
  stops[place] = { digit, seed, z: Lab.floats(answer.latents[0]) }; chosen = place; changed();
};
const more = () => hand(null, (stops.at(-1).digit + 3) % 10);
$(".choices", element).append(...one(-1).map((_, d) => el("button", { onclick: () => { stops[chosen].digit = d; changed(); } }, String(d))));
$(".dice", element).addEventListener("click", () => hand(stops[chosen], stops[chosen].digit));
$(".away", element).addEventListener("click", () => { stops.splice(chosen, 1); changed(); });
$(".loop", element).addEventListener("click", (e) => { player.loop = !player.loop; e.currentTarget.setAttribute("aria-pressed", player.loop); changed(); });
Lab.hear("stop", ({ z, digit, name }) => { if (stops.length >= MOST) stops.pop(); stops.push({ z: Float32Array.from(z), digit, name }); chosen = stops.length - 1; if (generator) changed(); });

// ---- to take away: made by the server from the same stops
const film = Lab.newest((payload) => server.film(payload));
for (const kind of ["gif", "png"]) Lab.takeaway($(`.${kind}`, element), () => film({ kind, path, loop: player.loop, stops: stops.map((s) => ({ digit: s.digit, z: Lab.unfloats(s.z) })) }), () => `morph.${kind}`);

stops = props.value.stops.map((s) => ({ ...s, z: Lab.floats(s.z) })); choose(path);
Lab.near(element, async () => {
  try { generator = await Lab.generator(); } catch { return; }
  changed(); player.seek(Math.round(.4 * A_LEG)); Lab.repaint(() => { draw(); strips(); show(player.frame); }); element.dataset.ready = 1;
});
