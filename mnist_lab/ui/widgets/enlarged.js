// Lab.enlarged(box, walk): one map of a network, large, with how its pixels were made. It stands below the river of layers.
// show({ net, run, fields, shown }, place, channel) opens a map; known(...) gives a new run of the same network. walk({ place, channel }) is asked
// for another map.
(() => {
  const { $, el, written } = Lab;
  const MOST = 8; // input maps shown
  const HTML = `
<header><div><h3 class="what"></h3><p class="note result"></p></div><button class="icon close" aria-label="Close" title="Close">
  <svg viewBox="0 0 18 18"><path d="m4.500 4.500 9 9m0-9-9 9"/></svg></button></header>
<div class="parts">
  <figure class="where"><p class="cap"><b>In your drawing</b><span class="num size"></span></p>
    <div class="sheet"><canvas class="pixels digit" width="28" height="28" role="img"></canvas><i class="window field"></i></div></figure>
  <div class="made"><p class="cap"><b class="from"></b><span class="more"></span></p>
    <div class="inputs" role="group" aria-label="Input maps, strongest kernel first"></div>
    <div class="times"><table class="nine values"><caption></caption></table><span class="op">×</span>
      <table class="nine weights"><caption>weights</caption></table></div>
    <p class="one num"></p><p class="total num"></p><div class="acts"></div></div>
  <figure class="map"><p class="cap"><b>The map</b><span class="num spot"></span></p>
    <div class="sheet touch" tabindex="0" role="application"><canvas class="pixels"></canvas><i class="window"></i></div></figure>
</div>`;
  const times = ([, h, w]) => `${h} × ${w}`;

  Lab.enlarged = (box, walk) => {
    box.innerHTML = HTML;
    let known = null, place = 0, channel = 0, spot = null, pinned = false; // pinned: the visitor chose the spot
    let inputs = [], input = 0; // channels of the step before, and which of them is written out
    const op = () => known.net.ops[place], from = () => op().from[0], before = () => known.net.ops[from()];
    const map = (k = place, c = channel) => {
      const [, h, w] = known.net.ops[k].shape;
      return known.run.values[k].subarray(c * h * w, (c + 1) * h * w);
    };
    const sources = (c) => Lab.nearestShown(known.net.ops, known.shown, from(), c);
    const named = (c) => { // what stands before this map: a sum of two has two names
      const found = sources(c);
      return found.length ? `${found.map((s) => known.net.ops[s.place].name).join(" + ")}, map ${c + 1}` : "your drawing";
    };
    const scaleOf = (k) => (known.net.ops[k].shape[0] === 1 ? Lab.inkScale(-1, 1) : Lab.signScale(Lab.strongest(known.run.values[k])));
    const kernel = (c) => Lab.kernelOf(op(), before().shape[0], channel, c);
    const width = () => (op().kind === "conv" ? op().kernel : op().size);
    const corner = () => (op().kind === "conv" ? spot.map((v) => v - op().size) : spot.map((v) => v * op().size)); // of the window in the input
    const values = (c) => Lab.windowOf(known.run.values[from()], before().shape, c, ...corner(), width(), 0);
    const value = () => map()[spot[0] * op().shape[2] + spot[1]];

    // ---- once a run: pictures
    const paint = () => {
      const [count, h, w] = op().shape, conv = op().kind === "conv";
      Lab.paint($(".map canvas", box), map(), w, h, scaleOf(place));
      const x = known.run.values[0], digit = Float32Array.from({ length: 784 }, (_, i) => x[(Math.floor(i / 28) + 2) * 32 + i % 28 + 2]);
      Lab.paint($(".digit", box), digit, 28, 28, Lab.inkScale(-1, 1));
      $(".what", box).textContent = `${op().name}, map ${channel + 1} of ${count}`;
      const fed = before().shape[0], first = fed === 1;
      $(".from", box).textContent = !conv ? "Made from one map" : first ? "Its kernel, over the drawing" : `Its ${fed} kernels, each over the map it reads`;
      $(".more", box).textContent = conv && fed > MOST ? `strongest first, and ${fed - MOST} more` : "";
      box.classList.toggle("pool", !conv);
      tiles(); here();
    };
    const tiles = () => {
      const conv = op().kind === "conv", colour = scaleOf(from()), [, h, w] = before().shape;
      const most = conv ? Math.max(...inputs.flatMap((c) => [...kernel(c)].map(Math.abs))) : 1;
      $(".inputs", box).replaceChildren(...inputs.map((c, i) => {
        const weights = el("canvas", { class: "pixels" }), picture = el("canvas", { class: "pixels" });
        if (conv) Lab.paint(weights, kernel(c), op().kernel, op().kernel, Lab.signScale(most));
        Lab.paint(picture, map(from(), c), w, h, colour);
        return el("button", { class: "input", tabindex: i === input ? 0 : -1, "aria-pressed": i === input, title: named(c), onclick: () => choose(i) },
          conv ? weights : null, el("span", { class: "under" }, picture, el("i", { class: "window" })), el("b", { class: "num" }));
      }));
    };

    // ---- once a spot: the window, the sum, where it looked
    const here = () => {
      const [, h, w] = op().shape, conv = op().kind === "conv", [top, left] = corner(), k = width(), side = before().shape[1];
      Lab.placeWindow($(".map .window", box), spot[1], spot[0], 1, 1, w);
      const [l, t, r, b] = Lab.rectangle(known.fields[place], ...spot), sees = r > l && b > t;
      const field = $(".field", box); field.hidden = !sees; Lab.placeWindow(field, l, t, r - l, b - t, 28);
      const at = `row ${spot[0] + 1}, column ${spot[1] + 1}`, looked = sees ? `${r - l} × ${b - t} pixels` : "only the margin";
      $(".size", box).textContent = looked; $(".spot", box).textContent = at;
      const where = sees ? `${looked} of your drawing.` : "the margin around your drawing, nothing else.";
      $(".result", box).textContent = `${pinned ? "This spot" : inked(spot) ? "Its strongest spot on ink" : "Its strongest spot"}, ${written(value())}, looked at ${where}`;
      $(".digit", box).setAttribute("aria-label", `Your drawing. The spot looked at ${looked}.`);
      const touch = $(".touch", box), label = `${$(".what", box).textContent}, ${times([0, h, w])}. ${at}: ${written(value())}. Arrow keys move the spot.`;
      Object.assign(touch, { at: spot, ariaLabel: label });
      $(".inputs", box).childNodes.forEach((button, i) => {
        Lab.placeWindow($(".window", button), left, top, k, k, side);
        button.setAttribute("aria-label", `${named(inputs[i])}${conv ? `, gives ${written(Lab.dot(values(inputs[i]), kernel(inputs[i])))} here` : ""}`);
        button.lastChild.textContent = conv ? written(Lab.dot(values(inputs[i]), kernel(inputs[i]))) : "";
      });
      conv ? sum() : pooled();
    };
    const sum = () => {
      const c = inputs[input], mine = values(c), fed = before().shape[0], bias = op().bias[channel];
      Lab.fillSquare($(".values", box), mine, scaleOf(from())); $(".values caption", box).textContent = fed === 1 ? "pixels" : `values of map ${c + 1}`;
      Lab.fillSquare($(".weights", box), kernel(c), Lab.signScale(Math.max(...inputs.flatMap((i) => [...kernel(i)].map(Math.abs)))));
      const one = Lab.dot(mine, kernel(c)), count = { 9: "Nine" }[mine.length] ?? mine.length;
      $(".one", box).textContent = `${count} ${fed === 1 ? "pixels" : "values"} × ${count.toString().toLowerCase()} weights, added up = ${written(one)}`;
      const all = fed === 1 ? "Sum" : `All ${fed} maps`;
      $(".total", box).replaceChildren(`${all} ${written(value() - bias)} + bias ${written(bias)} = `, el("b", {}, written(value())), ...after());
    };
    const after = () => { // what becomes of the value: a sum with what was carried past it, a ReLU
      const { ops } = known.net, use = (k) => ops.findIndex((o) => o.from.includes(k));
      let k = use(place), v = value();
      const text = [];
      if (ops[k]?.kind === "add") {
        const other = ops[k].from.find((i) => i !== place), [, , w] = op().shape, carried = map(other)[spot[0] * w + spot[1]];
        v += carried; k = use(k);
        text.push(`. With ${written(carried)} carried past it, `, el("b", {}, written(v)));
      }
      if (ops[k]?.kind === "relu") text.push(", and after ReLU ", el("b", {}, written(Math.max(0, v))));
      return text;
    };
    const pooled = () => {
      const mine = values(channel), most = op().kind === "maxpool", n = mine.length;
      Lab.fillSquare($(".values", box), mine, scaleOf(from())); $(".values caption", box).textContent = `${times([0, op().size, op().size])} values`;
      Lab.square($(".values", box), op().size).forEach((cell, i) => cell.classList.toggle("most", most && i === mine.indexOf(Math.max(...mine))));
      $(".one", box).textContent = most ? `The largest of ${n} values passes, the others are dropped` : `${n} values, added up and divided by ${n}`;
      $(".total", box).replaceChildren("= ", el("b", {}, written(value())));
    };
    const acts = () => { // walk back, and try the kernel by hand
      const open = (s) => el("button", { class: "btn quiet", onclick: () => walk(s) }, `Open ${known.net.ops[s.place].name}, map ${s.channel + 1}`);
      const byHand = () => { tell(); document.querySelector(".kernel .conv")?.scrollIntoView({ block: "center", behavior: Lab.calm ? "auto" : "smooth" }); };
      const slide = el("button", { class: "btn quiet", onclick: byHand }, "Slide this kernel by hand");
      $(".acts", box).replaceChildren(...sources(inputs[input]).map(open), ...(op().kind === "conv" ? [slide] : []));
    };
    const tell = () => { if (op().kind === "conv") Lab.tell("map", { network: known.net.name, place, channel, input: inputs[input] }); };
    const choose = (i) => {
      input = i;
      $(".inputs", box).childNodes.forEach((button, j) => { button.setAttribute("aria-pressed", i === j); button.tabIndex = i === j ? 0 : -1; });
      here(); acts(); tell();
    };
    const inked = (spot) => { // whether it looked at any ink
      const [l, t, r, b] = Lab.rectangle(known.fields[place], ...spot), x = known.run.values[0];
      for (let y = t; y < b; y++) if (x.subarray((y + 2) * 32 + l + 2, (y + 2) * 32 + r + 2).some((v) => v > -1)) return true;
      return false;
    };
    const strongestSpot = () => { // on ink: what lies beyond the edges of the picture excites many maps
      const all = map(), [, , w] = op().shape, spots = [...all.keys()].map((i) => [Math.floor(i / w), i % w]), on = spots.filter(inked);
      return (on.length ? on : spots).reduce((best, s) => (all[s[0] * w + s[1]] > all[best[0] * w + best[1]] ? s : best));
    };
    const order = () => {
      if (op().kind !== "conv") return [channel];
      const size = (c) => kernel(c).reduce((total, w) => total + Math.abs(w), 0);
      return Array.from({ length: before().shape[0] }, (_, c) => c).sort((a, b) => size(b) - size(a)).slice(0, MOST);
    };

    Lab.cellPointing($(".touch", box), () => op().shape.slice(1), (row, column) => { pinned = true; spot = [row, column]; here(); });
    Lab.rove($(".made", box), ".input", () => MOST);
    Lab.repaint(() => { if (known) paint(); });
    return {
      show(next, k, c) {
        [known, place, channel, pinned, input] = [next, k, c, false, 0];
        inputs = order(); spot = strongestSpot(); paint(); acts(); tell();
      },
      known(next) { known = next; if (!pinned) spot = strongestSpot(); paint(); },
    };
  };
})();
