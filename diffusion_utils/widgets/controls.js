// What the reader holds: sliders, the play button, the picture itself.

const ICONS = { play: "M4 2 L14 8 L4 14 Z", pause: "M3 2 H6.5 V14 H3 Z M9.5 2 H13 V14 H9.5 Z" };
let widgets = 0; // for ids that are unique in the page

function makeSlider(axis, id, onInput) {
  const range = html("input", { type: "range", id, min: 0, max: axis.values.length - 1, step: 1 });
  const value = html("span", { class: "fs-value", ...untranslated(axis.values) });
  const label = html("label", { for: id, class: "fs-name" }, ...withSubscripts(axis.name));
  range.addEventListener("input", () => onInput(range.valueAsNumber));
  function show(index, numbers) {
    if (range.valueAsNumber !== index) range.value = index;
    setText(value, axis.values[index]);
    range.setAttribute("aria-valuetext", [axis.values[index], ...numbers].join(", "));
  }
  return { element: html("div", { class: "fs-slider" }, label, value, range), show };
}

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
