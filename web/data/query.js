// @ts-check
/** The query language of the search box, as far as the page edits it: words, fields, quotes. */

const TERM = /-?(?:(?:[A-Za-z_]+|[xX]\.[^\s:"]+):)?(?:"(?:[^"\\]|\\.)*"?|\S*)/y;

/** The terms of a query as [{text, start, end}]; a quote that is still open is a term as well. */
export function terms(query) {
  const found = [];
  let at = 0;
  while (at < query.length) {
    if (/\s/.test(query[at])) {
      at++;
      continue;
    }
    TERM.lastIndex = at;
    const text = TERM.exec(query)[0] || query[at];
    found.push({ text, start: at, end: at + text.length });
    at += text.length;
  }
  return found;
}

/** A term such as tag:night or tag:"two words". */
export function term(field, value) {
  const plain = /^[^\s"\\*-][^\s"\\*]*$/.test(value) && !(field === "" && value.includes(":"));
  const quoted = plain ? value : `"${value.replace(/["\\]/g, "\\$&")}"`;
  return field ? `${field}:${quoted}` : quoted;
}

/** The field and value of a term, without quotes. */
export function parts(text) {
  const [, minus, field = "", value] = /^(-?)(?:([A-Za-z_]+|[xX]\.[^\s:"]+):)?(.*)$/s.exec(text);
  const inner = value.startsWith('"') ? value.slice(1).replace(/"$/, "").replace(/\\(.)/g, "$1") : value;
  return { negated: Boolean(minus), field: field.toLowerCase(), value: inner };
}

const same = (one, other) => one.toLowerCase() === other.toLowerCase();

const OR = "OR"; // between alternatives; in quotes, or in other letters, it is a word

/** The alternatives of a query, each as the texts of its terms; at least one. */
function alternatives(query) {
  /** @type {string[][]} */
  const groups = [[]];
  for (const { text } of terms(query)) {
    if (text === OR) groups.push([]);
    else groups[groups.length - 1].push(text);
  }
  return groups;
}

/** The query of alternatives; one that has no terms left is none. */
const joined = (groups) =>
  groups
    .filter((group) => group.length)
    .map((group) => group.join(" "))
    .join(` ${OR} `);

/** Whether all that a query finds has a term. */
export const has = (query, wanted) =>
  alternatives(query).every((group) => group.some((text) => same(text, wanted)));

/** The query without the terms for which something holds. */
const rejecting = (query, isUnwanted) =>
  joined(alternatives(query).map((group) => group.filter((text) => !isUnwanted(text))));

export const without = (query, unwanted) => rejecting(query, (text) => same(text, unwanted));

/** Adds a term to every alternative of a query. */
function narrowed(query, wanted) {
  const groups = alternatives(query).filter((group) => group.length);
  return joined((groups.length ? groups : [[]]).map((group) => [...group, wanted]));
}

/** Adds a term, or takes it away where it is there. */
export const toggle = (query, wanted) =>
  has(query, wanted) ? without(query, wanted) : narrowed(without(query, wanted), wanted);

/** Puts a term in the place of all those that are its rivals. */
export const put = (query, wanted, isRival) => narrowed(rejecting(query, isRival), wanted);

/** As `toggle`, in the place of every other term that is among those of which one is chosen. */
export const toggleOne = (query, wanted, isRival) =>
  has(query, wanted) ? without(query, wanted) : put(query, wanted, isRival);

/** Whether the text of a term asks for one of these fields. */
export const isAbout = (fields) => (text) => fields.includes(parts(text).field);

const isFolder = (text) => isAbout(["folder"])(text) && !parts(text).negated;

/** The folder in which a query looks, by its path; "" for the whole library. */
export function folderOf(query) {
  const text = terms(query)
    .map(({ text }) => text)
    .find(isFolder);
  return text === undefined ? "" : parts(text).value.replace(/^\/+|\/+$/g, "");
}

/** The query in another folder, or in the whole library. */
export const inFolder = (query, path) =>
  path ? put(query, term("folder", path), isFolder) : rejecting(query, isFolder);

/** The query without its term at an index, and without an OR that then stands alone. */
export function withoutTerm(query, index) {
  const kept = terms(query).map(({ text }, i) => (i === index ? "" : text));
  return joined(alternatives(kept.join(" ")));
}

export const SORT = "title"; // the order where an address names no other
export const SHUFFLED = "random"; // the order that a seed decides, a whole number

/** What the parameters of the library's address ask for: {q, sort, order, seed}; only a shuffle has a
 * seed. */
export function listingOf(params) {
  const sort = params.get("sort") ?? SORT;
  return {
    q: params.get("q") ?? "",
    sort,
    order: params.get("order") ?? "asc",
    seed: sort === SHUFFLED ? (params.get("seed") ?? "0") : "",
  };
}
