// @ts-check
/** The query language of the search box, as far as the page edits it: words, fields, quotes. */

const TERM = /-?(?:(?:[A-Za-z_]+|[xX]\.[^\s:"]+):)?(?:"(?:[^"\\]|\\.)*"?|\S*)/y;

/** A term of a query: its text, and where that begins and ends.
 * @typedef {{text: string, start: number, end: number}} Term */

/** Whether something holds for the text of a term.
 * @typedef {(text: string) => boolean} TermTest */

/** The terms of a query; a quote that is still open is a term as well.
 * @param {string} query
 * @returns {Term[]} */
export function terms(query) {
  /** @type {Term[]} */
  const all = [];
  let at = 0;
  while (at < query.length) {
    if (/\s/.test(query[at])) {
      at++;
      continue;
    }
    TERM.lastIndex = at;
    const text = TERM.exec(query)?.[0] || query[at];
    all.push({ text, start: at, end: at + text.length });
    at += text.length;
  }
  return all;
}

/** The term of a query that ends at a caret, or in which that is; an empty one where there is none.
 * @param {string} query
 * @param {number} caret the index of the character behind it
 * @returns {Term} */
export const termAt = (query, caret) =>
  terms(query).find(({ start, end }) => start < caret && caret <= end) ?? {
    text: "",
    start: caret,
    end: caret,
  };

/** Whether a query can be looked for while its last term is still being written.
 * @param {string} query */
export function isSearchable(query) {
  const lastTerm = terms(query).at(-1)?.text ?? "";
  return !lastTerm.includes(":") && (lastTerm.match(/"/g) ?? []).length % 2 === 0;
}

/** A term such as tag:night or tag:"two words".
 * @param {string} field "" for a word that asks for no field
 * @param {string} value
 * @returns {string} */
export function term(field, value) {
  const plain = /^[^\s"\\*-][^\s"\\*]*$/.test(value) && !(field === "" && value.includes(":"));
  const quoted = plain ? value : `"${value.replace(/["\\]/g, "\\$&")}"`;
  return field ? `${field}:${quoted}` : quoted;
}

const PARTS = /^(?<minus>-?)(?:(?<field>[A-Za-z_]+|[xX]\.[^\s:"]+):)?(?<value>.*)$/s;

/** The field and value of a term, without quotes, and whether it has a minus.
 * @param {string} text */
export function parts(text) {
  const { minus = "", field = "", value = "" } = PARTS.exec(text)?.groups ?? {};
  const inner = value.startsWith('"') ? value.slice(1).replace(/"$/, "").replace(/\\(.)/g, "$1") : value;
  return { negated: Boolean(minus), field: field.toLowerCase(), value: inner };
}

/** @type {(one: string, other: string) => boolean} */
const same = (one, other) => one.toLowerCase() === other.toLowerCase();

const OR = "OR"; // between alternatives; in quotes, or in other letters, it is a word

/** The alternatives of a query, each as the texts of its terms; at least one.
 * @param {string} query */
function alternatives(query) {
  /** @type {string[][]} */
  const groups = [[]];
  for (const { text } of terms(query)) {
    if (text === OR) groups.push([]);
    else groups[groups.length - 1].push(text);
  }
  return groups;
}

/** The query of alternatives; one that has no terms left is none.
 * @param {string[][]} groups */
const joined = (groups) =>
  groups
    .filter((group) => group.length)
    .map((group) => group.join(" "))
    .join(` ${OR} `);

/** Whether a query demands a term, in each of its alternatives.
 * @param {string} query
 * @param {string} demanded
 * @returns {boolean} */
export const has = (query, demanded) =>
  alternatives(query).every((group) => group.some((text) => same(text, demanded)));

/** The query without the terms for which something holds.
 * @type {(query: string, isUnwanted: TermTest) => string} */
const rejecting = (query, isUnwanted) =>
  joined(alternatives(query).map((group) => group.filter((text) => !isUnwanted(text))));

/** The query without a term.
 * @type {(query: string, unwanted: string) => string} */
export const without = (query, unwanted) => rejecting(query, (text) => same(text, unwanted));

/** Adds a term to every alternative of a query.
 * @type {(query: string, added: string) => string} */
function narrowed(query, added) {
  const groups = alternatives(query).filter((group) => group.length);
  return joined((groups.length ? groups : [[]]).map((group) => [...group, added]));
}

/** Adds a term, or takes it away where it is there.
 * @type {(query: string, text: string) => string} */
export const toggle = (query, text) =>
  has(query, text) ? without(query, text) : narrowed(without(query, text), text);

/** Puts a term in the place of all those that are its rivals.
 * @type {(query: string, text: string, isRival: TermTest) => string} */
export const put = (query, text, isRival) => narrowed(rejecting(query, isRival), text);

/** Puts a term in the place of its rivals, or takes it away where it is there.
 * @type {(query: string, text: string, isRival: TermTest) => string} */
export const toggleOne = (query, text, isRival) =>
  has(query, text) ? without(query, text) : put(query, text, isRival);

/** The test whether a term asks for one of some fields.
 * @type {(fields: string[]) => TermTest} */
export const isAbout = (fields) => (text) => fields.includes(parts(text).field);

/** @type {TermTest} */
const isFolder = (text) => isAbout(["folder"])(text) && !parts(text).negated;

/** The path of the folder in which a query looks; "" for the whole library.
 * @param {string} query
 * @returns {string} */
export function folderOf(query) {
  const text = terms(query)
    .map(({ text }) => text)
    .find(isFolder);
  return text === undefined ? "" : parts(text).value.replace(/^\/+|\/+$/g, "");
}

/** The query in another folder, or in the whole library where the path is empty.
 * @type {(query: string, path: string) => string} */
export const inFolder = (query, path) =>
  path ? put(query, term("folder", path), isFolder) : rejecting(query, isFolder);

/** The query without its term at an index, and without an OR that would then stand alone.
 * @param {string} query
 * @param {number} index
 * @returns {string} */
export function withoutTerm(query, index) {
  const others = terms(query).map(({ text }, i) => (i === index ? "" : text));
  return joined(alternatives(others.join(" ")));
}

export const SORT = "title"; // the order where an address names no other
export const SHUFFLED = "random"; // the order that a seed decides, a whole number

/** What the library shows: a query and an order; only a shuffle has a seed.
 * @typedef {{q: string, sort: string, order: string, seed: string}} LibraryQuery */

/** What the parameters of the library's address ask for.
 * @param {URLSearchParams} params
 * @returns {LibraryQuery} */
export function listingOf(params) {
  const sort = params.get("sort") ?? SORT;
  return {
    q: params.get("q") ?? "",
    sort,
    order: params.get("order") ?? "asc",
    seed: sort === SHUFFLED ? (params.get("seed") ?? "0") : "",
  };
}
