// @ts-check
/** The search box with the query language, its suggestions, and filters that only edit its text. */

import { get } from "../data/api.js";
import { debounced, find, h, keyed, setText } from "../ui/dom.js";
import { count, folderPathOf, plural, title } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { SHUFFLED, folderOf, inFolder, parts, term, terms, withoutTerm } from "../data/query.js";
import { store } from "../data/store.js";
import { addressOf, go, videoHref } from "../ui/router.js";
import { button, choices, combobox, menu } from "../ui/controls.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { LibraryQuery } from "../data/query.js" */

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

const OPTIONS = 10; // that are suggested at most, and of them
const TITLES = 5; // videos

/** What could stand in the place of a term that is being written, or be opened at once. */
async function suggestions(text) {
  if (!text.replace("-", "")) return [];
  const answer = await get("/videos/suggest", { prefix: text, ext: "*" }).catch(() => null);
  return answer ? optionsOf(answer, text) : []; // without them one can still type
}

/** The options of a combobox for what the server suggests for a term. */
export function optionsOf({ words, filters, tags, performers, titles }, text) {
  const { negated, field } = parts(text);
  const minus = negated ? "-" : "";
  const counted = new Set(filters.map((filter) => filter.text));
  const named = (field, names) => names.map((name) => ({ text: minus + term(field, name), hint: field }));
  const terms = [
    ...filters.map((filter) => ({ text: minus + filter.text, hint: plural(filter.videos, "video") })),
    ...words
      .filter((word) => !counted.has(word))
      .map((word) => ({ text: minus + word, hint: field ? "" : "field", open: word.endsWith(":") })),
    ...named("tag", tags),
    ...named("performer", performers),
  ];
  const films = negated ? [] : titles.slice(0, TITLES).map(filmOption);
  return [...terms.slice(0, OPTIONS - films.length), ...films];
}

/** A video that can be opened.
 * @param {api.VideoRowOut} row
 * @returns {SearchOption} */
function filmOption({ name, path, url }) {
  const folder = folderPathOf(path);
  return { text: title(name), hint: folder || "video", icon: "film", key: url, address: videoHref(url) };
}

/** What the search box suggests: a text that takes the place of the term at the caret, where a field alone
 * (`open`) waits for its value; or a page to go to.
 * @typedef {import("../ui/controls.js").Suggestion & {open?: boolean, address?: string}} SearchOption */

/** The searches that were saved, for who has not written anything yet.
 * @returns {Promise<SearchOption[]>} */
async function savedOptions() {
  const answer = await get("/searches").catch(() => null);
  return (answer?.searches ?? []).map((search) => ({
    text: search.name,
    hint: "saved search",
    icon: "bookmark",
    address: addressOf(search),
  }));
}

/** The term at the caret.
 * @param {HTMLInputElement} input */
function atCaret(input) {
  const caret = input.selectionStart ?? input.value.length;
  const term = terms(input.value).find(({ start, end }) => start < caret && caret <= end);
  return term ?? { text: "", start: caret, end: caret };
}

