// The small plots of companions.py. All numbers arrive as 0..1000 of the plot's width and height.

const PLOT = { width: 220, height: 160, left: 46, right: 14, top: 8, bottom: 36 };
const plotX = (units) => PLOT.left + (units / 1000) * (PLOT.width - PLOT.left - PLOT.right);
const plotY = (units) => PLOT.height - PLOT.bottom - (units / 1000) * (PLOT.height - PLOT.top - PLOT.bottom);
const point = (x, y) => `${plotX(x).toFixed(1)} ${plotY(y).toFixed(1)}`;

// Frame, ticks and labels, common to both kinds of plot. The text colour is the page's, so dark themes come for free.
function makePlot(plot, legend, ...shapes) {
  const [bottom, middle] = [plotY(0), plotX(500)];
  const ticks = [
    ...plot.x_ticks.flatMap(([at, text]) => [
      svg("path", { class: "fs-tick", d: `M${plotX(at)} ${bottom} v4` }),
      svg("text", { x: plotX(at), y: bottom + 15, "text-anchor": "middle" }, text)]),
    ...plot.y_ticks.flatMap(([at, text]) => [
      svg("path", { class: "fs-grid", d: `M${point(0, at)} H${plotX(1000)}` }),
      svg("text", { x: PLOT.left - 4, y: plotY(at) + 4, "text-anchor": "end" }, text)]),
  ];
  const labels = [
    svg("text", { x: middle, y: PLOT.height - 4, "text-anchor": "middle" }, ...svgSubscripts(plot.x_label)),
    svg("text", { transform: `translate(10 ${plotY(500)}) rotate(-90)`, "text-anchor": "middle" },
      ...svgSubscripts(plot.y_label)),
  ];
  const frame = svg("path", { class: "fs-frame", d: `M${point(0, 1000)} V${bottom} H${plotX(1000)}` });
  const drawing = svg("svg", { viewBox: `0 0 ${PLOT.width} ${PLOT.height}`, role: "img", "aria-label": spoken(plot.title),
    translate: "no" }, // a translator's elements are no SVG: its words would not be seen
    ...ticks, frame, ...labels, ...shapes);
  const title = html("p", { class: "fs-plot-title" }, ...withSubscripts(plot.title));
  return html("div", { class: "fs-plot" }, title, ...legend, drawing);
}

const svgSubscripts = (name) => name.split(SUBSCRIPT).map((part, k) => (k % 2
  ? svg("tspan", { "baseline-shift": "sub", "font-size": "8" }, part) : part));

function makeCurve(plot) {
  const guide = svg("path", { class: "fs-guide" });
  const paths = plot.lines.map((line, k) => line.y.map((y) =>
    svg("path", { class: `fs-line fs-line-${k}`, d: `M${y.map((v, n) => point(plot.x[n], v)).join(" L")}` })));
  const dots = plot.lines.map((line, k) => svg("circle", { r: 4.5, class: `fs-dot fs-line-${k}` }));
  const named = plot.lines.filter((line) => line.name);
  const legend = named.length ? [html("p", { class: "fs-legend" }, ...named.map((line, k) =>
    html("span", {}, svg("svg", { viewBox: "0 0 24 8", width: 24, height: 8, "aria-hidden": "true" },
      svg("path", { class: `fs-line fs-line-${k} fs-now`, d: "M0 4 H24" })), " ", ...withSubscripts(line.name))))] : [];
  const settings = plot.lines[0].y.length;
  const choose = (j) => paths.forEach((ofLine) => // of each line's settings the one that is drawn strongly
    ofLine.forEach((path, m) => path.classList.toggle("fs-now", settings === 1 || m === j)));
  let chosen = null;
  function show(frame, j) {
    // `at` and `dots` run over frames, as everything does.
    guide.setAttribute("d", `M${point(plot.at[frame], 0)} V${plotY(1000)}`);
    plot.lines.forEach((line, k) => {
      dots[k].setAttribute("cx", plotX(plot.at[frame]));
      dots[k].setAttribute("cy", plotY(line.dots[frame]));
    });
    if (j !== chosen) choose(j);
    chosen = j;
  }
  return { element: makePlot(plot, legend, guide, ...paths.flat(), ...dots), show };
}

// A bar taller than the plot (more than 1000) is cut, with a gap near its top that says so.
function barPath(edges, heights) {
  return heights.map((height, n) => {
    const [left, right] = [edges[n], edges[n + 1]];
    const slab = (low, high) => `M${point(left, low)} V${plotY(high)} H${plotX(right)} V${plotY(low)} Z`;
    return height > 1000 ? slab(0, 930) + slab(960, 1000) : slab(0, height);
  }).join("");
}

function makeHistogram(plot) {
  const bars = svg("path", { class: "fs-bars" });
  const outline = (plot.reference ?? []).map((height, n) =>
    `${n ? "L" : "M"}${point(plot.edges[n], height)} L${point(plot.edges[n + 1], height)}`);
  const reference = svg("path", { class: "fs-reference", d: outline.join(" ") });
  const drawn = []; // each frame's path, once it has been made
  const show = (frame) => bars.setAttribute("d", drawn[frame] ??= barPath(plot.edges, plot.bars[frame]));
  return { element: makePlot(plot, [], bars, reference), show };
}
