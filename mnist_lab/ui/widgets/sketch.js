// A small drawing pad for the rooms' further parts. Lab.sketch(box, { take, samples }) fills `box` (class "sketch") and calls
// take(pixels, how) with uint8 28 x 28 whenever the pen rests ("pen"), moves ("moving") or a sample is taken ("sample"), and
// take(null, "clear"). Returns { show(pixels): paint a digit that came from elsewhere }.
(() => {
  const SIDE = 560, CELL = SIDE / 28, BRUSH = .08, EVERY = 60; // ms between two calls while the pen moves
  const sketch = (box, { take, label = "Drawing pad. Draw one digit." }) => {
    const form = Lab.el("canvas", { "aria-hidden": "true" }), ink = Lab.el("canvas", { role: "application", tabindex: 0, "aria-label": `${label} Delete clears.` });
    const ghost = Lab.el("p", { class: "ghost", "aria-hidden": "true" }, "Draw here"), row = Lab.el("div", { class: "samples", role: "group", "aria-label": "Or take a digit" }, Lab.el("span", { class: "note" }, "Or take one"));
    const wipe = Lab.el("button", { class: "icon clear", "aria-label": "Clear", title: "Clear" }); wipe.innerHTML = '<svg viewBox="0 0 18 18"><path d="m4.500 4.500 9 9m0-9-9 9"/></svg>';
    box.append(Lab.el("div", { class: "sheet box" }, form, ink, ghost, wipe), row);
    form.width = form.height = ink.width = ink.height = SIDE;
    const context = ink.getContext("2d");
    let strokes = [], pixels = null, live = null, told = 0;

    const paint = () => {
      const c = form.getContext("2d"); c.clearRect(0, 0, SIDE, SIDE); c.strokeStyle = `rgb(${Lab.rgb("dropout-soft")})`; c.lineWidth = 1.2; c.beginPath();
      for (let i = 1; i < 28; i++) { c.moveTo(i * CELL, 0); c.lineTo(i * CELL, SIDE); c.moveTo(0, i * CELL); c.lineTo(SIDE, i * CELL); }
      c.stroke(); context.clearRect(0, 0, SIDE, SIDE);
      if (pixels) for (let i = 0; i < 784; i++) if (pixels[i]) { context.fillStyle = `rgb(${Lab.rgb("ink").join(" ")} / ${pixels[i] / 255})`; context.fillRect(i % 28 * CELL, Math.floor(i / 28) * CELL, CELL, CELL); }
      context.strokeStyle = `rgb(${Lab.rgb("pen")})`; context.lineCap = context.lineJoin = "round"; context.lineWidth = BRUSH * SIDE;
      for (const stroke of strokes) {
        context.beginPath(); context.moveTo(stroke[0][0] * SIDE, stroke[0][1] * SIDE + .01);
        for (const [x, y] of stroke) context.lineTo(x * SIDE, y * SIDE);
        context.stroke();
      }
      ghost.hidden = Boolean(strokes.length || pixels);
    };
    const digit = (how) => { const found = strokes.length && Lab.toDigit(strokes, BRUSH); if (found) take(found.pixels, how); };
    const point = (e) => { const r = ink.getBoundingClientRect(); return [Lab.clamp((e.clientX - r.left) / r.width), Lab.clamp((e.clientY - r.top) / r.height)]; };
    Lab.hand(ink, {
      down: (e) => { if (pixels) strokes = []; pixels = null; strokes.push(live = [point(e)]); paint(); },
      move: (e) => {
        if (!live) return;
        for (const m of Lab.moves(e)) live.push(point(m));
        paint(); if (performance.now() - told > EVERY) { told = performance.now(); digit("moving"); }
      },
      up: () => { if (live) { live = null; digit("pen"); } },
    });
    const show = (found) => { strokes = []; live = null; pixels = found; paint(); };
    const clear = () => { show(null); take(null, "clear"); };
    wipe.addEventListener("click", clear);
    ink.addEventListener("keydown", (e) => { if (["Delete", "Backspace"].includes(e.key)) { e.preventDefault(); clear(); } });
    Lab.follow("samples", (samples) => {
      if (row.children.length > 1) return; // another room's; these do as well
      row.replaceChildren(row.firstChild, ...samples.map((sample) => {
        const canvas = Lab.el("canvas", { class: "pixels" });
        Lab.repaint(() => Lab.paint(canvas, sample.pixels, 28, 28, Lab.inkScale(0, 255)));
        return Lab.el("button", { "aria-label": sample.name, title: sample.name, onclick: () => { show(sample.pixels); take(sample.pixels, "sample"); } }, canvas);
      }));
    });
    Lab.repaint(paint);
    return { show };
  };
  // ask(payload) -> answer: one question at a time, asked again while the server is busy. A newer question takes the place of one that
  // still waits; all but the newest get undefined.
  const newest = (call) => {
    let last = 0, running = Promise.resolve();
    return (payload) => {
      const mine = ++last;
      const turn = running.then(async () => {
        let answer = { busy: true };
        while (answer?.busy && mine === last) {
          try { answer = await call(payload); } catch { answer = null; }
          if (answer?.busy) await new Promise((done) => setTimeout(done, 200));
        }
        return mine === last ? answer ?? { error: "The connection is lost. Try again." } : undefined;
      });
      running = turn;
      return turn;
    };
  };
  // the same for a part that shows one answer: while the server works, `element` has the class "asking"; what it refuses is said in a toast, or to `refused`
  const asking = (element, call, refused = Lab.toast) => {
    const ask = newest(call);
    return async (payload) => {
      const count = (by) => { element.askers = (element.askers ?? 0) + by; element.classList.toggle("asking", element.askers > 0); };
      count(1);
      const answer = await ask(payload);
      count(-1);
      if (answer?.error !== undefined) refused(answer.error); else return answer;
    };
  };
  // Chips for ten labels, and for none (null): calls pick(label), returns mark(label)
  const labels = (box, pick, any = false) => {
    const all = [...(any ? [null] : []), ...Array(10).keys()], mark = (label) => buttons.forEach((b, i) => b.setAttribute("aria-pressed", all[i] === label));
    const buttons = all.map((d) => Lab.el("button", { "aria-label": d === null ? "Any digit" : `Label ${d}`, onclick: () => { mark(d); pick(d); } }, d === null ? "any" : String(d)));
    box.classList.toggle("eleven", any); box.append(...buttons);
    return mark;
  };
  // A few words of which one is chosen: Lab.segments(box, { name: words }, pick) -> mark(name)
  const segments = (box, among, pick) => {
    const mark = (name) => buttons.forEach((b) => b.setAttribute("aria-pressed", b.dataset.name === name));
    const buttons = Object.entries(among).map(([name, words]) => Lab.el("button", { "data-name": name, onclick: () => { mark(name); pick(name); } }, words));
    box.append(...buttons);
    return mark;
  };
  // Ten pictures in a box, with captions or without -> [{ canvas, caption }]; and what a caption says of a digit that was asked for
  const tenTiles = (box, captions = false) => Array.from({ length: 10 }, () => {
    const canvas = Lab.el("canvas", { class: "pixels", role: "img" }), caption = captions ? Lab.el("figcaption", { class: "asked" }) : null;
    box.append(Lab.el("figure", {}, Lab.el("div", { class: "sheet" }, canvas), caption)); return { canvas, caption };
  });
  const captioned = (caption, asked, read) => { caption.textContent = read === asked ? asked : `${asked}, read ${read}`; caption.classList.toggle("wrong", read !== asked); };
  // A button that has a file made, and takes it away: make() -> { file: URL }, name() -> what it is called
  const takeaway = (button, make, name) => button.addEventListener("click", async () => {
    const words = button.textContent, download = name(), ready = Lab.busy(button); button.textContent = "Making it";
    const answer = await make();
    ready(); button.textContent = words;
    if (!answer || answer.error) { Lab.toast(answer?.error ?? "Made, but you asked for another one."); return; }
    Lab.el("a", { href: answer.file, download }).click();
  });
  const floats = (text) => new Float32Array(Lab.bytes(text).buffer);
  const unfloats = (numbers) => btoa(String.fromCharCode(...new Uint8Array(Float32Array.from(numbers).buffer)));
  const text = (pixels) => btoa(Array.from(pixels, (v) => String.fromCharCode(v)).join(""));
  Object.assign(Lab, { asking, captioned, floats, labels, newest, segments, sketch, takeaway, tenTiles, text, unfloats });
})();
