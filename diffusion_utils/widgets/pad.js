// A pad on which a finger, a pen or a mouse draws as ink lies on the digits of MNIST: white on black, with soft edges. Buttons
// undo, clear, and put an example there, for those who cannot draw or do not care to.
//   examples, start         pictures to choose from, each a Float32Array of SIDE·SIDE numbers in [−1, 1], and the first one
//   label                   names the pad
//   onInput()               called after each change
// It returns
//   canvas, tools           what is drawn on, and the buttons
//   read()                  the drawing, a Float32Array of SIDE·SIDE numbers in [−1, 1], row by row, which must not be changed

const SIDE = 28;
const [FULL, SOFT] = [0.9, 1]; // pixels: full ink so far from the pen's way, and as far again until there is none
const MOST_UNDONE = 100;

function makePad({ examples, start, label, onInput }) {
  const canvas = html("canvas", { class: "fs-pad fs-pixels", width: SIDE, height: SIDE, role: "img", "aria-label": label });
  let now = { pixels: examples[start], example: start };
  const before = [];
  const undo = makePadButton(say("undo"), () => { if (before.length) show(before.pop()); });
  const clear = makePadButton(say("clear"), () => put({ pixels: blank(), example: -1 }));
  const choices = examples.map((pixels, k) => makePadButton(String(k), () => put({ pixels, example: k })));
  const choose = html("div", { class: "fs-examples", role: "group", "aria-label": say("examples") }, ...choices);
  const tools = html("div", { class: "fs-pad-tools" },
    html("div", { class: "fs-pad-hands" }, undo, clear, html("span", {}, say("examples"))), choose);

  function show(state) {
    now = state;
    paint(canvas, now.pixels);
    choices.forEach((choice, k) => choice.setAttribute("aria-pressed", k === now.example));
    undo.disabled = before.length === 0;
    onInput();
  }
  function put(state) {
    before.push(now);
    if (before.length > MOST_UNDONE) before.shift();
    show(state);
  }
  drawByPointer(canvas, {
    begin: () => put({ pixels: now.example < 0 ? now.pixels.slice() : blank(), example: -1 }), // an example makes room
    line: (from, to) => { addInk(now.pixels, from, to); show(now); },
  });
  paint(canvas, now.pixels);
  choices[start].setAttribute("aria-pressed", true);
  undo.disabled = true;
  return { canvas, tools, read: () => now.pixels };
}

const blank = () => new Float32Array(SIDE * SIDE).fill(-1);

function makePadButton(text, onClick) {
  const button = html("button", { type: "button" }, text);
  button.addEventListener("click", onClick);
  return button;
}

// Ink along a straight line between two places, in pixels from the upper left corner.
function addInk(pixels, from, to) {
  const [right, down] = [to.x - from.x, to.y - from.y];
  const squared = right ** 2 + down ** 2;
  for (let n = 0; n < pixels.length; n++) {
    const [x, y] = [(n % SIDE) + 0.5 - from.x, Math.floor(n / SIDE) + 0.5 - from.y]; // from the line's beginning
    const part = squared ? Math.min(Math.max((x * right + y * down) / squared, 0), 1) : 0; // the nearest place of the line
    const distance = Math.hypot(x - part * right, y - part * down);
    const ink = Math.min(Math.max((FULL + SOFT - distance) / SOFT, 0), 1);
    pixels[n] = Math.max(pixels[n], 2 * ink - 1);
  }
}

// One pointer at a time draws; it may leave the canvas and come back. A touch that has not begun here scrolls the page.
function drawByPointer(canvas, { begin, line }) {
  let pen = null;
  function place(event) {
    const box = canvas.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * SIDE, y: ((event.clientY - box.top) / box.height) * SIDE };
  }
  canvas.addEventListener("pointerdown", (event) => {
    if (pen || event.button !== 0) return;
    pen = { id: event.pointerId, at: place(event) };
    canvas.setPointerCapture(event.pointerId);
    begin();
    line(pen.at, pen.at);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pen?.id) return;
    const places = (event.getCoalescedEvents?.() ?? []).map(place); // all that a quick hand passed since the last time
    for (const next of places.length ? places : [place(event)]) {
      line(pen.at, next);
      pen.at = next;
    }
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => { if (event.pointerId === pen?.id) pen = null; });
  }
}

// Numbers in [−1, 1] as grey, from black to white; what lies outside is cut.
function paint(canvas, values) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIDE, SIDE);
  values.forEach((value, n) => image.data.set([1, 1, 1].map(() => (value + 1) * 127.5).concat(255), 4 * n)); // clamps itself
  context.putImageData(image, 0, 0);
}
