// Runs the book's widgets in a page that has no kernel.
//
// myst-nb leaves two kinds of <script> in a page: one with the state of all the notebook's widgets, and one for each
// place where a widget is shown. This host finds them, gives each anywidget a model that lives in the page, and calls
// the same render() that JupyterLab calls. book/_ext/widgets/posters.py has put a still picture at each place; it stays
// until the widget is ready, and for good, below a message, if the widget fails. Core ipywidgets are left alone.
//
// The page may name a file in _static/widgets/ in place of a widget's data, code or style ("shared"); it is a script, and
// loads when the reader comes near, or at once ("ahead"). book/_ext/widgets/files.py arranges that.
(function () {
  const say = (name, value) => window.widgetWords[name].replace("{}", () => value); // posters.py writes the words
  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';

  // What render() needs of a model: named values, and news of their changes.
  class Model {
    constructor({ state, buffers = [] }) {
      this.state = state;
      this.listeners = new Map();
      for (const { path, data } of buffers) {
        const parent = path.slice(0, -1).reduce((object, key) => object[key], state);
        parent[path.at(-1)] = decode(data);
      }
    }
    get(name) { return this.state[name]; }
    set(name, value) {
      if (this.state[name] === value) return;
      this.state[name] = value;
      for (const listener of [...(this.listeners.get(`change:${name}`) ?? [])]) listener(this, value);
    }
    on(event, listener) { this.listeners.set(event, [...(this.listeners.get(event) ?? []), listener]); }
    off(event, listener) {
      this.listeners.set(event, (this.listeners.get(event) ?? []).filter((other) => other !== listener));
    }
    save_changes() {} // nobody to tell
    send() {}
  }

  function decode(base64) {
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return new DataView(bytes.buffer); // as a kernel delivers it
  }

  // Data that are not in the page. A script works from a file too, where fetch does not.
  window.widgetFiles = {};
  const folder = new URL("widgets/", document.currentScript.src || document.baseURI).href;
  const files = new Map();
  function loadFile(name) {
    if (!files.has(name)) files.set(name, new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.onload = () => {
        if (window.widgetFiles[name]) resolve(window.widgetFiles[name]);
        else reject(new Error(say("file_damaged")));
      };
      script.onerror = () => reject(new Error(say("file_missing")));
      script.src = `${folder}${name}.js`;
      document.head.append(script);
    }));
    return files.get(name);
  }
  function comesNear(place) { // within one screen of what the reader sees, or wanted on paper (print.js)
    return new Promise((resolve) => {
      addEventListener("figureswanted", resolve, { once: true });
      const observer = new IntersectionObserver((entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        observer.disconnect();
        resolve();
      }, { rootMargin: "100%" });
      observer.observe(place.closest(".widget-figure") ?? place.parentElement);
    });
  }

  const models = new Map(); // two views of one model move together
  async function modelFor(place, id, entry) {
    if (entry.file && !files.has(entry.file)) await comesNear(place);
    const data = entry.file ? await loadFile(entry.file) : entry;
    await Promise.all(["_esm", "_css"].filter((key) => shared.has(data.state[key])).map(async (key) => {
      data.state[key] = await loadFile(data.state[key]);
    }));
    if (!models.has(id)) models.set(id, new Model(data));
    return models.get(id);
  }

  const once = new Map(); // module or style text: loaded once a page, however many widgets share it
  function importModule(source) {
    if (!once.has(source)) {
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      once.set(source, import(url).finally(() => URL.revokeObjectURL(url)));
    }
    return once.get(source);
  }
  function addStyle(source) {
    if (!source || once.has(source)) return;
    once.set(source, true);
    document.head.append(Object.assign(document.createElement("style"), { textContent: source }));
  }

  async function show(place, model) {
    addStyle(model.get("_css"));
    const module = (await importModule(model.get("_esm"))).default;
    const widget = typeof module === "function" ? await module() : module;
    const el = document.createElement("div");
    await widget.initialize?.({ model, experimental: {} });
    await widget.render({ model, el, experimental: {} });
    place.parentElement.querySelector(".widget-poster")?.remove();
    place.before(el);
  }

  function report(place, error) {
    const message = document.createElement("p");
    message.className = "widget-error";
    message.setAttribute("role", "alert");
    message.textContent = say("could_not_start", error.message);
    const figure = place.closest(".widget-figure");
    if (figure) figure.prepend(message);
    else place.before(message);
    console.error("widget-host:", error);
  }

  // The data often stand above this script: what takes time to load is asked for now, while the page still arrives.
  const entries = {};
  const shared = new Set();
  const wasRead = new Set();
  let broken = null;
  function readData() {
    for (const tag of document.querySelectorAll(STATE)) {
      if (wasRead.has(tag)) continue;
      wasRead.add(tag);
      try {
        const data = JSON.parse(tag.textContent);
        Object.assign(entries, data.state);
        for (const name of data.shared ?? []) shared.add(name);
        for (const name of data.ahead ?? []) loadFile(name).catch(() => {}); // whoever shows it, reports
      } catch (error) {
        broken = new Error(say("data_damaged"));
      }
    }
  }
  function start(place) {
    try {
      const id = JSON.parse(place.textContent).model_id;
      if (broken) throw broken;
      if (!entries[id]) throw new Error(say("data_missing"));
      if (entries[id].model_name !== "AnyModel") return;
      modelFor(place, id, entries[id]).then((model) => show(place, model)).catch((error) => report(place, error));
    } catch (error) {
      report(place, error);
    }
  }
  function startAll() { // before the theme's own deferred scripts run
    readData();
    document.querySelectorAll(VIEW).forEach(start);
  }

  readData();
  if (document.readyState === "loading") document.addEventListener("readystatechange", startAll, { once: true });
  else startAll();
})();
