const { $, $$, el, named } = Lab;
const SIDE = 28, DIGITS = [...Array(10).keys()], FADED = .42; // of the digit's ink, under the evidence
const RADIUS = 2.5; // pixels around the pointer that vote together
const box = $(".box", element), view = $("canvas", element), ring = $(".spot", element), rows = $(".rows", element);
let reading = null, pixels = new Uint8Array(SIDE * SIDE), method = "occlusion";
let known = {}; // method -> what it found in the present drawing
let chosen = null, shown = null; // the digit asked about, and the one pointed at
let spot = null; // [x, y], the place pointed at
let near = false, asking = false;
const winner = () => reading.digit, asked = () => shown ?? chosen ?? winner(), found = () => (known[method]?.maps ? known[method] : null);

// ---- evidence: ten maps of votes; for "why not", those for one digit rather than the winner
const DISC = [];
for (let y = -3; y <= 3; y++) for (let x = -3; x <= 3; x++) if (x * x + y * y <= RADIUS * RADIUS) DISC.push([x, y]);
const votesAt = (maps, x, y) => DIGITS.map((d) => {
  let sum = 0;
  for (const [i, j] of DISC) if (x + i >= 0 && x + i < SIDE && y + j >= 0 && y + j < SIDE) sum += maps[d * 784 + (y + j) * SIDE + x + i];
  return sum;
});
const everywhere = (f) => { for (let y = 0; y < SIDE; y++) for (let x = 0; x < SIDE; x++) f(x, y); };
const largest = (values) => values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
const bright = (values) => { // the 98.5th percentile of what is not zero: a few hot pixels must not wash out the rest
  const sizes = values.filter(Boolean).map(Math.abs).sort();
  return sizes[Math.floor(.985 * (sizes.length - 1))] || 1;
};
const rather = (maps, d, than) => maps.slice(d * 784, d * 784 + 784).map((v, i) => v - maps[than * 784 + i]);
const weigh = ({ maps, unit }) => {
  const votes = Float32Array.from(Lab.signed(maps), (v) => v * unit), whole = DIGITS.map((d) => votes.subarray(d * 784, d * 784 + 784).reduce((a, b) => a + b, 0));
  let most = 0;
  everywhere((x, y) => { most = Math.max(most, largest(votesAt(votes, x, y))); });
  return { maps: votes, whole, most };
};

// ---- the picture
const evidence = () => {
  const maps = found()?.maps, d = asked();
  if (!maps) return new Float32Array(784);
  return d === winner() ? maps.subarray(d * 784, d * 784 + 784) : rather(maps, d, winner());
};
const paint = () => {
  if (!reading?.seen) { Lab.paint(view, pixels, SIDE, SIDE, Lab.inkScale(0, 255)); return; }
  const values = evidence(), colour = Lab.signScale(bright(values)), ink = Lab.rgb("ink");
  Lab.paint(view, [...pixels.keys()], SIDE, SIDE, (i) => Lab.mix(colour(values[i]), ink, FADED * pixels[i] / 255));
};
const place = () => {
  ring.hidden = !spot || !found();
  if (spot) Object.assign(ring.style, { left: `${100 * (spot[0] + .5) / SIDE}%`, top: `${100 * (spot[1] + .5) / SIDE}%` });
};

// ---- ten signed bars
const items = DIGITS.map((d) => {
  const [bar, span] = [el("i"), el("span")], button = el("button", { "data-digit": d, tabindex: d ? -1 : 0 }, el("b", {}, String(d)), el("div", { class: "well" }, bar), span);
  rows.append(el("li", {}, button));
  return { button, bar, span };
});
const signed = (v) => `${v < -.005 ? "−" : v > .005 ? "+" : ""}${Math.abs(v).toFixed(Math.abs(v) < 9.95 ? 1 : 0)}`;
const fill = () => {
  const e = found(), votes = e && (spot ? votesAt(e.maps, ...spot) : e.whole), most = e && (spot ? e.most : largest(e.whole));
  items.forEach(({ button, bar, span }, d) => {
    const value = votes ? votes[d] / (most || 1) : 0, words = votes ? signed(votes[d]) : "";
    bar.style.setProperty("--v", value.toFixed(4)); bar.classList.toggle("minus", value < 0);
    span.textContent = words;
    button.classList.toggle("top", d === reading?.digit); button.setAttribute("aria-pressed", Boolean(reading?.seen) && d === asked());
    button.disabled = !reading?.seen;
    button.setAttribute("aria-label", `${d}${words && `: ${words}`}. ${d === reading?.digit ? "Ask why" : "Ask why not"}.`);
  });
  $(".whose", element).textContent = spot && votes ? saysSpot(votes) : "Votes of the whole drawing";
};
const saysSpot = (votes) => {
  const order = [...DIGITS].sort((a, b) => votes[b] - votes[a]);
  return votes[order[0]] < .05 ? "This place has no say" : `This place: for ${order[0]}, against ${order[9]}`;
};

