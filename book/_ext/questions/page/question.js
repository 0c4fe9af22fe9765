// One question: its options become buttons, or it gets a field; what is said to an answer stands below them, and is read aloud.

function bringToLife(question) {
  const { kind, question: id, right } = question.dataset;
  const predicts = question.classList.contains("prediction");
  const folded = question.querySelector("details");
  const reasons = [...question.querySelectorAll(".question-reasons > li")];
  const options = [...question.querySelectorAll(".question-options > li")];
  const said = html("div", { class: "question-said", tabindex: -1 });
  const field = html("input", { autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  const figure = predicts && figureBefore(question);
  const judge = (given) => JUDGES[kind](question.dataset, given);
  const buttons = options.map((option, k) => {
    const text = option.querySelector("p") ?? option;
    text.querySelectorAll("a").forEach((link) => link.replaceWith(...link.childNodes)); // no control lies in another
    const choice = button("", () => answer(letter(k)));
    choice.append(...text.childNodes);
    text.replaceWith(choice);
    return choice;
  });
  folded.before(...(options.length ? [] : [form()]), said);
  question.classList.add("live");

  function form() {
    const names = Object.keys(JSON.parse(question.dataset.ranges ?? "{}")).join(", ");
    const label = html("label", {}, say(names ? "formula" : "answer", names), field);
    const form = html("form", { class: "question-form" }, label, html("button", {}, say("check")));
    form.addEventListener("submit", (event) => { event.preventDefault(); answer(field.value); });
    return form;
  }
  function reason(known) { // as it stands in the folded answer
    const copy = copyOf(reasons[known]);
    copy.querySelectorAll(".question-letter").forEach((mark) => mark.remove());
    return [...copy.childNodes];
  }
  function whyRight() {
    if (kind === "choice") return reason(right.charCodeAt(0) - 97);
    return [...copyOf(folded).children].filter((part) => !part.matches("summary, .question-reasons"));
  }
  const named = (given) => (kind === "choice" ? `(${given})` : given);
  const paragraph = (text, reasons) => html("div", {}, html("strong", {}, text), " ", ...reasons);

  function answer(given) {
    try {
      const isRight = judge(given).right;
      keep(id, { given, done: !predicts && (isRight || kept()[id]?.done === true) });
      show(given, !predicts);
    } catch (error) {
      said.replaceChildren(error.message);
    }
  }
  function show(given, judged) {
    const now = judge(given);
    const why = now.right ? whyRight() : now.known >= 0 ? reason(now.known) : [];
    if (!options.length) field.value = given;
    buttons.forEach((choice, k) => choice.setAttribute("aria-pressed", letter(k) === given));
    question.dataset.state = !judged ? "noted" : now.right ? "right" : "wrong";
    question.disabled = predicts && judged;
    folded.hidden = predicts && !judged;
    if (!judged) {
      said.replaceChildren(say(figure ? "noted" : "noted_alone", named(given)), " ", button(say("compare"), compareAndStay));
    } else if (!predicts) {
      said.replaceChildren(paragraph(say(now.right ? "right" : "wrong"), why), now.right ? "" : say("again"));
    } else {
      said.replaceChildren(paragraph(`${say("you_said", named(given))} ${say(now.right ? "right" : "wrong")}`, why));
      if (!now.right) said.append(paragraph(kind === "choice" ? say("it_is", named(right)) : "", whyRight()));
    }
  }
  function compare() { // a prediction stands beside the truth once the reader has moved the figure, or asks for it
    const { given, done } = kept()[id] ?? {};
    if (given === undefined || done) return;
    keep(id, { given, done: true });
    show(given, true);
  }
  function compareAndStay() { // the button that had the focus is gone
    compare();
    said.focus();
  }
  if (figure) figure.addEventListener("figure-moved", compare);

  return function restore() { // as it is kept, or as if never answered: on arrival, after a file, after a clearing
    const { given, done } = kept()[id] ?? {};
    said.removeAttribute("role"); // what the reader has done before is not read aloud
    said.replaceChildren();
    field.value = "";
    delete question.dataset.state;
    buttons.forEach((choice) => choice.setAttribute("aria-pressed", false));
    question.disabled = folded.open = false;
    folded.hidden = predicts;
    try {
      if (given !== undefined) show(given, done || !predicts);
    } catch (error) {
      // it was given to an earlier form of this question
    }
    said.setAttribute("role", "status");
  };
}

function copyOf(element) { // an id stays with the one that links lead to
  const copy = element.cloneNode(true);
  copy.querySelectorAll("[id]").forEach((part) => part.removeAttribute("id"));
  return copy;
}

const letter = (k) => String.fromCharCode(97 + k);

function figureBefore(question) {
  const figures = [...document.querySelectorAll(".widget-figure")];
  const precedes = (figure) => question.compareDocumentPosition(figure) & Node.DOCUMENT_POSITION_PRECEDING;
  return figures.filter(precedes).at(-1) ?? figures[0];
}
