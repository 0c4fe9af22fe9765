// What the reader holds: sliders, buttons, the play button, the picture itself.

const ICONS = { play: "M4 2 L14 8 L4 14 Z", pause: "M3 2 H6.5 V14 H3 Z M9.5 2 H13 V14 H9.5 Z" };
let widgets = 0; // for ids that are unique in the page

function makeSlider(axis, id, onInput) {
  const range = html("input", { type: "range", id, min: 0, max: axis.values.length - 1, step: 1 });
  const value = html("span", { class: "fs-value", ...untranslated(axis.values) });
  value.style.minWidth = `${longest(axis.values).length}ch`; // so that on a phone the slider beside it keeps its length
  const label = html("label", { for: id, class: "fs-name" }, ...withSubscripts(axis.name));
  range.addEventListener("input", () => onInput(range.valueAsNumber));
  function show(index, numbers) {
    if (range.valueAsNumber !== index) range.value = index;
    setText(value, axis.values[index]);
    range.setAttribute("aria-valuetext", [axis.values[index], ...numbers].join(", "));
  }
  return { element: html("div", { class: "fs-slider" }, label, value, range), show };
}

// Names are chosen among buttons. They are radio buttons, for which the browser has the keys and the words read aloud.
function makeButtons(axis, id, onInput) {
  const radios = axis.values.map((_, k) => html("input", { type: "radio", name: id, value: k }));
  const texts = axis.values.map((text) => html("span", untranslated(axis.values), text));
  const row = html("div", { class: "fs-buttons", role: "radiogroup", "aria-labelledby": id },
    ...radios.map((radio, k) => html("label", {}, radio, texts[k])));
  row.addEventListener("change", (event) => onInput(Number(event.target.value)));
  row.addEventListener("keydown", (event) => { // as on a slider
    const end = { Home: radios[0], End: radios.at(-1) }[event.key];
    if (end) event.preventDefault();
    end?.focus();
    end?.click();
  });
  function show(index, numbers) {
    radios[index].checked = true;
    texts.forEach((text, k) => text.classList.toggle("fs-value", k === index));
    radios.forEach((radio, k) => radio.setAttribute("aria-label",
      [axis.values[k], ...(k === index ? numbers : [])].join(", ")));
  }
  const name = html("span", { class: "fs-name", id }, ...withSubscripts(axis.name));
  return { element: html("div", { class: "fs-slider" }, name, row), show };
}

// Words are kept or not, each for itself: bit i of the position says whether word i is.
function makeWords(axis, id, onInput) {
  let now = 0;
  const buttons = axis.words.map((word, i) => html("button", { type: "button" }, word));
  buttons.forEach((button, i) => button.addEventListener("click", () => onInput(now ^ (1 << i))));
  const row = html("div", { class: "fs-buttons", role: "group", "aria-labelledby": id, translate: "no" }, ...buttons);
  function show(index) {
    now = index;
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(Boolean(now & (1 << i)))));
  }
  const name = html("span", { class: "fs-name", id }, ...withSubscripts(axis.name));
  return { element: html("div", { class: "fs-slider" }, name, row), show };
}

const makerOf = ({ words, buttons }) => (words ? makeWords : buttons ? makeButtons : makeSlider);

function makePlayButton(onClick) {
  const icon = svg("path");
  const picture = svg("svg", { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, icon);
  const element = html("button", { type: "button", class: "fs-play" }, picture);
  element.addEventListener("click", onClick);
  function show(playing) {
    icon.setAttribute("d", playing ? ICONS.pause : ICONS.play);
    element.setAttribute("aria-label", say(playing ? "pause" : "play"));
  }
  return { element, show };
}

// Dragging across the whole picture runs through all frames; up and down still scrolls the page.
function dragToScrub(picture, getIndex, count, onDrag) {
  let start = null;
  picture.addEventListener("pointerdown", (event) => {
    start = { x: event.clientX, index: getIndex() };
    picture.setPointerCapture(event.pointerId);
  });
  picture.addEventListener("pointermove", (event) => {
    if (!start) return;
    const steps = Math.round(((event.clientX - start.x) / picture.getBoundingClientRect().width) * (count - 1));
    const index = clamp(start.index + steps, count);
    if (index !== getIndex()) onDrag(index);
  });
  for (const end of ["pointerup", "pointercancel"]) picture.addEventListener(end, () => { start = null; });
}
