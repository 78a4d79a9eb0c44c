const { $, $$, el } = Lab;
const rows = $(".rows", element);
for (let d = 0; d < 10; d++) rows.append(el("li", {}, el("b", {}, String(d)), el("div", { class: "well" }, el("i")), el("span")));

const named = (d) => (d === 8 ? "an 8" : `a ${d}`);
const percent = (v) => (v > .9995 ? "100" : v < .0005 ? "0" : (100 * v).toFixed(1)) + "\u00a0%";
const verdict = (p, a, b) =>
  p[a] > .97 ? `This is ${named(a)}`
  : p[a] > .8 ? `Almost surely ${named(a)}`
  : p[a] > .5 ? `Probably ${named(a)}, perhaps ${named(b)}`
  : p[a] > .3 ? `Torn between ${a} and ${b}`
  : "This does not look like a digit to me";

const say = (words, second) => { // a long sentence is set smaller, so that nothing below it jumps while the pen moves
  const says = $(".says", element);
  says.textContent = words; says.classList.toggle("long", words.length > 20); says.classList.toggle("longer", words.length > 29);
  $(".second", element).textContent = second;
};
const fill = (p, top) => $$("li", rows).forEach((row, d) => {
  $("i", row).style.setProperty("--p", Math.max(.004, p?.[d] ?? 0));
  $("span", row).textContent = p ? percent(p[d]) : "";
  row.classList.toggle("top", d === top);
  row.setAttribute("aria-label", p ? `${d}: ${percent(p[d])}` : `${d}`);
});
const show = (reading) => {
  const { p } = reading;
  element.firstElementChild.classList.toggle("closed", Boolean(reading.error));
  if (reading.error) { say("No reading", reading.error); fill(null); return; }
  if (!p) { say("Waiting for your pen", "Draw a digit, or take one below the pad."); fill(null); return; }
  const [a, b] = p.map((v, d) => d).sort((i, j) => p[j] - p[i]);
  say(verdict(p, a, b), `${percent(p[a])} sure. Next best: ${b}, at ${percent(p[b])}.`);
  fill(p, a);
};

Lab.hear("reading", (reading) => {
  show(reading);
  if (reading.final) $(".announce", element).textContent = `${$(".says", element).textContent}. ${$(".second", element).textContent}`;
});
const start = () => show(props.value ?? {});
watch("value", start); start();
