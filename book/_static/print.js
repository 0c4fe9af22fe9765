// The page on paper: in the light theme, with its folded derivations open, and with three states of each figure.
//
// A browser prints as soon as its listeners for "beforeprint" have returned. What takes time, the data of figures that are
// not near yet, is therefore asked for before: by `window.print`, which the page's button calls, and by Ctrl-P.
(() => {
  const LOADING_MS = 10_000;
  const TALL = 1.6; // a picture that is so many times as high as wide
  const ANSWER = /^\s*(the\s+)?(answer|solution)/i; // a fold that the reader has not opened stays one
  const undo = [];

  function forPaper() { // the promise of what some figures take their time for; all the rest is done when it returns
    const root = document.documentElement;
    const theme = root.dataset.theme;
    if (theme === "dark") {
      root.dataset.theme = "light";
      undo.push(() => { root.dataset.theme = theme; });
    }
    for (const fold of document.querySelectorAll("article details:not([open], .hide, .set-up)")) {
      if (ANSWER.test(fold.querySelector("summary")?.textContent)) continue;
      fold.open = true;
      undo.push(() => { fold.open = false; });
    }
    for (const picture of document.querySelectorAll(".cell_output img")) // by its attributes, as it may not be loaded yet
      picture.classList.toggle("tall", picture.getAttribute("height") > TALL * picture.getAttribute("width"));
    undo.push(() => document.querySelectorAll(".fs-paper").forEach((sheet) => sheet.remove()));
    return Promise.all([...document.querySelectorAll(".widget-figure .fs[data-ready]")].map((figure) => figure.toPaper?.()));
  }
  const backToScreen = () => { while (undo.length) undo.pop()(); };

  const loaded = () => [...document.querySelectorAll(".widget-figure")].every((place) =>
    place.querySelector(".fs[data-ready], .widget-error"));
  async function prepare(patience = LOADING_MS) {
    dispatchEvent(new Event("figureswanted"));
    const late = performance.now() + patience;
    while (!loaded() && performance.now() < late) await new Promise((resolve) => setTimeout(resolve, 50));
    if (!undo.length) await forPaper();
  }

  addEventListener("beforeprint", () => { if (!undo.length) forPaper(); });
  addEventListener("afterprint", backToScreen);
  const print = window.print.bind(window);
  window.print = () => prepare().then(print);
  window.print.prepare = prepare; // for `make pdf`, which has more patience
  addEventListener("keydown", (event) => {
    if (event.key !== "p" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    window.print();
  });
})();
