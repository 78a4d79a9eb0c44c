const { $, paint, inkScale } = Lab;
const ROWS = 4;
let generator = null, reader = null, z = null, real = [], row = 0, seen = false;
const fakes = Lab.tenTiles($(".fakes", element), true), reals = Lab.tenTiles($(".reals", element));

const draw = () => {
  if (!generator || !z || !seen) return;
  const scale = inkScale(0, 255); let right = 0;
  fakes.forEach(({ canvas, caption }, d) => {
    const made = generator.make(z, Array.from({ length: 10 }, (_, k) => +(k === d))), read = reader?.run(made).p, digit = read ? read.indexOf(Math.max(...read)) : d;
    paint(canvas, made, 28, 28, scale); canvas.setAttribute("aria-label", `A fake ${d}${digit === d ? "" : `, read as ${digit}`}`);
    Lab.captioned(caption, d, digit); right += digit === d;
  });
  if (reader) $(".says", element).textContent = right === 10 ? "Every label is read as asked." : `${right} of 10 are read as asked.`;
};
const drawReal = () => reals.forEach(({ canvas }, d) => { if (real.length) { paint(canvas, real[row * 10 + d], 28, 28, inkScale(0, 255)); canvas.setAttribute("aria-label", `A real ${d}`); } });

let queued = false;
Lab.follow("latent", (told) => { z = told.z; if (seen && !queued) { queued = true; requestAnimationFrame(() => { queued = false; draw(); }); } });
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
$(".noise", element).addEventListener("click", () => { z = Float32Array.from({ length: generator?.latent ?? 0 }, normal); draw(); });
$(".more", element).addEventListener("click", () => { row = (row + 1) % ROWS; drawReal(); });
Lab.sprite(props.value.real).then(({ grey, width }) => {
  real = Array.from({ length: 10 * ROWS }, (_, k) => Uint8Array.from({ length: 784 }, (_, i) => grey[(Math.floor(k / 10) * 28 + Math.floor(i / 28)) * width + k % 10 * 28 + i % 28]));
  Lab.remember("samples", real.slice(0, 10).map((pixels, d) => ({ name: `A real ${d}`, pixels }))); drawReal();
});
Lab.near(element, () => Lab.generator().then(async (found) => { generator = found; draw(); element.dataset.ready = 1; }, () => {}));
Lab.near(element, async () => { reader = await Lab.network("lenet").catch(() => null); if (generator) draw(); });
Lab.attend(element, (here) => { seen = here; draw(); });
Lab.repaint(() => { draw(); drawReal(); });
