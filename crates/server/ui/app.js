// The page: keeps what is being looked at in the address, and has everything redrawn when that changes.

import { Problem, address, follow, get, getResponse, key, send } from "./api.js";
import { Box } from "./box.js";
import { NAMES, columnsOf, title, toggleColumn } from "./columns.js";
import { Details } from "./details.js";
import { copy, fill, h } from "./dom.js";
import { Facets } from "./facets.js";
import { label } from "./fields.js";
import { Pages, ROWS_MAX } from "./pages.js";
import { everything, isNarrowed, parameters, read, searchText, toggle, write } from "./query.js";
import { Table } from "./table.js";
import { RANGES, ZONES, fromInput, range, rangeText, toInput } from "./time.js";
import { BUCKETS, Timeline } from "./timeline.js";
import { BUILT_IN } from "./views.js";

/** How often events that arrive are shown, so that a burst is one change. */
const ARRIVALS_MS = 400;
/** Arrived events that are held until they are shown; of more only the number is known. */
const ARRIVALS_MAX = 500;
/** How often counts and timeline are read again while events arrive. */
const COUNTS_MS = 5_000;

const $ = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en");

let view = everything();
let me = null;
let saved = [];
let loading = null;
let following = null;
let arrivals = { events: [], count: 0 };
let total = null;

const say = (text) => fill($("said"), text);

const box = new Box($("search"), { onsearch: (search) => go({ search, at: "" }) });
const timeline = new Timeline($("timeline"), { onrange: (from, to) => go({ time: `${from}..${to}`, at: "" }), say });
const facets = new Facets($("facets"), { ontoggle, onerror: failed });
const table = new Table($("events"), { onopen: (event) => go({ event: event.id }, { replace: Boolean(view.event) }), onscroll });
const details = new Details($("details"), {
  onclose: () => {
    go({ event: "", tab: "" });
    $("events").focus();
  },
  ontab: (tab) => go({ tab }, { replace: true }),
  ontoggle,
  ongo: (change) => go({ ...everything(), zone: view.zone, columns: view.columns, event: view.event, tab: view.tab, ...change }),
  say,
});
table.onerror = failed;

function ontoggle(way, field, value) {
  go({ ...toggle(view, way, field, value), at: "" });
}

/** Changes what is looked at, and the address with it. */
function go(change, { replace = false } = {}) {
  const next = { ...view, ...change };
  const text = write(next);
  const url = `${location.pathname}${text && `?${text}`}`;
  history[replace ? "replaceState" : "pushState"](null, "", url);
  show(next);
}

/** What of a view decides which events are listed. */
const listKey = (one) => JSON.stringify([one.search, one.include, one.exclude, one.time, one.order, one.at]);

function show(next, { again = false } = {}) {
  const isOther = again || !loading || listKey(next) !== listKey(view);
  const isOtherZone = next.zone !== view.zone;
  const isOtherLook = isOtherZone || next.columns !== view.columns;
  const isOtherLive = next.live !== view.live;
  view = next;
  drawControls();
  if (isOther) load();
  else {
    if (isOtherLook) table.look(view);
    else table.view = view;
    if (isOtherZone && timeline.answer) timeline.show(timeline.answer, view.zone);
    table.schedule();
    if (isOtherLive) followOrNot();
  }
  if (view.event) openDetails();
  else details.hide();
}

function openDetails() {
  details.show(view.event, view.tab, { zone: view.zone, mask: me?.mask }).catch((error) => {
    if (error.name === "AbortError") return;
    say(error.status === 404 ? "There is no such event, or it is not yours to see." : error.message);
    details.hide();
  });
}

/** Reads list, counts and timeline for the view. */
async function load() {
  loading?.abort.abort();
  loading?.pages.stop();
  const now = Date.now();
  const pages = new Pages(parameters(view, now), view.order, view.at, (before) => {
    if (loading?.pages === pages) table.changed(before);
  });
  pages.failed = failed;
  const mine = { pages, now, abort: new AbortController() };
  loading = mine;
  total = null;
  arrivals = { events: [], count: 0 };
  drawArrivals();
  $("events").setAttribute("aria-busy", "true");
  // Until it is counted anew, what is shown is the number of another view.
  $("total").setAttribute("aria-busy", "true");
  // The stream first: what is recorded while the list is read must not fall between the two.
  followOrNot();
  table.total = null;
  table.show(pages, view);
  const counting = count(mine);
  try {
    await pages.more("down");
    if (loading !== mine) return;
    box.complain(null);
    drawEmpty();
  } catch (error) {
    failed(error);
  } finally {
    if (loading === mine) $("events").removeAttribute("aria-busy");
  }
  await counting;
}

