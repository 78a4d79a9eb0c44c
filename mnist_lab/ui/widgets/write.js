const { $, inkScale, paint } = Lab;
const MOMENTS_MS = 110, DIGIT = 140; // ms between two moments of the noise clearing; px of a digit at most
let number = props.value.number, seed = props.value.seed, moments = [], reader = null, shown = 0;
const field = $(".number", element), canvas = $("canvas", element), { top } = Lab;

const show = () => { // one line of digits, side by side without a gap: a number, not a row of tiles
  const digits = moments[shown], n = digits.length, line = new Uint8Array(n * 784);
  digits.forEach((cell, d) => { for (let y = 0; y < 28; y++) line.set(cell.subarray(28 * y, 28 * y + 28), y * n * 28 + d * 28); });
  paint(canvas, line, n * 28, 28, inkScale(0, 255)); canvas.style.maxWidth = `${n * DIGIT}px`;
};
const tell = () => {
  const read = reader ? moments.at(-1).map((cell) => top(reader.run(cell).p)).join("") : null;
  $(".says", element).textContent = read ? `LeNet reads ${read}${read === number ? "" : `, not ${number}`}.` : "";
  canvas.setAttribute("aria-label", `${number}, handwritten`); element.dataset.written = `${number} ${seed}`;
};
let turn = 0;
const play = () => {
  const mine = ++turn; shown = Lab.calm ? moments.length - 1 : 0; show(); tell();
  const next = () => { if (mine !== turn || shown >= moments.length - 1) return; shown++; show(); setTimeout(next, MOMENTS_MS); };
  setTimeout(next, MOMENTS_MS);
};
const write = Lab.asking(element, server.write), file = Lab.newest(server.file);
const go = async (hand = seed) => {
  const wanted = field.value.trim(), answer = await write({ number: wanted, seed: hand });
  if (!answer) return;
  seed = hand;
  const all = Lab.digits(Lab.bytes(answer.digits)), n = wanted.length;
  address.write({ written: `${wanted}.${seed}` });
  number = wanted; moments = Array.from({ length: all.length / n }, (_, k) => all.slice(k * n, k * n + n)); play();
};
$(".go", element).addEventListener("click", () => go());
field.addEventListener("keydown", (e) => { if (e.key === "Enter") go(); });
$(".other", element).addEventListener("click", () => go(Lab.another(seed)));
for (const kind of ["png", "svg", "gif"]) Lab.takeaway($(`.${kind}`, element), () => file({ kind, number, seed }), () => `${number}.${kind}`);
const address = Lab.address("diffusion"), given = /^(\d+)\.(\d+)$/.exec(address.read("written") ?? "");
field.value = number; field.maxLength = props.value.most; moments = [Lab.digits(Lab.bytes(props.value.digits))];
Lab.reads(element, (found) => { reader = found; tell(); element.dataset.ready = 1; });
Lab.repaint(show);
if (given) { field.value = given[1]; go(+given[2]); }
