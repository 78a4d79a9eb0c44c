const { $, $$, clamp, el, inkScale, paint, signScale } = Lab;
let { seeds, label, patch: [y, x, h, w] } = props.value, walk = null, swap = null, reader = null;
const draw = (name, cell) => paint($(`.${name}`, element), cell, 28, 28, inkScale(0, 255));

// ---- the walk
const show = (k) => {
  if (!walk) return;
  draw("noise", walk.noise[k]); draw("end", walk.ends[k]);
  const n = walk.ends.length - 1;
  $(".where", element).textContent = k === 0 ? `Noise ${walk.seeds[0]}` : k === n ? `Noise ${walk.seeds[1]}` : `${Math.round(100 * k / n)} % of the way`;
  $(".reads", element).textContent = Lab.readAs(reader?.run(walk.ends[k]).p); $(".end", element).setAttribute("aria-label", `The digit, ${$(".reads", element).textContent}`);
};
const player = Lab.film($(".walk .film", element), { frames: 13, label: "Place between the two noises", show, text: (k) => `${Math.round(100 * k / 12)} % of the way`, seconds: 2.6 });
const strip = () => walk && Lab.paintStrip($(".walk .strip canvas", element), walk.ends.filter((_, k) => k % 2 === 0), 2);

// ---- the patch
const box = $(".window", element), frame = $("i", box);
const place = () => { for (const [name, v] of Object.entries({ x, y, w, h })) frame.style.setProperty(`--${name}`, v); frame.setAttribute("aria-valuenow", y * 28 + x); frame.setAttribute("aria-valuetext", `row ${y}, column ${x}`); };
const paintSwap = () => {
  if (!swap) return;
  const first = walk?.noise[0] ?? swap.noise[0], other = walk?.noise.at(-1);
  draw("mixed", other ? first.map((v, i) => (i % 28 >= x && i % 28 < x + w && Math.floor(i / 28) >= y && Math.floor(i / 28) < y + h ? other[i] : v)) : swap.noise[1]);
  draw("made", swap.ends[1]);
  const apart = Float32Array.from(swap.ends[1], (v, i) => v - swap.ends[0][i]);
  paint($(".change", element), apart, 28, 28, signScale(255));
  let inside = 0, all = 0;
  apart.forEach((v, i) => { all += Math.abs(v); if (i % 28 >= swap.x && i % 28 < swap.x + w && Math.floor(i / 28) >= swap.y && Math.floor(i / 28) < swap.y + h) inside += Math.abs(v); });
  $(".says", element).textContent = all < 784 ? "Hardly a stroke changed." : `${Math.round(100 * inside / all)} % of the change lies within the window, which is ${Math.round(100 * w * h / 784)} % of the picture.`;
};

// ---- asking
const between = Lab.asking(element, server.between), patch = Lab.asking(element, server.patch);
const openWalk = (answer, ends) => { walk = { seeds: ends, noise: Lab.digits(Lab.bytes(answer.noise)), ends: Lab.digits(Lab.bytes(answer.ends)) }; strip(); player.seek(player.frame); };
const address = Lab.address("diffusion"), given = /^(\d+)\*(\d+)\*(any|\d)\*(\d+)\*(\d+)$/.exec(address.read("walk") ?? "");
const openSwap = (answer, place) => { swap = { noise: Lab.digits(Lab.bytes(answer.noise)), ends: Lab.digits(Lab.bytes(answer.ends)), ...place }; paintSwap(); element.dataset.swapped = `${place.y} ${place.x}`; };
const askSwap = async () => {
  const place = { x, y }, answer = await patch({ seeds, label, patch: [y, x, h, w] });
  if (!answer) return;
  openSwap(answer, place); address.write({ walk: [...seeds, label ?? "any", y, x].join("*") });
};
const askBoth = async () => {
  const asked = seeds, answer = await between({ seeds, label });
  if (!answer) return;
  openWalk(answer, asked); element.dataset.walked = `${asked.join(" ")} ${label}`; await askSwap();
};
const mark = Lab.labels($(".choices", element), (d) => { label = d; askBoth(); }, true);
$$(".row .btn", element).forEach((button, k) => button.addEventListener("click", () => { seeds = seeds.map((s, i) => (i === k ? Lab.another(...seeds) : s)); askBoth(); }));
Lab.drag(box, (u, v) => { x = clamp(Math.round(u * 28 - w / 2), 0, 28 - w); y = clamp(Math.round(v * 28 - h / 2), 0, 28 - h); place(); paintSwap(); }, askSwap);
let soon = 0;
frame.addEventListener("keydown", (e) => {
  const [dx, dy] = Lab.ARROWS[e.key] ?? [0, 0];
  if (!dx && !dy) return;
  e.preventDefault(); x = clamp(x + dx, 0, 28 - w); y = clamp(y + dy, 0, 28 - h); place(); paintSwap(); clearTimeout(soon); soon = setTimeout(askSwap, 400);
});

mark(label); place(); openWalk(props.value.between, seeds); openSwap(props.value.patched, { x, y }); player.seek(6);
if (given) {
  seeds = [+given[1], +given[2]]; label = given[3] === "any" ? null : +given[3]; y = clamp(+given[4], 0, 28 - h); x = clamp(+given[5], 0, 28 - w);
  mark(label); place(); askBoth();
}
Lab.reads(element, (found) => { reader = found; show(player.frame); element.dataset.ready = 1; });
Lab.repaint(() => { strip(); show(player.frame); paintSwap(); });
