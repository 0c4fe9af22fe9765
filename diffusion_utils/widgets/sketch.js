// Sketch: a digit that the reader draws (see pad.js), and what the page makes of it. Each kind below is a function of the
// settings and of the digits that came along, and returns
//   examples                     what the pad offers
//   tiles                        the pictures beside the pad
//   below                        an element under the pad's buttons
//   draw(x0, position)           shows what becomes of the drawing, and returns the texts of the readouts

const SKETCHES = { dissolve: makeDissolve, oracle: makeOracle };
const SAVED = 4; // pixels of a saved picture for each of the page's

async function render({ model, el }) {
  const settings = model.get("settings");
  const digits = await decodeDigits(model.get("digits"), settings.columns, settings.count);
  const sketch = SKETCHES[model.get("kind")](settings, digits);
  const readouts = makeReadouts(model.get("readouts"));
  let latest = null;
  const show = (position) => {
    latest = position;
    return readouts.show(sketch.draw(pad.read(), position));
  };
  const pad = makePad({ examples: sketch.examples, start: settings.start, label: say("pad"), onInput: () => show(latest) });
  const own = html("div", { class: "fs-tile" }, pad.canvas, html("p", {}, ...withSubscripts(say("draw_here"))));
  const row = html("div", { class: "fs-tiles" }, own, ...sketch.tiles.map((tile) => tile.element));
  const face = html("div", { class: "fs-sketch" }, row, pad.tools, sketch.below);
  return renderFigure({ model, el }, {
    face, scale: 1 / SAVED, width: model.get("width"), below: [readouts.element], beside: [], show, quiet: () => {},
    toPng: () => asLaidOut(face, SAVED * model.get("width")), direction: () => settings.direction,
  });
}

// A small picture of SIDE × SIDE pixels with words below.
function makeTile(text, label = spoken(text)) {
  const canvas = html("canvas", { class: "fs-pixels", width: SIDE, height: SIDE, role: "img", "aria-label": label });
  const caption = html("p", {}, ...withSubscripts(text));
  return { element: html("div", { class: "fs-tile" }, canvas, caption), canvas, show: (values) => paint(canvas, values) };
}

// The reader's digit under every schedule: the chosen one's x_t large, all of them below.
function makeDissolve({ names, T, times, seed }, digits) {
  const tables = names.map((name) => SCHEDULES[name](T));
  const gaussian = makeGaussian(seed);
  const eps = Float64Array.from({ length: SIDE * SIDE }, () => gaussian());
  const chosen = makeTile("x_t");
  const all = names.map((name) => makeTile(name, `x t, ${name}`));
  function draw(x0, [i, k]) {
    const t = times[i];
    const noised = tables.map((table) => addNoise(table, x0, t, eps));
    chosen.show(noised[k]);
    all.forEach((tile, which) => {
      tile.show(noised[which]);
      tile.element.classList.toggle("fs-chosen", which === k);
    });
    const [signal, noise] = [tables[k].signal[t], tables[k].noise[t]];
    const ratio = t ? [rounded((signal / noise) ** 2), logSnr(tables[k], t).toFixed(2)] : ["∞", "∞"];
    return [signal.toFixed(3), noise.toFixed(3), ...ratio].map(withMinus);
  }
  const below = html("div", { class: "fs-tiles" }, ...all.map((tile) => tile.element));
  return { examples: digits, tiles: [chosen], below, draw };
}

// What somebody who knows a list of digits by heart makes of the reader's, noised: the best guess, and how likely each is.
function makeOracle({ T, times, seed, labels, choices, across, board: words }, digits) {
  const [examples, known] = [digits.slice(0, choices), digits.slice(choices)];
  const table = cosine(T);
  const gaussian = makeGaussian(seed);
  const eps = Float64Array.from({ length: SIDE * SIDE }, () => gaussian());
  const [noised, guess] = [makeTile("x_t"), makeTile("x̂_0")];
  const board = makeBoard(known, across, words);
  function draw(x0, [i]) {
    const t = times[i];
    const xT = addNoise(table, x0, t, eps);
    const probability = weights(known, table, xT, t);
    const guessed = mean(known, probability);
    noised.show(xT);
    guess.show(guessed);
    board.show(probability);
    const ofLabels = labels.reduce((sums, label, k) => { sums[label] += probability[k]; return sums; }, new Float64Array(10));
    const likeliest = ofLabels.indexOf(Math.max(...ofLabels));
    const error = Math.sqrt(guessed.reduce((sum, value, n) => sum + (value - x0[n]) ** 2, 0) / x0.length);
    return [rounded((table.signal[t] / table.noise[t]) ** 2), blended(probability).toFixed(1),
      `${likeliest} (${Math.round(100 * ofLabels[likeliest])} %)`, error.toFixed(2)].map(withMinus);
  }
  return { examples, tiles: [noised, guess], below: board.element, draw };
}

// All the digits known, each as bright as it is likely beside the likeliest.
const DARKEST = 0.15;
function makeBoard(known, across, words) {
  const down = Math.ceil(known.length / across);
  const canvas = html("canvas", { class: "fs-board", width: across * SIDE, height: down * SIDE, role: "img",
    "aria-label": words });
  const context = canvas.getContext("2d");
  const pictures = known.map((values) => {
    const picture = html("canvas", { width: SIDE, height: SIDE });
    paint(picture, values);
    return picture;
  });
  function show(probability) {
    const most = Math.max(...probability);
    context.globalAlpha = 1;
    context.fillRect(0, 0, canvas.width, canvas.height);
    pictures.forEach((picture, k) => {
      context.globalAlpha = DARKEST + (1 - DARKEST) * Math.sqrt(probability[k] / most);
      context.drawImage(picture, (k % across) * SIDE, Math.floor(k / across) * SIDE);
    });
  }
  return { element: html("div", { class: "fs-all" }, canvas, html("p", {}, words)), show };
}

const SMALLEST = 0.001;
function rounded(value) {
  if (value < SMALLEST) return `< ${SMALLEST}`;
  return value >= 1000 ? value.toFixed(0) : value.toPrecision(3);
}
const withMinus = (text) => text.replace("-", "−");

// The digits of one sheet, each as numbers in [−1, 1].
async function decodeDigits(bytes, columns, count) {
  const sheet = await decodeSprite(bytes);
  const context = html("canvas", { width: sheet.width, height: sheet.height }).getContext("2d");
  context.drawImage(sheet, 0, 0);
  return Array.from({ length: count }, (_, k) => {
    const { data } = context.getImageData((k % columns) * SIDE, Math.floor(k / columns) * SIDE, SIDE, SIDE);
    return Float32Array.from({ length: SIDE * SIDE }, (_, n) => data[4 * n] / 127.5 - 1);
  });
}

// All that is to be seen, in one picture, row by row as on the page.
function asLaidOut(face, width) {
  const rows = [...face.children].map((row) => [...row.querySelectorAll("canvas")]).filter((row) => row.length);
  const gap = width / 50;
  const heights = rows.map((row) => (row[0].height / row[0].width) * ((width + gap) / row.length - gap));
  const whole = html("canvas", { width, height: heights.reduce((sum, height) => sum + height + gap, -gap) });
  const context = whole.getContext("2d");
  context.imageSmoothingEnabled = false;
  let top = 0;
  rows.forEach((row, r) => {
    const step = (width + gap) / row.length;
    row.forEach((canvas, k) => context.drawImage(canvas, k * step, top, step - gap, heights[r]));
    top += heights[r] + gap;
  });
  return whole;
}

export default { render };
