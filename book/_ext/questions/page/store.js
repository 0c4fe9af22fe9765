// What the reader answered: the id of a question → { given, done }. It is kept in this browser alone, under one key; where a
// browser keeps nothing, it lasts as long as the page.

const KEY = "diffusion-answers-1"; // another form of what is kept gets another number
let memory = {};
let keeps = true;

function kept() {
  if (!keeps) return memory;
  try {
    memory = fromText(localStorage.getItem(KEY) ?? asText({}));
  } catch (error) {
    if (error instanceof DOMException) keeps = false; // anything else was not written by us
  }
  return memory;
}

function keepAll(answers) {
  memory = answers;
  try {
    localStorage.setItem(KEY, asText(answers));
  } catch (error) {
    keeps = false;
  }
}

const asText = (answers) => JSON.stringify({ version: 1, answers }, null, 1);

function fromText(text) { // throws on what is not of this form
  const { version, answers } = JSON.parse(text);
  const entries = Object.entries(answers).map(([id, { given, done }]) => [id, { given, done: done === true }]);
  if (version !== 1 || !entries.every(([, { given }]) => typeof given === "string")) throw new Error(text);
  return Object.fromEntries(entries);
}
