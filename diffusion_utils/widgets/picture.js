// The picture that is saved: title above, the face, and below it the setting, the numbers and the sentence that belong to it.
// All are LARGER times as large as on the page: the pixels of a picture stay sharp, and the words are as sharp as may be.

const LARGER = 4;
const LETTERS = 16 * LARGER;
const LINE = 1.4 * LETTERS;
const LEAST = 20 * LETTERS; // room for the words under a small picture

// face: a canvas, of which each pixel becomes `scale` wide and high. look: as returned by lookOf.
function composePicture(face, scale, { title, below }, look) {
  const [width, height] = [face.width * scale, face.height * scale];
  const room = Math.max(width, LEAST);
  const pen = html("canvas").getContext("2d");
  const above = inLines(pen, title, room, `600 {}px ${look.family}`);
  const under = below.flatMap((text) => inLines(pen, text, room, `400 {}px ${look.family}`));
  const top = Math.round(LETTERS + LINE * (above.length + 0.25)); // a fraction would blur the picture
  const canvas = html("canvas", { width: room + 2 * LETTERS, height: top + height + LINE * (under.length + 0.5) + LETTERS });
  const context = canvas.getContext("2d");
  context.fillStyle = look.paper;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = look.ink;
  above.forEach((line, k) => writeLine(context, line, LETTERS, LETTERS + LINE * (k + 0.7)));
  under.forEach((line, k) => writeLine(context, line, LETTERS, top + height + LINE * (k + 1.2)));
  context.imageSmoothingEnabled = false;
  context.filter = look.filter;
  context.globalCompositeOperation = look.blending;
  context.drawImage(face, LETTERS, top, width, height);
  return canvas;
}

// As the reader sees it, in the theme of the page.
function lookOf(group, face) {
  const [words, picture] = [getComputedStyle(group), getComputedStyle(face)];
  const blending = picture.mixBlendMode === "normal" ? "source-over" : picture.mixBlendMode;
  return { paper: backgroundBehind(group), ink: words.color, family: words.fontFamily, filter: picture.filter, blending };
}

// A text in lines no wider than the room, each a list of words and a font with a {} for its size.
function inLines(pen, text, room, font) {
  const lines = [];
  for (const word of text.split(" ")) {
    const longer = { words: [...(lines.at(-1)?.words ?? []), word], font };
    if (lines.length && writeLine(pen, longer) <= room) lines[lines.length - 1] = longer;
    else lines.push({ words: [word], font });
  }
  return lines;
}

// Writes a line, in which an underscore makes a subscript, and returns its width; without a place it only measures.
function writeLine(pen, { words, font }, left, baseline) {
  let x = 0;
  words.join(" ").split(SUBSCRIPT).forEach((part, k) => {
    pen.font = font.replace("{}", k % 2 ? 0.75 * LETTERS : LETTERS);
    if (left !== undefined) pen.fillText(part, left + x, baseline + (k % 2 ? 0.2 * LETTERS : 0));
    x += pen.measureText(part).width;
  });
  return x;
}

function savePng(canvas, name) {
  canvas.toBlob((blob) => {
    const address = URL.createObjectURL(blob);
    html("a", { href: address, download: `${name.replace(/[^\p{L}\p{N}.−-]+/gu, "-")}.png` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000); // after the browser has begun to save
  });
}
