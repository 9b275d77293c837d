// What changed between two JSON values, as lines for two columns.

import { Literal, Members, canonical, isNested, scalar } from "./json.js";

/** Elements of two arrays that are compared one with each other at most; longer ones are compared by place. */
const PAIRS_MAX = 250_000;
/** Equal lines that stay visible beside a change. */
const CONTEXT_LINES = 2;
/** Equal lines that are folded at least; fewer are shown. */
const FOLD_LINES_MIN = 4;

/**
 * The lines of both sides, side by side.
 * A line is `{kind: "same" | "added" | "removed" | "changed", left, right}`; `left` and `right` are
 * `{depth, name, value, open, close}` or null when the side has no such line.
 */
export function difference(before, after) {
  const lines = [];
  if (before === undefined) one(lines, "added", 0, null, after);
  else if (after === undefined) one(lines, "removed", 0, null, before);
  else both(lines, 0, null, before, after);
  return lines;
}

/** How many lines were added and removed; a changed line is both. */
export function counts(lines) {
  const of = (...kinds) => lines.filter((line) => kinds.includes(line.kind)).length;
  return { added: of("added", "changed"), removed: of("removed", "changed") };
}

/** Groups lines: `{lines}` to show and `{folded: lines}` to hide until asked for. */
export function fold(lines) {
  const near = new Array(lines.length).fill(false);
  lines.forEach((line, index) => {
    if (line.kind === "same") return;
    for (let other = index - CONTEXT_LINES; other <= index + CONTEXT_LINES; other += 1) {
      if (other >= 0 && other < lines.length) near[other] = true;
    }
  });
  const groups = [];
  for (let begin = 0; begin < lines.length; ) {
    let end = begin;
    while (end < lines.length && near[end] === near[begin]) end += 1;
    const part = lines.slice(begin, end);
    const folded = !near[begin] && part.length >= FOLD_LINES_MIN;
    groups.push(folded ? { folded: part } : { lines: part });
    begin = end;
  }
  return groups;
}

function both(lines, depth, name, before, after) {
  if (canonical(before) === canonical(after)) {
    const left = [];
    one(left, "same", depth, name, before);
    for (const line of left) lines.push({ ...line, right: line.left });
    return;
  }
  const objects = before instanceof Members && after instanceof Members;
  const arrays = Array.isArray(before) && Array.isArray(after);
  if ((!objects && !arrays) || !isNested(before) || !isNested(after)) {
    if (isNested(before) || isNested(after)) {
      one(lines, "removed", depth, name, before);
      one(lines, "added", depth, name, after);
    } else {
      lines.push({ kind: "changed", left: leaf(depth, name, before), right: leaf(depth, name, after) });
    }
    return;
  }
  const [open, close] = objects ? ["{", "}"] : ["[", "]"];
  const begin = { depth, name, open };
  lines.push({ kind: "same", left: begin, right: begin });
  if (objects) members(lines, depth + 1, before, after);
  else elements(lines, depth + 1, before, after);
  const end = { depth, close };
  lines.push({ kind: "same", left: end, right: end });
}

function members(lines, depth, before, after) {
  const others = new Map(after.list);
  const seen = new Set();
  for (const [name, value] of before.list) {
    if (seen.has(name)) continue;
    seen.add(name);
    if (others.has(name)) both(lines, depth, name, value, others.get(name));
    else one(lines, "removed", depth, name, value);
  }
  for (const [name, value] of others) if (!seen.has(name)) one(lines, "added", depth, name, value);
}

/** Arrays: the longest common run of elements stays, the rest was removed or added. */
function elements(lines, depth, before, after) {
  if (before.length * after.length > PAIRS_MAX) {
    const shared = Math.min(before.length, after.length);
    for (let index = 0; index < shared; index += 1) both(lines, depth, null, before[index], after[index]);
    for (const value of before.slice(shared)) one(lines, "removed", depth, null, value);
    for (const value of after.slice(shared)) one(lines, "added", depth, null, value);
    return;
  }
  const left = before.map(canonical);
  const right = after.map(canonical);
  const longest = Array.from({ length: left.length + 1 }, () => new Uint32Array(right.length + 1));
  for (let i = left.length - 1; i >= 0; i -= 1) {
    for (let j = right.length - 1; j >= 0; j -= 1) {
      longest[i][j] = left[i] === right[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  for (let i = 0, j = 0; i < left.length || j < right.length; ) {
    if (i < left.length && j < right.length && left[i] === right[j]) {
      both(lines, depth, null, before[i++], after[j++]);
    } else if (i < left.length && j < right.length && longest[i + 1][j + 1] === longest[i][j] && similar(before[i], after[j])) {
      both(lines, depth, null, before[i++], after[j++]);
    } else if (j >= right.length || (i < left.length && longest[i + 1][j] >= longest[i][j + 1])) {
      one(lines, "removed", depth, null, before[i++]);
    } else {
      one(lines, "added", depth, null, after[j++]);
    }
  }
}

/** Whether two elements are of one kind, so that showing them as a change says more than as two lines. */
function similar(one, two) {
  return (one instanceof Members && two instanceof Members) || (Array.isArray(one) && Array.isArray(two));
}

function leaf(depth, name, value) {
  return { depth, name, value: value instanceof Literal || !isNested(value) ? scalar(value) : "", raw: value };
}

/** A value that only one side has, or that both have alike. */
function one(lines, kind, depth, name, value) {
  const push = (line) => lines.push({ kind, left: kind === "added" ? null : line, right: kind === "added" ? line : null });
  if (!isNested(value)) return push(leaf(depth, name, value));
  const isArray = Array.isArray(value);
  push({ depth, name, open: isArray ? "[" : "{" });
  if (isArray) for (const item of value) one(lines, kind, depth + 1, null, item);
  else for (const [key, item] of value.list) one(lines, kind, depth + 1, key, item);
  push({ depth, close: isArray ? "]" : "}" });
}
