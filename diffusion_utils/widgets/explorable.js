// Explorable: what is better computed in the page than computed beforehand. Each kind below is a function of its settings
// that returns
//   draw(context, size, position)   draws on a square of `size` pixels and returns the texts of its readouts
//   direction(position)             as in figure.js

const FINE = 2; // pixels of the canvas for each of the page: sharp on fine screens too
const KINDS = { points: makePoints, schedules: makeSchedules };

async function render({ model, el }) {
  const kind = KINDS[model.get("kind")](model.get("settings"), model.get("axes"));
  const size = FINE * model.get("width");
  const canvas = html("canvas", { width: size, height: size, role: "img", "data-kind": model.get("kind") });
  const context = canvas.getContext("2d");
  const readouts = makeReadouts(model.get("readouts"));
  let latest = null;

  function show(position) {
    latest = position;
    context.clearRect(0, 0, size, size);
    const numbers = readouts.show(kind.draw(context, size, position));
    canvas.setAttribute("aria-label", [model.get("alt"), ...numbers].join(", "));
    return numbers;
  }
  // Drawn anew on more pixels, in the same colours: a canvas beside this one has them.
  function toPng() {
    const large = html("canvas", { width: LARGER * model.get("width"), height: LARGER * model.get("width"), hidden: "" });
    canvas.after(large);
    const pen = large.getContext("2d");
    pen.scale(LARGER / FINE, LARGER / FINE);
    kind.draw(pen, size, latest);
    large.remove();
    return large;
  }
  // The ink is the text's colour, which another theme changes: the page's, or, where it has none, the system's.
  const redraw = () => show(latest);
  const themes = new MutationObserver(redraw);
  themes.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "class", "style"] });
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", redraw);
  const cleanUp = await renderFigure({ model, el }, {
    face: canvas, scale: 1 / LARGER, width: model.get("width"), below: [readouts.element], beside: [], show, quiet: () => {},
    direction: kind.direction, toPng,
  });
  requestAnimationFrame(redraw); // once more in its place: only there it knows the colours
  return () => {
    themes.disconnect();
    dark.removeEventListener("change", redraw);
    cleanUp();
  };
}

const colour = (element, name) => getComputedStyle(element).getPropertyValue(name).trim();
const decimals = (value, digits = 3) => value.toPrecision(digits).replace("-", "−");

// Points of a Gaussian mixture: forward with fixed noise, and back from noise under the exact score.
function makePoints({ mixture, T, count, limit, seed, spreads }, axes) {
  const schedule = cosine(T);
  const times = axes[0].values.map(Number);
  let known = {}; // the latest path, as t moves far more often than the rest

  function pathFor(way, spread) {
    if (known.way !== way || known.spread !== spread) {
      const wider = { ...mixture, stds: mixture.stds.map((std) => std * spreads[spread]) };
      known = { way, spread, path: way === 0 ? forwardPath(wider) : backPath(wider, way === 2) };
    }
    return known.path;
  }
  function forwardPath(data) {
    const gaussian = makeGaussian(seed);
    const component = Uint8Array.from({ length: count }, (_, n) => shareAt(data.mix, n / count));
    const x0 = Float64Array.from({ length: 2 * count }, (_, n) => {
      const k = component[n >> 1];
      return data.means[k][n % 2] + data.stds[k] * gaussian();
    });
    const eps = x0.map(() => gaussian());
    const at = times.map((t) => x0.map((value, n) => schedule.signal[t] * value + schedule.noise[t] * eps[n]));
    return { at, component };
  }
  function backPath(data, stochastic) {
    const gaussian = makeGaussian(seed + 1);
    const at = new Array(times.length);
    at[times.length - 1] = Float64Array.from({ length: 2 * count }, () => gaussian());
    for (let i = times.length - 1; i > 0; i--) {
      const [t, s] = [times[i], times[i - 1]];
      const { x0Hat } = estimate(data, schedule.signal[t], schedule.noise[t], at[i]);
      at[i - 1] = update(schedule, at[i], t, s, x0Hat, stochastic ? posteriorStd(schedule, t, s) : 0, gaussian);
    }
    return { at, component: estimate(data, 1, 1e-3, at[0]).component }; // where each point ends gives its colour
  }
  function draw(context, size, [i, way = 0, spread = 0]) {
    const { at, component } = pathFor(way, spread);
    const pixel = (value) => (value / limit + 1) * (size / 2);
    for (let k = 0; k < mixture.mix.length; k++) {
      context.fillStyle = colour(context.canvas, `--fs-${k % 4}`);
      for (let n = 0; n < count; n++) {
        if (component[n] === k) context.fillRect(pixel(at[i][2 * n]) - 2, pixel(-at[i][2 * n + 1]) - 2, 4, 4);
      }
    }
    const t = times[i];
    return [decimals(schedule.signal[t] ** 2), t === 0 ? "∞" : decimals(logSnr(schedule, t))];
  }
  return { draw, direction: ([, way = 0]) => (way === 0 ? 1 : -1) };
}

