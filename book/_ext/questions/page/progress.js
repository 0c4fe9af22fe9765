// How far the reader is: marks in the contents, and the panel "Your answers" on the home page and on each page with questions.

const root = new URL(document.documentElement.dataset.content_root ?? "./", location.href).pathname;
const pageName = (address) => new URL(address).pathname.slice(root.length).replace(/\.html$/, "");

function doneOf(ids) {
  const answers = kept();
  return ids.filter((id) => answers[id]?.done).length;
}

function mark(link, ids) {
  const done = doneOf(ids);
  link.querySelector(".questions-done")?.remove();
  if (!done) return;
  const all = done === ids.length;
  link.append(html("span", { class: "questions-done" },
    html("span", { "aria-hidden": "true" }, all ? "✓" : `${done}/${ids.length}`),
    html("span", { class: "visually-hidden" }, ", " + say(all ? "all_done" : "done_of", all ? ids.length : done, ids.length))));
}

function markContents() {
  const questions = [...document.querySelectorAll(".question")];
  for (const link of document.querySelectorAll(".bd-sidebar-primary .bd-links a.reference")) {
    mark(link, book.pages[pageName(link.href)] ?? []);
  }
  for (const link of document.querySelectorAll(".bd-sidebar-secondary a[href^='#']")) {
    const section = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    mark(link, questions.filter((one) => section?.contains(one)).map((one) => one.dataset.question));
  }
}

// The panel. Returns what brings its sentence up to date.
function makePanel(page, restoreAll) {
  const here = book.pages[page] ?? [];
  const place = document.querySelector("article.bd-article");
  if (!place || (!here.length && page !== book.home)) return () => {};
  const count = html("p");
  const status = html("p", { role: "status" });
  const file = html("input", { type: "file", accept: ".json", hidden: "" });
  let before = null; // what was cleared
  const canRestore = () => before && !Object.keys(kept()).length; // not over new answers
  const clear = button("", () => {
    const [next, word] = canRestore() ? [before, "restored"] : [{}, "cleared"];
    before = kept();
    change(next, say(word));
  });
  function change(answers, word) {
    keepAll(answers);
    restoreAll();
    status.textContent = word;
  }
  function save() {
    const link = html("a", { download: "diffusion-answers.json" });
    link.href = URL.createObjectURL(new Blob([asText(kept())], { type: "application/json" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href));
    status.textContent = say("saved");
  }
  file.addEventListener("change", async () => {
    try {
      const loaded = fromText(await file.files[0].text());
      change({ ...kept(), ...loaded }, say("loaded", Object.keys(loaded).length));
    } catch (error) {
      status.textContent = say("not_loaded");
    }
    file.value = "";
  });
  const buttons = html("div", {}, button(say("save"), save), button(say("load"), () => file.click()), clear, file);
  place.append(html("section", { class: "your-answers", "aria-labelledby": "your-answers" },
    html("h2", { id: "your-answers" }, say("yours")), count, buttons, status));

  const all = Object.values(book.pages).flat();
  return () => {
    const whole = [doneOf(all), all.length];
    const words = here.length ? say("here", doneOf(here), here.length, ...whole) : say("whole", ...whole);
    clear.textContent = say(canRestore() ? "restore" : "clear");
    count.textContent = `${words} ${say(keeps ? "stay" : "not_kept")}`;
  };
}
