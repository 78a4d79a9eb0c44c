const { $, $$, inkScale, paint, top } = Lab;
const LOOKS = { 1: "one", 2: "two", 4: "four" }, KINDS = { noise: "One noise, ten labels", label: "One label, ten noises" }, REST = 300; // ms
let { seed, angle, label, calls } = props.value, reader = null, chosen = label ?? 3, answers = {};
const slider = $("input", element), costs = $$(".cost", element);
const tiles = ["made", "taught"].map((name) => Lab.tenTiles($(`.${name}`, element), true));

const asked = () => ({ seed, angle, label, calls });
const show = (who, answer) => { // the digits of the student (0) or the teacher (1)
  answers[who] = answer;
  const ends = Lab.digits(Lab.bytes(answer.ends)), label = (k) => answer.label ?? k, read = reader && ends.map((cell) => top(reader.run(cell).p));
  tiles[who].forEach(({ canvas, caption }, k) => {
    paint(canvas, ends[k], 28, 28, inkScale(0, 255)); Lab.captioned(caption, label(k), read ? read[k] : label(k));
    canvas.setAttribute("aria-label", `${["The student", "The teacher"][who]}'s ${caption.textContent}`);
  });
  costs[who].textContent = `${LOOKS[answer.calls] ?? answer.calls} look${answer.calls === 1 ? "" : "s"}, ${Math.round(answer.ms)} ms for all ten`;
  if (who === 0) paint($(".noise", element), Lab.bytes(answer.noise), 28, 28, inkScale(0, 255));
  if (read && answers[1] && answers[0].turn === answers[1].turn) {
    const times = answers[1].ms / answers[0].ms;
    $(".says", element).textContent = times < 1.05 ? "The student took as long as its teacher." : `The teacher took ${times.toFixed(times < 9.5 ? 1 : 0)} times as long as its student.`;
  }
};

const askTeacher = Lab.asking(element, server.teacher);
const free = [1, 2].map(() => Lab.newest(server.student)); // two questions at a time: the server draws one while the page paints the other
const turnOf = (told) => JSON.stringify({ ...told, calls: 0 }); // what student and teacher can be compared by
const open = (answer, told) => answer && (answer.error ? Lab.toast(answer.error) : { ...answer, label: told.label, turn: turnOf(told) });
const address = Lab.address("diffusion");
let wanted = null, sent = 0, shown = 0;
const draw = async () => { // the newest question; every answer is shown, however fast the hand, unless a newer one came first
  wanted = asked();
  const ask = free.pop();
  if (!ask) return;
  while (wanted) {
    const told = wanted, mine = ++sent; wanted = null;
    const answer = open(await ask(told), told);
    if (answer && mine > shown) { shown = mine; show(0, answer); element.dataset.drawn = `${told.seed} ${told.angle} ${told.label} ${told.calls}`; }
  }
  free.push(ask);
};
const rest = async () => {
  address.write({ turned: [seed, angle, label ?? "any", calls].join(".") });
  const told = asked();
  if (answers[1]?.turn === turnOf(told)) return; // the teacher's digits are there: only the looks have changed
  const answer = open(await askTeacher(told), told); if (answer) { show(1, answer); element.dataset.taught = answer.turn; }
};
let soon = 0;
const move = () => { draw(); clearTimeout(soon); soon = setTimeout(rest, REST); }; // the teacher is slow: it waits until the hand rests
const place = () => { slider.value = angle; $(".angle", element).textContent = `${angle}°`; $(".which", element).hidden = label === null; };
slider.addEventListener("input", () => { angle = +slider.value; place(); move(); });
$(".other", element).addEventListener("click", () => { seed = Lab.another(seed); move(); });
const chips = $(".choices", element); // a hand may also slide over them
chips.addEventListener("pointerdown", (e) => e.target.releasePointerCapture?.(e.pointerId));
chips.addEventListener("pointermove", (e) => {
  const chip = e.buttons && document.elementFromPoint(e.clientX, e.clientY)?.closest("button");
  if (chip && chips.contains(chip) && chip.getAttribute("aria-pressed") !== "true") chip.click();
});
const marks = [
  Lab.segments($(".kind", element), KINDS, (kind) => { label = kind === "label" ? chosen : null; place(); move(); }),
  Lab.segments($(".calls", element), LOOKS, (n) => { calls = +n; move(); }),
  Lab.labels(chips, (d) => { label = chosen = d; move(); }),
];
const marked = () => { marks[0](label === null ? "noise" : "label"); marks[1](String(calls)); marks[2](chosen); place(); };
marked(); show(0, open(props.value.student, asked())); show(1, open(props.value.teacher, asked()));
const given = /^(\d+)\.(\d+)\.(any|\d)\.([124])$/.exec(address.read("turned") ?? "");
if (given && +given[2] <= 360) {
  [seed, angle, calls] = [+given[1], +given[2], +given[4]]; label = given[3] === "any" ? null : +given[3]; chosen = label ?? chosen;
  marked(); move();
}
Lab.reads(element, (found) => { reader = found; show(0, answers[0]); show(1, answers[1]); element.dataset.ready = 1; });
Lab.repaint(() => { show(0, answers[0]); show(1, answers[1]); });