// The component that the fraction `place` of all points falls into, in the order of the components.
function shareAt(mix, place) {
  let k = 0;
  for (let below = mix[0]; place >= below && k < mix.length - 1; below += mix[k]) k++;
  return k;
}

// Two schedules with parameters to move: ᾱ_t above, λ_t below.
function makeSchedules({ fractions, lengths, betas, offsets, limit, names, too_much: tooMuch }) {
  const bound = 10; // of λ on its axis
  function draw(context, size, [i, length, beta, offset]) {
    const T = lengths[length];
    const t = Math.round(fractions[i] * T);
    const tables = [linear(T, 1e-4, betas[beta]), cosine(T, offsets[offset])];
    const ink = colour(context.canvas, "color");
    const upper = makePanel(context, size, 0, ink, "ᾱ", [0, 0.5, 1]);
    const lower = makePanel(context, size, 1, ink, "λ", [-bound, 0, bound]);
    tables.forEach((table, k) => {
      context.strokeStyle = context.fillStyle = colour(context.canvas, `--fs-${k}`);
      context.setLineDash(k ? [16, 8] : []);
      upper.legend(names[k], k);
      upper.curve(T, (row) => table.signal[row] ** 2, t);
      lower.curve(T, (row) => Math.max(-bound, Math.min(bound, row ? logSnr(table, row) : bound)), t);
    });
    const left = tables[0].signal[T];
    const verdict = left > limit ? tooMuch : "";
    return [...tables.map((table) => decimals(table.signal[t] ** 2)), decimals(left) + verdict];
  }
  return { draw, direction: () => 1 };
}

// One of two plots, one above the other, with its frame, and a faint line at the middle one of its ticks.
function makePanel(context, size, row, ink, name, ticks) {
  const [low, middle, high] = ticks;
  const [left, top, width, height] = [96, 24 + row * (size / 2), size - 120, size / 2 - 72];
  const x = (part) => left + part * width;
  const y = (value) => top + ((high - value) / (high - low)) * height;
  context.setLineDash([]);
  context.lineWidth = 2;
  context.strokeStyle = context.fillStyle = ink;
  context.strokeRect(left, top, width, height);
  context.globalAlpha = 0.2;
  context.strokeRect(left, y(middle), width, 0);
  context.globalAlpha = 1;
  context.font = "30px sans-serif";
  context.textAlign = "right";
  for (const value of ticks) context.fillText(String(value).replace("-", "−"), left - 12, y(value) + 10);
  context.fillText("t = T", x(1), top + height + 34);
  context.textAlign = "left";
  context.fillText(name, 12, y((middle + high) / 2) + 10);
  context.fillText("0", x(0), top + height + 34);
  function curve(T, value, t) {
    context.lineWidth = 4;
    context.beginPath();
    for (let n = 0; n <= T; n++) context.lineTo(x(n / T), y(value(n)));
    context.stroke();
    context.beginPath();
    context.arc(x(t / T), y(value(t)), 9, 0, 2 * Math.PI);
    context.fill();
  }
  function legend(text, place) {
    const height = y(high) + 40 + 40 * place;
    context.lineWidth = 4;
    context.beginPath();
    context.moveTo(x(0.7), height - 10);
    context.lineTo(x(0.78), height - 10);
    context.stroke();
    context.fillText(text, x(0.8), height);
  }
  return { curve, legend };
}

export default { render };
