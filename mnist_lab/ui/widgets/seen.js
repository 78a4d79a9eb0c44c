const { $, bytes } = Lab;
const view = $(".view", element);
const WORDS = {
  pen: "Your strokes, centred in 28 × 28 pixels.",
  sample: "A sample, just as it is: 28 × 28 pixels.",
  picture: "Your picture, centred in 28 × 28 pixels.",
};
let pixels = new Uint8Array(784);

const paint = () => Lab.paint(view, pixels, 28, 28, Lab.inkScale(0, 255));
const show = (reading, by) => {
  pixels = reading.seen ? bytes(reading.seen) : new Uint8Array(784);
  $(".words", element).textContent = WORDS[by];
  view.setAttribute("aria-label", reading.seen ? `What the network reads: 28 by 28 pixels, taken for a ${reading.digit}` : "What the network reads: nothing yet");
  paint();
};

// ---- the crop: a rectangle flies from around the ink on the pad to where that part lies in the picture
const part = (canvas, [left, top, right, bottom]) => { // fractions of a canvas -> rectangle on the screen
  const r = canvas.getBoundingClientRect();
  return { left: r.left + left * r.width, top: r.top + top * r.height, width: (right - left) * r.width, height: (bottom - top) * r.height };
};
const onScreen = (r) => r.top >= 0 && r.top + r.height <= innerHeight && r.width > 0;
const px = (r) => ({ left: `${r.left}px`, top: `${r.top}px`, width: `${r.width}px`, height: `${r.height}px` });
const fly = (canvas, box, placed) => {
  const from = part(canvas, box), to = part(view, placed.map((v) => v / 28));
  if (Lab.calm || !onScreen(from) || !onScreen(to)) return;
  $(".crop", element)?.remove();
  const crop = element.firstElementChild.appendChild(Lab.el("i", { class: "crop" }));
  crop.animate([px(from), px(to)], { duration: 700, easing: "cubic-bezier(.2, .7, .2, 1)", fill: "forwards" });
  crop.animate([{ opacity: 1 }, { opacity: 1, offset: .75 }, { opacity: 0 }], { duration: 1000, fill: "forwards" }).onfinish = () => crop.remove();
};

Lab.hear("reading", (reading) => {
  if (reading.error) return;
  $(".recorded", element).hidden = true;
  show(reading, reading.by);
  if (reading.lifted && reading.box) fly(reading.canvas, reading.box, reading.placed);
});
const start = () => { show(props.value ?? {}, "pen"); $(".recorded", element).hidden = !props.value?.recorded; };
watch("value", start); start();
Lab.repaint(paint);
