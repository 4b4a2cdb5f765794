// @ts-check
/** A field of names as chips, with completion. */

import { h, keyed } from "./dom.js";
import { names } from "./format.js";
import { attempt, button, combobox, completions } from "./controls.js";

const SUGGESTED = 8; // names at a time

/** A change of the names in a field.
 * @typedef {{add: string[], remove: string[]}} NamesChange */

/** What Backspace does in an empty field: the first press marks the last name, the next removes it; a key
 * that is held does nothing more.
 * @param {string[]} shown the names in the field
 * @param {string | null} marked
 * @param {boolean} isRepeated whether the key is held
 * @returns {{marked: string | null, removed: string | null}} */
export function backspace(shown, marked, isRepeated) {
  const lastName = shown.at(-1);
  if (isRepeated || lastName === undefined) return { marked, removed: null };
  return marked === lastName ? { marked: null, removed: lastName } : { marked: lastName, removed: null };
}

class NamesField {
  #chips = h("ul.chips");
  #list = h("ul.options", { hidden: true });
  #status = h("span.hidden", { role: "status" });
  /** @type {string | null} */
  #marked = null; // the name that the next Backspace removes

  /**
   * @param {string} heading
   * @param {"tags" | "performers"} kind
   * @param {string[]} shown
   * @param {(change: NamesChange) => Promise<string[]>} change
   * @param {(name: string) => string} link
   */
  constructor(heading, kind, shown, change, link) {
    this.kind = kind;
    this.shown = shown;
    this.change = change;
    this.link = link;
    this.input = h("input", {
      type: "text",
      "aria-label": `Add ${heading.toLowerCase()}`,
      placeholder: "Add …",
      maxlength: "200",
    });
    combobox(this.input, this.#list, {
      suggest: () => this.suggestions(),
      choose: ({ text }) => this.add([text]),
    });
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("blur", () => this.mark(null));
    const box = h(".holder", {}, this.input, this.#list);
    this.element = h(".names", {}, h("h2", {}, heading), this.#chips, this.#status, box);
    this.render();
  }

  async suggestions() {
    const completed = this.input.value ? await completions(this.kind, this.input.value) : [];
    const others = completed.filter((name) => !this.shown.includes(name));
    return others.slice(0, SUGGESTED).map((text) => ({ text }));
  }

  /** @param {string} name */
  chip(name) {
    const remove = () => this.save({ add: [], remove: [name] });
    const link = h("a", { href: this.link(name) }, name);
    return h("li.chip", { dir: "auto" }, link, button(`Remove ${name}`, "close", remove, { bare: true }));
  }

  render() {
    const create = (/** @type {string} */ name) => this.chip(name);
    const update = (/** @type {HTMLElement} */ chip, /** @type {string} */ name) =>
      chip.classList.toggle("marked", name === this.#marked);
    keyed(this.#chips, this.shown, (name) => name, create, update);
    this.#status.textContent = this.#marked === null ? "" : `Backspace again removes ${this.#marked}`;
  }

  /** @param {string | null} name */
  mark(name) {
    if (name === this.#marked) return;
    this.#marked = name;
    this.render();
  }

  /** Saves a change; whether the server took it.
   * @param {NamesChange} change */
  async save(change) {
    const saved = await attempt(null, () => this.change(change));
    if (saved) this.shown = saved;
    this.#marked = null;
    this.render();
    return Boolean(saved);
  }

  /** @param {string[]} added */
  async add(added) {
    if (added.length && (await this.save({ add: added, remove: [] }))) this.input.value = "";
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.key === "Enter") this.add(names(this.input.value));
    if (event.key !== "Backspace" || this.input.value) {
      this.mark(null);
      return;
    }
    const { marked, removed } = backspace(this.shown, this.#marked, event.repeat);
    this.mark(marked);
    if (removed !== null) this.save({ add: [], remove: [removed] });
  }
}

/** A field of names.
 * @param {string} heading
 * @param {"tags" | "performers"} kind
 * @param {string[]} shown the names at first
 * @param {(change: NamesChange) => Promise<string[]>} change saves a change and gives the names then; may fail
 * @param {(name: string) => string} link the address of what has a name */
export const namesField = (heading, kind, shown, change, link) =>
  new NamesField(heading, kind, shown, change, link).element;
