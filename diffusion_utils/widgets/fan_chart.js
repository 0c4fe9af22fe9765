// FanChart: a series with a gap, and in it the bands, the median and the sample paths of a forecast. fan_still.py draws the
// same for a page without JavaScript.

const PANEL = { width: 360, height: 150, left: 36, right: 8, top: 20, bottom: 20 };
const [BANDS, OTHER] = [5, 2]; // rows of numbers: quantiles, and the edges of another method's band
const LEGEND = ["fs-measured", "fs-hidden", "fs-median", "fs-band fs-band-50", "fs-band fs-band-90"];
const TOGGLED = ["fs-sample", "fs-other"];

function render({ model, el }) {
  const settings = model.get("settings");
  const at = reader(settings, model.get("numbers"));
  const panels = settings.panels.map((panel, p) => makePanel(settings, panel, p === settings.panels.length - 1));
  const drawing = html("div", { role: "img" }, ...panels.map((panel) => panel.element));
  const legend = html("p", { class: "fs-legend" }, ...settings.legend.map((text, k) => html("span", {}, sample(LEGEND[k]), ` ${text}`)));
  const boxes = settings.toggles.map((text, k) => {
    const box = html("input", { type: "checkbox" });
    box.addEventListener("change", () => drawing.classList.toggle(`${TOGGLED[k]}-shown`, box.checked));
    return html("label", {}, box, sample(TOGGLED[k]), ` ${text}`);
  });
  const face = html("div", { class: "fs-fan" }, drawing, legend, html("div", { class: "fs-toggles" }, ...boxes));
  const readouts = model.get("readouts").map(([name, texts]) => [spoken(name), texts]);

  function show(frame, sentence) {
    panels.forEach((panel, p) => panel.show(settings.gaps[frame], ...at(frame, p)));
    const numbers = readouts.map(([name, texts]) => `${name} ${texts[frame]}`);
    drawing.setAttribute("aria-label", [model.get("alt"), sentence, ...numbers].filter(Boolean).join(", "));
  }
  return renderScrubber({ model, el }, { element: face, scale: 1 / LARGER, show, toPng: () => drawingsToPng([...drawing.querySelectorAll("svg")], model.get("width")) });
}

// The truth of a panel, and the rows that fill the gap of a frame: 5 quantiles, the paths, and 2 of another method.
function reader({ panels, steps, gaps, paths }, bytes) {
  const buffer = bytes.buffer ?? bytes;
  const whole = new Uint16Array(buffer.slice(bytes.byteOffset ?? 0, (bytes.byteOffset ?? 0) + bytes.byteLength));
  const rows = BANDS + paths + OTHER;
  const begins = [panels.length * steps];
  for (const [start, stop] of gaps) begins.push(begins.at(-1) + panels.length * rows * (stop - start));
  return (frame, p) => {
    const length = gaps[frame][1] - gaps[frame][0];
    const row = (r) => begins[frame] + (p * rows + r) * length;
    const fill = Array.from({ length: rows }, (_, r) => [...whole.subarray(row(r), row(r + 1))]);
    return [[...whole.subarray(p * steps, (p + 1) * steps)], fill];
  };
}

const sample = (kind) => svg("svg", { viewBox: "0 0 24 10", width: 24, height: 10, "aria-hidden": "true" },
  svg("path", { class: kind, d: kind.includes("band") ? "M0 0 H24 V10 H0 Z" : "M0 5 H24" }));

function makePanel({ steps, units, paths, ticks }, panel, isLast) {
  const { width, height, left, right, top, bottom } = PANEL;
  const foot = height - bottom;
  const x = (step) => left + (step / (steps - 1)) * (width - left - right);
  const y = (value) => foot - (value / units) * (foot - top);
  const points = (first, values) => values.map((value, k) => `${x(first + k).toFixed(1)} ${y(value).toFixed(1)}`);
  const line = (first, values) => `M${points(first, values).join(" L")}`;
  const band = (first, low, high) => `M${[...points(first, low), ...points(first, high).reverse()].join(" L")} Z`;

  const make = (kind) => svg("path", { class: kind });
  const [gap, wide, narrow, median, hidden] = ["fs-gap", "fs-band fs-band-90", "fs-band fs-band-50", "fs-median", "fs-hidden"].map(make);
  const samples = Array.from({ length: paths }, () => make("fs-sample"));
  const other = [make("fs-other"), make("fs-other")];
  const measured = [make("fs-measured"), make("fs-measured")];
  const grid = panel.ticks.flatMap(([at, text]) => {
    const level = y((units * at) / 1000);
    return [svg("path", { class: "fs-grid", d: `M${left} ${level.toFixed(1)} H${width - right}` }),
      svg("text", { x: left - 4, y: (level + 4).toFixed(1), "text-anchor": "end" }, text)];
  });
  const below = (isLast ? ticks : []).flatMap(([step, text]) => [
    svg("path", { class: "fs-tick", d: `M${x(step).toFixed(1)} ${foot} v4` }),
    svg("text", { x: x(step).toFixed(1), y: foot + 15, "text-anchor": "middle" }, text)]);
  const frame = svg("path", { class: "fs-frame", d: `M${left} ${top} V${foot} H${width - right}` });
  const element = svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
    svg("text", { x: left, y: 12 }, panel.name), ...grid, ...below, frame,
    gap, wide, narrow, ...samples, ...other, median, hidden, ...measured);

  function show([start, stop], truth, fill) {
    const first = Math.max(start - 1, 0);
    const before = truth.slice(first, start);
    const after = truth.slice(stop, stop + 1);
    const closed = fill.map((row) => [...before, ...row, ...after]); // joined to what was measured beside the gap
    const [low90, low50, middle, high50, high90] = closed;
    const ends = [start, stop].map((step) => x(Math.min(Math.max(step - 0.5, 0), steps - 1)).toFixed(1));
    gap.setAttribute("d", `M${ends[0]} ${top} H${ends[1]} V${foot} H${ends[0]} Z`);
    wide.setAttribute("d", band(first, low90, high90));
    narrow.setAttribute("d", band(first, low50, high50));
    median.setAttribute("d", line(first, middle));
    hidden.setAttribute("d", line(first, [...before, ...truth.slice(start, stop), ...after]));
    [[0, truth.slice(0, start)], [stop, truth.slice(stop)]].forEach(([place, part], k) => // a point alone is no line
      measured[k].setAttribute("d", part.length > 1 ? line(place, part) : ""));
    samples.forEach((path, k) => path.setAttribute("d", line(first, closed[BANDS + k])));
    other.forEach((path, k) => path.setAttribute("d", line(first, closed[BANDS + paths + k])));
  }
  return { element, show };
}

export default { render };
