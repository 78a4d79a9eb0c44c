// A part of a room as a picture to keep: a heading's button (data-do="picture") saves what stands under it as a PNG, twice as fine
// as the screen. Painted from what the page shows: canvases and plots, words, bars and borders as their styles say.
(() => {
  const FINE = 2, MARGIN = 24, MOST = 16e6; // px; pixels that every browser can keep
  const SVG_STYLES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "stroke-opacity", "opacity", "display", "visibility"];

  const plotted = async (svg) => { // a plot's lines: their styles stand in sheets that a picture of it does not know, and are written into a copy
    const copy = svg.cloneNode(true), from = [svg, ...svg.querySelectorAll("*")], to = [copy, ...copy.querySelectorAll("*")];
    from.forEach((e, i) => { const style = getComputedStyle(e); SVG_STYLES.forEach((name) => to[i].style.setProperty(name, style.getPropertyValue(name))); });
    copy.querySelectorAll("text").forEach((e) => e.remove()); // nor are the page's fonts known there
    const { width, height } = svg.getBoundingClientRect(), image = new Image();
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg"); copy.setAttribute("width", width); copy.setAttribute("height", height); copy.style.overflow = "visible"; copy.style.color = getComputedStyle(svg).color;
    image.src = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }));
    try { await image.decode(); return image; } catch { return null; } finally { URL.revokeObjectURL(image.src); }
  };
  const worded = (context, node) => { // word by word: the page has broken the lines already
    const style = getComputedStyle(node.parentElement), range = document.createRange(), upper = style.textTransform === "uppercase";
    context.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`; context.fillStyle = node.parentElement.closest("svg") ? style.fill : style.color; context.letterSpacing = style.letterSpacing === "normal" ? "0px" : style.letterSpacing;
    for (const { index, 0: word } of node.data.matchAll(/[^\s\-–—]+[\-–—]*|[\-–—]+/g)) { // a line may end at a dash too
      range.setStart(node, index); range.setEnd(node, index + word.length);
      const box = range.getBoundingClientRect(), said = upper ? word.toUpperCase() : word, { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = context.measureText(said);
      if (box.width) context.fillText(said, box.left, box.top + (box.height - up - down) / 2 + up);
    }
  };
  const boxed = (context, box, style) => {
    const shape = new Path2D(), line = parseFloat(style.borderTopWidth), round = Math.min(parseFloat(style.borderTopLeftRadius) || 0, box.height / 2);
    shape.roundRect(box.left + line / 2, box.top + line / 2, Math.max(0, box.width - line), Math.max(0, box.height - line), style.borderTopLeftRadius.endsWith("%") ? box.height / 2 : round);
    const image = style.backgroundImage, colours = image.match(/rgba?\([^)]*\)/g), even = /^linear-gradient\(90deg(, rgba?\([^)]*\))+\)$/.test(image); // with stops it is a hairline
    for (const [, colour, spread, inset] of style.boxShadow.matchAll(/(rgba?\([^)]*\)) 0px 0px 0px ([\d.]+)px( inset)?/g)) { // a ring
      const by = inset ? -spread / 2 : spread / 2; context.strokeStyle = colour; context.lineWidth = +spread;
      context.strokeRect(box.left - by, box.top - by, box.width + 2 * by, box.height + 2 * by);
    }
    if (even) {
      const fade = context.createLinearGradient(box.left, 0, box.right, 0);
      colours.forEach((colour, i) => fade.addColorStop(i / (colours.length - 1), colour)); context.fillStyle = fade; context.fill(shape);
    } else { context.fillStyle = style.backgroundColor; context.fill(shape); }
    if (image.startsWith("linear-gradient(to right top") || image.startsWith("linear-gradient(to top right")) { // the stroke through what is switched off
      context.strokeStyle = colours[1]; context.lineWidth = 2; context.beginPath(); context.moveTo(box.left, box.top); context.lineTo(box.right, box.bottom); context.stroke();
    }
    if (["Right", "Bottom", "Left"].every((side) => style[`border${side}Width`] === style.borderTopWidth)) { if (line) { context.strokeStyle = style.borderTopColor; context.lineWidth = line; context.stroke(shape); } return; }
    for (const [side, y] of [["Top", box.top], ["Bottom", box.bottom - parseFloat(style.borderBottomWidth)]]) { context.fillStyle = style[`border${side}Color`]; context.fillRect(box.left, y, box.width, parseFloat(style[`border${side}Width`])); }
  };
  const slid = (context, box, e) => { // a slider: its rail and where its thumb stands
    const share = (e.value - e.min) / (e.max - e.min || 1), y = box.top + box.height / 2, x = box.left + 9 + share * (box.width - 18);
    context.lineCap = "round"; context.lineWidth = 4; context.strokeStyle = `rgb(${Lab.rgb("rule")})`;
    context.beginPath(); context.moveTo(box.left + 2, y); context.lineTo(box.right - 2, y); context.stroke();
    context.fillStyle = `rgb(${Lab.rgb("pen")})`; context.beginPath(); context.arc(x, y, 8, 0, 7); context.fill();
  };

  const added = (context, e, box, which) => { // ::before or ::after: a bar, a rail, a handle
    const style = getComputedStyle(e, which), [width, height, left, top, x, y, edge] = ["width", "height", "left", "top", "marginLeft", "marginTop", "borderTopWidth"].map((name) => parseFloat(style[name]) || 0);
    if (["none", "normal"].includes(style.content) || style.display === "none" || style.transform !== "none" || !width || !height) return;
    const placed = style.position === "absolute", line = style.boxSizing === "border-box" ? 0 : 2 * edge;
    const at = { left: box.left + x + (placed ? left : 0), top: box.top + y + (placed ? top : 0), width: width + line, height: height + line };
    boxed(context, { ...at, right: at.left + at.width, bottom: at.top + at.height }, style);
  };
  const draw = (context, e, plots) => {
    const style = getComputedStyle(e), box = e.getBoundingClientRect();
    if (style.display === "none" || style.visibility === "hidden" || style.opacity === "0" || e.matches("[data-do=picture], .announce")) return;
    context.save(); context.globalAlpha *= +style.opacity;
    if (style.display !== "contents") { boxed(context, box, style); added(context, e, box, "::before"); }
    if (style.overflowX !== "visible") { context.beginPath(); context.rect(box.left, box.top, box.width, box.height); context.clip(); }
    if (e.matches("canvas")) { context.imageSmoothingEnabled = style.imageRendering !== "pixelated"; if (e.width && e.height && box.width) context.drawImage(e, box.left, box.top, box.width, box.height); }
    else if (e.matches("svg")) { const image = plots.get(e); if (image) context.drawImage(image, box.left, box.top, box.width, box.height); for (const text of e.querySelectorAll("text")) for (const node of text.childNodes) worded(context, node); }
    else if (e.matches("img")) { if (e.complete && e.naturalWidth) context.drawImage(e, box.left, box.top, box.width, box.height); }
    else if (e.matches("input[type=range]")) slid(context, box, e);
    else if (e.matches("input, select")) {
      context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`; context.fillStyle = style.color; context.textBaseline = "middle";
      context.fillText(e.matches("select") ? e.selectedOptions[0]?.text ?? "" : e.value, box.left + parseFloat(style.paddingLeft) + 1, box.top + box.height / 2);
    } else for (const node of e.childNodes) { if (node.nodeType === Node.TEXT_NODE) worded(context, node); else if (node.nodeType === Node.ELEMENT_NODE) draw(context, node, plots); }
    if (style.display !== "contents") added(context, e, box, "::after");
    context.restore();
  };

  // The heading's own block and all widgets up to the next heading or the room's foot
  const parts = (button) => {
    const all = Lab.$$(".lab").filter((e) => !e.parentElement.closest(".lab") && e.getClientRects().length), first = all.findIndex((e) => e.contains(button));
    const next = all.findIndex((e, i) => i > first && e.querySelector(".wing, .foot"));
    return all.slice(first, next < 0 ? undefined : next);
  };
  const picture = async (elements) => {
    const svgs = elements.flatMap((e) => Lab.$$("svg", e)), plots = new Map(await Promise.all(svgs.map(async (svg) => [svg, await plotted(svg)]))); // from here on nothing may move
    const boxes = elements.map((e) => e.getBoundingClientRect()), left = Math.min(...boxes.map((b) => b.left)), right = Math.max(...boxes.map((b) => b.right));
    const top = Math.min(...boxes.map((b) => b.top)), bottom = Math.max(...boxes.map((b) => b.bottom)), canvas = document.createElement("canvas"), context = canvas.getContext("2d");
    const [width, height] = [right - left + 2 * MARGIN, bottom - top + 2 * MARGIN], fine = Math.min(FINE, Math.sqrt(MOST / (width * height)));
    canvas.width = fine * width; canvas.height = fine * height;
    context.scale(fine, fine); context.fillStyle = `rgb(${Lab.rgb("paper")})`; context.fillRect(0, 0, canvas.width, canvas.height);
    context.translate(MARGIN - left, MARGIN - top);
    for (const e of elements) draw(context, e, plots);
    return new Promise((done, fail) => canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("no picture"))), "image/png"));
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-do=picture]");
    if (!button) return;
    const title = Lab.$("h2", button.parentElement).textContent.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
    const ready = Lab.busy(button);
    try {
      const url = URL.createObjectURL(await picture(parts(button)));
      Lab.el("a", { href: url, download: `mnist-lab-${title}.png` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
    } catch (error) { reportError(error); Lab.toast("Your browser could not make a picture of this part."); }
    ready();
  });
})();
