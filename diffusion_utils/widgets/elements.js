// Elements of a page, and the names on them. Comes before the other scripts of a figure (see front_end.py).

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
const html = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// A word of the interface, from the table of the page's language (see words.json), with values in the places of its {}.
const words = WORDS[document.documentElement.lang.split("-")[0]] ?? WORDS.en;
const say = (name, ...values) => values.reduce((text, value) => text.replace("{}", () => value), words[name]);

// Changes the text only where it is another one, since each change makes the browser lay the page out again. It remembers
// what it wrote, and replaces all that the element holds: a page translator has put its own elements there.
const written = new WeakMap();
function setText(element, text) {
  if (written.get(element) !== text) element.textContent = text;
  written.set(element, text);
}

// Numbers and symbols, which a page translator would only spoil: there is no word among these texts.
const areSymbols = (texts) => !texts.some((text) => /\p{L}{3}/u.test(text));
const untranslated = (texts) => (areSymbols(texts) ? { translate: "no" } : {});

// "ᾱ_t" on the screen is ᾱ with a subscript t, and no translator's business; a screen reader is given plain words.
const SUBSCRIPT = /_([\p{L}\p{N}]+)/u;
const WITH_SUBSCRIPT = /([^\s(_]*_[\p{L}\p{N}]+)/u;
const withSubscripts = (name) => name.split(WITH_SUBSCRIPT).map((part, k) => {
  if (k % 2 === 0) return areSymbols([part]) && part.trim() ? html("span", { translate: "no" }, part) : part;
  const [symbol, subscript] = part.split(SUBSCRIPT);
  return html("span", { translate: "no" }, symbol, html("sub", {}, subscript));
});
const spoken = (name) => name.replaceAll("_", " ");
const clamp = (value, count) => Math.min(Math.max(value, 0), count - 1);
// Width by height of a canvas or of a drawing; of anything else nothing depends on it.
const ratioOf = ({ width, height, viewBox }) => Number(viewBox ? viewBox.baseVal.width / viewBox.baseVal.height
  : width / height) || 1;
const longest = (texts) => texts.reduce((a, b) => (b.length > a.length ? b : a), "");

// Numbers under a picture: [name, the texts it may have] pairs. show(texts) gives each its text, and returns them as words.
function makeReadouts(readouts) {
  const cells = readouts.map(([, texts]) => {
    const cell = html("dd", untranslated(texts));
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
