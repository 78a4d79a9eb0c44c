const { $, clamp, el, inkScale, named, paint, signScale } = Lab;
const MOST = 8;
let look = null, reader = null, film = null, at = null, label = props.value.label, amount = props.value.guidance;
const slider = $("input", element);
const grey = (guess) => Uint8Array.from(guess, (v) => Math.round(clamp((v + 1) / 2) * 255));
const pushed = (w) => look.free.map((v, i) => v + w * (look.asked[i] - v)); // the very line of mnist_lab.diffusion.guidance

const picture = (name, pixels, words) => {
  const figure = $(`.${name}`, element), canvas = $("canvas", figure), says = Lab.readAs(reader?.run(pixels).p);
  paint(canvas, pixels, 28, 28, inkScale(0, 255));
  if ($(".reads", figure)) $(".reads", figure).textContent = says;
  canvas.setAttribute("aria-label", `${words}, ${says}`);
};
const free = () => (look.away == null ? "Told nothing" : `Told: ${look.away}, to keep away from`);
const show = () => {
  if (!look) return;
  $(".where", element).textContent = look.step === 0 ? "Pure noise" : `Step ${look.step}`; $(".told", element).textContent = `Told: ${look.label}`; $(".nothing", element).textContent = free(); $(".at", element).textContent = `Guidance ${amount.toFixed(1)}`;
  paint($(".x canvas", element), look.x, 28, 28, inkScale(0, 255)); $(".x canvas", element).setAttribute("aria-label", "The noisy picture");
  picture("free", grey(look.free), `The guess told ${look.away ?? "nothing"}`); picture("asked", grey(look.asked), `The guess told ${look.label}`);
  const apart = look.free.map((v, i) => look.asked[i] - v);
  paint($(".between canvas", element), apart, 28, 28, signScale(Lab.strongest(apart)));
  picture("pushed", grey(pushed(amount)), `The guess at guidance ${amount.toFixed(1)}`);
  $(".amount", element).textContent = amount === 1 ? "1.0, plain" : amount.toFixed(1);
  $(".says", element).textContent = amount === 0 ? (look.away == null ? "At 0 the label is not heard." : `At 0 only the ${look.away} to keep away from is heard.`) : amount < 1 ? "Below 1 the label is only half heard." : amount === 1 ? `At 1 it is the guess of a network that was told ${look.label}.`
    : `${(amount - 1).toFixed(1)} times as far again beyond the guess told ${look.label}: more surely ${named(look.label)}, and less varied.`;
  slider.setAttribute("aria-valuetext", $(".says", element).textContent); arrow();
};
const arrow = Lab.plot($(".line", element), () => 54, (svg, w) => {
  if (!look) return;
  const x = (v) => 72 + (w - 84) * v / MOST, y = 22, tip = x(amount), way = Math.sign(tip - x(0));
  svg.append(el("line", { class: "way", x1: x(0), x2: x(MOST), y1: y, y2: y }));
  if (way) svg.append(el("path", { class: "arrow", d: `M${x(0)} ${y}H${tip - 3}M${tip - 11} ${y - 6}l9 6l-9 6` }));
  svg.append(el("circle", { class: "stop", cx: x(0), cy: y, r: 5 }), el("circle", { class: "stop", cx: x(1), cy: y, r: 5 }),
    Lab.words(x(0) + 8, y + 22, look.away == null ? "told nothing" : `told ${look.away}`, "end"), Lab.words(x(1) - 8, y + 22, `told ${look.label}`));
  if (amount > 1.4) svg.append(Lab.words(tip, y - 12, amount.toFixed(1), "middle", "now"));
});
slider.value = amount; slider.addEventListener("input", () => { amount = +slider.value; show(); });
slider.addEventListener("change", () => write());
const address = Lab.address("diffusion"), given = /^(\d+)\*(\d)\*(\d+(?:\.\d+)?)$/.exec(address.read("guide") ?? "");
const write = () => { if (look.run === film?.run) address.write({ guide: [look.step, look.label, amount].join("*") }); }; // of an earlier film: a link would lead elsewhere
let linked = () => Boolean(given); // the film moves by itself until what a link asked for is there

// ---- the film above, where the visitor stopped it
const said = (text) => { if ($(".older", element).textContent !== text) $(".older", element).textContent = text; }; // read aloud once
const looks = Lab.asking(element, server.looks, (error) => said(`${error} This look is of an earlier one.`));
const take = (found, run) => { look = { ...found, run, x: Lab.bytes(found.x), free: Lab.floats(found.free), asked: Lab.floats(found.asked) }; show(); element.dataset.looked = `${look.step} ${look.label}`; };
const ask = async () => {
  if (!film?.settings) return;
  stale = false;
  const { run } = film, answer = await looks({ settings: film.settings, column: film.column, step: Math.min(at ?? 0, film.total - 1), label });
  if (answer) { said(""); take(answer, run); write(); }
};
let soon = 0, seen = false, stale = false, arrived = null; // stale: the film above has moved on since the last look; arrived: its frames so far
const later = () => {
  clearTimeout(soon); stale = true;
  if (seen && film && film.x.length > film.total) soon = setTimeout(ask, 350);
};
Lab.follow("film", (told) => {
  const state = `${told.run} ${told.column} ${told.x.length}`, other = arrived !== null && state !== arrived && !linked();
  if (film && film.run !== told.run && !linked()) address.write({ guide: null });
  film = told; arrived = state; if (other) later();
});
Lab.follow("frame", ({ index }) => { const moved = at !== null && index !== at; at = index; if (moved && !linked()) later(); });
const mark = Lab.labels($(".choices", element), (d) => { label = d; ask(); });
if (given) linked = Lab.arrived(({ total }) => { // a link has chosen where to look
  label = +given[2]; amount = clamp(+given[3], 0, MOST); slider.value = amount; mark(label); at = Math.min(+given[1], total - 1);
  if (!address.read("branch")) Lab.tell("seek", at); // which turns the film to its own frame
  ask();
});
mark(label); take(props.value, "recorded");
Lab.attend(element, (here) => { if (here && !seen) Lab.network("lenet").then((found) => { reader = found; show(); element.dataset.ready = 1; }, () => {}); seen = here; if (here && stale) later(); });
Lab.repaint(show);
