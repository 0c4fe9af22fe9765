// Pictures that come as one lossless sheet.

// The bytes arrive as a DataView from a kernel and from the static host, as other views elsewhere. They are decoded by way
// of an <img>: createImageBitmap(blob) answers only when the rest of the page has loaded. The address holds the bytes
// themselves, since VS Code forbids pictures from a blob.
async function decodeSprite(bytes) {
  const view = ArrayBuffer.isView(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : bytes;
  const image = new Image();
  const loaded = new Promise((resolve, reject) => {
    image.onload = resolve;
    image.onerror = () => reject(new Error(say("pictures_damaged")));
  });
  image.src = `data:image/webp;base64,${base64(view)}`;
  await loaded;
  return createImageBitmap(image); // keeps the pixels at hand
}

function base64(bytes) {
  const AT_ONCE = 8192; // a function takes only so many arguments
  let text = "";
  for (let i = 0; i < bytes.length; i += AT_ONCE) text += String.fromCharCode(...bytes.subarray(i, i + AT_ONCE));
  return btoa(text);
}
