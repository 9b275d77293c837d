// One event: its fields, what it changed, its JSON, and how every platform would show it.

import { copy, fill, h, svg } from "./dom.js";
import { get, getText } from "./api.js";
import { counts, difference, fold } from "./difference.js";
import { label } from "./fields.js";
import { Members, isNested, parse, pretty, scalar } from "./json.js";
import { HIDDEN, isSecret } from "./mask.js";
import { ago, exact, otherZone } from "./time.js";

const TABS = [
  ["fields", "Fields"],
  ["change", "Change"],
  ["json", "JSON"],
  ["platforms", "Platforms"],
];

/** Members of an event that are shown by themselves, not as a condition. */
const PLAIN = new Set(["id", "seq", "recorded", "message", "request.uri", "request.user_agent", "request.status", "request.elapsed_ms"]);
/** How far around an event "around this time" looks, to each side. */
const AROUND_MS = 300_000;

/** Two sheets: the sign for copying. */
function sheets() {
  return svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: "M6 6h8v8H6zM10 3H2v8h1.5" }));
}

export class Details {
  /** `onclose()`, `ontab(name)`, `ontoggle(way, field, value)`, `ongo(change)` with a part of a new view. */
  constructor(element, handlers) {
    Object.assign(this, handlers);
    this.element = element;
    this.shown = new Set();
    element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        this.onclose();
      }
    });
  }

  hide() {
    this.abort?.abort();
    this.id = null;
    this.element.hidden = true;
    fill(this.element);
  }

  /** Shows an event by its id. */
  async show(id, tab, settings) {
    const isNew = id !== this.id;
    this.settings = settings;
    if (isNew) {
      this.abort?.abort();
      this.abort = new AbortController();
      this.id = id;
      this.shown.clear();
      this.event = null;
      const text = await getText(`api/v1/events/${encodeURIComponent(id)}`, {}, this.abort.signal);
      this.event = parse(text);
    }
    if (!this.event) return;
    const has = (name) => this.event.get(name) !== undefined;
    this.hasChange = has("before") || has("after");
    this.tab = TABS.some(([name]) => name === tab) && (tab !== "change" || this.hasChange) ? tab : "fields";
    this.draw();
  }

  text(...path) {
    let value = this.event;
    for (const name of path) value = value instanceof Members ? value.get(name) : undefined;
    return typeof value === "string" ? value : undefined;
  }

  draw() {
    const hadFocus = this.element.contains(document.activeElement) && document.activeElement.id;
    const tabs = TABS.filter(([name]) => name !== "change" || this.hasChange).map(([name, title]) =>
      h(
        "button",
        {
          type: "button",
          role: "tab",
          id: `tab-${name}`,
          "aria-selected": String(name === this.tab),
          "aria-controls": "panel",
          tabindex: name === this.tab ? 0 : -1,
          onclick: () => this.ontab(name),
        },
        title,
      ),
    );
    const bar = h("div", { role: "tablist", class: "tabs", "aria-label": "Details" }, tabs);
    bar.addEventListener("keydown", (event) => this.switchTab(event, tabs));
    const panel = h("div", { role: "tabpanel", id: "panel", class: "panel", tabindex: 0, "aria-labelledby": `tab-${this.tab}` });
    const title = h("h2", {}, this.text("type") ?? "Event");
    const close = h("button", { type: "button", class: "icon", "aria-label": "Close details", onclick: this.onclose }, "×");
    fill(this.element, h("div", { class: "details-head" }, title, close), this.similar(), bar, panel);
    this.element.hidden = false;
    fill(panel, this[this.tab]());
    if (hadFocus) document.getElementById(hadFocus)?.focus();
  }

  switchTab(event, tabs) {
    const steps = { ArrowRight: 1, ArrowLeft: -1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const index = tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
    const next = tabs[(index + steps[event.key] + tabs.length) % tabs.length];
    next.focus();
    next.click();
  }

  /** More like this one. */
  similar() {
    const only = (name, field, value) =>
      value !== undefined &&
      h("button", { type: "button", class: "link", onclick: () => this.ongo({ include: { [field]: [value] } }) }, name);
    const [actor, target] = [this.text("actor", "id"), this.text("target", "id")];
    const time = Date.parse(this.text("time"));
    const near = [time - AROUND_MS, time + AROUND_MS].map((instant) => new Date(instant).toISOString());
    return h(
      "div",
      { class: "similar", role: "group", "aria-label": "More like this" },
      h("span", { class: "quiet" }, "More of "),
      actor ? only("this actor", "actor.id", actor) : only("this actor", "actor.name", this.text("actor", "name")),
      target ? only("this target", "target.id", target) : only("this target", "target.name", this.text("target", "name")),
      only("this request", "request.id", this.text("request", "id")),
      h("button", { type: "button", class: "link", onclick: () => this.ongo({ time: near.join("..") }) }, "these ten minutes"),
    );
  }

  fields() {
    const rows = [];
    const visit = (path, value) => {
      const name = path.join(".");
      if (["data", "before", "after"].includes(name)) return;
      if (value instanceof Members) for (const [key, inner] of value.list) visit([...path, key], inner);
      else if (Array.isArray(value)) for (const item of value) rows.push(this.field(name, item));
      else rows.push(this.field(name, value));
    };
    visit([], this.event);
    const data = this.event.get("data");
    return [
      h("dl", { class: "fields" }, rows.flat()),
      data !== undefined && h("h3", {}, "What else the platform said"),
      data !== undefined && this.tree(data, null, true),
    ];
  }

  field(name, value) {
    const text = typeof value === "string" ? value : scalar(value);
    const isTime = name === "time" || name === "recorded";
    const shown = isTime
      ? [exact(text, this.settings.zone), h("span", { class: "quiet" }, ` ${ago(text)} · ${exact(text, otherZone(this.settings.zone))}`)]
      : [this.value(name, value, text)];
    const isCondition = !isTime && !PLAIN.has(name) && typeof value === "string";
    const act = (way, sign, title) =>
      h("button", { type: "button", class: "icon small", "aria-label": `${title} ${name} ${text}`, title, onclick: () => this.ontoggle(way, name, text) }, sign);
    return [
      h("dt", {}, isTime || PLAIN.has(name) ? name : label(name)),
      h(
        "dd",
        {},
        h("span", { class: "value" }, shown),
        isCondition && act("include", "+", "Only"),
        isCondition && act("exclude", "−", "Without"),
        h("button", { type: "button", class: "icon small", "aria-label": `Copy ${name}`, title: "Copy", onclick: () => copy(text, this.say) }, sheets()),
      ),
    ];
  }

  /** A value, hidden when it looks like a secret. */
  value(name, value, text) {
    if (!isSecret(this.settings.mask, name, value)) return h("span", {}, text);
    const place = `${name} ${text}`;
    if (this.shown.has(place)) return h("span", { class: "secret" }, text);
    const button = h("button", { type: "button", class: "secret", "aria-label": `Show the hidden value of ${name}` }, HIDDEN);
    button.addEventListener("click", () => {
      this.shown.add(place);
      button.replaceWith(h("span", { class: "secret" }, text));
    });
    return button;
  }

  /** JSON as a tree that opens. */
  tree(value, name, open) {
    const key = name === null ? null : h("span", { class: "key" }, `${name}: `);
    if (!isNested(value)) return h("div", { class: "leaf" }, key, this.value(name, value, scalar(value)));
    const items = Array.isArray(value) ? value.map((item, index) => [String(index), item]) : value.list;
    const summary = h("summary", {}, key, h("span", { class: "quiet" }, Array.isArray(value) ? `${items.length} elements` : `${items.length} members`));
    return h("details", { class: "tree", open }, summary, items.map(([inner, item]) => this.tree(item, inner, items.length < 20)));
  }

  change() {
    const lines = difference(this.event.get("before"), this.event.get("after"));
    const { added, removed } = counts(lines);
    const cell = (side, part) => {
      const kind = part.kind === "same" || part[side] === null ? part.kind === "same" ? "same" : "none" : side === "left" ? "removed" : "added";
      const line = part[side];
      const content = line && [
        h("span", { class: "hidden" }, kind === "same" ? "" : `${kind}: `),
        " ".repeat(line.depth * 2),
        line.name != null && h("span", { class: "key" }, `${line.name}: `),
        line.open ?? line.close ?? this.value(line.name, line.raw, line.value),
      ];
      return h("td", { class: kind }, content);
    };
    const row = (part) => h("tr", {}, cell("left", part), cell("right", part));
    const body = h("tbody");
    for (const group of fold(lines)) {
      if (group.lines) body.append(...group.lines.map(row));
      else {
        const button = h("button", { type: "button", class: "link" }, `${group.folded.length} unchanged lines`);
        const folded = h("tr", { class: "folded" }, h("td", { colspan: 2 }, button));
        button.addEventListener("click", () => folded.replaceWith(...group.folded.map(row)));
        body.append(folded);
      }
    }
    return [
      h("p", { class: "quiet" }, `${removed} lines before are different, ${added} after.`),
      h(
        "div",
        { class: "scroll", tabindex: 0, role: "region", "aria-label": "Before and after" },
        h("table", { class: "difference" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Before"), h("th", { scope: "col" }, "After"))), body),
      ),
    ];
  }

  json() {
    const text = pretty(this.event);
    const masked = pretty(this.masked(this.event, null));
    const block = h("pre", { tabindex: 0 }, masked);
    const show = h("button", { type: "button", class: "link" }, "Show hidden values");
    show.addEventListener("click", () => {
      block.textContent = text;
      show.remove();
    });
    return [
      h(
        "p",
        { class: "tools" },
        h("button", { type: "button", class: "link", onclick: () => copy(text, this.say) }, "Copy"),
        masked !== text && show,
      ),
      block,
    ];
  }

  masked(value, name) {
    if (value instanceof Members) return new Members(value.list.map(([key, item]) => [key, this.masked(item, key)]));
    if (Array.isArray(value)) return value.map((item) => this.masked(item, name));
    return isSecret(this.settings.mask, name, value) ? HIDDEN : value;
  }

  platforms() {
    const place = h("div", { "aria-busy": "true" }, h("p", { class: "quiet" }, "Asking…"));
    const id = this.id;
    get(`api/v1/events/${encodeURIComponent(id)}/dialects`, {}, this.abort.signal)
      .then((answer) => {
        if (id !== this.id) return;
        const list = Array.isArray(answer) ? answer : answer.dialects;
        place.removeAttribute("aria-busy");
        fill(place, list.map((one) => this.platform(one)));
      })
      .catch((error) => error.name !== "AbortError" && fill(place, h("p", { role: "alert" }, error.message)));
    return place;
  }

  platform({ dialect, shown, body, curl, why }) {
    const block = (text, name) => [
      h("p", { class: "tools" }, name, h("button", { type: "button", class: "link", onclick: () => copy(text, this.say) }, "Copy")),
      h("pre", { tabindex: 0 }, text),
    ];
    const text = typeof body === "string" ? body : body && pretty(this.masked(parse(JSON.stringify(body)), null));
    return h(
      "details",
      { class: "platform", open: shown },
      h("summary", {}, dialect, !shown && h("span", { class: "quiet" }, " does not show it")),
      why && h("p", {}, why),
      shown && text && block(text, "As this platform shows it "),
      curl && block(curl, "Ask for it "),
    );
  }
}
