// Brings the page's questions to life. Before this stand `book`, the list of all questions and the words, and the other parts.

function say(name, ...values) {
  return values.reduce((text, value) => text.replace("{}", () => value), book.words[name]);
}

function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function button(text, act) {
  const element = html("button", { type: "button" }, text);
  element.addEventListener("click", act);
  return element;
}

function keep(id, answer) {
  keepAll({ ...kept(), [id]: answer });
  showProgress();
}

function showProgress() {
  markContents();
  tell();
}

function restoreAll() {
  restores.forEach((restore) => restore());
  showProgress();
}

const restores = [...document.querySelectorAll(".question")].map(bringToLife);
const tell = makePanel(pageName(location.href), restoreAll);
restoreAll();
addEventListener("storage", restoreAll); // the reader answers in another window, too