/** Reads facets, total and timeline. */
async function count(mine) {
  const signal = mine.abort.signal;
  const counted = facets.load(view, mine.now, signal).then((found) => {
    if (loading !== mine) return;
    total = found;
    table.total = found;
    drawTotal();
    table.schedule();
  });
  const drawn = get("api/v1/histogram", { ...parameters(view, mine.now), buckets: BUCKETS, by: "outcome" }, signal).then((answer) => {
    if (loading !== mine) return;
    timeline.answer = answer;
    timeline.show(answer, view.zone);
  });
  const results = await Promise.allSettled([counted, drawn]);
  if (loading === mine) $("total").removeAttribute("aria-busy");
  for (const { reason } of results) if (reason && loading === mine) failed(reason);
}

function failed(error) {
  if (error.name === "AbortError") return;
  if (!(error instanceof Problem)) throw error;
  if (error.status === 401) return signIn("This key is not, or no longer, good.");
  if (error.status === 400 && error.column) return box.complain(error, searchText(view));
  say(error.message);
}

// What stands around the list.

function drawControls() {
  box.value = view.search;
  document.title = view.search ? `${view.search} – Annals` : "Annals";
  const press = (id, on) => $(id).setAttribute("aria-pressed", String(on));
  press("live", view.live);
  drawZone();
  for (const input of $("columns").querySelectorAll("input")) input.checked = columnsOf(view.columns).includes(input.value);
  $("order").textContent = view.order === "asc" ? "Oldest first" : "Newest first";
  const known = RANGES.find(([value]) => view.time === `${value}..now`);
  fill(
    $("preset"),
    h("option", { value: "", selected: !view.time }, "All time"),
    RANGES.map(([value, text]) => h("option", { value: `${value}..now`, selected: known?.[0] === value }, text)),
    view.time && !known && h("option", { value: view.time, selected: true }, rangeText(view.time, view.zone)),
  );
  drawChips();
  drawViews();
}

/** The zones are many, so they are made once, when somebody looks for one. */
function drawZone() {
  const option = (value, text) => h("option", { value }, text);
  const isListed = [...$("zone").options].some(({ value }) => value === view.zone);
  if (!isListed) $("zone").append(option(view.zone, view.zone));
  $("zone").value = view.zone;
}

function listZones() {
  if ($("zone").querySelector("optgroup")) return;
  for (const option of [...$("zone").options].slice(2)) option.remove();
  $("zone").append(h("optgroup", { label: "By name" }, ZONES.map((name) => h("option", { value: name }, name))));
  $("zone").value = view.zone;
}

/** The menu of columns. */
function listColumns() {
  const check = (name) => h("li", {}, h("label", {}, h("input", { type: "checkbox", value: name }), ` ${title(name)}`));
  const usual = h("li", {}, h("button", { type: "button" }, "The usual columns"));
  fill($("columns").querySelector("ul"), usual, NAMES.map(check));
}

function drawChips() {
  const chip = (text, change) => {
    const said = h("span", { class: "hidden" }, "Remove: ");
    const sign = h("span", { "aria-hidden": "true" }, " ×");
    return h("li", {}, h("button", { type: "button", title: `Remove ${text}`, onclick: () => go(change) }, said, text, sign));
  };
  const chips = [];
  if (view.search) chips.push(chip(view.search, { search: "", at: "" }));
  if (view.time) chips.push(chip(rangeText(view.time, view.zone), { time: "", at: "" }));
  if (view.at) chips.push(chip(`at ${rangeText(`..${view.at}`, view.zone).replace(/^.* to /, "")}`, { at: "" }));
  for (const [way, sign] of [["include", ""], ["exclude", "not "]]) {
    for (const [field, values] of Object.entries(view[way])) {
      for (const value of values) {
        const text = `${sign}${label(field)}: ${value ?? "(none)"}`;
        chips.push(chip(text, { ...toggle(view, way, field, value), at: "" }));
      }
    }
  }
  if (chips.length > 1) {
    const nothing = { ...everything(), zone: view.zone, columns: view.columns, live: view.live, order: view.order };
    chips.push(h("li", {}, h("button", { type: "button", class: "link", onclick: () => go(nothing) }, "Remove all")));
  }
  fill($("chips"), chips);
}

