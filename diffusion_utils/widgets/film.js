// Film: videos side by side, and below them which frames were given, and what the network saw when it made the one that is
// shown. film_still.py draws the same for a page without JavaScript.

const STRIP = { width: 360, edge: 4, name: 14, arcs: 16, cell: 10, below: 9 };
const LOW = 3; // of a frame that was neither given nor made with the one that is shown
const LEGEND = ["fs-film-given", "fs-film-together", "fs-film-arc"];
const ROW = ["fs-film-made", "fs-film-given", "fs-film-together", "fs-film-arc", "fs-film-now"];

async function render({ model, el }) {
  const settings = model.get("settings");
  const [alt, says, maps] = ["alt", "says", "maps"].map((name) => model.get(name));
  const shown = placesOf(model.get("places"), settings.panels.length);
  const panels = makePanels(settings, await decodeSprite(model.get("pictures")), model.get("columns"));
  const map = makeMap(settings);
  const legend = html("p", { class: "fs-legend" }, ...settings.legend.map((text, k) => html("span", {}, sample(LEGEND[k]), ` ${text}`)));
  const face = html("div", { class: "fs-film" }, panels.element, map.element, legend);
  map.element.addEventListener("pointerdown", (event) => goTo(event, face, settings.frames));

  function show(frame) {
    panels.show(shown(frame));
    map.show(maps[frame % maps.length], Math.floor(frame / maps.length));
    panels.element.setAttribute("aria-label", [alt, says[frame]].filter(Boolean).join(". "));
  }
  const scale = Math.max(1, Math.round(model.get("width") / panels.toPng().width));
  return renderScrubber({ model, el }, { element: face, scale, show, toPng: panels.toPng });
}

// A click on a frame moves the slider there, as a hand would.
function goTo(event, face, frames) {
  const box = event.currentTarget.getBoundingClientRect();
  const units = ((event.clientX - box.left) / box.width) * STRIP.width - STRIP.edge;
  const slider = face.parentElement.querySelector(".fs-controls input[type=range]");
  slider.value = clamp(Math.floor((units * frames) / (STRIP.width - 2 * STRIP.edge)), frames);
  slider.dispatchEvent(new Event("input"));
}

// Which pictures of the sheet a frame shows.
function placesOf(bytes, panels) {
  const start = bytes.byteOffset ?? 0;
  const whole = new Uint16Array((bytes.buffer ?? bytes).slice(start, start + bytes.byteLength));
  return (frame) => whole.subarray(panels * frame, panels * (frame + 1));
}

function makePanels({ panels, side: [height, width] }, sheet, columns) {
  const canvases = panels.map(() => html("canvas", { class: "fs-pixels", width, height }));
  const tiles = panels.map((name, p) => html("div", { class: "fs-tile" }, canvases[p], html("p", {}, ...withSubscripts(name))));
  const element = html("div", { role: "img" }, html("div", { class: "fs-tiles" }, ...tiles));
  const pens = canvases.map((canvas) => canvas.getContext("2d", { alpha: false }));
  const show = (places) => places.forEach((place, p) =>
    pens[p].drawImage(sheet, (place % columns) * width, Math.floor(place / columns) * height, width, height, 0, 0, width, height));
  function toPng() {
    const canvas = html("canvas", { width: panels.length * (width + 1) - 1, height });
    canvases.forEach((one, p) => canvas.getContext("2d").drawImage(one, p * (width + 1), 0));
    return canvas;
  }
  return { element, show, toPng };
}

const sample = (kind) => svg("svg", { viewBox: "0 0 24 10", width: 24, height: 10, "aria-hidden": "true" },
  svg("path", { class: kind, d: kind.endsWith("arc") ? "M2 9 A10 8 0 0 1 22 9" : "M8 0 H16 V10 H8 Z" }));

function makeMap({ frames, rows: names }) {
  const tall = STRIP.arcs + STRIP.cell + STRIP.below + (names[0] ? STRIP.name : 0);
  const drawn = names.map((name) => ROW.map((kind) => svg("path", { class: kind })));
  const element = svg("svg", { class: "fs-film-map", viewBox: `0 0 ${STRIP.width} ${tall * names.length}`, "aria-hidden": "true" },
    ...names.map((name, r) => svg("g", { transform: `translate(0 ${tall * r})` },
      ...(name ? [svg("text", { x: STRIP.edge, y: 10 }, name)] : []), ...drawn[r])));
  const show = (rows, k) => rows.forEach((row, r) =>
    rowPaths(row, k, STRIP.arcs + (names[r] ? STRIP.name : 0), frames).forEach((d, n) => drawn[r][n].setAttribute("d", d)));
  return { element, show };
}

// A bar for each frame, high where it was given or was made with frame k; arcs from k to what the network saw then.
function rowPaths([given, calls], k, top, frames) {
  const foot = top + STRIP.cell;
  const [observed, latent] = calls.find(([, made]) => made.includes(k)) ?? [[], []];
  const others = Array.from({ length: frames }, (_, frame) => frame).filter((frame) => !given.includes(frame) && !latent.includes(frame));
  const x = (frame) => STRIP.edge + (frame * (STRIP.width - 2 * STRIP.edge)) / frames;
  const bars = (which, high) => which.map((frame) =>
    `M${x(frame + 0.1).toFixed(1)} ${high} H${x(frame + 0.9).toFixed(1)} V${foot} H${x(frame + 0.1).toFixed(1)} Z`).join("");
  const now = x(k + 0.5);
  const arc = (frame) => {
    const from = x(frame + 0.5);
    const height = Math.min(STRIP.arcs - 1, 4 + Math.abs(now - from) / 6);
    return `M${from.toFixed(1)} ${top} Q${((from + now) / 2).toFixed(1)} ${(top - 2 * height).toFixed(1)} ${now.toFixed(1)} ${top}`;
  };
  return [bars(others, foot - LOW), bars(given, top), bars(latent, top), observed.map(arc).join(""),
    `M${now.toFixed(1)} ${foot + 1} L${(now - 4).toFixed(1)} ${foot + 8} H${(now + 4).toFixed(1)} Z`];
}

export default { render };