/** Whether a query can be looked for while its last term is still being written. */
export function isSearchable(query) {
  const lastTerm = terms(query).at(-1)?.text ?? "";
  return !lastTerm.includes(":") && (lastTerm.match(/"/g) ?? []).length % 2 === 0;
}

/** Search, filters and sort.
 * @param {(query: LibraryQuery, replace?: boolean) => unknown} change called with every choice; with `replace`
 *   where it takes the place of what was typed before */
export function searchBar(change) {
  const input = h("input", {
    type: "search",
    name: "q",
    placeholder: "Search: words, tag:night, duration:>10m, missing:subtitles …",
    "aria-label": "Search",
    spellcheck: false,
    maxlength: "2000",
  });
  const list = h("ul.options", { hidden: true });
  const chips = h("ul.chips", { "aria-label": "Filters" });
  const total = h("span.total", { role: "status" });
  const problem = h("p.bad", { role: "alert", id: "search-problem" });
  let current = { q: "", sort: "title", order: "asc", seed: "" };
  let panel = null; // of the filters, once it was opened
  let saved = null; // the panel of searches that were saved, the same
  let matches = null; // how many videos, as far as that is known

  let writing = false; // since the last search: an address that comes late must not take it away
  let typed = false; // whether the address has what was typed so far, and not yet finished
  const set = (q) => {
    const replace = typed;
    [writing, typed] = [false, false];
    searchTyped.cancel();
    change({ ...current, q }, replace);
  };
  /** Forgets what was typed, which was no search in the end. */
  const leave = () => {
    [writing, typed] = [false, false];
    searchTyped.cancel();
    input.value = current.q;
    input.blur();
  };
  const searchTyped = debounced(() => {
    const q = input.value.trim();
    if (!writing || q === current.q || !isSearchable(q)) return;
    const replace = typed;
    [writing, typed] = [false, true];
    change({ ...current, q }, replace);
  }, TYPING);
  const clear = button("Clear the search", "close", () => (set(""), input.focus()), {
    bare: true,
    hidden: true,
  });
  const showClear = () => (clear.hidden = !input.value);
  input.addEventListener("input", () => {
    writing = true;
    showClear();
    searchTyped();
  });
  input.addEventListener("blur", () => (typed = false));

  combobox(input, list, {
    suggest: () => (input.value ? suggestions(atCaret(input).text) : savedOptions()),
    choose: (/** @type {SearchOption} */ { text, open, address }) => {
      if (address) {
        leave();
        go(address);
        return;
      }
      const { start, end } = atCaret(input);
      const head = input.value.slice(0, start) + text;
      input.value = `${head}${open ? "" : " "}${input.value.slice(end).trimStart()}`;
      const caret = head.length + (open ? 0 : 1);
      input.setSelectionRange(caret, caret);
      if (open) input.dispatchEvent(new Event("input"));
      else set(input.value.trim());
    },
  });

  // Escape closes the suggestions, then takes the words away, and then leaves the box.
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
    event.preventDefault();
    if (input.value) set("");
    else input.blur();
  });

  const form = h(
    "form.search",
    { role: "search", onsubmit: (event) => (event.preventDefault(), set(input.value.trim())) },
    icon("search"),
    input,
    total,
    clear,
    list,
  );

  const shuffle = button("Shuffle again", "shuffle", () => sort(SHUFFLED, "asc"), {
    bare: true,
    kind: "wide-only",
    hidden: true,
  });

  const filters = h(".row.filters", {}, filterMenu(), savedMenu(), sortMenu(), shuffle, selecting());

  const sorted = find(filters, ".sorted span");

  /** The panel of filters, which is fetched when it is first wanted. */
  function filterMenu() {
    const open = async (place, close) => {
      const { filterPanel } = await import("./filters.js");
      panel ??= filterPanel({ change: set, close });
      place.replaceChildren(panel.element);
      showTotal();
      panel.open();
    };
    return menu("Filters", "filter", open, { panel: "filter-panel" });
  }

  /** The searches that were saved, fetched in the same way. */
  function savedMenu() {
    const open = async (place, close) => {
      const { savedPanel } = await import("./saved.js");
      saved ??= savedPanel({ close });
      place.replaceChildren(saved.element);
      await saved.show(current);
    };
    return menu("Saved", "bookmark", open, { panel: "saved-panel" });
  }

  /** Looks at the same videos in an order; a random one is another each time. */
  function sort(sort, order) {
    const seed = sort === SHUFFLED ? String(Math.floor(Math.random() * SEEDS)) : "";
    change({ ...current, sort, order, seed });
  }

  function sortMenu() {
    const fill = (panel, close) => {
      const chosen = SORTS.findIndex(([sort, order]) => sort === current.sort && order === current.order);
      const textOf = ([order, , text], i) => (order === SHUFFLED && i === chosen ? "Shuffle again" : text);
      /** @type {[number, string][]} */
      const options = SORTS.map((one, i) => [i, textOf(one, i)]);
      panel.replaceChildren(...choices(options, chosen, (i) => (close(), sort(SORTS[i][0], SORTS[i][1]))));
    };
    return menu("Sort", "sort", fill, { kind: "sorted" });
  }

  /** For fingers, which cannot hover: lets the boxes of all cards be seen. */
  function selecting() {
    const flip = () => {
      const on = document.body.classList.toggle("selecting");
      if (!on) store.set({ selection: new Map() });
    };
    return button("Select", "check", flip, { kind: "touch" });
  }

  /** Shows a state that came from elsewhere: the address, a chip. */
  function show(state) {
    current = state;
    setText(
      sorted,
      SORTS.find(([sort, order]) => sort === state.sort && order === state.order)?.[2] ?? "Sort",
    );
    shuffle.hidden = state.sort !== SHUFFLED;
    const isWriting = writing && document.activeElement === input;
    if (!isWriting && input.value.trim() !== state.q) input.value = state.q;
    showClear();
    showTotal();
    keyed(
      chips,
      terms(state.q).map(({ text }, i) => ({ text, i })),
      ({ text, i }) => `${i} ${text}`,
      chip,
    );
  }

  /** A term of the query that can be taken out of it; what joins two is shown as it is. */
  function chip({ text, i }) {
    const words = h("span", { dir: "auto" }, text);
    if (text === "OR") return h("li.between-chips", {}, words);
    const { field, negated } = parts(text);
    if (field === "folder" && !negated) words.replaceChildren(...wayTo(folderOf(text)));
    const take = () => set(withoutTerm(current.q, i));
    return h("li.chip", {}, words, button(`Remove ${text}`, "close", take, { bare: true }));
  }

  /** A folder with those that it is in, each as a link to what is in that one. */
  function wayTo(path) {
    const link = (text, folder) =>
      h("a", { href: addressOf({ ...current, q: inFolder(current.q, folder) }) }, text);
    const names = path.split("/");
    const links = names.map((name, i) => link(name, names.slice(0, i + 1).join("/")));
    return [link("All", ""), ...links].flatMap((one, i) => (i ? [h("span.dim", {}, " › "), one] : [one]));
  }

  /** Tells how many videos there are, null while that is not known, and whether that may still change. */
  function tell(number, isRefreshing) {
    matches = number;
    total.title = isRefreshing ? "Looking for changes" : "";
    total.classList.toggle("refreshing", isRefreshing);
    showTotal();
  }

  function showTotal() {
    setText(total, matches === null ? "" : count(matches));
    panel?.show(current.q, matches === null ? "" : plural(matches, "video"));
  }

  function refuse(text) {
    problem.textContent = text;
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    input.setAttribute("aria-describedby", text ? problem.id : "");
  }

  return { form, filters, chips, problem, tell, show, sort, set, refuse, focus: () => input.focus() };
}
