// Elements of a page, and the names on them. Comes before the other scripts of a figure (see front_end.py).

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
const html = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// "ᾱ_t" on the screen is ᾱ with a subscript t; a screen reader is given plain words.
const SUBSCRIPT = /_([\p{L}\p{N}]+)/u;
const withSubscripts = (name) => name.split(SUBSCRIPT).map((part, k) => (k % 2 ? html("sub", {}, part) : part));
const spoken = (name) => name.replaceAll("_", " ");
const clamp = (value, count) => Math.min(Math.max(value, 0), count - 1);
const longest = (texts) => texts.reduce((a, b) => (b.length > a.length ? b : a), "");
