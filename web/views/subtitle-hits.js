// @ts-check
/** What is said in the videos: lines of subtitles that have the words of a search. */

import { get } from "../data/api.js";
import { h, latestOnly } from "../ui/dom.js";
import { clock, plural } from "../ui/format.js";
import { parts, terms } from "../data/query.js";
import { videoHref } from "../ui/router.js";

/** @import * as api from "../data/api-types.d.ts" */

const SHOWN = 40; // lines

/** The words of a query that could be said: those that ask for no field.
 * @param {string} query */
function wordsOf(query) {
  const words = terms(query)
    .map(({ text }) => parts(text))
    .filter(({ field, negated, value }) => !field && !negated && value !== "OR");
  return words.map(({ value }) => value).join(" ");
}

/** A line with what was looked for marked; the server counts whole characters.
 * @param {api.SubtitleLineOut} line */
function marked({ text, offsets }) {
  const letters = [...text];
  const piece = (/** @type {number} */ from, /** @type {number} */ to = letters.length) =>
    letters.slice(from, to).join("");
  const pieces = [];
  let at = 0;
  for (const [from, to] of offsets) {
    pieces.push(piece(at, from), h("mark", {}, piece(from, to)));
    at = to;
  }
  return h("span", { dir: "auto" }, ...pieces, piece(at));
}

/** A line with its time and video, as a link to that moment.
 * @type {(url: string, video: string, line: api.SubtitleLineOut) => HTMLElement} */
function lineItem(url, video, line) {
  const at = h("span.dim", {}, clock(line.start));
  const link = { href: videoHref(url, { t: line.start }) };
  return h("li", {}, h("a", link, at, marked(line), h("span.dim", { dir: "auto" }, video)));
}

/** @typedef {ReturnType<typeof subtitleHits>} SubtitleHits */

/** A fold of the lines for a query; `show(query)` fills it, `total` is the number of videos that have any.
 * @param {() => unknown} changed called when that is another */
export function subtitleHits(changed) {
  const summary = h("summary", {});
  const list = h("ul", {});
  const fold = h("details.subtitle-hits", { hidden: true }, summary, list);
  const hits = { fold, show, total: 0 };
  let shown = ""; // the words that were looked for last
  const latest = latestOnly();

  /** @param {number} total */
  function showTotal(total) {
    const isOther = hits.total !== total;
    hits.total = total;
    fold.hidden = !total;
    if (isOther) changed();
  }

  /** Looks for the words of a query.
   * @param {string} query
   * @param {boolean} [again] the same words once more: what is shown stays until the answer */
  async function show(query, again = false) {
    const text = wordsOf(query);
    if (text === shown && !again) return;
    if (text !== shown) [hits.total, fold.hidden] = [0, true];
    shown = text;
    const params = { text, recursive: 1, ext: "*", limit: SHOWN };
    const asking = text.length > 1 ? get("/search", params).catch(() => null) : null;
    const answer = await latest(asking);
    if (answer === undefined) return;
    if (answer?.total) fill(answer, text);
    showTotal(answer?.total ?? 0); // what is said is an extra: the videos are there without
  }

  /** @type {(answer: api.SearchOut, text: string) => void} */
  function fill({ total, results }, text) {
    summary.replaceChildren(`Said in ${plural(total, "video")}: `, h("strong", { dir: "auto" }, text));
    const items = results.flatMap(({ video, url, matches }) =>
      matches.map((line) => lineItem(url, video, line)),
    );
    list.replaceChildren(...items.slice(0, SHOWN));
  }

  return hits;
}
