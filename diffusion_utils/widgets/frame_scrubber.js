// FrameScrubber: sliders over precomputed pictures, with readouts, a caption and small plots that follow.
// One module for every host: JupyterLab, VS Code, Colab, and the static page through book/_static/widget-host.js.
// front_end.py joins the files that it is made of.

async function render({ model, el }) {
  return renderScrubber({ model, el }, makePicture(model, await decodeSprite(model.get("sprite"))));
}

// The bytes arrive as a DataView from a kernel and from the static host, as other views elsewhere. They are decoded by way
// of an <img>: createImageBitmap(blob) answers only when the rest of the page has loaded. The address holds the bytes
// themselves, since VS Code forbids pictures from a blob.
async function decodeSprite(bytes) {
  const view = ArrayBuffer.isView(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : bytes;
  const image = new Image();
  const loaded = new Promise((resolve, reject) => {
    image.onload = resolve;
    image.onerror = () => reject(new Error(say("pictures_damaged")));
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
  const canvas = html("canvas", { width, height, role: "img" });
  if (model.get("scale") > 1) canvas.classList.add("fs-pixels");
  const context = canvas.getContext("2d", { alpha: false });
  function show(frame, sentence) {
    const [left, top] = [(frame % columns) * width, Math.floor(frame / columns) * height];
    context.drawImage(sheet, left, top, width, height, 0, 0, width, height);
    canvas.setAttribute("aria-label", sentence || model.get("alt"));
    canvas.dataset.frame = frame;
  }
  return { element: canvas, scale: model.get("scale"), show };
}

export default { render };
