// The search box: a text field with completion (WAI-ARIA combobox with a list), and the server's complaint under the
// place it is about.

import { debounce, fill, h } from "./dom.js";
import { get } from "./api.js";

/** How long nobody types before completions are asked for. */
const PAUSE_MS = 120;

export class Box {
  /** `onsearch(text)` when a search is entered; `range()` gives the parameters of the view's range of time. */
  constructor(form, { onsearch }) {
    this.input = form.querySelector("input");
    this.list = form.querySelector("[role=listbox]");
    this.error = form.querySelector("[role=alert]");
    this.chosen = -1;
    this.candidates = [];
    this.asking = null;
    const later = debounce(PAUSE_MS, () => this.complete());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.close();
      onsearch(this.input.value);
    });
    this.input.addEventListener("input", later);
    this.input.addEventListener("click", later);
    this.input.addEventListener("keydown", (event) => this.keydown(event));
    this.input.addEventListener("blur", () => setTimeout(() => this.close(), 150));
  }

  set value(text) {
    this.input.value = text;
  }

  focus() {
    this.input.focus();
    this.input.select();
  }

  async complete() {
    this.asking?.abort();
    this.asking = new AbortController();
    // The server counts characters, the browser UTF-16 units.
    const at = [...this.input.value.slice(0, this.input.selectionStart ?? 0)].length;
    try {
      const found = await get("api/v1/complete", { search: this.input.value, at }, this.asking.signal);
      if (document.activeElement === this.input) this.show(found);
    } catch {
      // Completion is a help; without it one types on.
      this.close();
    }
  }

  show({ from, to, candidates }) {
    this.from = from;
    this.to = to;
    this.candidates = candidates;
    this.chosen = -1;
    fill(
      this.list,
      candidates.map((candidate, index) =>
        h(
          "li",
          {
            role: "option",
            id: `candidate-${index}`,
            "aria-selected": "false",
            onpointerdown: (event) => {
              event.preventDefault();
              this.take(index);
            },
          },
          h("span", {}, candidate.text),
          h("span", { class: "quiet" }, candidate.detail ?? (candidate.count === undefined ? "" : String(candidate.count))),
        ),
      ),
    );
    this.open(candidates.length > 0);
  }

  open(isOpen) {
    this.list.hidden = !isOpen;
    this.input.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) this.input.removeAttribute("aria-activedescendant");
  }

  close() {
    this.asking?.abort();
    this.candidates = [];
    this.open(false);
  }

  take(index) {
    const characters = [...this.input.value];
    const text = this.candidates[index].text;
    const before = characters.slice(0, this.from).join("") + text;
    this.input.value = before + characters.slice(this.to).join("");
    this.input.setSelectionRange(before.length, before.length);
    this.close();
    // Behind a field's name its values follow.
    if (text.endsWith(":")) this.complete();
  }

  keydown(event) {
    const length = this.candidates.length;
    if (length === 0) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.chosen = (this.chosen + step + length + (this.chosen < 0 && step < 0 ? 1 : 0)) % length;
      [...this.list.children].forEach((item, index) => {
        item.setAttribute("aria-selected", String(index === this.chosen));
        if (index === this.chosen) item.scrollIntoView({ block: "nearest" });
      });
      this.input.setAttribute("aria-activedescendant", `candidate-${this.chosen}`);
    } else if ((event.key === "Enter" || event.key === "Tab") && this.chosen >= 0) this.take(this.chosen);
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Shows what is wrong with the search, or takes it away again with null. */
  complain(problem, text) {
    this.input.setAttribute("aria-invalid", String(Boolean(problem)));
    if (!problem) return fill(this.error);
    const hint = problem.hint ? ` ${problem.hint}` : "";
    // A caret under the column helps only where the text is the one that was typed.
    const isTyped = problem.column && text === this.input.value;
    const caret = isTyped && `${text}\n${" ".repeat(problem.column - 1)}${"^".repeat(Math.max(1, problem.length ?? 1))}`;
    fill(this.error, h("p", {}, `${problem.message}${hint}`), caret && h("pre", {}, caret));
  }
}
