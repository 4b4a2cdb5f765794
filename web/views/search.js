// @ts-check
/** The search box with the query language, its suggestions, and filters that only edit its text. */

import { debounced, find, h, keyed, setText } from "../ui/dom.js";
import { count, plural } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import {
  SHUFFLED,
  folderOf,
  inFolder,
  isSearchable,
  parts,
  termAt,
  terms,
  withoutTerm,
} from "../data/query.js";
import { store } from "../data/store.js";
import { addressOf, go } from "../ui/router.js";
import { button, choices, combobox, menu } from "../ui/controls.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { LibraryQuery } from "../data/query.js" */
/** @import { filterPanel } from "./filters.js" */
/** @import { savedPanel } from "./saved.js" */
/** @import { SearchOption } from "./suggestions.js" */

const TYPING = 150; // milliseconds without a key after which what was typed is looked for

/** Orders: [order in the API, direction, text].
 * @type {[NonNullable<api.SavedSearchIn["sort"]>, string, string][]} */
const SORTS = [
  ["title", "asc", "Name"],
  ["name", "asc", "Folder"],
  ["added", "desc", "Newest"],
  ["added", "asc", "Oldest"],
  ["duration", "desc", "Longest"],
  ["duration", "asc", "Shortest"],
  ["rating", "desc", "Best rated"],
  ["played", "desc", "Last played"],
  ["height", "desc", "Sharpest"],
  ["size", "desc", "Largest"],
  ["size", "asc", "Smallest"],
  [SHUFFLED, "asc", "Random"],
];
const SEEDS = 1_000_000_000; // of shuffles

/** The index among these of the order of a query; -1 where it has another.
 * @param {Pick<LibraryQuery, "sort" | "order">} query */
const sortIndex = (query) => SORTS.findIndex(([sort, order]) => sort === query.sort && order === query.order);

/** The term of an input at the caret.
 * @param {HTMLInputElement} input */
const atCaret = ({ value, selectionStart }) => termAt(value, selectionStart ?? value.length);

