// TextScrubber: sliders over texts computed beforehand. The face is text: it is selected, copied and read aloud.

function render({ model, el }) {
  const texts = model.get("texts");
  const now = html("p", { class: "fs-text-now", ...untranslated(texts) });
  const keepers = keepersOf(texts).map((text) => html("p", { class: "fs-text-keeper", "aria-hidden": "true", hidden: "" }, text));
  return renderScrubber({ model, el }, {
    element: html("div", { class: "fs-text" }, ...keepers, now),
    show: (frame) => setText(now, texts[frame]),
    quiet: (playing) => beQuiet(now, playing),
  });
}

// Invisible copies keep the place, so that the page below does not jump: of the longest text, and of the one of most lines.
const lines = (text) => text.split("\n").length;
const keepersOf = (texts) => [...new Set([longest(texts), texts.reduce((a, b) => (lines(b) > lines(a) ? b : a))])];

export default { render };
