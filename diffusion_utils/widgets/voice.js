// What is heard: one loop at a time in the whole page, which begins by a click, cross-fades to the next, and ends when its
// figure leaves the view; and the same sound as a file.

const [RMS, PEAK] = [0.1, 0.7]; // how loud all is played, and what no peak exceeds
const FADE = 0.01; // s from one sound to the next, or it would click
const BLOCK = 20; // samples; 20 of them are a frame of 50 ms
let silence = () => {}; // ends what is heard in this page

// The root mean square of what is spoken, as sound.active_rms finds it: over frames that are at most 20 dB softer than the
// loudest.
function activeRms(x) {
  const sums = Array.from({ length: Math.ceil(x.length / BLOCK) }, (_, b) =>
    x.subarray(b * BLOCK, (b + 1) * BLOCK).reduce((sum, value) => sum + value * value, 0));
  const powers = [];
  let power = 0;
  for (let b = 0; b < sums.length + BLOCK; b++) {
    power += (sums[b] ?? 0) - (sums[b - BLOCK] ?? 0);
    powers.push(power / (BLOCK * BLOCK));
  }
  const limit = Math.max(...powers) / 100;
  const active = powers.filter((each) => each >= limit);
  return Math.sqrt(Math.max(0, active.reduce((sum, each) => sum + each, 0) / active.length));
}

// As it is played: equally loud, whatever is chosen.
function asPlayed(x) {
  const rms = activeRms(x);
  const peak = x.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const gain = rms > 0 ? Math.min(RMS / rms, PEAK / peak) : 1;
  return x.map((value) => gain * value);
}

function makeVoice(rate, changed) {
  let context = null;
  let heard = null;
  let began = 0;
  function begin(samples) {
    const [source, volume] = [context.createBufferSource(), context.createGain()];
    source.buffer = context.createBuffer(1, samples.length, rate);
    source.buffer.copyToChannel(samples, 0);
    source.loop = true;
    source.connect(volume).connect(context.destination);
    const now = context.currentTime;
    volume.gain.setValueAtTime(0, now);
    volume.gain.linearRampToValueAtTime(1, now + FADE);
    source.start(now, (now - began) % source.buffer.duration);
    return { source, volume };
  }
  function end({ source, volume }) {
    const now = context.currentTime;
    const loud = volume.gain.value;
    volume.gain.cancelScheduledValues(now);
    volume.gain.setValueAtTime(loud, now);
    volume.gain.linearRampToValueAtTime(0, now + FADE);
    source.stop(now + FADE);
  }
  function stop() {
    if (heard) end(heard);
    heard = null;
    changed(false);
  }
  function start(samples) {
    silence();
    silence = stop;
    context ??= new AudioContext();
    context.resume();
    began = context.currentTime;
    heard = begin(samples);
    changed(true);
  }
  function turnTo(samples) {
    if (!heard) return;
    end(heard);
    heard = begin(samples);
  }
  return { start, stop, turnTo, isHeard: () => heard !== null, close: () => { stop(); context?.close(); } };
}

// 16 bits a sample.
function wavFile(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, letters) => [...letters].forEach((letter, k) => view.setUint8(at + k, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  [[16, 16], [24, rate], [28, 2 * rate], [40, 2 * samples.length]].forEach(([at, value]) => view.setUint32(at, value, true));
  [[20, 1], [22, 1], [32, 2], [34, 16]].forEach(([at, value]) => view.setUint16(at, value, true));
  text(36, "data");
  samples.forEach((value, k) => view.setInt16(44 + 2 * k, Math.round(32767 * value), true));
  return new Blob([view], { type: "audio/wav" });
}
