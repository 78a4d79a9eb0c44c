const { $, el, named, narrow } = Lab;
const LEFT = 44, RIGHT = 26, FOOT = 22, BUDGET = 8; // px around the curves; ms of reading a frame
let film = null, beliefs = [], reader = null, at = 0, working = false;
const { top } = Lab;

// The step from which on the digit it ends as is believed in by more than half; null if it ends undecided, or has not ended
const decision = () => {
  const last = beliefs.at(-1), digit = last && beliefs.length > film.total ? top(last) : null;
  if (digit === null || last[digit] < .5) return null;
  let k = film.total;
  while (k > 0 && beliefs[k - 1][digit] > .5) k--;
  return { k, digit };
};
const says = () => {
  if (!film || beliefs.length <= film.total) return "When is it decided?";
  const found = decision();
  if (!found) return "Undecided to the end";
  const about = film.x0[found.k]?.[film.column] && film.x0[found.k - 1]?.[film.column] ? "" : "about "; // of a long film, some steps hold one label only
  return found.k <= 1 ? `Decided at once: it is ${named(found.digit)}` : `Decided at ${about}step ${found.k}: from here on it is ${named(found.digit)}`;
};

const text = Lab.words;
const plot = Lab.plot($(".plot", element), () => (narrow() ? 200 : 232), (svg, w, h) => {
  if (!film) return;
  const x = (k) => LEFT + (w - LEFT - RIGHT) * k / film.total, y = (p) => 8 + (h - FOOT - 8) * (1 - p), found = decision();
  for (const t of [0, .5, 1]) svg.append(el("line", { class: "gridline", x1: LEFT, x2: w - RIGHT, y1: y(t), y2: y(t) }), text(LEFT - 8, y(t) + 4, `${100 * t} %`, "end"));
  if (found) svg.append(el("line", { class: "axis", x1: x(found.k), x2: x(found.k), y1: 4, y2: h - FOOT, "stroke-dasharray": "3 4" }));
  if (beliefs.length) Lab.tenCurves(svg, beliefs, beliefs.map((_, k) => x(k)), y);
  svg.append(el("line", { class: "here", x1: x(at), x2: x(at), y1: 4, y2: h - FOOT }), text(LEFT, h - 4, "start", "start"), text(w - RIGHT, h - 4, `${film.total} steps`, "end"));
});

let drawing = false, seen = false;
const draw = () => { // once a frame, however much arrives, and only where it is seen
  if (drawing || !seen) return;
  drawing = true; requestAnimationFrame(() => { drawing = false; plot(); });
};
const read = async () => { // a few guesses a frame: a long film does not hold the page
  if (working || !reader || !film) return;
  for (working = true; beliefs.length < film.x0.length;) {
    for (const start = performance.now(); beliefs.length < film.x0.length && performance.now() - start < BUDGET;) {
      const guess = film.x0[beliefs.length]?.[film.column];
      beliefs.push(guess ? reader.run(guess).p : beliefs.at(-1));
    }
    draw(); await new Promise(requestAnimationFrame);
  }
  working = false;
  $(".verdict", element).textContent = says(); $(".plot", element).setAttribute("aria-label", says());
  Lab.tell("decided", { ...decision(), run: film.run }); element.dataset.read = `${film.run} ${film.column} ${beliefs.length}`;
};
Lab.follow("film", (told) => {
  if (told.run !== film?.run || told.column !== film.column) { beliefs = []; $(".verdict", element).textContent = "When is it decided?"; }
  film = told; draw(); read();
});
Lab.follow("frame", ({ index }) => { at = index; draw(); });
Lab.drag($(".plot", element), (x) => {
  const w = $(".plot", element).clientWidth;
  if (film) Lab.tell("seek", Math.round(Lab.clamp((x * w - LEFT) / (w - LEFT - RIGHT)) * film.total));
});
Lab.attend(element, (here) => {
  seen = here; draw();
  if (here && !reader) Lab.network("lenet").then((found) => { reader = found; read(); }, () => {});
});
