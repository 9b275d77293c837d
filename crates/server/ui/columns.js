// The columns of the list: those shown at first, and those that can be chosen. A link holds the choice.

import { label } from "./fields.js";
import { dateTime, exact, otherZone } from "./time.js";

/** Columns that a link may hold. */
const COLUMNS_MAX = 20;

/** What a name and an id read like in a cell. */
export function named(thing) {
  return thing?.name ?? thing?.id ?? "";
}

/** Every column by name: its title, its text, and how wide it is in a list of chosen columns. */
const KNOWN = {
  time: ["Time", (event, view) => dateTime(event.time, view.zone), "172px"],
  outcome: ["Outcome", (event) => event.outcome ?? "unknown", "28px"],
  type: ["What", (event) => event.type + (event.part ? ` · ${event.part}` : ""), "minmax(90px, 1.5fr)"],
  actor: ["Who", (event) => named(event.actor), "minmax(80px, 1.2fr)"],
  target: ["Target", (event) => named(event.target), "minmax(80px, 1.4fr)"],
  kind: ["Kind", (event) => event.target?.type ?? ""],
  organization: ["Organization", (event) => named(event.organization)],
  source: ["From", (event) => event.source + (event.origin ? ` · ${event.origin}` : "")],
  action: ["Action", (event) => event.action],
  status: ["Status", (event) => event.status],
  message: ["Message", (event) => event.message, "minmax(120px, 2.5fr)"],
  project: ["Project", (event) => named(event.project)],
  environment: ["Environment", (event) => named(event.environment)],
  "actor.type": ["Kind of actor", (event) => event.actor?.type],
  "actor.id": ["Actor's id", (event) => event.actor?.id],
  "target.id": ["Target's id", (event) => event.target?.id],
  zone: ["Zone", (event) => event.zone],
  categories: ["Categories", (event) => event.categories?.join(", ")],
  "request.ip": ["Address", (event) => event.request?.ip],
  "request.method": ["Method", (event) => event.request?.method],
  "request.uri": ["URI", (event) => event.request?.uri, "minmax(120px, 2fr)"],
  "request.status": ["HTTP status", (event) => event.request?.status],
  "request.elapsed_ms": ["Milliseconds", (event) => event.request?.elapsed_ms],
  "request.id": ["Request's id", (event) => event.request?.id],
  recorded: ["Recorded", (event, view) => dateTime(event.recorded, view.zone), "172px"],
  seq: ["Number", (event) => event.seq],
};

const WIDTH = "minmax(60px, 1fr)";
const LABEL = /^labels\.[^\s",]+$/;

/** The columns of a list when none are chosen. */
export const DEFAULT = ["time", "outcome", "type", "actor", "target", "kind", "organization", "source"];
/** Every column that can be chosen by name; labels can be put into a link beside them. */
export const NAMES = Object.keys(KNOWN);

/** What stands above a column. */
export function title(name) {
  return Object.hasOwn(KNOWN, name) ? KNOWN[name][0] : label(name);
}

/** What a column says of an event. */
export function text(name, event, view) {
  const said = Object.hasOwn(KNOWN, name) ? KNOWN[name][1](event, view) : event.labels?.[name.slice("labels.".length)];
  return String(said ?? "");
}

/** What the tooltip says: the whole text, and times exactly and in the other zone. */
export function tooltip(name, event, view) {
  const isTime = name === "time" || name === "recorded";
  return isTime ? exact(event[name], otherZone(view.zone)) : text(name, event, view);
}

/** The columns that a link names, without what is unknown or there twice; the usual ones where it names none. */
export function columnsOf(value) {
  const names = [...new Set(value.split(","))].filter((name) => Object.hasOwn(KNOWN, name) || LABEL.test(name));
  return names.length > 0 ? names.slice(0, COLUMNS_MAX) : DEFAULT;
}

/** Columns as a link names them: nothing for the usual ones. */
export function columnsText(names) {
  const value = names.join(",");
  return value === DEFAULT.join(",") ? "" : value;
}

/** The columns with one more, or without it where it was among them; one is always left. */
export function toggleColumn(value, name) {
  const names = columnsOf(value);
  const next = names.includes(name) ? names.filter((known) => known !== name) : [...names, name];
  // Back among the usual ones, a column takes its usual place.
  const isUsual = next.length === DEFAULT.length && DEFAULT.every((known) => next.includes(known));
  return next.length === 0 ? value : columnsText(isUsual ? DEFAULT : next);
}

/** The widths of columns, for a grid's template. */
export function widths(names) {
  return names.map((name) => KNOWN[name]?.[2] ?? WIDTH).join(" ");
}
