const { $, $$, el, paint, inkScale, line } = Lab;
const STEPS = 60;
let pixels = null, frames = [], errors = [], steps = [], found = null, running = 0, reader = null, label = null, elsewhere = null;

const read = (made) => { const p = reader?.run(made).p, digit = p?.indexOf(Math.max(...p)); return p ? { digit, p: p[digit] } : null; };
const show = (i) => {
  if (!frames.length) return;
  const canvas = $(".made canvas", element), made = frames[Math.min(i, frames.length - 1)], seen = read(made);
  paint(canvas, made, 28, 28, inkScale(0, 255));
  canvas.setAttribute("aria-label", `The generator's digit after ${steps[i]} steps${seen ? `, read as ${seen.digit}` : ""}`);
  $(".at", element).textContent = i ? `step ${steps[i]}` : "best of 256 random ones";
  $(".error", element).textContent = `${(100 * errors[i]).toFixed(1)} %`;
  plot();
};
const player = Lab.film($(".film", element), { frames: 1, label: "Steps of the search", show, text: (i) => `step ${steps[i] ?? 0}` });
const strip = () => { const many = 6; Lab.paintStrip($(".strip canvas", element), Array.from({ length: many }, (_, j) => frames[Math.round(j / (many - 1) * (Math.max(frames.length, STEPS / 6 + 1) - 1))] ?? null), 3); };
const plot = Lab.plot($(".errors", element), () => 88, (svg, w, h) => {
  if (!errors.length) return;
  const top = Math.max(.04, ...errors) * 1.08, x = (s) => 36 + (w - 44) * s / STEPS, y = (v) => h - 18 - (h - 24) * v / top;
  const step = top > .1 ? .05 : .02;
  for (let t = 0; t < top; t += step) svg.append(el("line", { class: "gridline", x1: 36, x2: w, y1: y(t), y2: y(t) }), text(28, y(t) + 4, `${Math.round(100 * t)} %`, "end"));
  for (const s of [0, STEPS / 2, STEPS]) svg.append(text(x(s), h - 2, s === STEPS ? `${s} steps` : s, s === STEPS ? "end" : "middle"));
  const i = Math.min(player?.frame ?? 0, errors.length - 1);
  svg.append(el("path", { class: "curve", d: line(steps.map(x), errors.map(y)) }), el("circle", { class: "dot", cx: x(steps[i]), cy: y(errors[i]), r: 5 }));
  $(".errors", element).setAttribute("aria-label", `The error falls from ${(100 * errors[0]).toFixed(1)} to ${(100 * errors.at(-1)).toFixed(1)} percent`);
});
const text = Lab.words;

// ---- the search, a few steps a call
const push = (answer) => {
  const made = Lab.bytes(answer.made); frames.push(made); errors.push(answer.error); steps.push(answer.step); found = answer;
  player.frames = frames.length; strip(); player.seek(frames.length - 1); choices();
};
const tell = (done) => {
  const seen = read(frames.at(-1)), percent = `${(100 * errors.at(-1)).toFixed(1)} %`;
  $(".verdict", element).textContent = !done ? "Searching" : errors.at(-1) < .025 ? "Found: it could have made yours" : errors.at(-1) < .05 ? "Near: close to a digit it can make" : "This is not a digit it can make";
  $(".says", element).textContent = `${done ? `After ${steps.at(-1)} steps` : `Step ${steps.at(-1)} of ${STEPS}`} a pixel is off by ${percent} on average${seen ? `; LeNet reads the copy as ${seen.digit}, ${Lab.percent(seen.p)}` : ""}.`;
  for (const b of $$(".use, .as-a, .as-b, .as-stop", element)) b.disabled = !done;
};
const search = async () => {
  const mine = ++running; let state = null;
  if (!pixels) return;
  const mypixels = Lab.text(pixels); let fresh = true;
  while (mine === running) {
    const answer = await server.search({ pixels: mypixels, label, state });
    if (mine !== running) return;
    if (answer?.busy) { await new Promise((done) => setTimeout(done, 200)); continue; }
    if (!answer || answer.error !== undefined && answer.made === undefined) { $(".verdict", element).textContent = "No search"; $(".says", element).textContent = answer?.error ?? "The connection is lost. Draw on to try again."; return; }
    if (fresh) { frames = []; errors = []; steps = []; fresh = false; player.stop(); }
    push(answer); state = answer.state; const done = answer.step >= STEPS; tell(done);
    if (done) { element.dataset.found = steps.at(-1); return; }
  }
};
let soon = 0;
const take = (given, how) => {
  pixels = given; label = null; delete element.dataset.found;
  clearTimeout(soon); running++;
  if (!given) { $(".verdict", element).textContent = "Waiting for your pen"; $(".says", element).textContent = "Draw a digit, or take one below the pad."; return; }
  soon = setTimeout(search, how === "moving" ? 150 : 0);
};
const pad = Lab.sketch($(".sketch", element), { take, label: "Drawing pad. Draw a digit for the generator to copy." });
const choices = () => $$(".choices button", element).forEach((b, d) => b.setAttribute("aria-pressed", d === found?.digit));
$(".choices", element).append(...Array.from({ length: 10 }, (_, d) => el("button", { onclick: () => { label = d; running++; search(); } }, String(d))));

// ---- what can be done with it
const z = () => Lab.floats(found.z), name = "your digit";
$(".use", element).addEventListener("click", () => { Lab.tell("base", { z: z(), digit: found.digit, name: "Your digit" }); document.getElementById("gan-directions").scrollIntoView({ behavior: Lab.calm ? "auto" : "smooth", block: "center" }); });
for (const [end, button] of [[0, ".as-a"], [1, ".as-b"]]) $(button, element).addEventListener("click", () => {
  Lab.tell("place", { z: z(), digit: found.digit, end, name, code: 'lab.invert("drawing.png").made' });
  document.getElementById("gan-room").scrollIntoView({ behavior: Lab.calm ? "auto" : "smooth" });
});
$(".as-stop", element).addEventListener("click", () => { Lab.tell("stop", { z: z(), digit: found.digit, name }); Lab.toast("Added to the morph."); });
Lab.follow("reading", (reading) => { if (!reading.recorded && reading.seen && reading.final) { elsewhere = Lab.bytes(reading.seen); $(".from-classify", element).hidden = false; } });
$(".from-classify", element).addEventListener("click", () => { pad.show(elsewhere); take(elsewhere, "sample"); });

// ---- the recorded search
const open = async ({ pixels: drawn, film, ...v }) => {
  pixels = Lab.bytes(drawn); pad.show(pixels); errors = v.errors; steps = v.steps; found = v.found;
  const [made] = await Lab.cells(film);
  if (running) return;
  frames = made;
  player.frames = frames.length; strip(); player.seek(frames.length - 1); choices(); tell(true); element.dataset.ready = 1;
};
open(props.value);
Lab.reads(element, (found) => { reader = found; if (frames.length) { show(player.frame); tell(steps.at(-1) >= STEPS); } });
Lab.repaint(() => { if (frames.length) { strip(); show(player.frame); } });
