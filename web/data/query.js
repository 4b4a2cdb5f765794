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

export const has = (query, wanted) => terms(query).some(({ text }) => same(text, wanted));

export function without(query, unwanted) {
  return terms(query)
    .filter(({ text }) => !same(text, unwanted))
    .map(({ text }) => text)
    .join(" ");
}

/** Adds a term, or takes it away where it is there. */
export function toggle(query, wanted) {
  return has(query, wanted) ? without(query, wanted) : `${query.trim()} ${wanted}`.trim();
}

export const SORT = "title"; // the order where an address names no other

/** What the parameters of the library's address ask for: {q, sort, order}. */
export const listingOf = (params) => ({
  q: params.get("q") ?? "",
  sort: params.get("sort") ?? SORT,
  order: params.get("order") ?? "asc",
});
