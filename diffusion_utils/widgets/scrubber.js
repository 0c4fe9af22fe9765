// What moves besides the face in a figure over what was computed beforehand: readouts, a caption, and small plots.
// The face is given as
//   element, scale, toPng   as a view's face, scale and toPng, in figure.js
//   show(frame, sentence)   shows the frame of this number, whose caption this is
//   quiet(playing)          as a view's, if it holds text of its own
//   below                   an element under the sliders, if there is more to hold
// Texts of a readout may be those of the first sliders only: the others do not change it.

function renderScrubber({ model, el }, face) {
  const counts = model.get("axes").map((axis) => axis.values.length);
  const settings = counts.slice(1).reduce((product, count) => product * count, 1); // of all sliders but the first
  const texts = model.get("readouts").map(([, ofFrames]) => ofFrames);
  const readouts = makeReadouts(model.get("readouts"));
  const caption = makeCaption(model.get("captions"));
  const plots = model.get("companions").map((plot) => (plot.kind === "curve" ? makeCurve(plot) : makeHistogram(plot)));

  function show(position) {
    const frame = position.reduce((number, at, a) => number * counts[a] + at, 0);
    face.show(frame, caption.show(frame));
    plots.forEach((plot) => plot.show(frame, frame % settings));
    return readouts.show(texts.map((ofFrames) => ofFrames[Math.floor((frame * ofFrames.length) / (counts[0] * settings))]));
  }
  function quiet(playing) {
    caption.quiet(playing);
    face.quiet?.(playing);
  }
  return renderFigure({ model, el }, {
    face: face.element, scale: face.scale, width: model.get("width") * model.get("scale"),
    below: [face.below ?? "", readouts.element, caption.element], beside: plots.map((plot) => plot.element),
    show, quiet, direction: () => 1, toPng: face.toPng,
  });
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
  return { element, show, quiet: (playing) => beQuiet(text, playing) };
}

const beQuiet = (text, playing) => text.setAttribute("aria-live", playing ? "off" : "polite");
