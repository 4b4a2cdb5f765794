// @ts-check
/** What the search box suggests: terms of the query language, videos, and searches that were saved. */

import { get } from "../data/api.js";
import { parts, term } from "../data/query.js";
import { folderPathOf, plural, title } from "../ui/format.js";
import { addressOf, videoHref } from "../ui/router.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { Suggestion } from "../ui/controls.js" */

/** What the search box suggests: a text that takes the place of the term at the caret, where a field alone
 * (`open`) waits for its value; or a page to go to.
 * @typedef {Suggestion & {open?: boolean, address?: string}} SearchOption */

const OPTIONS = 10; // that are suggested at most, and of them
const TITLES = 5; // videos

/** What could stand in the place of a term that is being written, or be opened at once.
 * @param {string} text of the term
 * @returns {Promise<SearchOption[]>} */
export async function suggestions(text) {
  if (!text.replace("-", "")) return [];
  const answer = await get("/videos/suggest", { prefix: text, ext: "*" }).catch(() => null);
  return answer ? optionsOf(answer, text) : []; // without them one can still type
}

/** The options of a combobox for what the server suggests for a term.
 * @param {api.SuggestionsOut} answer
 * @param {string} text of the term
 * @returns {SearchOption[]} */
function optionsOf({ words, filters, tags, performers, titles }, text) {
  const { negated, field } = parts(text);
  const minus = negated ? "-" : "";
  const counted = new Set(filters.map((filter) => filter.text));
  const named = (/** @type {string} */ field, /** @type {string[]} */ names) =>
    names.map((name) => ({ text: minus + term(field, name), hint: field }));
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

/** The searches that were saved, for who has not written anything yet.
 * @returns {Promise<SearchOption[]>} */
export async function savedOptions() {
  const answer = await get("/searches").catch(() => null);
  return (answer?.searches ?? []).map((search) => ({
    text: search.name,
    hint: "saved search",
    icon: "bookmark",
    address: addressOf(search),
  }));
}
