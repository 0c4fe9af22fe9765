// The picture of a sound: its spectrum above, as a prism shows light, and its wave below. sound_still.py draws the same.

const [WIDTH, SPECTRUM, WAVE, FOOT] = [440, 160, 84, 16]; // CSS pixels: across, and how high each part is
const HEIGHT = SPECTRUM + WAVE + FOOT;
const FINE = 2; // pixels of the canvas for each of them: sharp on fine screens too
const [FRAME, COLUMNS] = [256, 256]; // samples that a spectrum is taken of; spectra in a picture
const [SOFTEST, LOUDEST] = [-68, -14]; // dB in one of 128 bands, for a sound of active RMS 1
const COLOURS = [[13, 17, 38], [64, 32, 110], [158, 46, 107], [232, 97, 63], [253, 190, 90], [252, 248, 205]];
const [GROUND, INK, MARKED] = ["rgb(13 17 38)", "rgb(205 222 240)", "rgb(110 190 255)"]; // in any theme: it is a screen

const COSINE = Float64Array.from({ length: FRAME }, (_, k) => Math.cos((2 * Math.PI * k) / FRAME));
const SINE = Float64Array.from({ length: FRAME }, (_, k) => Math.sin((2 * Math.PI * k) / FRAME));
const HANN = COSINE.map((value) => 0.5 - 0.5 * value);
const REVERSED = Uint8Array.from({ length: FRAME }, (_, k) => parseInt([...k.toString(2).padStart(8, "0")].reverse().join(""), 2));

// The Fourier transform in place, after Cooley and Tukey; both parts in the order of REVERSED.
function transform(re, im) {
  for (let half = 1; half < FRAME; half *= 2) {
    for (let start = 0; start < FRAME; start += 2 * half) {
      for (let k = 0; k < half; k++) {
        const turn = k * (FRAME / 2 / half);
        const a = start + k;
        const b = a + half;
        const x = re[b] * COSINE[turn] + im[b] * SINE[turn];
        const y = im[b] * COSINE[turn] - re[b] * SINE[turn];
        re[b] = re[a] - x;
        im[b] = im[a] - y;
        re[a] += x;
        im[a] += y;
      }
    }
  }
}

// dB of each band, from 0 Hz up, around one sample.
const re = new Float64Array(FRAME);
const im = new Float64Array(FRAME);
function levelsAround(x, centre, loudness) {
  for (let k = 0; k < FRAME; k++) {
    re[REVERSED[k]] = ((x[centre - FRAME / 2 + k] ?? 0) * HANN[k]) / loudness;
    im[k] = 0;
  }
  transform(re, im);
  return (band) => 10 * Math.log10((re[band] ** 2 + im[band] ** 2) / (FRAME * 0.375 * FRAME / 2) + 1e-12);
}

// Colours from dark to bright, each as the one number that a picture holds of a pixel.
const SHADES = Uint32Array.from({ length: 256 }, (_, shade) => {
  const place = (shade / 255) * (COLOURS.length - 1);
  const k = Math.min(Math.floor(place), COLOURS.length - 2);
  const rgb = COLOURS[k].map((low, c) => Math.round(low + (place - k) * (COLOURS[k + 1][c] - low)));
  return new Uint32Array(Uint8Array.of(...rgb, 255).buffer)[0];
});

function makeScreen(rate) {
  const canvas = html("canvas", { width: FINE * WIDTH, height: FINE * HEIGHT, role: "img" });
  const pen = canvas.getContext("2d", { alpha: false });
  const small = html("canvas", { width: COLUMNS, height: FRAME / 2 });
  const image = small.getContext("2d").createImageData(COLUMNS, FRAME / 2);
  const pixels = new Uint32Array(image.data.buffer);

  function paintSpectrum(x, loudness) {
    for (let column = 0; column < COLUMNS; column++) {
      const level = levelsAround(x, Math.floor(((column + 0.5) * x.length) / COLUMNS), loudness);
      for (let band = 0; band < FRAME / 2; band++) {
        const shade = (255 * (level(band) - SOFTEST)) / (LOUDEST - SOFTEST);
        pixels[(FRAME / 2 - 1 - band) * COLUMNS + column] = SHADES[clamp(Math.round(shade), 256)];
      }
    }
    small.getContext("2d").putImageData(image, 0, 0);
    pen.drawImage(small, 0, 0, WIDTH, SPECTRUM);
  }
  function line(points, colour) {
    pen.strokeStyle = colour;
    pen.beginPath();
    points.forEach(([left, top], k) => (k ? pen.lineTo(left, top) : pen.moveTo(left, top)));
    pen.stroke();
  }
  function write(text, left, top, align, baseline) {
    [pen.fillStyle, pen.font, pen.textAlign, pen.textBaseline] = [INK, "11px system-ui, sans-serif", align, baseline];
    [pen.strokeStyle, pen.lineWidth, pen.lineJoin] = [GROUND, 3, "round"]; // or it would be lost on what is bright
    pen.strokeText(text, left, top);
    pen.lineWidth = 1;
    pen.fillText(text, left, top);
  }
  // x: as it is played, at this loudness; what is marked, from sample to sample.
  function draw(x, loudness, [start, stop]) {
    pen.setTransform(FINE, 0, 0, FINE, 0, 0);
    pen.fillStyle = GROUND;
    pen.fillRect(0, 0, WIDTH, HEIGHT);
    paintSpectrum(x, loudness);
    const across = WIDTH / x.length;
    line(Array.from(x, (value, k) => [k * across, SPECTRUM + WAVE / 2 - (value / PEAK) * (WAVE / 2)]), INK);
    for (const place of stop > start ? [start, stop] : []) {
      line([[place * across, 0], [place * across, SPECTRUM + WAVE]], MARKED);
    }
    write(`${rate / 2000} kHz`, 4, 3, "left", "top");
    write("0 kHz", 4, SPECTRUM - 4, "left", "bottom");
    write("0 s", 4, HEIGHT - 4, "left", "bottom");
    write(`${(x.length / rate).toFixed(2)} s`, WIDTH - 4, HEIGHT - 4, "right", "bottom");
  }
  return { canvas, draw };
}
