const { $, $$, el, named, percent, spoken } = Lab;
const box = element.firstElementChild, rows = $(".rows", element), gauge = $(".gauge", element);
const NAMES = { resnet: "Best", lenet: "LeNet" };
const nameOf = (network) => NAMES[network] ?? "Yours";

const side = () => [el("div", { class: "well" }, el("i")), el("span")];
const items = Array.from({ length: 10 }, (_, d) => {
  const [left, right] = [side(), side()];
  const ask = el("button", { class: "ask", title: `Why, or why not ${named(d)}?`, "aria-label": `Why, or why not ${named(d)}?`, onclick: () => Lab.tell("ask-why", { digit: d }) }, String(d));
  return { row: rows.appendChild(el("li", {}, ask, ...left, ...right)), sides: [left, right].map(([well, span]) => ({ bar: well.firstChild, span })) };
});

// ---- words
const order = (p) => p.map((_, d) => d).sort((i, j) => p[j] - p[i]);
const unlike = (reading) => typeof reading.likeness === "number" && reading.likeness < .5;
const verdict = (p, a, b) =>
  p[a] > .97 ? `This is ${named(a)}`
  : p[a] > .8 ? `Almost surely ${named(a)}`
  : p[a] > .5 ? `Probably ${named(a)}, perhaps ${named(b)}`
  : p[a] > .3 ? `Torn between ${a} and ${b}`
  : "This does not look like a digit to me";
const sure = (p, a, b) => `${Lab.capital(spoken(p[a]))} sure. Next best: ${b}, at ${spoken(p[b])}.`;
const WEAK = "Of real digits, 99 in 100 get a stronger answer.";
const alone = (reading) => `The connection is lost; ${nameOf(reading.page.name)} reads on, in this page.`;
const compared = (lenet, best) => { // one line: where two networks disagree
  const [a] = order(lenet.p), [b] = order(best.p), gap = (d) => Math.abs(lenet.p[d] - best.p[d]);
  if (a !== b) return `They disagree: LeNet reads ${a}, the best reads ${b}.`;
  const widest = best.p.reduce((most, _, d) => (gap(d) > gap(most) ? d : most), 0);
  return gap(widest) < .01 ? `Both read ${a}, and agree on every digit.`
    : `Both read ${a}. Furthest apart on ${widest}: ${percent(lenet.p[widest])} and ${percent(best.p[widest])}.`;
};

const say = (words, why, who = "") => { // a long sentence is set smaller, so that nothing below it jumps while the pen moves
  const says = $(".says", element);
  says.textContent = words; says.classList.toggle("long", words.length > 20); says.classList.toggle("longer", words.length > 29);
  $(".why", element).textContent = why; $(".who", element).textContent = who;
};

// ---- bars and needle
const fill = (pair, two) => items.forEach(({ row, sides }, d) => {
  sides.forEach(({ bar, span }, k) => {
    const p = pair[k];
    bar.style.setProperty("--p", Math.max(.004, p?.[d] ?? 0));
    span.textContent = p ? percent(p[d]) : "";
    bar.parentElement.classList.toggle("most", Boolean(p) && p[d] === Math.max(...p)); span.classList.toggle("most", Boolean(p) && p[d] === Math.max(...p));
  });
  const lead = pair[1] ?? pair[0];
  row.classList.toggle("top", Boolean(lead) && order(lead)[0] === d); row.firstChild.disabled = !lead;
  const parts = two ? pair.map((p, k) => p && `${["LeNet", "Best"][k]} ${percent(p[d])}`).filter(Boolean) : pair[0] ? [percent(pair[0][d])] : [];
  row.setAttribute("aria-label", parts.length ? `${d}: ${parts.join(", ")}` : `${d}`);
});
const point = (likeness) => {
  const known = typeof likeness === "number";
  gauge.classList.toggle("unknown", !known);
  if (!known) { gauge.setAttribute("aria-label", "How digit-like it is: not measured"); return; }
  gauge.style.setProperty("--at", likeness); gauge.classList.toggle("below", likeness < .5);
  gauge.setAttribute("aria-label", `How digit-like it is: ${Math.round(100 * likeness)} of 100, below 50 it is not a digit`);
};

const show = (reading) => {
  const { p, pair } = reading, two = Boolean(pair), strange = p && unlike(reading);
  const states = { closed: reading.error, two, strange, live: reading.page && !reading.final, waits: two && !pair[1] };
  for (const [name, on] of Object.entries(states)) box.classList.toggle(name, Boolean(on));
  $(".sides", element).hidden = !two;
  fill(two ? pair.map((one) => one?.p) : [p], two); point(p && reading.likeness);
  if (reading.error) { say("No reading", reading.error); return; }
  if (!p) { say("Waiting for your pen", "Draw a digit, or take one below the pad."); return; }
  const [a, b] = order(p), words = strange ? "This does not look like a digit to me" : verdict(p, a, b);
  const why = reading.alone ? alone(reading) : strange ? WEAK : !two ? sure(p, a, b) : pair[1] ? compared(...pair) : "The best answers when you lift the pen.";
  say(words, why, two ? "" : nameOf(reading.page?.name ?? reading.network));
};

Lab.hear("reading", (reading) => {
  show(reading);
  if (reading.final) $(".announce", element).textContent = `${$(".says", element).textContent}. ${$(".why", element).textContent}`;
});
const start = () => show(props.value ?? {});
watch("value", start); start();