function drawViews() {
  const current = write({ ...view, event: "", tab: "", zone: "local", live: false, at: "" });
  const isUsual = (text) => text === current || text === write({ ...read(current), columns: "" });
  const item = (name, text, title, remove) =>
    h(
      "li",
      {},
      h(
        "a",
        {
          href: `?${text}`,
          title,
          "aria-current": isUsual(text) ? "page" : null,
          onclick: (event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            const chosen = read(text);
            go({ ...chosen, columns: chosen.columns || view.columns, zone: view.zone, live: view.live });
          },
        },
        name,
      ),
      remove,
    );
  const built = BUILT_IN.map(({ name, search, facet }) => {
    const made = item(name, write({ ...everything(), search }), search);
    if (facet) made.addEventListener("click", () => facets.reveal(facet));
    return made;
  });
  const own = saved.map((one) => {
    const text = typeof one.view?.link === "string" ? one.view.link : write({ ...everything(), search: one.search });
    const mayRemove = !one.shared || isAdmin();
    const remove =
      mayRemove &&
      h("button", { type: "button", class: "icon small", "aria-label": `Delete the view ${one.name}`, onclick: () => removeSaved(one.name) }, "×");
    return item(one.name, text, one.description || one.search, remove);
  });
  fill($("views"), built, own);
}

function drawTotal() {
  fill($("total"), total === null ? "Counting…" : `${number.format(total)} ${total === 1 ? "event" : "events"}`);
}

function drawEmpty() {
  const isEmpty = loading.pages.length === 0 && loading.pages.ends.down.done && loading.pages.ends.up.done;
  $("empty").hidden = !isEmpty;
  if (!isEmpty) return;
  fill($("empty"), isNarrowed(view) ? "Nothing matches. Remove a condition, or look at a longer time." : "No events have been recorded that you may see.");
}

function onscroll(first, last) {
  const length = loading?.pages.length ?? 0;
  const text = length === 0 ? "" : `Rows ${number.format(first + 1)}–${number.format(last + 1)}`;
  const of = view.at ? "" : total === null ? "" : ` of ${number.format(total)}`;
  const end = length >= ROWS_MAX ? ". The list goes no further: narrow the search, or jump to a time." : "";
  $("place").textContent = text + of + end;
  if (first === 0 && arrivals.count > 0 && table.isAtTop) takeArrivals();
}

// Live.

function followOrNot() {
  following?.abort();
  following = null;
  $("live").dataset.state = "";
  const { to } = range(view.time) ?? {};
  if (!view.live || to || view.order === "asc" || view.at) return;
  following = new AbortController();
  const { from: _, ...conditions } = parameters(view);
  follow(conditions, following.signal, {
    onevent: (event) => {
      arrivals.count += 1;
      if (arrivals.events.length < ARRIVALS_MAX) arrivals.events.push(event);
      scheduleArrivals();
    },
    onstate: (state) => ($("live").dataset.state = state),
  }).catch(failed);
}

let arriving = 0;
let counting = 0;
function scheduleArrivals() {
  arriving ||= setTimeout(() => {
    arriving = 0;
    if (table.isAtTop) takeArrivals();
    drawArrivals();
  }, ARRIVALS_MS);
  counting ||= setTimeout(() => {
    counting = 0;
    if (loading) count({ ...loading, now: Date.now() }).catch(failed);
  }, COUNTS_MS);
}

function drawArrivals() {
  const { count: amount } = arrivals;
  $("arrivals").hidden = amount === 0;
  $("arrivals").textContent = `${number.format(amount)} new ${amount === 1 ? "event" : "events"}`;
}

