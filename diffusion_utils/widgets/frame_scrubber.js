// FrameScrubber: sliders over precomputed pictures, with readouts, a caption and small plots that follow.
// One module for every host: JupyterLab, VS Code, Colab, and the static page through book/_static/widget-host.js.
// elements.js, companions.js and tools.js come before it in that module.

const ICONS = { play: "M4 2 L14 8 L4 14 Z", pause: "M3 2 H6.5 V14 H3 Z M9.5 2 H13 V14 H9.5 Z" };
let widgets = 0; // for ids that are unique in the page

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

  const speed = makeSpeed(() => { if (timer) { stop(); play(); } });
  const tools = html("div", { class: "fs-tools" }, speed.element);

  const controls = html("div", { class: "fs-controls" }, button.element, ...sliders.map((slider) => slider.element));
  const main = html("div", { class: "fs-main" }, picture.element, controls, readouts.element, caption.element,
    tools);
  const group = html("div", { class: "fs", role: "group", "aria-label": model.get("title"), tabindex: -1 },
    html("p", { class: "fs-title", "aria-hidden": "true" }, model.get("title")),
    html("div", { class: "fs-columns" }, main));
  if (plots.length) group.lastChild.append(html("div", { class: "fs-plots" }, ...plots.map((plot) => plot.element)));
  group.style.setProperty("--fs-width", `${model.get("width") * model.get("scale")}px`);
  group.style.setProperty("--fs-aspect", model.get("width") / model.get("height"));
  group.addEventListener("keydown", (event) => event.stopPropagation()); // or JupyterLab takes the arrow keys

  const name = model.get("name");
  const frameName = () => [name, ...axes.flatMap((axis, a) => [axis.name, axis.values[position()[a]]])].join("-");
  const projector = makeProjector(group, (steps) => { stop(); step(steps); }, () => (timer ? stop() : play()));
  tools.append(makeTool("Save PNG", () => savePng(picture.canvas, model.get("scale"), frameName())), projector.element);
  const link = html("a", {}, "Link to this frame");
  const place = name && placeInPage(name);
  if (place) { // and not in a notebook, whose address leads to no figure
    tools.append(link);
    if (place.dataset.embed) tools.append(html("a", { href: place.dataset.embed }, "Own page"));
    positionsInAddress(name, axes).forEach((start, a) => { if (start >= 0) model.set(traits[a], start); });
  }

  let timer = 0;
  function move(a, value) {
    model.set(traits[a], value); // draws, through "change:..."
    model.save_changes(); // tells Python, where there is a kernel
  }
  const step = (steps) => move(0, clamp(position()[0] + steps, axes[0].values.length));
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
      step(1);
      if (position()[0] === last) stop();
    }, speed.frameTime(model.get("interval_ms")));
  }
  function draw() {
    const [i, j = 0] = position();
    const frame = i * settings + j;
    const numbers = readouts.show(frame);
    const sentence = caption.show(frame);
    picture.show(frame, sentence);
    sliders.forEach((slider, a) => slider.show([i, j][a], numbers));
    plots.forEach((plot) => plot.show(frame, j));
    link.href = frameAddress(name, axes, position());
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

export default { render };
