// FrameScrubber: sliders over precomputed pictures, with readouts, a caption and small plots that follow.
// One module for every host: JupyterLab, VS Code, Colab, and the static page through book/_static/widget-host.js.
// front_end.py joins the files that it is made of.

async function render({ model, el }) {
  return renderScrubber({ model, el }, makePicture(model, await decodeSprite(model.get("sprite"))));
}

function makePicture(model, sheet) {
  const [width, height, columns] = ["width", "height", "columns"].map((name) => model.get(name));
  const canvas = html("canvas", { width, height, role: "img" });
  if (model.get("scale") > 1) canvas.classList.add("fs-pixels");
  if (model.get("on_white")) canvas.classList.add("fs-on-white");
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