/** Puts what arrived before the first row. What belongs further down, or is too much, has the list read again. */
function takeArrivals() {
  const { events, count: amount } = arrivals;
  if (amount === 0 || !loading || loading.pages.busy.has("down")) return;
  arrivals = { events: [], count: 0 };
  drawArrivals();
  const first = loading.pages.first;
  const isKnown = (event) => loading.pages.rowOf(event.id) >= 0;
  const fresh = events.filter((event) => !isKnown(event));
  // Times are texts of one form only up to their fraction, so instants are compared, and equal ones count as newer.
  const isNewer = fresh.every((event) => !first || Date.parse(event.time) >= Date.parse(first.time));
  if (amount > events.length || !isNewer) return load();
  fresh.sort((one, two) => Date.parse(two.time) - Date.parse(one.time) || two.seq - one.seq);
  if (fresh.length === 0) return;
  loading.pages.prepend(fresh);
  if (total !== null) total += fresh.length;
  table.total = total;
  drawTotal();
  drawEmpty();
  $("events").scrollTop = 0;
  say(`${number.format(fresh.length)} new ${fresh.length === 1 ? "event" : "events"}`);
}

// Signing in.

function signIn(complaint = "") {
  key.forget();
  me = null;
  following?.abort();
  const dialog = $("sign-in");
  fill(dialog.querySelector("[role=alert]"), complaint);
  if (!dialog.open) dialog.showModal();
}

async function begin() {
  if (!key.get()) return signIn();
  try {
    me = await get("api/v1/me");
  } catch (error) {
    if (error.status === 401) return signIn("This key is not good.");
    return failed(error);
  }
  $("account").hidden = false;
  fill($("who"), me.name ? `Signed in as ${me.name}` : "Signed in", me.server?.version ? ` · Annals ${me.server.version}` : "");
  await readSaved();
  show(read(location.search), { again: true });
}

const isAdmin = () => (me?.grants ?? []).some((grant) => grant.role === "admin" && !grant.organization);

// Saved views.

async function readSaved() {
  try {
    const answer = await get("api/v1/searches");
    saved = Array.isArray(answer) ? answer : answer.searches;
  } catch (error) {
    saved = [];
    failed(error);
  }
}

async function removeSaved(name) {
  try {
    await send("DELETE", `api/v1/searches/${encodeURIComponent(name)}`);
    await readSaved();
    drawViews();
    say(`The view ${name} is deleted.`);
  } catch (error) {
    failed(error);
  }
}

// Export.