/** The box that a query is written in, and what is suggested below it. */
class SearchBox {
  #shown = ""; // the query of the address
  #isWriting = false; // since the last search: an address that comes late must not take it away
  #isTyped = false; // whether the address has what was typed so far, and not yet finished
  #searchTyped = debounced(() => this.searchTyped(), TYPING);
  input = h("input", {
    type: "search",
    name: "q",
    placeholder: "Search: words, tag:night, duration:>10m, missing:subtitles …",
    "aria-label": "Search",
    spellcheck: false,
    maxlength: "2000",
  });
  total = h("span.total", { role: "status" });
  #list = h("ul.options", { hidden: true });
  #clear = button("Clear the search", "close", () => (this.set(""), this.input.focus()), {
    bare: true,
    hidden: true,
  });
  form = h(
    "form.search",
    {
      role: "search",
      onsubmit: (/** @type {SubmitEvent} */ event) => (event.preventDefault(), this.setWritten()),
    },
    icon("search"),
    this.input,
    this.total,
    this.#clear,
    this.#list,
  );

  /** @param {(q: string, replace: boolean) => unknown} search called with every query; with `replace` where it
   *   takes the place of what was typed before */
  constructor(search) {
    this.search = search;
    const { input } = this;
    input.addEventListener("input", () => this.onInput());
    input.addEventListener("blur", () => (this.#isTyped = false));
    combobox(input, this.#list, {
      suggest: () => this.suggest(),
      choose: (/** @type {SearchOption} */ option) => this.take(option),
    });
    input.addEventListener("keydown", (event) => this.onKey(event)); // behind that of the suggestions
  }

  /** Looks for a query.
   * @param {string} q */
  set(q) {
    this.search(q, this.#endWriting(false));
  }

  /** Looks for what is written. */
  setWritten() {
    this.set(this.input.value.trim());
  }

  /** Looks for what was typed so far, if that can be. */
  searchTyped() {
    const q = this.input.value.trim();
    if (!this.#isWriting || q === this.#shown || !isSearchable(q)) return;
    this.search(q, this.#endWriting(true));
  }

  /** Forgets what was typed, which was no search in the end. */
  leave() {
    this.#endWriting(false);
    this.input.value = this.#shown;
    this.input.blur();
  }

  /** Notes that nothing is written any more that was not looked for; whether the address has what was typed
   * before.
   * @param {boolean} isTyped whether more of it may follow */
  #endWriting(isTyped) {
    const wasTyped = this.#isTyped;
    this.#isWriting = false;
    this.#isTyped = isTyped;
    this.#searchTyped.cancel();
    return wasTyped;
  }

  /** Shows the query of the address, unless another is being written.
   * @param {string} q */
  show(q) {
    this.#shown = q;
    const isWriting = this.#isWriting && document.activeElement === this.input;
    if (!isWriting && this.input.value.trim() !== q) this.input.value = q;
    this.showClear();
  }

  showClear() {
    this.#clear.hidden = !this.input.value;
  }

  onInput() {
    this.#isWriting = true;
    this.showClear();
    this.#searchTyped();
  }

  async suggest() {
    const { savedOptions, suggestions } = await import("./suggestions.js");
    return this.input.value ? suggestions(atCaret(this.input).text) : savedOptions();
  }

  /** Takes a suggestion: puts it in the place of the term at the caret, or goes to its page.
   * @param {SearchOption} option */
  take({ text, open, address }) {
    if (address) {
      this.leave();
      go(address);
      return;
    }
    const { input } = this;
    const { start, end } = atCaret(input);
    const head = input.value.slice(0, start) + text;
    input.value = `${head}${open ? "" : " "}${input.value.slice(end).trimStart()}`;
    const caret = head.length + (open ? 0 : 1);
    input.setSelectionRange(caret, caret);
    if (open) input.dispatchEvent(new Event("input"));
    else this.setWritten();
  }

  /** Escape closes the suggestions, then takes the words away, and then leaves the box.
   * @param {KeyboardEvent} event */
  onKey(event) {
    if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
    event.preventDefault();
    if (this.input.value) this.set("");
    else this.input.blur();
  }
}

/** The search box with its menus: filters, saved searches, order; and the terms of the query as chips. */
export class SearchBar {
  /** @type {LibraryQuery} */
  #query = { q: "", sort: "title", order: "asc", seed: "" };
  /** @type {number | null} */
  #matches = null; // how many videos, as far as that is known
  /** @type {ReturnType<typeof filterPanel> | undefined} */
  #filterPanel; // once it was opened
  /** @type {ReturnType<typeof savedPanel> | undefined} */
  #savedPanel; // the same
  #box = new SearchBox((q, replace) => this.change({ ...this.#query, q }, replace));
  #shuffle = button("Shuffle again", "shuffle", () => this.sort(SHUFFLED, "asc"), {
    bare: true,
    kind: "wide-only",
    hidden: true,
  });
  form = this.#box.form;
  chips = h("ul.chips", { "aria-label": "Filters" });
  problem = h("p.bad", { role: "alert", id: "search-problem" });

  /** @param {(query: LibraryQuery, replace?: boolean) => unknown} change called with every choice; with `replace`
   *   where it takes the place of what was typed before */
  constructor(change) {
    this.change = change;
    const menus = [this.filterMenu(), this.savedMenu(), this.sortMenu()];
    this.filters = h(".row.filters", {}, ...menus, this.#shuffle, selectButton());
    this.sorted = find(this.filters, ".sorted span");
  }

  /** Looks for a query in the same order.
   * @param {string} q */
  set(q) {
    this.#box.set(q);
  }

  /** Looks at the same videos in an order; a random one is another each time.
   * @type {(sort: string, order: string) => void} */
  sort(sort, order) {
    const seed = sort === SHUFFLED ? String(Math.floor(Math.random() * SEEDS)) : "";
    this.change({ ...this.#query, sort, order, seed });
  }

  focus() {
    this.#box.input.focus();
  }

  /** The panel of filters, which is fetched when it is first wanted. */
  filterMenu() {
    const fill = async (/** @type {HTMLElement} */ place, /** @type {() => void} */ close) => {
      const { filterPanel } = await import("./filters.js");
      this.#filterPanel ??= filterPanel({ change: (q) => this.set(q), close });
      place.replaceChildren(this.#filterPanel.element);
      this.showTotal();
      this.#filterPanel.open();
    };
    return menu("Filters", "filter", fill, { panel: "filter-panel" });
  }

  /** The searches that were saved, fetched in the same way. */
  savedMenu() {
    const fill = async (/** @type {HTMLElement} */ place, /** @type {() => void} */ close) => {
      const { savedPanel } = await import("./saved.js");
      this.#savedPanel ??= savedPanel({ close });
      place.replaceChildren(this.#savedPanel.element);
      await this.#savedPanel.show(this.#query);
    };
    return menu("Saved", "bookmark", fill, { panel: "saved-panel" });
  }

  sortMenu() {
    const fill = (/** @type {HTMLElement} */ place, /** @type {() => void} */ close) => {
      const chosen = sortIndex(this.#query);
      const isAgain = (/** @type {number} */ i) => i === chosen && SORTS[i][0] === SHUFFLED;
      /** @type {[number, string][]} */
      const options = SORTS.map(([, , text], i) => [i, isAgain(i) ? "Shuffle again" : text]);
      const take = (/** @type {number} */ i) => {
        close();
        this.sort(SORTS[i][0], SORTS[i][1]);
      };
      place.replaceChildren(...choices(options, chosen, take));
    };
    return menu("Sort", "sort", fill, { kind: "sorted" });
  }

  /** Shows a query that came from elsewhere: the address, a chip.
   * @param {LibraryQuery} query */
  show(query) {
    this.#query = query;
    setText(this.sorted, SORTS[sortIndex(query)]?.[2] ?? "Sort");
    this.#shuffle.hidden = query.sort !== SHUFFLED;
    this.#box.show(query.q);
    this.showTotal();
    keyed(
      this.chips,
      terms(query.q).map(({ text }, i) => ({ text, i })),
      ({ text, i }) => `${i} ${text}`,
      ({ text, i }) => this.chip(text, i),
    );
  }

  /** A term of the query that can be taken out of it; what joins two is shown as it is.
   * @param {string} text
   * @param {number} i the index of the term */
  chip(text, i) {
    const words = h("span", { dir: "auto" }, text);
    if (text === "OR") return h("li.between-chips", {}, words);
    const { field, negated } = parts(text);
    if (field === "folder" && !negated) words.replaceChildren(...this.wayTo(folderOf(text)));
    const take = () => this.set(withoutTerm(this.#query.q, i));
    return h("li.chip", {}, words, button(`Remove ${text}`, "close", take, { bare: true }));
  }

  /** A folder with those that it is in, each as a link to what is in that one.
   * @param {string} path */
  wayTo(path) {
    const link = (/** @type {string} */ text, /** @type {string} */ folder) =>
      h("a", { href: addressOf({ ...this.#query, q: inFolder(this.#query.q, folder) }) }, text);
    const names = path.split("/");
    const links = names.map((name, i) => link(name, names.slice(0, i + 1).join("/")));
    return [link("All", ""), ...links].flatMap((one, i) => (i ? [h("span.dim", {}, " › "), one] : [one]));
  }

  /** Tells how many videos there are.
   * @param {number | null} matches null while that is not known
   * @param {boolean} isRefreshing whether it may still change */
  tell(matches, isRefreshing) {
    this.#matches = matches;
    const { total } = this.#box;
    total.title = isRefreshing ? "Looking for changes" : "";
    total.classList.toggle("refreshing", isRefreshing);
    this.showTotal();
  }

  showTotal() {
    const matches = this.#matches;
    setText(this.#box.total, matches === null ? "" : count(matches));
    this.#filterPanel?.show(this.#query.q, matches === null ? "" : plural(matches, "video"));
  }

  /** Says what is wrong with the query; "" where nothing is.
   * @param {string} text */
  refuse(text) {
    const { input } = this.#box;
    this.problem.textContent = text;
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    input.setAttribute("aria-describedby", text ? this.problem.id : "");
  }
}

/** For fingers, which cannot hover: lets the boxes of all cards be seen. */
function selectButton() {
  const flip = () => {
    const on = document.body.classList.toggle("selecting");
    if (!on) store.set({ selection: new Map() });
  };
  return button("Select", "check", flip, { kind: "touch" });
}
