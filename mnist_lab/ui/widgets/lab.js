// What the widgets share: colours, painting, pointer and keyboard, the film player, plots. No framework, no request.
// Loaded once in the page's head as window.Lab.
(() => {
  const $ = (q, el = document) => el.querySelector(q), $$ = (q, el = document) => [...el.querySelectorAll(q)];
  const query = window.labQuery ?? new URLSearchParams(location.search);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches || query.has("still");
  const clamp = (v, lo = 0, hi = 1) => Math.min(hi, Math.max(lo, v));
  const another = (...taken) => { // a seed that is none of these: what is to change changes, and two ends differ
    const seed = Math.floor(Math.random() * 1000);
    return taken.includes(seed) ? another(...taken) : seed;
  };

  // ---- colours: read from the tokens, never copied; painters run again when Gradio switches light and dark
  let colours = {};
  const rgb = (name) => colours[name] ??= (() => {
    const hex = getComputedStyle(document.body).getPropertyValue("--lab-" + name).trim().slice(1);
    return [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16));
  })();
  const painters = new Set();
  const repaint = (paint) => { painters.add(paint); paint(); return paint; };
  const watchMode = () => new MutationObserver(() => { colours = {}; painters.forEach((f) => { try { f(); } catch (error) { reportError(error); } }); })
    .observe(document.body, { attributes: true, attributeFilter: ["class"] });
  document.body ? watchMode() : addEventListener("DOMContentLoaded", watchMode);

  // ---- pictures: numbers -> pixels. Paper is low, ink is high, in both modes.
  const paint = (canvas, data, width, height, colour) => {
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const context = canvas.getContext("2d"), image = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      const c = colour(data[i]);
      image.data[4 * i] = c[0]; image.data[4 * i + 1] = c[1]; image.data[4 * i + 2] = c[2]; image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  };
  const mix = (a, b, t) => [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t];
  const inkScale = (lo = 0, hi = 1) => {
    const paper = rgb("surface"), ink = rgb("ink");
    return (v) => mix(paper, ink, clamp((v - lo) / (hi - lo)));
  };
  const signScale = (max) => { // neg, neg-soft, surface, pos-soft, pos at -1, -1/2, 0, 1/2, 1 of max
    const zero = rgb("surface"), arms = { up: [rgb("pos-soft"), rgb("pos")], down: [rgb("neg-soft"), rgb("neg")] };
    return (v) => {
      const t = clamp(Math.abs(v) / (max || 1)), [soft, full] = v > 0 ? arms.up : arms.down;
      return t < .5 ? mix(zero, soft, 2 * t) : mix(soft, full, 2 * t - 1);
    };
  };

  // ---- data from the server: base64 of raw bytes
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const signed = (text) => new Int8Array(bytes(text).buffer);
  const sprite = async (url) => { // a grey picture -> its pixels
    const image = new Image(); image.src = url; await image.decode();
    const canvas = document.createElement("canvas"); canvas.width = image.width; canvas.height = image.height;
    const context = canvas.getContext("2d", { willReadFrequently: true }); context.drawImage(image, 0, 0);
    const rgba = context.getImageData(0, 0, image.width, image.height).data, grey = new Uint8Array(image.width * image.height);
    for (let i = 0; i < grey.length; i++) grey[i] = rgba[4 * i];
    return { grey, width: image.width, height: image.height };
  };

  const digits = (all) => Array.from({ length: all.length / 784 }, (_, k) => all.subarray(784 * k, 784 * k + 784)); // pictures of 28x28, one after the other
  const cells = async (url) => { // a sheet of pictures of 28x28 -> its rows of pictures
    const { grey, width } = await sprite(url), height = grey.length / width;
    return Array.from({ length: height / 28 }, (_, r) => Array.from({ length: width / 28 }, (_, c) =>
      Uint8Array.from({ length: 784 }, (_, i) => grey[(28 * r + Math.floor(i / 28)) * width + 28 * c + i % 28])));
  };
  // Noise drawn as static: a tile's data URL, made once for each mode
  const grain = () => colours.grain ??= (() => {
    const canvas = document.createElement("canvas"), normal = () => Math.sqrt(-2 * Math.log(Math.random() + 1e-12)) * Math.cos(2 * Math.PI * Math.random());
    paint(canvas, Float32Array.from({ length: 14400 }, normal), 120, 120, inkScale(-3.4, 5.5));
    return canvas.toDataURL();
  })();

  // ---- small pieces of interface
  const SVG = /^(svg|g|path|line|rect|circle|text|defs|pattern|image|tspan)$/;
  const el = (tag, attributes = {}, ...children) => {
    const e = SVG.test(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [k, v] of Object.entries(attributes)) k.startsWith("on") ? e.addEventListener(k.slice(2), v) : v != null && e.setAttribute(k, v);
    e.append(...children.filter((c) => c != null)); return e;
  };
  // The pointer that goes down first, until it goes up: a second finger or a palm beside it changes nothing. A pen comes before fingers.
  // down(e) may say false: it was not for this
  const hand = (target, { down, move, up }, moved = "pointermove") => {
    let id = null;
    target.addEventListener("pointerdown", (e) => {
      if ((id !== null && e.pointerType !== "pen") || !e.isPrimary || e.button) return;
      if (down(e) !== false) { id = e.pointerId; target.setPointerCapture(id); }
    });
    target.addEventListener(moved, (e) => { if (e.pointerId === id) move(e); });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) target.addEventListener(end, (e) => { if (e.pointerId === id) { id = null; up?.(e); } });
  };
  const drag = (target, move, end) => { // move gets 0..1, 0..1
    const at = (e) => { const r = target.getBoundingClientRect(); move(clamp((e.clientX - r.left) / r.width), clamp((e.clientY - r.top) / r.height), e); };
    let waits = null; // where a finger went down that may be about to scroll the page: it acts when it moves sideways, or lifts
    hand(target, {
      down: (e) => { waits = e.pointerType === "touch" && getComputedStyle(target).touchAction === "pan-y" ? e : null; if (!waits) at(e); },
      move: (e) => {
        if (waits && Math.abs(e.clientX - waits.clientX) <= Math.max(3, Math.abs(e.clientY - waits.clientY))) return;
        waits = null; at(e);
      },
      up: (e) => { if (waits && e.type === "pointerup") at(e); end?.(); },
    });
  };
  // A button that is busy: it can't be pressed, and a keyboard's place is not lost. Returns what ends that
  const busy = (button) => {
    const focused = document.activeElement === button;
    button.disabled = true;
    return () => { button.disabled = false; if (focused && document.activeElement === document.body) button.focus({ preventScroll: true }); };
  };
  const moves = (e) => { const all = e.getCoalescedEvents?.() ?? []; return all.length ? all : [e]; }; // some browsers keep an empty list
  const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }; // key -> columns, rows
  const PLAY = '<svg viewBox="0 0 16 16"><path d="M4.500 2.200v11.600L13.500 8z"/></svg>';
  const PAUSE = '<svg viewBox="0 0 16 16"><path d="M4 2.500h3v11H4zM9.500 2.500h3v11h-3z"/></svg>';
  // Film player: a .strip to scrub, a .play button. show(i) draws frame i, text(i) says it. Any length plays in about 3 s, or as told.
  const film = (box, { frames, label, show, text, seconds = 3.2 }) => {
    const strip = $(".strip", box), head = $(".head", box), button = $(".play", box);
    const player = { frame: 0, frames, playing: false, loop: false };
    const icon = () => { button.innerHTML = player.playing ? PAUSE : PLAY; button.setAttribute("aria-label", player.playing ? "Pause" : "Play"); };
    player.seek = (i) => {
      player.frame = clamp(Math.round(i), 0, Math.max(0, player.frames - 1));
      head.style.left = `${100 * player.frame / Math.max(1, player.frames - 1)}%`;
      strip.setAttribute("aria-valuenow", player.frame); strip.setAttribute("aria-valuemax", player.frames - 1);
      strip.setAttribute("aria-valuetext", text?.(player.frame) ?? player.frame);
      show(player.frame);
    };
    let turn = 0;
    player.stop = () => { player.playing = false; icon(); };
    player.play = () => {
      if (player.frame >= player.frames - 1) player.seek(0);
      player.playing = true; icon();
      const rate = clamp(player.frames / seconds, 4, 400), from = player.frame, start = performance.now(), mine = ++turn;
      const tick = (now) => {
        if (!player.playing || mine !== turn) return;
        const i = Math.min(player.frames - 1, from + Math.floor((now - start) * rate / 1000));
        if (i !== player.frame) player.seek(i);
        if (player.frame < player.frames - 1) requestAnimationFrame(tick); else { player.stop(); if (player.loop) player.play(); }
      };
      requestAnimationFrame(tick);
    };
    button.addEventListener("click", () => (player.playing ? player.stop() : player.play()));
    Object.entries({ role: "slider", tabindex: 0, "aria-label": label, "aria-valuemin": 0 }).forEach(([k, v]) => strip.setAttribute(k, v));
    drag(strip, (x) => { player.stop(); player.seek(x * (player.frames - 1)); });
    const keys = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageDown: 10, PageUp: -10, Home: -1e6, End: 1e6 };
    strip.addEventListener("keydown", (e) => {
      if (keys[e.key]) { e.preventDefault(); player.stop(); player.seek(player.frame + keys[e.key]); }
      if (e.key === " ") { e.preventDefault(); button.click(); }
    });
    icon(); return player;
  };
  // Strip of a film: 28x28 cells side by side over paper; a cell that has not arrived yet (null) is sunken.
  const paintStrip = (canvas, cells, gap) => {
    const width = cells.length * 28 + (cells.length - 1) * gap, data = new Int16Array(width * 28).fill(-1);
    cells.forEach((cell, j) => {
      for (let y = 0; y < 28; y++) for (let x = 0; x < 28; x++) data[y * width + j * (28 + gap) + x] = cell ? cell[y * 28 + x] : -2;
    });
    const scale = inkScale(0, 255), paper = rgb("paper"), sunken = rgb("sunken");
    paint(canvas, data, width, 28, (v) => (v === -1 ? paper : v === -2 ? sunken : scale(v)));
  };
  // Plot: an svg as wide as its box; draw(svg, width, height) fills it, again on every resize. Returns "draw again".
  const plot = (box, height, draw) => {
    const svg = el("svg", { "aria-hidden": "true" }); box.prepend(svg);
    const go = () => {
      const w = Math.round(box.clientWidth), h = height();
      if (!w) return;
      svg.setAttribute("viewBox", `0 0 ${w} ${h}`); svg.setAttribute("height", h); svg.replaceChildren(); draw(svg, w, h);
    };
    new ResizeObserver(go).observe(box); return go;
  };
  const words = (x, y, said, anchor = "start", kind = "") => { const t = el("text", { x, y, "text-anchor": anchor, class: kind }); t.textContent = said; return t; };
  const line = (xs, ys) => xs.map((x, i) => `${i ? "L" : "M"}${x.toFixed(1)} ${ys[i].toFixed(1)}`).join("");
  const narrow = () => matchMedia("(max-width: 760px)").matches;
  const toast = (text) => {
    const t = $(".lab-toast") ?? document.body.appendChild(el("div", { class: "lab-toast", role: "status" }));
    t.textContent = text; t.classList.add("on"); clearTimeout(toast.timer);
    toast.timer = setTimeout(() => t.classList.remove("on"), Math.max(1800, 70 * text.length)); // as long as it takes to read
  };
  const copy = async (text, done) => {
    try { await navigator.clipboard.writeText(text); toast(done); } catch { toast("Your browser did not let us copy."); }
  };

  // ---- ten bars, one a digit: a fill for now, a tick for what it is compared with; without a value the well is empty
  const capital = (words) => words[0].toUpperCase() + words.slice(1);
  const named = (digit) => (digit === 8 ? "an 8" : `a ${digit}`);
  const percent = (p) => (p > .9995 ? "100" : p < .0005 ? "0" : (100 * p).toFixed(1)) + "\u00a0%";
  const tenth = (v) => v.toFixed(1).replace(/^-(?=.*[1-9])/, "−").replace("-", ""); // never "−0.0"
  const spoken = (p) => (p < .001 ? "under 0.1\u00a0%" : p > .999 ? "over 99.9\u00a0%" : percent(p)); // in a sentence nothing is certain
  const top = (p) => p.indexOf(Math.max(...p));
  const readAs = (p) => (!p ? "" : Math.max(...p) < .15 ? "no digit stands out" : `read as ${top(p)}, ${Math.round(100 * Math.max(...p))}\u00a0%`); // what a network says of a picture, beside it
  const ten = (list) => {
    const rows = Array.from({ length: 10 }, (_, d) => el("li", {}, el("b", {}, String(d)), el("div", { class: "well" }, el("i"), el("u")), el("span")));
    list.replaceChildren(...rows);
    return (p, tick = p) => rows.forEach((row, d) => {
      row.style.setProperty("--p", p?.[d] ?? 0); row.style.setProperty("--tick", tick?.[d] ?? 0);
      row.lastChild.textContent = p ? percent(p[d]) : "";
      row.classList.toggle("top", Boolean(p) && p[d] === Math.max(...p)); row.setAttribute("aria-label", p ? `${d}: ${percent(p[d])}` : `${d}`);
    });
  };

  // Ten curves, one a digit, into a plot's svg: rows[k] holds ten values at xs[k], y turns one into pixels. The ends are labelled
  // with their numerals where there is room; a digit that was strong only on the way, at its peak.
  const tenCurves = (svg, rows, xs, y) => {
    const taken = [], last = rows.length - 1, order = [...Array(10).keys()].sort((a, b) => rows[last][b] - rows[last][a]);
    for (const d of [...order].reverse()) svg.append(el("path", { class: "curve", d: line(xs, rows.map((row) => y(row[d]))), style: `stroke:var(--lab-digit-${d})` }));
    for (const d of order) {
      const peak = rows.reduce((best, row, k) => (row[d] > rows[best][d] ? k : best), 0), ends = rows[last][d] > .04, k = ends ? last : peak;
      const at = { x: xs[k], y: y(rows[k][d]) };
      if ((!ends && rows[k][d] < .25) || taken.some((t) => Math.abs(t.x - at.x) < 14 && Math.abs(t.y - at.y) < 15)) continue;
      taken.push(at);
      svg.append(el("circle", { cx: at.x, cy: at.y, r: 3, style: `fill:var(--lab-digit-${d})` }),
        el("text", { class: "numeral", x: at.x + (ends || at.y < 24 ? 8 : -4), y: at.y + (ends ? 5 : at.y < 24 ? 18 : -8) }, String(d)));
    }
  };

  // ---- widgets talk by events on the document: Lab.tell("reading", {...}), Lab.hear("reading", f)
  const send = (name, detail) => document.dispatchEvent(new CustomEvent("lab:" + name, { detail }));
  const hear = (name, f) => document.addEventListener("lab:" + name, (e) => f(e.detail));
  // Lab.follow hears also what stands when it is called, and what was only remembered: the recorded reading at first paint
  const latest = {}, last = (name) => latest[name];
  const tell = (name, detail) => { latest[name] = detail; send(name, detail); };
  const remember = (name, detail) => { latest[name] = detail; send("remembered:" + name, detail); };
  const follow = (name, f) => { hear(name, f); hear("remembered:" + name, f); if (latest[name]) f(latest[name]); };
  // Once: the room's film, whole; after a link with settings, the one that it asks for. Returns "is it still to come?", and lets all who wait see
  // the film that has come before it says no
  const arrived = (f) => {
    let waits = true, comes = true;
    hear("sampling", (state) => { if (state === "stop") waits = comes = false; }); // the next film is the visitor's own
    follow("film", (film) => { if (waits && film.settings && film.x.length > film.total && !(film.run === "recorded" && window.labRuns)) { waits = false; f(film); setTimeout(() => { comes = false; }); } });
    return () => comes;
  };

  // f(true) once the element rests within `margin` pixels of the window, f(false) when it leaves: a part nobody looks at asks for nothing,
  // nor does what passes by while the page is put together or scrolled. Below zero, the margin keeps off the foot of the window only
  const REST = 300; // ms
  const attend = (element, f, margin = 300) => {
    const above = Math.max(0, margin);
    let rest = 0;
    const here = () => [...element.getClientRects()].some(({ top, bottom }) => bottom > -above && top < innerHeight + margin);
    new IntersectionObserver((entries) => {
      clearTimeout(rest);
      if (entries.at(-1).isIntersecting) rest = setTimeout(() => here() && f(true), REST); else f(false);
    }, { rootMargin: `${above}px ${above}px ${margin}px` }).observe(element);
  };
  const near = (element, f) => { let first = true; attend(element, (here) => { if (here && first) { first = false; f(); } }); };

  // ---- what a part of a room keeps in the address besides the room's own settings, so that a link restores it too
  const here = (q) => q.get("room") ?? "classify";
  const address = (room) => ({
    read: (key) => (here(query) === room ? query.get(key) : null), // as the page was opened
    write: (values) => {
      const q = new URLSearchParams(location.search);
      if (here(q) !== room) return;
      Object.entries(values).forEach(([key, text]) => (text === null ? q.delete(key) : q.set(key, text))); history.replaceState(history.state, "", "?" + q);
      (window.labAddresses ??= {})[room] = q; // as it is left, also by Back
    },
  });

  // Pictures as they travel there: numbers of 0 to 255 in so few bits each, six bits a letter
  const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const shorten = (pixels, bits) => {
    const flat = Array.from(pixels, (v) => Math.round(v / 255 * (2 ** bits - 1)).toString(2).padStart(bits, "0")).join("");
    return Array.from({ length: Math.ceil(flat.length / 6) }, (_, i) => LETTERS[parseInt(flat.slice(6 * i, 6 * i + 6).padEnd(6, "0"), 2)]).join("");
  };
  const lengthen = (text, bits) => { // a picture of 28x28, or null if it is none
    if (!/^[\w-]+$/.test(text ?? "") || text.length !== Math.ceil(784 * bits / 6)) return null;
    const flat = [...text].map((c) => LETTERS.indexOf(c).toString(2).padStart(6, "0")).join("");
    return Uint8Array.from({ length: 784 }, (_, i) => Math.round(parseInt(flat.slice(bits * i, bits * i + bits), 2) * 255 / (2 ** bits - 1)));
  };

  // ---- a finger that scrolls the page over a slider leaves it as it was
  let touched = null;
  document.addEventListener("pointerdown", (e) => { touched = e.pointerType === "touch" && e.target.matches?.("input[type=range]") ? { slider: e.target, value: e.target.value } : null; }, true);
  document.addEventListener("pointercancel", (e) => {
    if (touched?.slider !== e.target || e.target.value === touched.value) return;
    e.target.value = touched.value;
    for (const type of ["input", "change"]) e.target.dispatchEvent(new Event(type, { bubbles: true }));
  }, true);

  // ---- Gradio's drawers say whether they are open by their arrow only
  const drawer = (e) => { const button = e.target.closest?.(".label-wrap"); if (button) requestAnimationFrame(() => button.setAttribute("aria-expanded", button.classList.contains("open"))); };
  for (const type of ["focusin", "click"]) document.addEventListener(type, drawer);

  // ---- light or dark: Gradio has chosen by now, from the address or the system; what the visitor chose stands above the system's
  const MODE = "lab-mode";
  try { const mode = localStorage.getItem(MODE); if (mode && !query.has("__theme")) document.body.classList.toggle("dark", mode === "dark"); } catch {} // a page within another may keep nothing
  const switchMode = () => { const mode = document.body.classList.toggle("dark") ? "dark" : "light"; try { localStorage.setItem(MODE, mode); } catch {} };

  // ---- the bar and the feet of the rooms: anything with data-do
  document.addEventListener("click", (e) => {
    const button = e.target.closest("[data-do]");
    if (button?.dataset.do === "mode") switchMode();
    if (button?.dataset.do === "link") copy(location.origin + location.pathname + location.search, "Link copied. It restores this room and its settings.");
    if (button?.dataset.do === "copy") copy($(".code", button.parentElement).textContent, "Three lines copied.");
  });

  window.Lab = { $, $$, ARROWS, address, another, arrived, attend, busy, bytes, calm, capital, cells, clamp, digits, drag, el, film, follow, grain, hand, hear, inkScale, last, lengthen, line, mix, moves, named, narrow, near, paint, paintStrip, percent, plot, readAs, remember, repaint, rgb, shorten, signScale, signed, spoken, sprite, tell, ten, tenCurves, tenth, toast, top, words };
})();