async function exportAs(format) {
  const { order } = view;
  const asked = { ...parameters(view), format, order };
  const name = `annals-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.${format}`;
  say("Exporting…");
  try {
    if (window.showSaveFilePicker && navigator.userActivation?.isActive && !navigator.webdriver) {
      // Straight to the disk, so that the size does not matter.
      const file = await window.showSaveFilePicker({ suggestedName: name });
      const response = await getResponse("api/v1/export", asked);
      await response.body.pipeTo(await file.createWritable());
    } else {
      const blob = await (await getResponse("api/v1/export", asked)).blob();
      const url = URL.createObjectURL(blob);
      h("a", { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    }
    say(`Exported as ${name}.`);
  } catch (error) {
    if (error.name === "AbortError") return say("");
    say(error instanceof Problem ? error.message : "The export broke off: what was written is not complete.");
  }
}

const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function asText(kind) {
  const { search, from, to } = parameters(view);
  if (kind === "command") {
    const flags = [from && `--from ${from}`, to && `--to ${to}`].filter(Boolean);
    return ["annals query", search && shell(search), ...flags].filter(Boolean).join(" ");
  }
  const base = new URL(address("api/v1/events"), location.href);
  const data = Object.entries({ search, from, to, order: view.order, total: "true" }).filter(([, value]) => value);
  const flags = data.map(([name, value]) => `--data-urlencode ${shell(`${name}=${value}`)}`);
  return [`curl -sS -G ${shell(base.href)}`, '-H "Authorization: Bearer $TOKEN"', ...flags].join(" \\\n  ");
}

// Buttons, dialogs and keys.

function dialog(id, onsubmit) {
  const element = $(id);
  const form = element.querySelector("form");
  form.querySelector("[value=cancel]")?.addEventListener("click", () => element.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const complaint = await onsubmit(form.elements);
    fill(form.querySelector("[role=alert]"), complaint ?? "");
    if (!complaint) element.close();
  });
  return () => {
    fill(form.querySelector("[role=alert]"));
    element.showModal();
  };
}

dialog("sign-in", async (fields) => {
  key.set(fields.key.value.trim());
  try {
    await get("api/v1/me");
  } catch (error) {
    key.forget();
    return error.status === 401 ? "This key is not good." : error.message;
  }
  fields.key.value = "";
  begin();
});
$("sign-in").addEventListener("cancel", (event) => event.preventDefault());

let timesFor = "range";
const openTimes = dialog("times", (fields) => {
  const from = fromInput(fields.from.value, view.zone);
  const to = fromInput(fields.to.value, view.zone);
  if (timesFor === "jump") {
    if (!from) return "Say when.";
    go({ at: from });
  } else {
    if (from && to && from >= to) return "The end must be later than the beginning.";
    go({ time: from || to ? `${from ?? ""}..${to ?? ""}` : "", at: "" });
  }
});

const openSaving = dialog("saving", async (fields) => {
  const name = fields.name.value.trim();
  const link = write({ ...view, event: "", tab: "", at: "", live: false, zone: "local" });
  const body = { name, search: searchText(view), description: fields.description.value.trim(), shared: fields.shared.checked, view: { link } };
  try {
    await send("PUT", `api/v1/searches/${encodeURIComponent(name)}`, body);
  } catch (error) {
    return error.message;
  }
  await readSaved();
  drawViews();
});

const actions = {
  live: () => go({ live: !view.live, at: "" }, { replace: true }),
  order: () => go({ order: view.order === "asc" ? "desc" : "asc", at: "" }),
  help: () => $("helping").showModal(),
  account: () => {
    signIn();
    fill($("who"));
    location.reload();
  },
  custom: () => {
    timesFor = "range";
    $("times-to").hidden = false;
    const { from, to } = range(view.time) ?? {};
    const { from: fromField, to: toField } = $("times").querySelector("form").elements;
    fromField.value = toInput(from, view.zone);
    toField.value = toInput(to, view.zone);
    openTimes();
  },
  jump: () => {
    timesFor = "jump";
    $("times-to").hidden = true;
    openTimes();
  },
  save: () => {
    $("saving").querySelector("[name=shared]").disabled = !isAdmin();
    openSaving();
  },
  link: () => copy(location.href, say),
  arrivals: () => {
    $("events").scrollTop = 0;
    takeArrivals();
  },
  theme: () => {
    const next = { system: "light", light: "dark", dark: "system" }[theme()];
    localStorage.setItem("annals.theme", next);
    drawTheme();
  },
  "facets-toggle": () => {
    const open = document.body.classList.toggle("with-facets");
    $("facets-toggle").setAttribute("aria-expanded", String(open));
  },
};
for (const [id, action] of Object.entries(actions)) $(id).addEventListener("click", action);
for (const name of ["pointerdown", "focus"]) $("zone").addEventListener(name, listZones);
$("zone").addEventListener("change", (event) => go({ zone: event.target.value }, { replace: true }));
$("columns").addEventListener("change", (event) => go({ columns: toggleColumn(view.columns, event.target.value) }, { replace: true }));
$("columns").addEventListener("click", (event) => event.target.type === "button" && go({ columns: "" }, { replace: true }));
$("preset").addEventListener("change", (event) => go({ time: event.target.value, at: "" }));
$("export").addEventListener("click", (event) => {
  const { format, copy: kind } = event.target.dataset;
  if (!format && !kind) return;
  $("export").open = false;
  if (format) exportAs(format);
  else copy(asText(kind), say);
});

// A menu closes when something else is pressed, and by Escape.
document.addEventListener("pointerdown", (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) menu.open = menu.contains(event.target);
});
for (const menu of document.querySelectorAll(".menu")) {
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
    event.stopPropagation();
  });
}

function theme() {
  return localStorage.getItem("annals.theme") ?? "system";
}

function drawTheme() {
  document.documentElement.dataset.theme = theme();
  $("theme").textContent = `Theme: ${theme()}`;
}

const KEYS = {
  "/": () => box.focus(),
  e: () => $("events").focus(),
  t: () => $("timeline").querySelector(".stage").focus(),
  f: () => $("facets").querySelector("button")?.focus(),
  l: actions.live,
  o: actions.order,
  z: () => go({ zone: view.zone === "utc" ? "local" : "utc" }, { replace: true }),
  r: () => load(),
  "?": actions.help,
  Escape: () => view.event && details.onclose(),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input, select, textarea")) return;
  const action = KEYS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});
window.addEventListener("popstate", () => show(read(location.search)));

drawTheme();
listColumns();
view = read(location.search);
drawControls();
begin();
