// A figure on paper, where nothing moves: copies of it at the start, in the middle and at the end of its first slider.

const SHARP = 4; // a printed picture has so many pixels for each of a picture that is to stay sharp
const WIDE = 2; // a face that is so many times as wide as high has a row of the sheet to itself
const NOT_ON_PAPER = ".fs-title, .fs-controls, .fs-tools, .fs-listen, .fs-caption-keeper, .fs-text-keeper";

// Nothing is waited for unless a view takes its time: a browser prints as soon as it has told the page that it will.
async function putOnPaper(group, axes, position, goTo) {
  const before = position();
  const last = axes[0].values.length - 1;
  const title = group.querySelector(".fs-title").cloneNode(true);
  const sheet = html("div", { class: "fs-paper" }, title);
  const { width, height } = group.querySelector(".fs-face").getBoundingClientRect();
  sheet.classList.toggle("fs-wide", width > WIDE * height);
  group.after(sheet);
  for (const place of new Set([0, last >> 1, last])) {
    const coming = goTo(place);
    if (coming) await coming;
    sheet.append(copyOnPaper(group, axes.map((axis, a) => [axis.name, axis.values[position()[a]]])));
  }
  goTo(before[0]);
}

function copyOnPaper(group, settings) {
  const copy = group.cloneNode(true);
  const canvases = group.querySelectorAll("canvas");
  copy.querySelectorAll("canvas").forEach((canvas, k) => canvas.replaceWith(repainted(canvases[k])));
  copy.querySelectorAll(NOT_ON_PAPER).forEach((part) => part.remove());
  copy.querySelectorAll("[id]").forEach((part) => part.removeAttribute("id"));
  for (const name of [...copy.getAttributeNames()].filter((name) => !["class", "style"].includes(name))) copy.removeAttribute(name);
  const pairs = settings.map(([name, value]) => html("span", {}, ...withSubscripts(name), ` ${value}`));
  copy.prepend(html("p", { class: "fs-settings" }, ...pairs));
  return copy;
}

// A canvas, since the picture of an address is there only later.
function repainted(canvas) {
  const scale = canvas.classList.contains("fs-pixels") ? SHARP : 1;
  const copy = html("canvas", { width: canvas.width * scale, height: canvas.height * scale, class: canvas.className,
    role: "img", "aria-label": canvas.getAttribute("aria-label") ?? "" });
  const context = copy.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(canvas, 0, 0, copy.width, copy.height);
  return copy;
}
