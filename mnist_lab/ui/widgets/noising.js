const { $, $$, el, inkScale, line, paint } = Lab;
const LEFT = 40, FOOT = 18; // px
let pixels = null, seed = props.value.seed, film = null, reader = null; // film: { alpha_bar, x: [pictures], x0: [pictures], inX: [ten numbers each], inGuess }
const [noisy, guess] = $$(".sheet canvas", element), [readsX, readsGuess] = $$(".reads", element);
const { top } = Lab, whole = (v) => `${Math.round(100 * v)}\u00a0%`;

const show = (k) => {
  if (!film) return;
  const scale = inkScale(0, 255), a = film.alpha_bar[k];
  paint(noisy, film.x[k], 28, 28, scale); paint(guess, film.x0[k], 28, 28, scale);
  const told = [film.inX, film.inGuess].map((p) => Lab.readAs(p?.[k]));
  [readsX.textContent, readsGuess.textContent] = told;
  noisy.setAttribute("aria-label", `The digit with ${whole(1 - a)} noise, ${told[0]}`); guess.setAttribute("aria-label", `The network's guess, ${told[1]}`);
  const snr = Math.log(a / (1 - a));
  $(".share", element).textContent = `signal ${whole(a)}, noise ${whole(1 - a)}${isFinite(snr) ? `, log-SNR ${Lab.tenth(snr)}` : ""}`;
  plot();
};
const player = Lab.film($(".film", element), { frames: props.value.alpha_bar.length, label: "How much noise", show, text: (k) => (film ? `noise ${whole(1 - film.alpha_bar[k])}` : "") });
const strip = () => { const many = Lab.narrow() ? 7 : 13; Lab.paintStrip($(".strip canvas", element), Array.from({ length: many }, (_, j) => film.x[Math.round(j / (many - 1) * (film.x.length - 1))]), 2); };
const text = Lab.words;
const plot = Lab.plot($(".plot", element), () => 170, (svg, w, h) => {
  if (!film) return;
  const n = film.x.length - 1, x = (k) => LEFT + (w - LEFT - 8) * k / n, y = (p) => 6 + (h - FOOT - 8) * (1 - p), xs = film.x.map((_, k) => x(k));
  for (const t of [0, .5, 1]) svg.append(el("line", { class: "gridline", x1: LEFT, x2: w, y1: y(t), y2: y(t) }), text(LEFT - 8, y(t) + 4, `${100 * t} %`, "end"));
  svg.append(el("path", { class: "curve signal", d: line(xs, film.alpha_bar.map(y)) }));
  if (film.inX) for (const [name, p] of [["noise", film.inX], ["ink", film.inGuess]]) svg.append(el("path", { class: `curve ${name}`, d: line(xs, p.map((row) => y(row[film.digit]))) }));
  svg.append(el("line", { class: "now", x1: x(player?.frame ?? 0), x2: x(player?.frame ?? 0), y1: 4, y2: h - FOOT }), text(LEFT, h - 2, "your digit", "start"), text(w, h - 2, "pure noise", "end"));
});
Lab.drag($(".plot", element), (x) => { const w = $(".plot", element).clientWidth; player.stop(); player.seek(Lab.clamp((x * w - LEFT) / (w - LEFT - 8)) * (player.frames - 1)); });

// ---- what survives: the first level at which the digit is no longer read
const lost = (p) => { const k = p.findIndex((row) => top(row) !== film.digit); return k < 0 ? null : film.alpha_bar[k]; };
const tell = () => {
  if (!reader || !film) return;
  film.inX = film.x.map((cell) => reader.run(cell).p); film.inGuess = film.x0.map((cell) => reader.run(cell).p); film.digit = top(film.inX[0]);
  const [x, g] = [lost(film.inX), lost(film.inGuess)], named = Lab.named(film.digit);
  $(".verdict", element).textContent = g === null ? `The guess stays ${named} down to pure noise` : x === null ? `LeNet reads ${named} in anything`
    : g < x ? `At ${whole(1 - x)} noise LeNet loses the ${film.digit}; the network still sees it, until ${whole(1 - g)}` : g > x ? `The guess loses the ${film.digit} at ${whole(1 - g)} noise, before LeNet does in the noisy picture` : `Both lose the ${film.digit} at ${whole(1 - g)} noise`;
  $(".plot", element).setAttribute("aria-label", $(".verdict", element).textContent); show(player.frame); element.dataset.read = film.digit;
};
const open = (found) => { film = found; player.frames = film.x.length; strip(); player.seek(player.frame); tell(); };

// ---- a drawing, or other noise
const noised = Lab.asking(element, server.noised), address = Lab.address("diffusion");
const ask = async () => {
  const answer = pixels && await noised({ pixels: Lab.text(pixels), seed });
  if (!answer || !pixels) return;
  address.write({ noised: [Lab.shorten(pixels, 4), seed].join("*") });
  open({ alpha_bar: answer.alpha_bar, x: Lab.digits(Lab.bytes(answer.x)), x0: Lab.digits(Lab.bytes(answer.x0)) });
};
let soon = 0;
const pad = Lab.sketch($(".sketch", element), { label: "Drawing pad. Draw a digit to lose in noise.", take: (given, how) => {
  clearTimeout(soon); pixels = given; player.stop();
  if (given) soon = setTimeout(ask, how === "moving" ? 250 : 0); else $(".verdict", element).textContent = "Draw a digit, or take one below the pad.";
} });
$(".other", element).addEventListener("click", () => { seed = Lab.another(seed); ask(); });

Lab.remember("samples", props.value.samples.map(({ name, pixels }) => ({ name, pixels: Lab.bytes(pixels) })));
pixels = Lab.bytes(props.value.pixels); pad.show(pixels);
const [digit, noise] = (address.read("noised") ?? "").split("*"), given = Lab.lengthen(digit, 4);
if (given?.some(Boolean) && /^\d{1,9}$/.test(noise ?? "")) { pixels = given; seed = +noise; pad.show(pixels); ask(); }
Lab.cells(props.value.sheet).then(([x, x0]) => {
  if (!film) open({ alpha_bar: props.value.alpha_bar, x, x0 }); // a link's own may have come first
  player.seek(Math.round(.62 * (player.frames - 1))); element.dataset.ready = 1;
});
Lab.reads(element, (found) => { reader = found; tell(); });
Lab.repaint(() => { if (film) { strip(); show(player.frame); } });
