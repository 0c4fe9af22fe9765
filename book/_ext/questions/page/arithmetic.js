// Arithmetic as a reader writes it. compile() gives a function of the variables, or throws an error that says what is wrong.
// Nothing of it is run as code.

const { sqrt, exp, log, tanh, abs } = Math;
const FUNCTIONS = { sqrt, exp, log, ln: log, tanh, abs };
const NUMBER = /^\.?\d/;
const TOKEN = /(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|[\p{L}_][\p{L}\p{M}\d_]*|\S/giu;

function compile(text, names, example) {
  const plain = text.replace(/[−–]/g, "-").replace(/[·×]/g, "*").replace(/√/g, "sqrt").replace(/\*\*/g, "^");
  const tokens = plain.match(TOKEN) ?? [];
  const unreadable = () => { throw new Error(say("unreadable", text, example)); };
  const take = (...wanted) => (wanted.includes(tokens[0]) ? tokens.shift() : "");

  function sum() {
    let left = product();
    for (let sign; (sign = take("+", "-"));) {
      const [a, b] = [left, product()];
      left = sign === "+" ? (v) => a(v) + b(v) : (v) => a(v) - b(v);
    }
    return left;
  }
  function product() {
    let left = signed();
    while (tokens.length && !["+", "-", ")"].includes(tokens[0])) { // two things side by side are multiplied
      const sign = take("*", "/") || (NUMBER.test(tokens[0]) ? unreadable() : "*"); // but 1 2 is not
      const [a, b] = [left, signed()];
      left = sign === "/" ? (v) => a(v) / b(v) : (v) => a(v) * b(v);
    }
    return left;
  }
  function signed() {
    const sign = take("-", "+");
    if (sign) return ((a) => (sign === "-" ? (v) => -a(v) : a))(signed());
    const base = single();
    if (!take("^")) return base;
    const exponent = signed();
    return (v) => base(v) ** exponent(v);
  }
  function single() {
    const value = part(tokens.shift() ?? unreadable());
    return take("%") ? (v) => value(v) / 100 : value;
  }
  function part(token) {
    if (token === "(") {
      const inner = sum();
      return take(")") ? inner : unreadable();
    }
    if (NUMBER.test(token)) return () => Number(token);
    if (names.includes(token)) return (v) => v[token];
    if (Object.hasOwn(FUNCTIONS, token) && tokens[0] === "(") {
      const inner = part(tokens.shift());
      return (v) => FUNCTIONS[token](inner(v));
    }
    const [first, ...more] = token;
    if (more.length && [first, ...more].every((name) => names.includes(name))) { // ab is a times b
      tokens.unshift(...more);
      return part(first);
    }
    if (names.length && /^\p{L}/u.test(token)) throw new Error(say("unknown_name", token));
    return unreadable();
  }

  const whole = sum();
  return tokens.length ? unreadable() : whole;
}
