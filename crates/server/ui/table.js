// The list of events: only the rows that can be seen are elements, however long it is. It is a grid with one place of
// the keyboard (`aria-activedescendant`), and reads pages as they come near.

import { fill, h } from "./dom.js";
import { columnsOf, text, title, tooltip, widths } from "./columns.js";

/** Rows beyond the visible ones that are made, so that scrolling shows no gap. */
const ROWS_AHEAD = 12;
/** Rows from an end at which the next page is read. */
const ROWS_BEFORE_END = 120;

const OUTCOMES = { success: "✓", failure: "✗", pending: "…", unknown: "·" };

export class Table {
  /** `onopen(event)` when a row is opened, `onmove(event)` when the keyboard's place changes. */
  constructor(grid, { onopen, onscroll }) {
    this.grid = grid;
    this.onopen = onopen;
    this.onscroll = onscroll;
    this.rows = new Map();
    this.active = -1;
    this.view = null;
    this.head = h("div", { role: "row", class: "row head", "aria-rowindex": 1 });
    this.body = h("div", { class: "rows", role: "rowgroup" });
    grid.append(h("div", { role: "rowgroup", class: "heading" }, this.head), this.body);
    grid.addEventListener("scroll", () => this.schedule(), { passive: true });
    grid.addEventListener("keydown", (event) => this.keydown(event));
    grid.addEventListener("click", (event) => {
      const row = event.target.closest("[data-row]");
      if (row) this.open(Number(row.dataset.row));
    });
    new ResizeObserver(() => this.schedule()).observe(grid);
  }

  /** Takes over what of a view decides how rows look: its columns and its zone. */
  look(view) {
    this.view = view;
    const names = columnsOf(view.columns);
    this.columns = names;
    this.grid.classList.toggle("chosen", Boolean(view.columns));
    this.grid.style.setProperty("--columns", widths(names));
    this.grid.setAttribute("aria-colcount", String(names.length));
    fill(
      this.head,
      names.map((name, index) =>
        h("div", { role: "columnheader", class: `cell ${name}`, "aria-colindex": index + 1 }, title(name)),
      ),
    );
    this.clear();
  }

  /** Shows other pages, from their first row. */
  show(pages, view) {
    this.pages = pages;
    this.look(view);
    this.active = -1;
    this.grid.scrollTop = 0;
    this.schedule();
  }

  /** Rows were added: `before` of them before the first one. */
  changed(before) {
    if (before > 0) {
      this.clear();
      if (this.active >= 0) this.active += before;
      // What is being looked at stays where it is.
      this.resize();
      this.grid.scrollTop += before * this.height;
    }
    this.schedule();
  }

  clear() {
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
  }

  get height() {
    return parseFloat(getComputedStyle(this.grid).getPropertyValue("--row-height")) || 28;
  }

  get isAtTop() {
    return this.grid.scrollTop < this.height;
  }

  schedule() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  resize() {
    this.body.style.height = `${this.pages.length * this.height}px`;
  }

  /** The first and last row that can be seen. */
  visible() {
    const height = this.height;
    const first = Math.floor(this.grid.scrollTop / height);
    const count = Math.ceil((this.grid.clientHeight - this.head.offsetHeight) / height);
    return [first, Math.min(first + count, this.pages.length) - 1];
  }

  draw() {
    if (!this.pages) return;
    this.resize();
    const height = this.height;
    const length = this.pages.length;
    const [top, bottom] = this.visible();
    const first = Math.max(0, top - ROWS_AHEAD);
    const last = Math.min(length - 1, bottom + ROWS_AHEAD);
    for (const [index, row] of this.rows) {
      if (index < first || index > last) {
        row.remove();
        this.rows.delete(index);
      }
    }
    for (let index = first; index <= last; index += 1) {
      const event = this.pages.event(index);
      let row = this.rows.get(index);
      if (row && row.dataset.id !== (event?.id ?? "")) {
        row.remove();
        row = undefined;
      }
      if (!row) {
        row = this.row(index, event);
        row.style.transform = `translateY(${index * height}px)`;
        this.rows.set(index, row);
        this.body.append(row);
      }
      row.setAttribute("aria-selected", String(Boolean(event && event.id === this.view.event)));
      row.classList.toggle("active", index === this.active);
    }
    this.grid.setAttribute("aria-rowcount", String(this.total ?? -1));
    if (this.active >= first && this.active <= last) this.grid.setAttribute("aria-activedescendant", `row-${this.active}`);
    else this.grid.removeAttribute("aria-activedescendant");
    this.onscroll(top, bottom);
    if (bottom > length - ROWS_BEFORE_END) this.pages.more("down").catch((error) => this.onerror?.(error));
    if (top < ROWS_BEFORE_END) this.pages.more("up").catch((error) => this.onerror?.(error));
  }

  row(index, event) {
    const attributes = { role: "row", id: `row-${index}`, class: "row", "data-row": index, "data-id": event?.id ?? "" };
    attributes["aria-rowindex"] = index + 2;
    if (!event) return h("div", { ...attributes, class: "row missing" }, h("div", { role: "gridcell", class: "cell" }, "…"));
    const cells = this.columns.map((name, column) => {
      const shown = text(name, event, this.view);
      const title = tooltip(name, event, this.view);
      const cell = h("div", { role: "gridcell", class: `cell ${name}`, title, "aria-colindex": column + 1 });
      if (name === "outcome") {
        cell.classList.add(shown);
        cell.append(h("span", { "aria-hidden": "true" }, OUTCOMES[shown] ?? "·"), h("span", { class: "hidden" }, shown));
      } else {
        cell.textContent = shown;
      }
      return cell;
    });
    return h("div", attributes, cells);
  }

  /** Moves the keyboard's place and makes it visible. */
  move(index) {
    if (this.pages.length === 0) return;
    this.active = Math.max(0, Math.min(index, this.pages.length - 1));
    const height = this.height;
    const begin = this.active * height;
    const room = this.grid.clientHeight - this.head.offsetHeight;
    if (begin < this.grid.scrollTop) this.grid.scrollTop = begin;
    else if (begin + height > this.grid.scrollTop + room) this.grid.scrollTop = begin + height - room;
    this.draw();
  }

  open(index) {
    this.active = index;
    this.draw();
    const event = this.pages.event(index);
    if (event) this.onopen(event);
  }

  keydown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.pages) return;
    const page = Math.max(1, Math.floor(this.grid.clientHeight / this.height) - 2);
    const steps = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page };
    if (event.key in steps) {
      this.move(this.active < 0 ? this.visible()[0] : this.active + steps[event.key]);
      if (this.view.event) this.open(this.active);
    } else if (event.key === "Home") this.move(0);
    else if (event.key === "End") this.move(this.pages.length - 1);
    else if ((event.key === "Enter" || event.key === " ") && this.active >= 0) this.open(this.active);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
