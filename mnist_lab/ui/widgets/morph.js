const { $, $$, clamp, el, inkScale, line, narrow, paint, plot, repaint, signed } = Lab;
let walk = null; // { frames: [Uint8Array], latents: [Int8Array], ...value }

function showFrame(k) {
  if (!walk) return;
  const scale = inkScale(0, 255), share = k / (walk.count - 1), [a, b] = walk.ends;
  paint($(".digit", element), walk.frames[k], 28, 28, scale);
  const says = share === 0 ? "At A" : share === 1 ? "At B" : `${Math.round(100 * share)} % of the way`;
  $(".where", element).textContent = says;
  $(".share", element).textContent = a.digit === b.digit ? `all ${a.digit}` : `${Math.round(100 * (1 - share))} % ${a.digit}, ${Math.round(100 * share)} % ${b.digit}`;
  $(".digit", element).setAttribute("aria-label", `The digit ${says} from a ${a.digit} to a ${b.digit}`);
  $(".length", element).textContent = `${walk.lengths[k].toFixed(1)}, a random one is about ${walk.typical.toFixed(1)}`;
  $$("i", $(".latent", element)).forEach((bar, i) => {
    const v = walk.latents[k][i] / 40;
    bar.style.setProperty("--v", clamp(Math.abs(v) / 2.6) * Math.sign(v)); bar.classList.toggle("minus", v < 0);
  });
  drawLengths();
}
function paintStrip() {
  const many = narrow() ? 8 : 17;
  Lab.paintStrip($(".strip canvas", element), Array.from({ length: many }, (_, j) => walk.frames[Math.round(j / (many - 1) * (walk.count - 1))]), 3);
}
const player = Lab.film($(".film", element), { frames: 2, label: "Place on the way from A to B", show: showFrame, text: (k) => `${walk ? Math.round(100 * k / (walk.count - 1)) : 0} % of the way` });

// How long the latent vector is on the way: the ring keeps it, a straight line dips.
const drawLengths = plot($(".lengths", element), () => 64, (svg, w, h) => {
  if (!walk) return;
  const top = 1.25 * walk.typical, px = (i) => (w - 8) * i / (walk.count - 1) + 4, py = (v) => h - 4 - (h - 8) * v / top;
  svg.append(el("line", { class: "gridline", x1: 0, x2: w, y1: py(0), y2: py(0) }), el("line", { class: "axis", x1: 0, x2: w, y1: py(walk.typical), y2: py(walk.typical), "stroke-dasharray": "3 4" }),
    el("path", { class: "curve ink", d: line(walk.lengths.map((_, i) => px(i)), walk.lengths.map(py)) }),
    el("circle", { class: "dot", cx: px(player.frame), cy: py(walk.lengths[player.frame]), r: 5 }));
});

async function load(value) {
  if (!value?.sprite) return;
  const { grey, width } = await Lab.sprite(value.sprite), flat = signed(value.latents), size = flat.length / value.count;
  const frames = Array.from({ length: value.count }, (_, k) => {
    const out = new Uint8Array(784);
    for (let y = 0; y < 28; y++) out.set(grey.subarray(y * width + 28 * k, y * width + 28 * k + 28), 28 * y);
    return out;
  });
  const share = walk ? player.frame / (player.frames - 1) : .38;
  walk = { ...value, frames, latents: Array.from({ length: value.count }, (_, k) => flat.subarray(k * size, (k + 1) * size)) };
  const bars = $(".latent", element); bars.style.setProperty("--count", size); bars.replaceChildren(...Array.from({ length: size }, () => el("i")));
  $(".numbers", element).textContent = `Its ${size} numbers`;
  for (const [i, side] of ["a", "b"].entries()) $(`.end-${side}`, element).textContent = `${value.ends[i].digit}, seed ${value.ends[i].seed}`;
  $(".recorded", element).hidden = !value.recorded;
  player.frames = value.count; paintAll(); player.seek(share * (value.count - 1));
  element.dataset.ready = 1;
}
function paintAll() {
  const scale = inkScale(0, 255);
  paint($("canvas.a", element), walk.frames[0], 28, 28, scale); paint($("canvas.b", element), walk.frames.at(-1), 28, 28, scale);
  paintStrip(); showFrame(player.frame);
}

watch("value", () => load(props.value));
load(props.value);
repaint(() => { if (walk) paintAll(); });
