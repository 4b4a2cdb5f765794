// @ts-check
/** Searches that were saved under a name: opened, saved, renamed, taken away, each with the way back. */

import { get, put, remove } from "../data/api.js";
import { findAll, h, keyed } from "../ui/dom.js";
import { addressOf } from "../ui/router.js";
import { attempt, button, toast } from "../ui/controls.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { LibraryQuery } from "../data/query.js" */

const LONGEST = 100; // characters of a name

/** @type {(name: string) => `/searches/${string}`} */
const pathOf = (name) => `/searches/${encodeURIComponent(name)}`;

/** What the library shows, as it is stored.
 * @param {LibraryQuery} query */
const stored = ({ q, sort, order, seed }) => ({ q, sort, order, seed: Number(seed) || 0 });

/** A saved search without its name.
 * @param {api.SavedSearchOut} search */
const unnamed = ({ name, ...search }) => search;

/** @typedef {Parameters<typeof addressOf>[0]} Ordered */

/** @type {(one: Ordered, other: Ordered) => boolean} */
const isSame = (one, other) => addressOf(one) === addressOf(other);

/** Takes a change back: what had a name before has it again, or nothing has.
 * @type {(name: string, previous: api.SavedSearchOut | null) => Promise<api.SavedSearchChangeOut>} */
const restore = (name, previous) => (previous ? put(pathOf(name), unnamed(previous)) : remove(pathOf(name)));

/** A field for the name of a search.
 * @param {string} label
 * @param {Record<string, unknown>} [props] */
const nameInput = (label, props = {}) =>
  h("input", {
    type: "text",
    required: true,
    maxlength: String(LONGEST),
    "aria-label": label,
    ...props,
  });

/** The list of saved searches, and a form that saves what is shown now. */
class SavedPanel {
  /** @type {LibraryQuery} */
  #shown = { q: "", sort: "", order: "", seed: "" }; // what the library shows
  /** @type {api.SavedSearchOut[]} */
  #searches = [];
  #list = h("ul.saved", { "aria-label": "Saved searches" });
  #nothing = h("p.dim", {}, "No search was saved yet.");
  #name = nameInput("Name", { autocomplete: "off" });
  #form = h(
    "form.save-search",
    { onsubmit: (/** @type {SubmitEvent} */ event) => (event.preventDefault(), this.#save()) },
    h("h2", {}, "Save this search"),
    h(".row", {}, this.#name, button("Save", "check", null, { kind: "primary", type: "submit" })),
  );
  element = h(".saved-in", {}, this.#list, this.#nothing, this.#form);

  /** @param {() => void} close closes what the panel stands in */
  constructor(close) {
    this.close = close;
  }

  /** Reads which searches there are, and offers to save what is shown now.
   * @param {LibraryQuery} shown */
  async show(shown) {
    this.#shown = shown;
    this.#name.value = shown.q.slice(0, LONGEST).trim();
    this.#form.hidden = true;
    await this.#read();
  }

  async #read() {
    const answer = await attempt(null, () => get("/searches"));
    this.#searches = answer?.searches ?? this.#searches;
    this.#draw();
  }

  #draw() {
    this.#list.replaceChildren(); // a name that was being edited is shown again
    keyed(
      this.#list,
      this.#searches,
      (search) => search.name,
      (search) => this.#item(search),
    );
    this.#nothing.hidden = this.#searches.length > 0;
    const isKnown = this.#searches.some((search) => isSame(search, this.#shown));
    this.#form.hidden = isKnown || isSame(this.#shown, { q: "", sort: "title", order: "asc" });
    if (!this.#nothing.hidden && this.#form.hidden)
      this.#nothing.textContent = "Search or filter first: what is found can be kept here.";
  }

  /** @param {api.SavedSearchOut} search */
  #item(search) {
    const link = {
      href: addressOf(search),
      onclick: () => this.close(),
      ...(isSame(search, this.#shown) ? { "aria-current": "true" } : {}),
    };
    const words = [search.q, search.sort === "title" ? "" : `by ${search.sort}`].filter(Boolean).join(" · ");
    const item = h(
      "li",
      {},
      h("a.saved-link", link, h("span", { dir: "auto" }, search.name), h("span.dim", { dir: "auto" }, words)),
    );
    item.append(
      button(`Rename ${search.name}`, "edit", () => this.#edit(item, search), { bare: true }),
      button(`Delete ${search.name}`, "trash", () => this.#forget(search), { bare: true }),
    );
    return item;
  }

  /** Lets the name of a search be written in its place.
   * @param {HTMLElement} item
   * @param {api.SavedSearchOut} search */
  #edit(item, search) {
    const input = nameInput(`New name of ${search.name}`);
    input.value = search.name;
    const onsubmit = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      this.#rename(search, input.value.trim());
    };
    const onkeydown = (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Escape") return;
      event.preventDefault(); // the panel stays
      this.#draw();
    };
    const save = button("Save the name", "check", null, { bare: true, type: "submit" });
    item.replaceChildren(h("form.row", { onsubmit, onkeydown }, input, save));
    input.select();
    input.focus();
  }

  async #save() {
    const name = this.#name.value.trim();
    const saved = await attempt(null, () => put(pathOf(name), stored(this.#shown)));
    if (!saved) return;
    this.close();
    const words = saved.previous ? `“${name}” is now this search` : `Saved as “${name}”`;
    this.#offerUndo(words, () => restore(name, saved.previous));
  }

  /** @param {api.SavedSearchOut} search */
  async #forget(search) {
    const forgotten = await attempt(null, () => remove(pathOf(search.name)));
    if (!forgotten) return;
    await this.#read();
    (findAll(this.#list, "a, button")[0] ?? this.#name).focus();
    this.#offerUndo(`“${search.name}” is gone`, () => restore(search.name, search));
  }

  /** @type {(search: api.SavedSearchOut, to: string) => Promise<void>} */
  async #rename(search, to) {
    if (!to || to === search.name) {
      this.#draw();
      return;
    }
    const moved = await attempt(null, async () => {
      const saved = await put(pathOf(to), unnamed(search));
      await remove(pathOf(search.name));
      return saved;
    });
    await this.#read();
    if (!moved) return;
    this.#offerUndo(`“${search.name}” is now called “${to}”`, async () => {
      await restore(search.name, search);
      await restore(to, moved.previous);
    });
  }

  /** Tells what was done, with a button that takes it back.
   * @type {(words: string, undo: () => Promise<unknown>) => void} */
  #offerUndo(words, undo) {
    toast(words, { action: ["Undo", () => attempt(null, undo).then(() => this.#read())] });
  }
}

/** The panel of saved searches. Its `show(query)` reads them, and offers to save what is shown now.
 * @param {{close: () => void}} options `close()` closes what the panel stands in */
export const savedPanel = ({ close }) => new SavedPanel(close);
