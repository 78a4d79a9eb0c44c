const { $, el, inkScale, paint, signScale } = Lab;
const { all, few, nearer, usual } = props.value, number = (n) => n.toLocaleString("en"), share = (v) => `${Math.round(100 * v)}\u00a0%`;
const WORDS = {
  ours: { title: `Ours, from ${number(all)} digits`, says: `Half of new people’s digits lie within ${usual.toFixed(1)} of their nearest. Of one of ours and one of theirs, ours is the nearer ${share(nearer.ours)} of the time: 50\u00a0% is no copying, 100\u00a0% nothing else.` },
  heart: { title: `The same network, from ${number(few)} digits`, says: `Nearer than a new person’s digit ${share(nearer.heart)} of the time: it keeps to what it learned.` },
};

const sections = Object.entries(WORDS).map(([name, { title, says }]) => {
  const { made, nearest, distance } = props.value[name], pictures = [made, nearest].map((text) => Lab.digits(Lab.bytes(text)));
  const rows = ["Made", "Nearest learned", "Difference"].map((said, r) => {
    const canvases = distance.map((_, k) => el("canvas", { class: "pixels", role: "img", "aria-label": `${said}: ${k}` }));
    return { said, canvases, draw: () => canvases.forEach((canvas, k) => {
      if (r < 2) paint(canvas, pictures[r][k], 28, 28, inkScale(0, 255));
      else paint(canvas, Float32Array.from(pictures[0][k], (v, i) => v - pictures[1][k][i]), 28, 28, signScale(255));
    }) };
  });
  const table = el("div", { class: "table" });
  for (const { said, canvases } of rows) table.append(el("b", { class: "who" }, said), ...canvases.map((canvas) => el("div", { class: "sheet" }, canvas)));
  table.append(el("b", { class: "who" }, "Distance"), ...distance.map((d) => el("span", { class: "num" }, d.toFixed(1))));
  $(`.${name}`, element).append(el("h3", {}, title), table, el("p", { class: "note" }, says));
  return rows;
});
Lab.repaint(() => sections.flat().forEach((row) => row.draw()));
element.dataset.ready = 1;
