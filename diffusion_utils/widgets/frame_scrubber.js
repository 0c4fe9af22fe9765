// FrameScrubber: sliders over precomputed pictures, with readouts, a caption and small plots that follow.
// One module for every host: JupyterLab, VS Code, Colab, and the static page through book/_static/widget-host.js.
// front_end.py joins the files that it is made of.

async function render({ model, el }) {
  const [, second] = model.get("axes");
  const settings = second?.values.length ?? 1;
  const picture = makePicture(model, await decodeSprite(model.get("sprite")));
  const texts = model.get("readouts").map(([, ofFrames]) => ofFrames);
  const readouts = makeReadouts(model.get("readouts"));
  const caption = makeCaption(model.get("captions"));
  const plots = model.get("companions").map((plot) => (plot.kind === "curve" ? makeCurve(plot) : makeHistogram(plot)));

  function show([i, j = 0]) {
    const frame = i * settings + j;
    picture.show(frame, caption.show(frame));
    plots.forEach((plot) => plot.show(frame, j));
    return readouts.show(texts.map((ofFrames) => ofFrames[frame]));
  }
  return renderFigure({ model, el }, {
    canvas: picture.canvas, scale: model.get("scale"), width: model.get("width") * model.get("scale"),
    below: [readouts.element, caption.element], beside: plots.map((plot) => plot.element),
    show, quiet: caption.quiet, direction: () => 1,
  });
}

// The bytes arrive as a DataView from a kernel and from the static host, as other views elsewhere. They are decoded by way
// of an <img>: createImageBitmap(blob) answers only when the rest of the page has loaded. The address holds the bytes
// themselves, since VS Code forbids pictures from a blob.
async function decodeSprite(bytes) {
  const view = ArrayBuffer.isView(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : bytes;
  const image = new Image();
  const loaded = new Promise((resolve, reject) => {
    image.onload = resolve;
    image.onerror = () => reject(new Error("its pictures are damaged"));
  });
  image.src = `data:image/webp;base64,${base64(view)}`;
  await loaded;
  return createImageBitmap(image); // keeps the pixels at hand
}

function base64(bytes) {
  const AT_ONCE = 8192; // a function takes only so many arguments
  let text = "";
  for (let i = 0; i < bytes.length; i += AT_ONCE) text += String.fromCharCode(...bytes.subarray(i, i + AT_ONCE));
  return btoa(text);
}

function makePicture(model, sheet) {
  const [width, height, columns] = ["width", "height", "columns"].map((name) => model.get(name));
  const canvas = html("canvas", { class: "fs-picture", width, height, role: "img" });
  if (model.get("scale") > 1) canvas.classList.add("fs-pixels");
  const context = canvas.getContext("2d", { alpha: false });
  function show(frame, sentence) {
    const [left, top] = [(frame % columns) * width, Math.floor(frame / columns) * height];
    context.drawImage(sheet, left, top, width, height, 0, 0, width, height);
    canvas.setAttribute("aria-label", sentence || model.get("alt"));
    canvas.dataset.frame = frame;
  }
  return { canvas, show };
}

// An invisible copy of the longest caption keeps the place, so that the page below does not jump.
function makeCaption(captions) {
  const text = html("p", { class: "fs-caption-text" });
  const keeper = html("p", { "aria-hidden": "true", class: "fs-caption-keeper" }, longest(captions));
  const element = captions.length ? html("div", { class: "fs-caption" }, keeper, text) : "";
  function show(frame) {
    const sentence = captions[frame] ?? "";
    setText(text, sentence);
    return sentence;
  }
  return {
    element, show,
    quiet: (playing) => text.setAttribute("aria-live", playing ? "off" : "polite"),
  };
}

export default { render };
