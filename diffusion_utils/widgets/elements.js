// Elements of a page, and the names on them. Comes before the other scripts of a figure (see front_end.py).

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
const html = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// Changes the text only where it is another one, since each change makes the browser lay the page out again.
function setText(element, text) {
  if (!element.firstChild) element.append("");
  if (element.firstChild.data !== text) element.firstChild.data = text;
}

// "ᾱ_t" on the screen is ᾱ with a subscript t; a screen reader is given plain words.
const SUBSCRIPT = /_([\p{L}\p{N}]+)/u;
const withSubscripts = (name) => name.split(SUBSCRIPT).map((part, k) => (k % 2 ? html("sub", {}, part) : part));
const spoken = (name) => name.replaceAll("_", " ");
const clamp = (value, count) => Math.min(Math.max(value, 0), count - 1);
const longest = (texts) => texts.reduce((a, b) => (b.length > a.length ? b : a), "");

// Numbers under a picture: [name, the texts it may have] pairs. show(texts) gives each its text, and returns them as words.
function makeReadouts(readouts) {
  const cells = readouts.map(([, texts]) => {
    const cell = html("dd");
    cell.style.minWidth = `${longest(texts).length}ch`; // so that nothing jumps as digits come and go
    return cell;
  });
  const pairs = readouts.map(([name], k) => html("div", {}, html("dt", {}, ...withSubscripts(name)), cells[k]));
  const element = readouts.length ? html("dl", { class: "fs-readouts" }, ...pairs) : "";
  function show(texts) {
    return readouts.map(([name], k) => {
      setText(cells[k], texts[k]);
      return `${spoken(name)} ${texts[k]}`;
    });
  }
  return { element, show };
}
