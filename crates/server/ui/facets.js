// The facets: for each field its most frequent values with their counts, to include or to exclude, several at a time.

import { fill, h } from "./dom.js";
import { get } from "./api.js";
import { FACETS, MORE_FACETS, label } from "./fields.js";
import { parameters } from "./query.js";

/** Values of a field that are shown, and that are shown after "more". */
const VALUES = 8;
const VALUES_MORE = 100;

const number = new Intl.NumberFormat("en");

export class Facets {
  /** `ontoggle(way, field, value)` when a value was chosen; `way` is `include` or `exclude`. */
  constructor(element, { ontoggle, onerror }) {
    this.element = element;
    this.ontoggle = ontoggle;
    this.onerror = onerror;
    this.opened = new Set(FACETS);
    this.long = new Set();
    this.sections = new Map();
    this.rest = h("select", { "aria-label": "Count another field" });
    this.rest.addEventListener("change", () => {
      this.opened.add(this.rest.value);
      this.reload();
    });
    element.append(h("h2", { class: "hidden" }, "Facets"), (this.list = h("div")), this.rest);
  }

  /** Counts anew for a view. The total of the view comes with it. */
  async load(view, now, signal) {
    this.view = view;
    this.now = now;
    const chosen = Object.keys(view.include);
    const fields = [...new Set([...this.opened, ...chosen])];
    // The values of a field are counted as if none of it were chosen, so that a second one can be.
    const ask = (which, without) =>
      get(
        "api/v1/facets",
        { ...parameters(view, now, without), field: which, limit: this.long.size ? VALUES_MORE : VALUES },
        signal,
      );
    const [all, ...own] = await Promise.all([
      // The total comes with any field.
      ask(fields.some((field) => !chosen.includes(field)) ? fields.filter((field) => !chosen.includes(field)) : ["outcome"], undefined),
      ...chosen.map((field) => ask([field], field)),
    ]);
    const answers = new Map([all, ...own].flatMap((answer) => answer.facets).map((facet) => [facet.field, facet]));
    this.draw(fields.map((field) => answers.get(field)).filter(Boolean));
    return all.total;
  }

  reload() {
    this.load(this.view, this.now).catch(this.onerror);
  }

  /** Opens a field's values and shows them. */
  reveal(field) {
    this.opened.add(field);
    this.long.add(field);
    requestAnimationFrame(() => this.list.querySelector(`[data-field="${CSS.escape(field)}"]`)?.scrollIntoView());
  }

  draw(facets) {
    const hadFocus = this.element.contains(document.activeElement) && document.activeElement.dataset.place;
    fill(this.list, facets.map((facet) => this.section(facet)));
    const others = MORE_FACETS.filter((field) => !this.opened.has(field));
    fill(
      this.rest,
      h("option", { value: "", disabled: true, selected: true }, "Count another field…"),
      others.map((field) => h("option", { value: field }, label(field))),
    );
    if (hadFocus) this.list.querySelector(`[data-place="${CSS.escape(hadFocus)}"]`)?.focus();
  }

  section({ field, values, more }) {
    const long = this.long.has(field);
    const chosen = [...(this.view.include[field] ?? []), ...(this.view.exclude[field] ?? [])];
    const missing = chosen.filter((value) => !values.some((known) => known.value === value));
    const shown = [...values.slice(0, long ? VALUES_MORE : VALUES), ...missing.map((value) => ({ value, count: 0 }))];
    const most = Math.max(1, ...values.map((value) => value.count));
    const rows = shown.map((value) => this.value(field, value, most));
    const isMore = more || values.length > VALUES;
    const toggle = h("button", { type: "button", class: "link", "data-place": `more ${field}` }, long ? "Fewer" : "More");
    toggle.addEventListener("click", () => {
      if (long) this.long.delete(field);
      else this.long.add(field);
      this.reload();
    });
    return h(
      "details",
      { open: true, "data-field": field },
      h("summary", {}, label(field)),
      shown.length ? h("ul", {}, rows) : h("p", { class: "quiet" }, "No events"),
      (isMore || long) && toggle,
    );
  }

  value(field, { value, count }, most) {
    const text = value ?? "(none)";
    const isIn = Boolean(this.view.include[field]?.includes(value));
    const isOut = Boolean(this.view.exclude[field]?.includes(value));
    const button = (way, pressed, title, ...content) =>
      h(
        "button",
        {
          type: "button",
          class: way,
          "aria-pressed": String(pressed),
          title: `${title} ${text}`,
          "data-place": `${way} ${field} ${value}`,
          onclick: () => this.ontoggle(way, field, value),
        },
        // Read out before what is seen, so that the button says what it does.
        h("span", { class: "hidden" }, `${title} ${label(field)} `),
        ...content,
      );
    const bar = h("span", { class: "share", "aria-hidden": "true" });
    bar.style.width = `${(100 * count) / most}%`;
    return h(
      "li",
      { class: isIn ? "in" : isOut ? "out" : "" },
      button("include", isIn, "Only", bar, h("span", { class: "text" }, text), h("span", { class: "count" }, number.format(count), h("span", { class: "hidden" }, " events"))),
      button("exclude", isOut, "Without", h("span", { class: "hidden" }, text), h("span", { "aria-hidden": "true" }, "−")),
    );
  }
}
