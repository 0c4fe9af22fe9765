// The frame common to all figures: title, sliders, play, tools, and plots beside them. What moves is given as a view:
//   face, width             the element that follows the sliders, whatever it is, and its width on the page
//   scale                   of what is saved as a picture: the page's pixels for each of its own
//   toPng()                 of any other face that can be saved as a picture: a canvas, or the promise of one
//   below, beside           elements under the sliders, and beside all of it
//   show(position)          draws the position of the sliders, and returns its numbers in words, to be read aloud; or the
//                           promise of them, until which the figure does not call it again
//   quiet(playing)          whether to keep a screen reader from reading each frame
//   direction(position)     1 if play moves the first slider up, -1 if down

const LINK_MS = 150; // the link to a frame follows when the hand rests: no move has to wait for it
const TRAITS = ["index", "index2", "index3", "index4"]; // the sliders' positions, shared with Python

async function renderFigure({ model, el }, view) {
  const axes = model.get("axes");
  const name = model.get("name");
  const traits = TRAITS.slice(0, axes.length);
  const last = axes[0].values.length - 1;
  const position = () => axes.map((axis, a) => clamp(model.get(traits[a]), axis.values.length));

  const sliders = axes.map((axis, a) => makerOf(axis)(axis, `fs-${++widgets}`, (value) => {
    stop();
    move(a, value);
  }));
  const button = makePlayButton(() => toggle());
  const speed = makeSpeed(() => { if (timer) { stop(); play(); } });
  const controls = html("div", { class: "fs-controls" }, button.element, ...sliders.map((slider) => slider.element));
  const tools = html("div", { class: "fs-tools" });
  const main = html("div", { class: "fs-main" }, view.face, controls, ...view.below, tools);
  const group = html("div", { class: "fs", role: "group", "aria-label": spoken(model.get("title")), tabindex: -1 },
    html("p", { class: "fs-title", "aria-hidden": "true" }, ...withSubscripts(model.get("title"))),
    html("div", { class: "fs-columns" }, main));
  if (view.beside.length) group.lastChild.append(html("div", { class: "fs-plots" }, ...view.beside));
  group.style.setProperty("--fs-width", `${view.width}px`);
  group.style.setProperty("--fs-ratio", ratioOf(view.face));
  group.addEventListener("keydown", (event) => event.stopPropagation()); // or JupyterLab takes the arrow keys

  const setting = () => axes.map((axis, a) => [axis.name, axis.values[position()[a]]]);
  const textsOf = (selector) => [...group.querySelectorAll(selector)].map((element) => element.textContent);
  function told() { // what belongs to a picture that is saved
    const numbers = textsOf(".fs-readouts dd").map((text, k) => `${model.get("readouts")[k][0]} ${text}`);
    const below = [setting().map((pair) => pair.join(" = ")).join(", "), numbers.join(", "), ...textsOf(".fs-caption-text")];
    return { group, name: [name, ...setting().flat()].join("-"), title: model.get("title"), below: below.filter(Boolean) };
  }
  const projector = makeProjector(group, view.face, (steps) => { stop(); step(steps); }, () => toggle());
  const link = makeLink(() => frameAddress(name, axes, position()));
  tools.append(speed.element, ...makeSave(view, told), projector.element);
  const place = name && placeInPage(name);
  if (place) { // and not in a notebook, whose address leads to no figure
    tools.append(...link.parts);
    if (place.dataset.embed) tools.append(html("a", { href: place.dataset.embed }, say("own_page")));
    positionsInAddress(name, axes).forEach((start, a) => { if (start >= 0) model.set(traits[a], start); });
  }

  let linking = 0;
  let timer = 0;
  function move(a, value) {
    model.set(traits[a], value); // draws, through "change:..."
    model.save_changes(); // tells Python, where there is a kernel
    group.dispatchEvent(new CustomEvent("figure-moved", { bubbles: true })); // the reader moved it: see questions
  }
  const step = (steps) => move(0, clamp(position()[0] + steps, last + 1));
  function rest() {
    clearInterval(timer);
    timer = 0;
    button.show(false);
    view.quiet(false);
  }
  const stop = () => { if (timer) rest(); };
  function play() {
    const direction = view.direction(position());
    const [start, end] = direction > 0 ? [0, last] : [last, 0];
    button.show(true);
    view.quiet(true); // a screen reader should not read every frame that flies by
    if (position()[0] === end) move(0, start);
    timer = setInterval(() => {
      if (!group.isConnected) return stop();
      step(direction);
      if (position()[0] === end) stop();
    }, speed.frameTime(model.get("interval_ms")));
  }
  const toggle = () => (timer ? stop() : play());
  const follow = (now, numbers) => sliders.forEach((slider, a) => slider.show(now[a], numbers));
  const message = html("p", { class: "widget-error", role: "alert" });
  const overtaken = (now) => now.some((value, a) => value !== position()[a]);
  function done(now, numbers) {
    if (overtaken(now)) return;
    message.remove();
    view.face.removeAttribute("aria-busy");
    follow(now, numbers);
  }
  function failed(now, error) {
    if (!group.dataset.ready) throw error; // it has never shown anything: the page keeps its still figure
    if (overtaken(now)) return;
    done(now, []);
    message.textContent = say("could_not_show", error.message);
    main.prepend(message);
  }
  const show = inTurn(view.show, done, failed);
  function draw() {
    const now = position();
    const coming = show(now);
    if (coming) { // the sliders follow the hand at once, and the numbers come with what they are about
      view.face.setAttribute("aria-busy", "true");
      follow(now, []);
    }
    clearTimeout(linking);
    linking = setTimeout(link.show, LINK_MS);
    return coming;
  }

  view.face.classList.add("fs-face");
  if (isPicture(view.face)) {
    view.face.classList.add("fs-picture");
    dragToScrub(view.face, () => position()[0], last + 1, (value) => { stop(); move(0, value); });
  }
  traits.forEach((trait) => model.on(`change:${trait}`, draw));
  rest();
  await draw();
  link.show();
  el.append(group);
  group.toPaper = () => putOnPaper(group, axes, position, (value) => { // print.js; nobody has moved it
    stop();
    model.set(traits[0], value);
    return draw();
  });
  group.dataset.ready = "true";
  return () => {
    stop();
    traits.forEach((trait) => model.off(`change:${trait}`, draw));
  };
}

// A view may take its time to show a position. What is asked for meanwhile waits, and of that only the latest is shown: so
// nothing older is ever drawn over it, and what is seen stays until the next is there. Returns the promise of it, if it is
// still to come.
function inTurn(show, done, failed) {
  let coming = null;
  let waiting = null;
  function ask(position) {
    if (coming) {
      waiting = position;
      return coming;
    }
    try {
      const numbers = show(position);
      if (!numbers?.then) {
        done(position, numbers ?? []);
        return null;
      }
      coming = numbers.then((later) => done(position, later ?? []), (error) => failed(position, error)).finally(next);
    } catch (error) {
      failed(position, error);
    }
    return coming;
  }
  function next() {
    const position = waiting;
    coming = waiting = null;
    if (position) ask(position);
  }
  return ask;
}
