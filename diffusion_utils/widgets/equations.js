// The equations of schedules.py, exact.py and sampling/kernels.py under the same names. tests/book/test_explorable.py compares
// every one with its original.

// A schedule is two tables, signal and noise, of T + 1 rows; row 0 is the data.
const fromAlphaBar = (alphaBar) => ({ signal: alphaBar.map(Math.sqrt), noise: alphaBar.map((a) => Math.sqrt(1 - a)) });

function fromBetas(betas) {
  const alphaBar = [1];
  for (const beta of betas) alphaBar.push(alphaBar.at(-1) * (1 - beta));
  return fromAlphaBar(alphaBar);
}

function linear(T, betaFirst = 1e-4, betaLast = 0.02) {
  return fromBetas(Array.from({ length: T }, (_, i) => betaFirst + ((betaLast - betaFirst) * i) / (T - 1)));
}

function cosine(T, offset = 0.008, betaMax = 0.999) {
  const alphaBar = Array.from({ length: T + 1 }, (_, t) => Math.cos(((t / T + offset) / (1 + offset)) * (Math.PI / 2)) ** 2);
  return fromBetas(alphaBar.slice(1).map((a, i) => Math.min(1 - a / alphaBar[i], betaMax)));
}

function sigmoid(T, start = -3, end = 3, floor = 1e-6) {
  const logistic = (x) => 1 / (1 + Math.exp(-x));
  const inner = (t) => logistic(start + ((end - start) * t) / T);
  const part = (t) => (logistic(end) - inner(t)) / (logistic(end) - logistic(start));
  return fromAlphaBar(Array.from({ length: T + 1 }, (_, t) => (t ? floor + (1 - floor) * part(t) : 1)));
}

function flow(T) {
  const noise = Array.from({ length: T + 1 }, (_, t) => t / T);
  return { signal: noise.map((part) => 1 - part), noise };
}

const SCHEDULES = { linear, cosine, sigmoid, flow };

const addNoise = ({ signal, noise }, x0, t, eps) => Float64Array.from(x0, (x, n) => signal[t] * x + noise[t] * eps[n]);

const logSnr = ({ signal, noise }, t) => Math.log(signal[t]) - Math.log(noise[t]);

// x̂₀ = (x_t + noise²·score)/signal for the mixture Σ_k mix_k·N(mean_k, std_k²·I) in the plane, and for each point the
// component it most likely belongs to. points: x, y, x, y, …
function estimate({ means, stds, mix }, signal, noise, points) {
  const variance = stds.map((std) => (signal * std) ** 2 + noise ** 2); // of x_t, for each component
  const offset = mix.map((share, k) => Math.log(share) - Math.log(variance[k]));
  const x0Hat = new Float64Array(points.length);
  const component = new Uint8Array(points.length / 2);
  const logJoint = new Float64Array(mix.length);
  for (let n = 0; n < points.length; n += 2) {
    const [x, y] = [points[n], points[n + 1]];
    let best = 0;
    for (let k = 0; k < mix.length; k++) {
      const squared = (x - signal * means[k][0]) ** 2 + (y - signal * means[k][1]) ** 2;
      logJoint[k] = offset[k] - squared / (2 * variance[k]);
      if (logJoint[k] > logJoint[best]) best = k;
    }
    let [total, scoreX, scoreY] = [0, 0, 0];
    for (let k = 0; k < mix.length; k++) {
      const weight = Math.exp(logJoint[k] - logJoint[best]);
      total += weight;
      scoreX += (weight * (signal * means[k][0] - x)) / variance[k];
      scoreY += (weight * (signal * means[k][1] - y)) / variance[k];
    }
    x0Hat[n] = (x + (noise ** 2 * scoreX) / total) / signal;
    x0Hat[n + 1] = (y + (noise ** 2 * scoreY) / total) / signal;
    component[n / 2] = best;
  }
  return { x0Hat, component };
}

// Of an exact denoiser: the posterior probability of each of the points known, given x_t; the mean of the points under it, x̂₀;
// and of how many that is an average.
function weights(points, { signal, noise }, xT, t) {
  const score = points.map((point) => point.reduce((sum, p, n) => sum + signal[t] * p * (xT[n] - (signal[t] * p) / 2), 0));
  const best = Math.max(...score);
  const joint = score.map((value) => Math.exp((value - best) / noise[t] ** 2));
  const total = joint.reduce((a, b) => a + b);
  return joint.map((value) => value / total);
}
function mean(points, probability) {
  const sum = new Float64Array(points[0].length);
  points.forEach((point, k) => point.forEach((p, n) => { sum[n] += probability[k] * p; }));
  return sum;
}
const blended = (probability) => Math.exp(-probability.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0));

// u of DDPM: noise_s·√(1 − SNR_t/SNR_s); 0 at s = 0, where nothing is left to add.
function posteriorStd(schedule, t, s) {
  return s === 0 ? 0 : schedule.noise[s] * Math.sqrt(1 - Math.exp(2 * (logSnr(schedule, t) - logSnr(schedule, s))));
}

// x_s = (d/noise_t)·x_t + (signal_s − signal_t·d/noise_t)·D + u·z, d² = noise_s² − u².
function update({ signal, noise }, xT, t, s, D, u, gaussian) {
  const keep = Math.sqrt(Math.max(noise[s] ** 2 - u ** 2, 0)) / noise[t];
  const take = signal[s] - signal[t] * keep;
  return xT.map((value, n) => keep * value + take * D[n] + (u > 0 ? u * gaussian() : 0));
}

// Standard normal numbers from a seed: mulberry32 (T. Ettinger), then Box and Muller.
function makeGaussian(seed) {
  let state = seed >>> 0;
  function uniform() {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
