/** What is said in the videos: lines of subtitles that have the words of a search. */

import { get } from "../api.js";
import { h } from "../dom.js";
import { clock, plural } from "../format.js";
import { parts, terms } from "../query.js";
import { videoHref } from "../router.js";

const SHOWN = 40; // lines

/** The words of a query that could be said: those that ask for no field. */
function wordsOf(query) {
  const words = terms(query)
    .map(({ text }) => parts(text))
    .filter(({ field, negated, value }) => !field && !negated && value !== "OR");
  return words.map(({ value }) => value).join(" ");
}

/** A line with what was looked for marked; the server counts whole characters. */
function marked({ text, offsets }) {
  const letters = [...text];
  const piece = (from, to) => letters.slice(from, to).join("");
  const pieces = [];
  let at = 0;
  for (const [from, to] of offsets) {
    pieces.push(piece(at, from), h("mark", {}, piece(from, to)));
    at = to;
  }
  return h("span", { dir: "auto" }, ...pieces, piece(at));
}

/** A fold of the lines for a query; `show(query)` fills it. */
export function saidFold() {
  const summary = h("summary", {});
  const list = h("ul", {});
  const fold = h("details.said", { hidden: true }, summary, list);
  let asked = "";
  let asks = 0;

  /** With `again` the same words are looked for once more: what is shown stays until the answer. */
  async function show(query, again = false) {
    const text = wordsOf(query);
    if (text === asked && !again) return;
    if (text !== asked) fold.hidden = true;
    asked = text;
    const mine = ++asks;
    const wanted = { text, recursive: 1, ext: "*", limit: SHOWN };
    const found = text.length > 1 ? await get("/search", wanted).catch(() => null) : null;
    if (mine !== asks) return;
    fold.hidden = !found?.total;
    if (fold.hidden) return; // what is said is an extra: the videos are there without
    summary.replaceChildren(`Said in ${plural(found.total, "video")}: `, h("strong", { dir: "auto" }, text));
    list.replaceChildren(
      ...found.results
        .flatMap(({ video, url, matches }) =>
          matches.map((match) =>
            h(
              "li",
              {},
              h(
                "a",
                { href: videoHref(url, { t: match.start }) },
                h("span.dim", {}, clock(match.start)),
                marked(match),
                h("span.dim", { dir: "auto" }, video),
              ),
            ),
          ),
        )
        .slice(0, SHOWN),
    );
  }

  return { fold, show };
}
