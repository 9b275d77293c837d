// JSON without loss: numbers keep their digits and objects the order and names of their members, so that what is shown
// and compared is what was stored. `JSON.parse` rounds numbers beyond 2^53 and loses members that occur twice.

/** How deep a text may be nested; the server stores nothing deeper. */
const DEPTH_MAX = 512;

/** A number as it was written. */
export class Literal {
  constructor(text) {
    this.text = text;
  }
}

/** Reads a text: objects become arrays of [name, value] in a `Members`, numbers become `Literal`s. */
export class Members {
  constructor(list) {
    this.list = list;
  }

  get(name) {
    return this.list.find(([key]) => key === name)?.[1];
  }
}

export function parse(text) {
  let at = 0;
  const fail = () => {
    throw new SyntaxError(`not JSON at character ${at + 1}`);
  };
  const space = () => {
    while (at < text.length && " \t\r\n".includes(text[at])) at += 1;
  };
  const expect = (what) => {
    if (!text.startsWith(what, at)) fail();
    at += what.length;
  };
  const string = () => {
    const begin = at;
    at += 1;
    while (text[at] !== '"') {
      if (at >= text.length) fail();
      at += text[at] === "\\" ? 2 : 1;
    }
    at += 1;
    return JSON.parse(text.slice(begin, at));
  };
  const list = (close, read) => {
    const found = [];
    at += 1;
    space();
    if (text[at] === close) {
      at += 1;
      return found;
    }
    for (;;) {
      found.push(read());
      space();
      if (text[at] === close) {
        at += 1;
        return found;
      }
      expect(",");
    }
  };
  const value = (depth) => {
    if (depth > DEPTH_MAX) fail();
    space();
    switch (text[at]) {
      case "{":
        return new Members(
          list("}", () => {
            space();
            if (text[at] !== '"') fail();
            const name = string();
            space();
            expect(":");
            return [name, value(depth + 1)];
          }),
        );
      case "[":
        return list("]", () => value(depth + 1));
      case '"':
        return string();
      case "t":
        return expect("true"), true;
      case "f":
        return expect("false"), false;
      case "n":
        return expect("null"), null;
      default: {
        const number = /-?\d+(\.\d+)?([eE][+-]?\d+)?/y;
        number.lastIndex = at;
        const found = number.exec(text);
        if (!found) fail();
        at = number.lastIndex;
        return new Literal(found[0]);
      }
    }
  };
  const read = value(0);
  space();
  if (at < text.length) fail();
  return read;
}

/** Whether a value has members or elements. */
export function isNested(value) {
  return value instanceof Members ? value.list.length > 0 : Array.isArray(value) && value.length > 0;
}

/** A scalar, or an empty list or object, as JSON text. */
export function scalar(value) {
  if (value instanceof Literal) return value.text;
  if (value instanceof Members) return "{}";
  if (Array.isArray(value)) return "[]";
  return JSON.stringify(value);
}

/** A value as indented text. */
export function pretty(value, indent = "") {
  if (!isNested(value)) return scalar(value);
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    return `[\n${value.map((item) => deeper + pretty(item, deeper)).join(",\n")}\n${indent}]`;
  }
  const members = value.list.map(([name, item]) => `${deeper}${JSON.stringify(name)}: ${pretty(item, deeper)}`);
  return `{\n${members.join(",\n")}\n${indent}}`;
}

/** Whether two values are the same, whatever the order of their members. */
export function equal(one, two) {
  return canonical(one) === canonical(two);
}

/** A text that equal values share. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value instanceof Members) {
    const members = value.list.map(([name, item]) => `${JSON.stringify(name)}:${canonical(item)}`);
    return `{${members.sort().join(",")}}`;
  }
  return scalar(value);
}
