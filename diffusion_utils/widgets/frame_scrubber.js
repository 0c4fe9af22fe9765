// FrameScrubber: sliders over precomputed pictures, with readouts, a caption and small plots that follow.
// One module for every host: JupyterLab, VS Code, Colab, and the static page through book/_static/widget-host.js.
// All numbers of the plots arrive as 0..1000 of the plot's width and height (see companions.py).

const SVG = "http://www.w3.org/2000/svg";
const ICONS = { play: "M4 2 L14 8 L4 14 Z", pause: "M3 2 H6.5 V14 H3 Z M9.5 2 H13 V14 H9.5 Z" };
const PLOT = { width: 220, height: 160, left: 40, right: 14, top: 8, bottom: 36 };
let widgets = 0; // for ids that are unique in the page

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
const html = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// "ᾱ_t" on the screen is ᾱ with a subscript t; a screen reader is given plain words.
const SUBSCRIPT = /_([\p{L}\p{N}]+)/u;
const withSubscripts = (name) => name.split(SUBSCRIPT).map((part, k) => (k % 2 ? html("sub", {}, part) : part));
const spoken = (name) => name.replaceAll("_", " ");
const clamp = (value, count) => Math.min(Math.max(value, 0), count - 1);
const longest = (texts) => texts.reduce((a, b) => (b.length > a.length ? b : a), "");

async function render({ model, el }) {
  const axes = model.get("axes");
  const traits = ["index", "index2"].slice(0, axes.length);
  const settings = axes[1]?.values.length ?? 1;
  const position = () => axes.map((axis, a) => clamp(model.get(traits[a]), axis.values.length));

  const sheet = await decodeSprite(model.get("sprite"));
  const picture = makePicture(model, sheet);
  const sliders = axes.map((axis, a) => makeSlider(axis, `fs-${++widgets}`, (value) => { stop(); move(a, value); }));
  const button = makePlayButton(() => (timer ? stop() : play()));
  const readouts = makeReadouts(model.get("readouts"));
  const caption = makeCaption(model.get("captions"));
  const plots = model.get("companions").map((plot) => (plot.kind === "curve" ? makeCurve(plot) : makeHistogram(plot)));

  const controls = html("div", { class: "fs-controls" }, button.element, ...sliders.map((slider) => slider.element));
  const main = html("div", { class: "fs-main" }, picture.element, controls, readouts.element, caption.element);
  const group = html("div", { class: "fs", role: "group", "aria-label": model.get("title") },
    html("p", { class: "fs-title", "aria-hidden": "true" }, model.get("title")),
    html("div", { class: "fs-columns" }, main));
  if (plots.length) group.lastChild.append(html("div", { class: "fs-plots" }, ...plots.map((plot) => plot.element)));
  group.style.setProperty("--fs-width", `${model.get("width") * model.get("scale")}px`);
  group.addEventListener("keydown", (event) => event.stopPropagation()); // or JupyterLab takes the arrow keys

  let timer = 0;
  function move(a, value) {
    model.set(traits[a], value); // draws, through "change:..."
    model.save_changes(); // tells Python, where there is a kernel
  }
  function stop() {
    clearInterval(timer);
    timer = 0;
    button.show(false);
    caption.quiet(false);
  }
  function play() {
    const last = axes[0].values.length - 1;
    button.show(true);
    caption.quiet(true); // a screen reader should not read every frame that flies by
    if (position()[0] === last) move(0, 0);
    timer = setInterval(() => {
      if (!group.isConnected) return stop();
      move(0, position()[0] + 1);
      if (position()[0] === last) stop();
    }, model.get("interval_ms"));
  }
  function draw() {
    const [i, j = 0] = position();
    const frame = i * settings + j;
    const numbers = readouts.show(frame);
    const sentence = caption.show(frame);
    picture.show(frame, sentence);
    sliders.forEach((slider, a) => slider.show([i, j][a], numbers));
    plots.forEach((plot) => plot.show(frame, j));
  }

  dragToScrub(picture.canvas, () => position()[0], axes[0].values.length, (value) => { stop(); move(0, value); });
  traits.forEach((trait) => model.on(`change:${trait}`, draw));
  stop();
  draw();
  el.append(group);
  group.dataset.ready = "true";
  return () => {
    stop();
    traits.forEach((trait) => model.off(`change:${trait}`, draw));
  };
}

