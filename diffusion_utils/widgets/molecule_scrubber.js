// MoleculeScrubber: sliders over graphs computed beforehand, drawn as atoms and bonds. molecule_still.py draws the same for a
// page without JavaScript.

const [ATOM, WRONG, APART] = [12, 15, 5.6]; // radii of an atom and of the ring around a wrong one; between a double bond's lines

function render({ model, el }) {
  const settings = model.get("settings");
  const [rows, labels, laid, layouts, kept] = ["rows", "labels", "laid", "layouts", "kept"].map((name) => model.get(name));
  const [width, height] = [model.get("width"), model.get("height")];
  const cells = Array.from({ length: settings.cells }, (_, cell) => svg("g", { transform: placeOf(settings, cell) }));
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "fs-molecules",
    preserveAspectRatio: "xMinYMid" }, ...cells);
  const length = (settings.places * (settings.places + 1)) / 2;

  function show(frame, sentence) {
    cells.forEach((cell, c) => {
      const row = [...rows[frame].slice(c * length, (c + 1) * length)].map(Number);
      const at = layouts[laid[frame][c]];
      cell.replaceChildren(...bondsOf(row, at, settings, kept[frame] ?? 0), ...atomsOf(row, at, settings),
        svg("text", { class: "fs-said-below", x: settings.cell / 2, y: settings.cell + 12, "text-anchor": "middle" },
          labels[frame][c]));
    });
    drawing.setAttribute("aria-label", [model.get("alt"), sentence, labels[frame].join(", ")].filter(Boolean).join(". "));
  }
  return renderScrubber({ model, el }, {
    element: drawing, scale: 1 / LARGER, show, toPng: () => drawingsToPng([drawing], width * model.get("scale")),
  });
}

const placeOf = ({ cell, below, columns }, k) => `translate(${cell * (k % columns)} ${(cell + below) * Math.floor(k / columns)})`;

// [i, j, order] of each pair of atoms that are there and bound.
function boundPairs(row, N, present) {
  const found = [];
  let place = N;
  for (let i = 0; i < N; i += 1) {
    for (let j = i + 1; j < N; j += 1, place += 1) if (row[place] && present(i) && present(j)) found.push([i, j, row[place]]);
  }
  return found;
}

function bondsOf(row, at, { places, elements }, kept) {
  const pairs = boundPairs(row, places, (i) => row[i] < elements.length);
  return pairs.flatMap(([i, j, order]) => linesOf(at[2 * i], at[2 * i + 1], at[2 * j], at[2 * j + 1], order)
    .map((d) => svg("path", { class: j < kept ? "fs-bond fs-bond-kept" : "fs-bond", d })));
}

// A bond ends where its atoms begin.
function linesOf(x, y, u, v, order) {
  const length = Math.max(Math.hypot(u - x, v - y), 1);
  const [a, b] = [(u - x) / length, (v - y) / length];
  const cut = Math.min(ATOM, 0.4 * length);
  return Array.from({ length: order }, (_, k) => {
    const aside = APART * (k - (order - 1) / 2);
    const ends = [x + cut * a - aside * b, y + cut * b + aside * a, u - cut * a - aside * b, v - cut * b + aside * a];
    const [left, top, right, foot] = ends.map((value) => value.toFixed(1));
    return `M${left} ${top} L${right} ${foot}`;
  });
}

// An atom with more bonds than its element has stands in a ring.
function atomsOf(row, at, { places, elements, valence }) {
  const used = Array(places).fill(0);
  for (const [i, j, order] of boundPairs(row, places, (i) => row[i] < elements.length)) {
    used[i] += order;
    used[j] += order;
  }
  return used.flatMap((bonds, i) => {
    if (row[i] >= elements.length) return [];
    const [cx, cy] = [at[2 * i], at[2 * i + 1]];
    const ring = bonds > valence[row[i]] ? [svg("circle", { class: "fs-wrong", cx, cy, r: WRONG })] : [];
    return [svg("circle", { class: `fs-atom fs-atom-${row[i]}`, cx, cy, r: ATOM }),
      svg("text", { class: "fs-element", x: cx, y: cy + 5, "text-anchor": "middle" }, elements[row[i]]), ...ring];
  });
}

export default { render };
