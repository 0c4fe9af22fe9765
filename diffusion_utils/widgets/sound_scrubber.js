// SoundScrubber: sliders over sounds that are seen and heard. One set of bytes is drawn, played and saved.

const FILE_MS = 150; // the player's file follows when the hand rests

async function render({ model, el }) {
  const settings = model.get("settings");
  const axes = model.get("axes");
  const at = reader(settings, model.get("sounds"));
  const screen = makeScreen(settings.rate);
  const button = html("button", { type: "button", class: "fs-hear" });
  const voice = makeVoice(settings.rate, label);
  const file = makeFile(model.get("name"), settings.rate);
  const row = html("div", { class: "fs-listen" }, button, html("span", {}, say("loud")), file.player, file.link);
  let [now, setting] = [null, []];

  function label(isHeard) {
    setText(button, say(isHeard ? "hush" : "listen"));
    button.setAttribute("aria-label", [button.textContent, ...setting].join(", "));
  }
  function show(frame, sentence) {
    now = at(frame);
    setting = settingOf(axes, frame);
    screen.draw(now, RMS, settings.marks[frame] ?? [0, 0]);
    screen.canvas.setAttribute("aria-label", [model.get("alt"), ...setting, sentence].filter(Boolean).join(", "));
    screen.canvas.dataset.frame = frame;
    voice.turnTo(now);
    file.show(now, setting);
    label(voice.isHeard());
  }
  button.addEventListener("click", () => (voice.isHeard() ? voice.stop() : voice.start(now)));
  file.player.addEventListener("play", () => silence());
  const leaving = new IntersectionObserver((entries) => { if (!entries.at(-1).isIntersecting) voice.stop(); });
  const hidden = () => { if (document.hidden) voice.stop(); };
  document.addEventListener("visibilitychange", hidden);

  const cleanUp = await renderScrubber({ model, el }, { element: screen.canvas, scale: 1 / FINE, show, below: row });
  leaving.observe(screen.canvas);
  return () => {
    leaving.disconnect();
    document.removeEventListener("visibilitychange", hidden);
    voice.close();
    file.close();
    cleanUp();
  };
}

// The sound of a frame, as it is played: a clip, or clips mixed with weights that follow the first slider.
function reader({ bits, length, peaks, parts, weights }, bytes) {
  const buffer = bytes.buffer ?? bytes;
  const whole = buffer.slice(bytes.byteOffset ?? 0, (bytes.byteOffset ?? 0) + bytes.byteLength);
  const numbers = bits === 8 ? new Uint8Array(whole) : new Int16Array(whole);
  const value = bits === 8 ? Float32Array.from({ length: 256 }, (_, code) => fromMuLaw(code)) : null;
  return (frame) => {
    const x = new Float32Array(length);
    parts[frame % parts.length].forEach((clip, r) => {
      const share = peaks[clip] * (weights.length ? weights[r][Math.floor(frame / parts.length)] : 1);
      const from = clip * length;
      for (let k = 0; k < length; k++) x[k] += share * (value ? value[numbers[from + k]] : numbers[from + k] / 32767);
    });
    return asPlayed(x);
  };
}

function fromMuLaw(code) {
  const squeezed = code / 127.5 - 1;
  return (Math.sign(squeezed) * (256 ** Math.abs(squeezed) - 1)) / 255;
}

// The names and values of all sliders.
function settingOf(axes, frame) {
  const found = [];
  for (const { name, values } of [...axes].reverse()) {
    found.unshift(`${spoken(name)} ${values[frame % values.length]}`);
    frame = Math.floor(frame / values.length);
  }
  return found;
}

// The browser's own player, with its keys and its menu, and a link that saves the file.
function makeFile(name, rate) {
  const player = html("audio", { controls: "", preload: "none", "aria-label": say("sound_file") });
  const link = html("a", {}, say("save_sound"));
  let [waiting, address] = [0, ""];
  function write(samples, setting) {
    URL.revokeObjectURL(address);
    address = URL.createObjectURL(wavFile(samples, rate));
    player.src = link.href = address;
    link.download = `${[name, ...setting].join("-").replace(/[^\p{L}\p{N}.−-]+/gu, "-")}.wav`;
  }
  function show(...sound) {
    clearTimeout(waiting);
    if (address) waiting = setTimeout(write, FILE_MS, ...sound);
    else write(...sound);
  }
  return { player, link, show, close: () => { clearTimeout(waiting); URL.revokeObjectURL(address); } };
}

export default { render };
