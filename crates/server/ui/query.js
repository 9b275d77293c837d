// What is being looked at, as it stands in the address: every link is the view. And how it is asked of the server: all
// conditions become one text of the search language, beside the range of time.

import { isZone, range } from "./time.js";
import { isField } from "./fields.js";
import { columnsOf, columnsText } from "./columns.js";

/** Values of one field that a link may hold. */
const VALUES_MAX = 50;

/** A view without any condition. */
export function everything() {
  return { search: "", include: {}, exclude: {}, time: "", order: "desc", at: "", event: "", tab: "", zone: "local", live: false, columns: "" };
}

/** Reads the part of an address behind the `?`. What it does not know it leaves out. */
export function read(text) {
  const view = everything();
  for (const [name, value] of new URLSearchParams(text)) {
    if (name.startsWith("is.")) toggleOn(view.include, name.slice(3), value);
    else if (name.startsWith("not.")) toggleOn(view.exclude, name.slice(4), value);
    else if (name === "has") toggleOn(view.exclude, value, null);
    else if (name === "lacks") toggleOn(view.include, value, null);
    else if (name === "live") view.live = value === "1";
    else if (name === "order") view.order = value === "asc" ? "asc" : "desc";
    else if (name === "zone") view.zone = isZone(value) ? value : "local";
    else if (name === "columns") view.columns = columnsText(columnsOf(value));
    else if (name === "time") view.time = range(value) ? value : "";
    else if (["search", "at", "event", "tab"].includes(name)) view[name] = value;
  }
  return view;
}

/** The part of an address behind the `?`. */
export function write(view) {
  const out = new URLSearchParams();
  const put = (name, value) => value && out.append(name, value);
  put("search", view.search);
  for (const [prefix, chosen, absent] of [["is.", view.include, "lacks"], ["not.", view.exclude, "has"]]) {
    for (const [field, values] of Object.entries(chosen)) {
      for (const value of values) {
        if (value === null) out.append(absent, field);
        else out.append(prefix + field, value);
      }
    }
  }
  put("time", view.time);
  put("order", view.order === "asc" && "asc");
  put("at", view.at);
  put("event", view.event);
  put("tab", view.event && view.tab);
  put("zone", view.zone !== "local" && view.zone);
  put("columns", view.columns);
  put("live", view.live && "1");
  return out.toString();
}

function toggleOn(chosen, field, value) {
  if (!isField(field)) return;
  const values = (chosen[field] ??= []);
  if (values.length < VALUES_MAX && !values.includes(value)) values.push(value);
}

/** A view with a value of a field included or excluded, or no longer so when it already was. */
export function toggle(view, way, field, value) {
  const next = structuredClone(view);
  const other = way === "include" ? "exclude" : "include";
  const had = next[way][field]?.includes(value);
  for (const side of [way, other]) {
    next[side][field] = (next[side][field] ?? []).filter((known) => known !== value);
    if (next[side][field].length === 0) delete next[side][field];
  }
  if (!had) toggleOn(next[way], field, value);
  return next;
}

/** A text as a literal of the search language. */
export function quote(text) {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** One condition on a field, to the letter. */
export function condition(field, value) {
  return value === null ? `-${field}:*` : `${field}=${quote(value)}`;
}

/** All conditions but the range as one text of the search language; `without` leaves one field's included values out. */
export function searchText(view, without) {
  const parts = [];
  if (view.search.trim()) parts.push(view.search.trim());
  const chosen = Object.entries(view.include).filter(([field]) => field !== without);
  if (parts.length > 0 && (chosen.length > 0 || Object.keys(view.exclude).length > 0)) parts[0] = `(${parts[0]})`;
  for (const [field, values] of chosen) {
    const any = values.map((value) => condition(field, value));
    parts.push(any.length === 1 ? any[0] : `(${any.join(" OR ")})`);
  }
  for (const [field, values] of Object.entries(view.exclude)) {
    for (const value of values) parts.push(value === null ? `${field}:*` : `-${condition(field, value)}`);
  }
  return parts.join(" ");
}

/** The parameters of a request for what the view shows. Relative times are resolved now, so that pages fit together. */
export function parameters(view, now = Date.now(), without) {
  const search = searchText(view, without);
  return { ...(search && { search }), ...(range(view.time, now) ?? {}) };
}

/** Whether anything is left out. */
export function isNarrowed(view) {
  return Boolean(searchText(view) || view.time);
}
