// What the reader gave → is it right, and which of the reasons belongs to it (-1: none of them)? An answer that cannot be
// read throws an error that says why. The first argument is the question's key, as book/_ext/questions/key.py wrote it.

const JUDGES = {
  choice: ({ right }, given) => ({ right: given === right, known: given.charCodeAt(0) - 97 }),

  number({ right, within, percent, wrong }, given) {
    const readings = []; // a comma may be a point, or part thousands
    if (/\d,\d{3}/.test(given)) readings.push(given.replace(/,/g, ""));
    if (!readings.length || !given.includes(".")) readings.push(given.replace(/,/g, "."));
    const values = readings.map((text) => compile(text, [], "0.25")());
    if (percent) values.push(...values.map((fraction) => fraction / 100));
    const near = (wanted) => values.some((one) => Math.abs(one - wanted) <= Number(within) + 1e-12);
    return { right: near(Number(right)), known: JSON.parse(wrong).findIndex(near) };
  },

  formula({ right, ranges, wrong }, given) {
    const limits = Object.entries(JSON.parse(ranges));
    const points = Array.from({ length: 7 }, (_, k) => Object.fromEntries(limits.map(([name, [low, high]], order) =>
      [name, low + (high - low) * (0.05 + 0.9 * (((k + 1) * (order + 1) * 0.618034) % 1))])));
    const values = (text) => points.map(compile(text, limits.map(([name]) => name), "sqrt(1 - 0.5^2)"));
    const mine = values(given);
    const bad = points[mine.findIndex((value) => !Number.isFinite(value))];
    const told = (point) => Object.entries(point).map(([name, x]) => `${name} = ${x.toPrecision(3)}`).join(", ");
    if (bad) throw new Error(say("no_value", told(bad)));
    const same = (text) => values(text).every((value, k) => Math.abs(value - mine[k]) <= 1e-6 * (1e-3 + Math.abs(value)));
    return { right: same(right), known: JSON.parse(wrong).findIndex(same) };
  },
};
