// TextScrubber: sliders over texts computed beforehand. The face is text: it is selected, copied and read aloud.
// text_still.py writes the same for a page without JavaScript.

const WIDTHS = [1, 24, 36, 48, 58, 1e9]; // letters of a line, from a phone's to any

function render({ model, el }) {
  const settings = model.get("settings");
  const names = settings.panels.length ? settings.panels : [""];
  const ofRow = (all, p) => all.filter((_, k) => k % names.length === p);
  const rows = names.map((name, p) => makeRow(settings, name, ofRow(model.get("texts"), p), ofRow(model.get("marks"), p)));
  const legend = settings.mark_name
    ? [html("p", { class: "fs-legend" }, html("b", { class: "fs-mark" }, settings.mark_name))] : [];
  const kind = settings.panels.length ? "fs-text fs-text-rows" : "fs-text";
  return renderScrubber({ model, el }, {
    element: html("div", { class: kind }, ...rows.flatMap((row) => row.elements), ...legend),
    show: (frame) => rows.forEach((row) => row.show(frame)),
    quiet: (playing) => rows.forEach((row) => row.quiet(playing)),
  });
}

function makeRow({ mask, language }, name, texts, marks) {
  const about = language ? { lang: language, translate: "no" } : untranslated(texts);
  const now = html("p", { class: "fs-text-now", "aria-atomic": "true", ...about });
  const hidden = keepersOf(texts).map((text) => html("p", { class: "fs-text-keeper", "aria-hidden": "true", hidden: "" }, text));
  const place = html("div", { class: "fs-text-place" }, ...hidden, now);
  let shown = null;
  function show(frame) {
    if (frame !== shown) now.replaceChildren(...partsOf(texts[frame], marks[frame] ?? [], mask).flatMap(elementsOf));
    shown = frame;
  }
  const elements = name ? [html("p", { class: "fs-text-name" }, name), place] : [place];
  return { elements, show, quiet: (playing) => beQuiet(now, playing) };
}

// The text in parts that are marked or not, and all masks or not.
function partsOf(text, marks, mask) {
  const parts = [];
  [...text].forEach((letter, k) => {
    const marked = marks.some(([start, stop]) => start <= k && k < stop);
    const hidden = letter === mask;
    const last = parts.at(-1);
    if (last && last.marked === marked && last.hidden === hidden) last.text += letter;
    else parts.push({ text: letter, marked, hidden });
  });
  return parts;
}

// A screen reader hears a pause in the place of masks, and not the name of each.
function elementsOf({ text, marked, hidden }) {
  const inner = hidden
    ? [html("span", { class: "fs-mask", "aria-hidden": "true" }, text), html("span", { class: "fs-aside" }, "…")] : [text];
  return marked ? [html("b", { class: "fs-mark" }, ...inner)] : inner;
}

// Invisible copies keep the place, so that the page below does not jump: of each width the text that takes most lines.
const linesOf = (line, width) => Math.max(1, Math.ceil([...line].length / width));
const heightAt = (width) => (text) => text.split("\n").reduce((sum, line) => sum + linesOf(line, width), 0);
function keepersOf(texts) {
  return [...new Set(WIDTHS.map((width) => {
    const heights = texts.map(heightAt(width));
    return texts[heights.indexOf(Math.max(...heights))];
  }))];
}

export default { render };
