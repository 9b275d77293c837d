// The timeline: how many events there were when, failures apart, with a range to brush by pointer or keyboard.

import { fill, h, svg } from "./dom.js";
import { dateTime } from "./time.js";

const WIDTH = 1_000;
const HEIGHT = 64;
/** Buckets that the server is asked for. */
export const BUCKETS = 120;

export class Timeline {
  /** `onrange(from, to)` when a range was chosen, both RFC 3339. */
  constructor(element, { onrange, say }) {
    this.element = element;
    this.onrange = onrange;
    this.say = say;
    this.cursor = -1;
    this.anchor = -1;
    this.picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    this.axis = h("div", { class: "axis", "aria-hidden": "true" });
    this.stage = h(
      "div",
      {
        class: "stage",
        tabindex: 0,
        role: "slider",
        "aria-label": "Timeline: arrow keys move, with Shift they select a range, Enter narrows the view to it",
        "aria-valuemin": 0,
        "aria-valuemax": 0,
        "aria-valuenow": 0,
        "aria-valuetext": "no events",
      },
      this.picture,
    );
    element.append(this.stage, this.axis);
    this.stage.addEventListener("pointerdown", (event) => this.press(event));
    this.stage.addEventListener("pointermove", (event) => this.drag(event));
    this.stage.addEventListener("pointerup", () => this.release());
    this.stage.addEventListener("pointercancel", () => this.choose(-1, -1));
    this.stage.addEventListener("keydown", (event) => this.keydown(event));
  }

  /** Shows an answer of the histogram with `by=outcome`. */
  show(answer, zone) {
    this.zone = zone;
    this.buckets = spread(answer);
    this.width = answer.width_seconds * 1_000;
    this.cursor = -1;
    this.anchor = -1;
    const most = Math.max(1, ...this.buckets.map((bucket) => bucket.count));
    const step = WIDTH / Math.max(1, this.buckets.length);
    // A bucket with few events beside one with many must not look empty.
    const tall = (count) => (count === 0 ? 0 : Math.max(1.5, (count / most) * (HEIGHT - 4)));
    const bars = this.buckets.flatMap((bucket, index) => {
      const all = tall(bucket.count);
      const failed = bucket.count === 0 ? 0 : (all * bucket.failed) / bucket.count;
      const bar = (name, y, height) =>
        height > 0 && svg("rect", { class: name, x: index * step, y, width: Math.max(step - 1, 0.5), height });
      return [bar("bar", HEIGHT - all, all - failed), bar("bar failed", HEIGHT - failed, failed)].filter(Boolean);
    });
    this.brush = svg("rect", { class: "brush", y: 0, height: HEIGHT, width: 0 });
    this.picture.replaceChildren(...bars, this.brush);
    const marks = this.buckets.length ? [0, 0.25, 0.5, 0.75, 1] : [];
    fill(
      this.axis,
      marks.map((part) => {
        const instant = this.buckets[0].from + part * this.width * this.buckets.length;
        return h("span", {}, dateTime(new Date(instant).toISOString(), zone).slice(0, this.width < 86_400_000 ? 16 : 10));
      }),
    );
    this.stage.setAttribute("aria-valuemax", String(Math.max(0, this.buckets.length - 1)));
    this.describe(-1);
  }

  describe(index) {
    const bucket = this.buckets?.[index];
    const text = bucket
      ? `${dateTime(new Date(bucket.from).toISOString(), this.zone)}: ${bucket.count} events, ${bucket.failed} failed`
      : `${this.buckets?.length ?? 0} intervals of time`;
    this.stage.setAttribute("aria-valuenow", String(Math.max(0, index)));
    this.stage.setAttribute("aria-valuetext", text);
    this.stage.title = bucket ? text : "";
  }

  at(event) {
    const box = this.stage.getBoundingClientRect();
    const part = (event.clientX - box.left) / box.width;
    return Math.max(0, Math.min(this.buckets.length - 1, Math.floor(part * this.buckets.length)));
  }

  press(event) {
    if (!this.buckets?.length || event.button !== 0) return;
    this.stage.setPointerCapture(event.pointerId);
    this.pressed = true;
    this.choose(this.at(event), this.at(event));
  }

  drag(event) {
    if (!this.buckets?.length) return;
    const index = this.at(event);
    if (this.pressed) this.choose(this.anchor, index);
    this.describe(index);
  }

  release() {
    if (!this.pressed) return;
    this.pressed = false;
    this.apply();
  }

  choose(anchor, cursor) {
    this.pressed = this.pressed && anchor >= 0;
    this.anchor = anchor;
    this.cursor = cursor;
    const step = WIDTH / Math.max(1, this.buckets?.length ?? 1);
    const [first, last] = [Math.min(anchor, cursor), Math.max(anchor, cursor)];
    this.brush?.setAttribute("x", String(Math.max(0, first) * step));
    this.brush?.setAttribute("width", String(anchor < 0 ? 0 : (last - first + 1) * step));
  }

  apply() {
    if (this.anchor < 0) return;
    const [first, last] = [Math.min(this.anchor, this.cursor), Math.max(this.anchor, this.cursor)];
    const instant = (index) => new Date(this.buckets[0].from + index * this.width).toISOString();
    this.onrange(instant(first), instant(last + 1));
  }

  keydown(event) {
    const length = this.buckets?.length ?? 0;
    if (length === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -length, End: length };
    if (event.key in steps) {
      const from = this.cursor < 0 ? (event.key === "ArrowRight" ? -1 : length) : this.cursor;
      const next = Math.max(0, Math.min(length - 1, from + steps[event.key]));
      this.choose(event.shiftKey && this.anchor >= 0 ? this.anchor : next, next);
      this.describe(next);
    } else if (event.key === "Enter") this.apply();
    else if (event.key === "Escape" && this.anchor >= 0) this.choose(-1, -1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/** Buckets without a gap: those that the server left out had no events. */
function spread(answer) {
  const width = answer.width_seconds * 1_000;
  const found = new Map(answer.buckets.map((bucket) => [Date.parse(bucket.from), bucket]));
  if (found.size === 0) return [];
  const times = [...found.keys()];
  const align = (instant) => Math.floor(instant / width) * width;
  const first = answer.from ? align(Date.parse(answer.from)) : times[0];
  const last = answer.to ? align(Date.parse(answer.to) - 1) : times.at(-1);
  // The server chooses the width, so a range never has many more buckets than were asked for.
  const count = Math.min(Math.round((last - first) / width) + 1, 4 * BUCKETS);
  return Array.from({ length: count }, (_, index) => {
    const from = first + index * width;
    const bucket = found.get(from);
    return { from, count: bucket?.count ?? 0, failed: bucket?.values?.failure ?? 0 };
  });
}