// ---- words
const say = () => {
  const failed = known[method]?.error;
  if (!reading?.seen) { $(".result", element).textContent = "Draw a digit to ask why"; $(".says", element).textContent = reading?.error ?? ""; return; }
  const d = asked(), top = winner();
  $(".result", element).textContent = d === top ? `Why ${named(d)}?` : `Why not ${named(d)}?`;
  $(".says", element).textContent = failed ?? (d === top ? `Ink that argues for ${d}, or against.` : `Ink that argues for ${d} rather than ${top}, or the other way round.`);
  $(".low", element).textContent = d === top ? "against" : `for ${top}`; $(".high", element).textContent = d === top ? "for" : `for ${d}`;
  const where = spot && found() ? ` ${$(".whose", element).textContent}.` : "";
  box.setAttribute("aria-label", `${$(".result", element).textContent} Your drawing, with the evidence painted over it.${where} Arrow keys move to a place and show its votes.`);
};
const show = () => { paint(); place(); fill(); say(); };

// ---- ask the server: once a drawing and method, one call in flight, the newest wins
const wanted = () => near && reading?.seen && !known[method];
const ask = async () => {
  if (asking) return;
  asking = true;
  while (wanted()) {
    const [mine, how] = [reading, method], answer = await server.evidence({ network: mine.network, method: how, pixels: mine.seen });
    if (mine !== reading) continue;
    if (answer?.busy) { await new Promise((go) => setTimeout(go, 200)); continue; }
    known[how] = answer?.maps ? weigh(answer) : { error: answer?.error ?? "The connection is lost. Choose a method to try again." };
    show();
  }
  asking = false;
};
const SETTLED = 150; // ms without a further reading
Lab.follow("reading", (next) => {
  if (!next.final) return;
  const same = reading && next.seen === reading.seen && (next.network ?? reading.network) === reading.network;
  reading = { network: reading?.network, ...next };
  if (same) return;
  known = {}; chosen = shown = spot = null;
  pixels = reading.seen ? Lab.bytes(reading.seen) : new Uint8Array(SIDE * SIDE);
  show(); clearTimeout(ask.rest); ask.rest = setTimeout(ask, SETTLED);
});
Lab.attend(element, (here) => { near = here; if (near) ask(); });

// ---- point at a digit
const digitAt = (e) => { const button = e.target.closest?.("button"); return button && !button.disabled ? +button.dataset.digit : null; };
const point = (d) => { if (d === shown) return; shown = d; show(); };
rows.addEventListener("pointerover", (e) => { if (e.pointerType === "mouse") point(digitAt(e)); });
rows.addEventListener("pointerleave", () => point(null));
rows.addEventListener("focusin", (e) => { if (e.target.matches(":focus-visible")) point(digitAt(e)); });
rows.addEventListener("focusout", () => point(null));
rows.addEventListener("click", (e) => { const d = digitAt(e); if (d !== null) { chosen = d; spot = null; show(); } });
const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -10, End: 10 };
rows.addEventListener("keydown", (e) => { // one tab stop, arrows inside it
  const d = digitAt(e);
  if (d === null || !STEPS[e.key]) return;
  e.preventDefault();
  const next = items[Lab.clamp(d + STEPS[e.key], 0, 9)].button;
  items[d].button.tabIndex = -1; next.tabIndex = 0; next.focus();
});

// ---- point at a place
const goTo = (x, y) => {
  const next = [x, y].map((v) => Lab.clamp(Math.floor(v), 0, SIDE - 1));
  if (next.join() === spot?.join()) return;
  spot = next; place(); fill(); say();
};
const follow = (e) => { const r = box.getBoundingClientRect(); goTo(SIDE * (e.clientX - r.left) / r.width, SIDE * (e.clientY - r.top) / r.height); };
const leave = () => { spot = null; place(); fill(); say(); };
box.addEventListener("pointerdown", (e) => { if (e.isPrimary && !e.button) { box.setPointerCapture(e.pointerId); follow(e); } });
box.addEventListener("pointermove", (e) => { if (e.isPrimary) follow(e); });
box.addEventListener("pointerleave", (e) => { if (e.pointerType === "mouse") leave(); });
const loudest = () => { // where the shown evidence is strongest
  const e = found(); let best = [14, 14], most = -1;
  if (e) everywhere((x, y) => { const v = Math.abs(votesAt(e.maps, x, y)[asked()]); if (v > most) { most = v; best = [x, y]; } });
  return best;
};
box.addEventListener("focus", () => { if (box.matches(":focus-visible") && !spot) goTo(...loudest()); });
box.addEventListener("blur", leave);
box.addEventListener("keydown", (e) => {
  if (e.key === "Escape") leave();
  if (!Lab.ARROWS[e.key]) return;
  e.preventDefault();
  const [x, y] = spot ?? loudest(), far = e.shiftKey ? 4 : 1;
  goTo(x + far * Lab.ARROWS[e.key][0], y + far * Lab.ARROWS[e.key][1]);
});

// ---- method
const choose = (input) => {
  method = input.value; input.checked = true;
  if (known[method]?.error) delete known[method];
  $(".method", element).textContent = input.dataset.words;
  show(); ask();
};
$$(".segments input", element).forEach((input) => input.addEventListener("change", () => choose(input)));
$(".segments", element).addEventListener("click", (e) => { if (e.target.value === method && known[method]?.error) choose(e.target); });
choose($(`[value=${method}]`, element));

Lab.hear("ask-why", ({ digit }) => {
  if (!reading?.seen) return;
  chosen = digit; shown = spot = null; show();
  $(".bench", element).scrollIntoView({ behavior: Lab.calm ? "auto" : "smooth", block: "start" });
  items[digit].button.focus({ preventScroll: true });
});
Lab.repaint(paint);
element.dataset.ready = 1;