// The bytes arrive as a DataView from a kernel and from the static host, as other views elsewhere.
function decodeSprite(bytes) {
  const view = ArrayBuffer.isView(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : bytes;
  return createImageBitmap(new Blob([view], { type: "image/webp" }));
}

function makePicture(model, sheet) {
  const [width, height, columns] = ["width", "height", "columns"].map((name) => model.get(name));
  const canvas = html("canvas", { class: "fs-picture", width, height, role: "img" });
  if (model.get("scale") > 1) canvas.classList.add("fs-pixels");
  const context = canvas.getContext("2d", { alpha: false });
  function show(frame, sentence) {
    const [left, top] = [(frame % columns) * width, Math.floor(frame / columns) * height];
    context.drawImage(sheet, left, top, width, height, 0, 0, width, height);
    canvas.setAttribute("aria-label", sentence || model.get("alt"));
    canvas.dataset.frame = frame;
  }
  return { element: canvas, canvas, show };
}

function makeSlider(axis, id, onInput) {
  const range = html("input", { type: "range", id, min: 0, max: axis.values.length - 1, step: 1 });
  const value = html("span", { class: "fs-value" });
  const label = html("label", { for: id, class: "fs-name" }, ...withSubscripts(axis.name));
  range.addEventListener("input", () => onInput(range.valueAsNumber));
  function show(index, numbers) {
    range.value = index;
    value.textContent = axis.values[index];
    range.setAttribute("aria-valuetext", [axis.values[index], ...numbers].join(", "));
  }
  return { element: html("div", { class: "fs-slider" }, label, value, range), show };
}

function makePlayButton(onClick) {
  const icon = svg("path");
  const picture = svg("svg", { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, icon);
  const element = html("button", { type: "button", class: "fs-play" }, picture);
  element.addEventListener("click", onClick);
  function show(playing) {
    icon.setAttribute("d", playing ? ICONS.pause : ICONS.play);
    element.setAttribute("aria-label", playing ? "Pause" : "Play");
  }
  return { element, show };
}

// Shows the numbers of a frame, and returns them as words for the sliders' accessible text.
function makeReadouts(readouts) { // [name, texts] pairs, a text a frame
  const cells = readouts.map(([, texts]) => {
    const cell = html("dd");
    cell.style.minWidth = `${longest(texts).length}ch`; // so that nothing jumps as digits come and go
    return cell;
  });
  const pairs = readouts.map(([name], k) => html("div", {}, html("dt", {}, ...withSubscripts(name)), cells[k]));
  const element = readouts.length ? html("dl", { class: "fs-readouts" }, ...pairs) : "";
  function show(frame) {
    readouts.forEach(([, texts], k) => { cells[k].textContent = texts[frame]; });
    return readouts.map(([name, texts]) => `${spoken(name)} ${texts[frame]}`);
  }
  return { element, show };
}

// An invisible copy of the longest caption keeps the place, so that the page below does not jump.
function makeCaption(captions) {
  const text = html("p", { class: "fs-caption-text" });
  const keeper = html("p", { "aria-hidden": "true", class: "fs-caption-keeper" }, longest(captions));
  const element = captions.length ? html("div", { class: "fs-caption" }, keeper, text) : "";
  return {
    element,
    show: (frame) => (text.textContent = captions[frame] ?? ""),
    quiet: (playing) => text.setAttribute("aria-live", playing ? "off" : "polite"),
  };
}

// Dragging across the whole picture runs through all frames; up and down still scrolls the page.
function dragToScrub(canvas, getIndex, count, onDrag) {
  let start = null;
  canvas.addEventListener("pointerdown", (event) => {
    start = { x: event.clientX, index: getIndex() };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!start) return;
    const steps = Math.round(((event.clientX - start.x) / canvas.clientWidth) * (count - 1));
    const index = clamp(start.index + steps, count);
    if (index !== getIndex()) onDrag(index);
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { start = null; });
}

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
  const drawing = svg("svg", { viewBox: `0 0 ${PLOT.width} ${PLOT.height}`, role: "img", "aria-label": plot.title },
    ...ticks, frame, ...labels, ...shapes);
  return html("div", { class: "fs-plot" }, html("p", { class: "fs-plot-title" }, plot.title), ...legend, drawing);
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
  function show(frame, j) {
    // `at` and `dots` run over frames, as everything does.
    guide.setAttribute("d", `M${point(plot.at[frame], 0)} V${plotY(1000)}`);
    plot.lines.forEach((line, k) => {
      dots[k].setAttribute("cx", plotX(plot.at[frame]));
      dots[k].setAttribute("cy", plotY(line.dots[frame]));
      paths[k].forEach((path, m) => path.classList.toggle("fs-now", settings === 1 || m === j));
    });
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
  const show = (frame) => bars.setAttribute("d", barPath(plot.edges, plot.bars[frame]));
  return { element: makePlot(plot, [], bars, reference), show };
}

export default { render };
