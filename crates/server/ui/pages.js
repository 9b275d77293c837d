// The pages of a list, read as they are needed, towards both ends. It knows where rows are and nothing of how they look.

import { get } from "./api.js";

/** Events of one page. */
export const PAGE_EVENTS = 200;
/** Pages whose events are kept; of others only their place is known, and they are read again when they are looked at. */
const PAGES_KEPT = 40;
/** Rows that a list reaches at most: a browser cannot show a taller one. */
export const ROWS_MAX = 900_000;

export class Pages {
  /**
   * `parameters` are those of the view; `order` is `desc` or `asc`; `at` is an instant at which the list begins in the
   * middle, or empty. `changed(rows)` is called when rows were added before the first one (their number) or elsewhere (0).
   */
  constructor(parameters, order, at, changed) {
    this.changed = changed;
    this.list = [];
    this.abort = new AbortController();
    this.busy = new Set();
    this.used = 0;
    const down = { ...parameters, order };
    const up = { ...parameters, order: order === "desc" ? "asc" : "desc" };
    if (at) {
      // Both directions meet at `at`: what lies exactly there belongs to the later side.
      const [later, earlier] = order === "desc" ? [up, down] : [down, up];
      later.from = at;
      earlier.to = at;
    }
    this.ends = {
      down: { parameters: down, cursor: undefined, done: false },
      up: { parameters: up, cursor: undefined, done: !at },
    };
  }

  stop() {
    this.abort.abort();
  }

  /** Rows whose place is known. */
  get length() {
    return this.list.reduce((sum, page) => sum + page.count, 0);
  }

  get first() {
    return this.event(0);
  }

  /** The event of a row; undefined while it is not here. Asking for it reads its page again if it was given up. */
  event(row) {
    let begin = 0;
    for (const page of this.list) {
      if (row < begin + page.count) {
        page.used = this.used += 1;
        if (!page.events) this.refill(page);
        return page.events?.[row - begin];
      }
      begin += page.count;
    }
    return undefined;
  }

  /** The row of an event that is here. */
  rowOf(id) {
    let begin = 0;
    for (const page of this.list) {
      const index = page.events?.findIndex((event) => event.id === id) ?? -1;
      if (index >= 0) return begin + index;
      begin += page.count;
    }
    return -1;
  }

  /** Reads on at one end (`down` or `up`). */
  async more(way) {
    const end = this.ends[way];
    if (end.done || this.busy.has(way) || this.length >= ROWS_MAX) return;
    this.busy.add(way);
    try {
      const { events, cursor, next } = await this.read(end.parameters, end.cursor);
      end.cursor = next;
      end.done = next === null;
      if (way === "up") events.reverse();
      const page = { parameters: end.parameters, cursor, way, events, count: events.length, used: (this.used += 1) };
      if (events.length > 0) this.list[way === "down" ? "push" : "unshift"](page);
      this.forget();
      this.changed(way === "up" ? events.length : 0);
    } finally {
      this.busy.delete(way);
    }
  }

  /** Puts events that have just been recorded before the first row. */
  prepend(events) {
    this.list.unshift({ events, count: events.length, live: true, used: (this.used += 1) });
    this.changed(events.length);
  }

  async read(parameters, cursor) {
    const page = await get("api/v1/events", { ...parameters, limit: PAGE_EVENTS, cursor }, this.abort.signal);
    return { events: page.events, next: page.next, cursor };
  }

  async refill(page) {
    if (this.busy.has(page)) return;
    this.busy.add(page);
    try {
      const { events } = await this.read(page.parameters, page.cursor);
      page.events = page.way === "up" ? events.reverse() : events;
      // An event that was recorded late may have come between: the page keeps its number of rows, so that nothing jumps.
      page.events.length = Math.min(page.events.length, page.count);
      this.changed(0);
    } catch (error) {
      if (error.name !== "AbortError") this.failed?.(error);
    } finally {
      this.busy.delete(page);
    }
  }

  forget() {
    const held = this.list.filter((page) => page.events && !page.live);
    if (held.length <= PAGES_KEPT) return;
    held.sort((one, two) => one.used - two.used);
    for (const page of held.slice(0, held.length - PAGES_KEPT)) page.events = null;
  }
}
