// What a figure offers besides its sliders: another speed, the picture as a file, the whole screen, a link to a frame.

const SPEEDS = [["1", 1], ["2", 2], ["4", 4], ["½", 0.5]];
const CALM_MS = 500; // a frame stays this long for readers whose system asks for less motion: no flicker

const makeTool = (text, onClick) => {
  const element = html("button", { type: "button" }, text);
  element.addEventListener("click", onClick);
  return element;
};

function makeSpeed(onChange) {
  let place = 0;
  const element = makeTool("", () => { place = (place + 1) % SPEEDS.length; show(); onChange(); });
  const show = () => { element.textContent = say("speed", SPEEDS[place][0]); };
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const frameTime = (interval) => Math.max(interval / SPEEDS[place][1], calm.matches ? CALM_MS : 0);
  show();
  return { element, frameTime };
}

// A canvas can be saved as a PNG file, and so can what a view makes a canvas of. told() says what belongs to the picture.
function makeSave(view, told) {
  const toPng = view.toPng ?? (view.face instanceof HTMLCanvasElement ? () => view.face : null);
  async function save() {
    const { group, name, ...words } = told();
    savePng(composePicture(await toPng(), LARGER * (view.scale ?? 1), words, lookOf(group, view.face)), name);
  }
  return toPng ? [makeTool(say("save"), save)] : [];
}

// The link to a frame: a click copies it, and says so to eyes and ears. Where it cannot be copied, it leads there.
const SAID_MS = 2000;
function makeLink(address) {
  const element = html("a", {}, say("link"));
  const said = html("span", { class: "fs-said", role: "status" });
  for (const reach of ["pointerdown", "click"]) { // whoever is quicker than `show` still gets the frame that is shown
    element.addEventListener(reach, () => show());
  }
  element.addEventListener("click", (event) => {
    if (!navigator.clipboard || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    navigator.clipboard.writeText(element.href).then(tell, () => location.assign(element.href));
  });
  function tell() {
    element.style.minWidth = `${element.offsetWidth}px`; // its neighbours keep their places
    element.textContent = said.textContent = say("copied");
    setTimeout(() => { element.textContent = say("link"); said.textContent = element.style.minWidth = ""; }, SAID_MS);
  }
  const show = () => { element.href = address(); };
  return { parts: [element, said], show };
}

// Pictures are dragged to scrub; what else there may be, such as text, is left to be selected or clicked.
const isPicture = (face) => face instanceof HTMLCanvasElement || face instanceof SVGElement;

// A page marks the place of each figure by its name; a notebook does not.
const placeInPage = (name) => document.querySelector(`.widget-figure#${CSS.escape(name)}`);

// `?fig-x.t=500#fig-x` shows figure fig-x with its slider t at 500, or at the position nearest to it.
function frameAddress(name, axes, position) {
  const query = new URLSearchParams(axes.map((axis, a) => [`${name}.${axis.name}`, axis.values[position[a]]]));
  return `?${query}#${name}`;
}
function positionsInAddress(name, axes) { // -1 where the address says nothing that makes sense
  const query = new URLSearchParams(location.search);
  return axes.map((axis) => nearestPosition(axis.values, query.get(`${name}.${axis.name}`)));
}
function nearestPosition(values, wanted) {
  if (wanted === null || values.includes(wanted)) return values.indexOf(wanted);
  const distances = values.map((value) => Math.abs(parseFloat(value.replace("−", "-")) - parseFloat(wanted)));
  return distances.every(Number.isFinite) ? distances.indexOf(Math.min(...distances)) : -1;
}

// The whole screen, for a class: large numbers, and the keys of a presenter's remote control (Page Up, Page Down, "b",
// ".") step and play. Where the browser refuses, as in some frames and phones, the figure fills the window instead.
const REMOTE = { PageDown: 1, PageUp: -1, ArrowRight: 1, ArrowLeft: -1 };

function makeProjector(group, face, step, togglePlay) {
  const element = makeTool(say("full_screen"), () => (isOn() ? leave() : enter()));
  const isOn = () => group.classList.contains("fs-projector");
  function enter() {
    group.style.background = backgroundBehind(group);
    const { width, height } = face.getBoundingClientRect();
    group.classList.toggle("fs-tall", isPicture(face) && height > 0.8 * width); // its sliders then stand beside it
    group.classList.add("fs-projector");
    element.textContent = say("leave_full_screen");
    group.focus();
    group.requestFullscreen?.().catch(() => {}); // filling the window is what is left
  }
  function leave() {
    group.classList.remove("fs-projector");
    group.style.background = "";
    element.textContent = say("full_screen");
    if (group.matches(":fullscreen")) document.exitFullscreen();
  }
  function onKey(event) {
    if (!isOn()) return;
    const sliderKey = event.target.matches("input") && event.key.startsWith("Arrow");
    if (event.key in REMOTE && !sliderKey) step(REMOTE[event.key]);
    else if (["b", "."].includes(event.key)) togglePlay();
    else if (event.key === "Escape") leave();
    else return;
    event.preventDefault();
  }
  group.addEventListener("keydown", onKey);
  group.addEventListener("fullscreenchange", () => { if (!group.matches(":fullscreen")) leave(); });
  return { element };
}

function backgroundBehind(element) {
  for (let node = element.parentElement; node; node = node.parentElement) {
    const colour = getComputedStyle(node).backgroundColor;
    if (!/^(transparent|rgba\(.*, 0\))$/.test(colour)) return colour;
  }
  return "Canvas";
}
