// Drawings as one picture, one below the other, in the colours that they have in the page: a drawing that stands alone knows
// no style sheet.

const KEPT = ["fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray", "opacity", "display",
  "font-size", "font-family", "font-weight"];

// drawings: <svg> elements of equal width; width: of the picture on the page, of which each pixel becomes LARGER.
async function drawingsToPng(drawings, width) {
  const boxes = drawings.map((drawing) => drawing.viewBox.baseVal);
  const heights = boxes.map((box) => (box.height * LARGER * width) / box.width);
  const canvas = html("canvas", { width: LARGER * width, height: heights.reduce((sum, height) => sum + height) });
  const context = canvas.getContext("2d");
  let top = 0;
  for (const [k, drawing] of drawings.entries()) {
    const copy = drawing.cloneNode(true);
    const copies = copy.querySelectorAll("*");
    drawing.querySelectorAll("*").forEach((part, p) => {
      const style = getComputedStyle(part);
      copies[p].setAttribute("style", KEPT.map((name) => `${name}: ${style.getPropertyValue(name)}`).join("; "));
    });
    fill(copy, { width: canvas.width, height: heights[k], xmlns: SVG }, []);
    const image = new Image();
    image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
    await image.decode();
    context.drawImage(image, 0, top);
    top += heights[k];
  }
  return canvas;
}
