// @ts-check
/** The panel of filters: every choice is a term, which it writes into the query or takes out of it. */

import { get } from "../data/api.js";
import { h, keyed, setText } from "../ui/dom.js";
import { codecName, count, kindName } from "../ui/format.js";
import { has, parts, term, toggle, toggleOne } from "../data/query.js";
import { store } from "../data/store.js";
import { button } from "../ui/controls.js";

/** Choices of which one holds at a time: heading, the fields that they are about, [text, term].
 * @type {[string, string[], [string, string][]][]} */
const GROUPS = [
  [
    "Length",
    ["duration"],
    [
      ["Under 5 min", "duration:<5m"],
      ["5 to 20 min", "duration:5m..20m"],
      ["20 to 60 min", "duration:20m..60m"],
      ["Over 1 h", "duration:>1h"],
    ],
  ],
  [
    "Resolution",
    ["height"],
    [
      ["4K", "height:>=2160"],
      ["1080p", "height:1080..2159"],
      ["720p", "height:720..1079"],
      ["Smaller", "height:<720"],
    ],
  ],
  [
    "Codec",
    ["codec", "vcodec"],
    ["h264", "hevc", "av1", "vp9", "mpeg4", "mpeg2video"].map((codec) => [
      codecName(codec),
      term("vcodec", codec),
    ]),
  ],
  [
    "Rating",
    ["rating"],
    [
      ["Favourites (5)", "rating:5"],
      ["4 and more", "rating:>=4"],
      ["3 and more", "rating:>=3"],
      ["Not rated", "-rating:>=0"],
    ],
  ],
  [
    "Watched",
    ["watched", "progress"],
    [
      ["Not watched", "-watched:"],
      ["Begun", "progress:"],
      ["Watched", "watched:"],
    ],
  ],
  [
    "Added",
    ["added"],
    [
      ["Last 24 hours", "added:<1d"],
      ["Last 7 days", "added:<7d"],
      ["Last month", "added:<1mo"],
      ["Last year", "added:<1y"],
    ],
  ],
];

const KIND_FIELDS = ["has", "missing", "fresh", "stale"];
const NAMES_SHOWN = 24; // tags, and people, at most: more are found by a part of their name
const NAMES_FEW = 12; // for which no box to find them is needed

const isAbout = (fields) => (text) => fields.includes(parts(text).field);
const isAboutKind = (kind) => (text) =>
  KIND_FIELDS.includes(parts(text).field) && parts(text).value.toLowerCase() === kind;

/** The panel; `change(q)` is called with every choice. Its `show(q, total)` shows a state of the query,
 * its `open()` reads what may have changed since. */
export function filterPanel({ change, close }) {
  let query = "";
  const total = h("span.dim", { role: "status" });
  const clear = button("Clear all", "close", () => change(""), { kind: "small.quiet" });

  /** A button that is pressed as long as the query has its term. */
  function choice(text, wanted, next, hint = null) {
    const flip = () => change(next(query, wanted));
    const props = { type: "button", onclick: flip, dataset: { term: wanted } };
    return h("button.pill", props, h("span", { dir: "auto" }, text), hint && h("span.dim", {}, hint));
  }

  const oneOf = (isRival) => (q, wanted) => toggleOne(q, wanted, isRival);
  const group = (heading, ...content) => h("fieldset.filter", {}, h("legend", {}, heading), ...content);
  const exclusive = ([heading, fields, options]) =>
    group(
      heading,
      h(".pills", {}, ...options.map(([text, wanted]) => choice(text, wanted, oneOf(isAbout(fields))))),
    );

  const tags = namesGroup("Tags", "tags", "tag");
  const people = namesGroup("People", "performers", "performer");
  const made = h(".kinds", {});
  const element = h(
    ".filters-in",
    {},
    h(
      ".row.between.filters-head",
      {},
      h("h2", {}, "Filters"),
      total,
      h("span.gap", {}),
      clear,
      button("Close the filters", "close", close, { bare: true }),
    ),
    h(
      ".filter-groups",
      {},
      ...GROUPS.map(exclusive),
      tags.element,
      people.element,
      group("What is made", made),
    ),
  );

  /** Names of which any number can be chosen, with a box to find one of many. */
  function namesGroup(heading, key, field) {
    const box = h("input", {
      type: "text",
      "aria-label": `Find among ${heading.toLowerCase()}`,
      placeholder: "Find …",
      hidden: true,
    });
    const pills = h(".pills", {});
    const note = h("p.dim", {});
    let names = [];
    function draw() {
      const wanted = box.value.trim().toLowerCase();
      const fitting = names.filter(({ name }) => name.toLowerCase().includes(wanted));
      // Those that are chosen stand first: what holds is never out of sight.
      const isChosen = ({ name }) => has(query, term(field, name));
      const shown = [...fitting.filter(isChosen), ...fitting.filter((one) => !isChosen(one))].slice(
        0,
        NAMES_SHOWN,
      );
      keyed(
        pills,
        shown,
        ({ name }) => name,
        ({ name, count: n }) => choice(name, term(field, name), toggle, count(n)),
      );
      const more = fitting.length - shown.length;
      setText(
        note,
        names.length ? (more > 0 ? `${count(more)} more` : "") : `No ${heading.toLowerCase()} yet.`,
      );
      box.hidden = names.length <= NAMES_FEW;
      mark();
    }
    box.addEventListener("input", draw);
    const fill = (all) => ((names = all), draw());
    return { element: group(heading, box, pills, note), fill, key };
  }

  function drawKinds() {
    keyed(
      made,
      store.state.kinds,
      (kind) => kind,
      (kind) => {
        const rival = oneOf(isAboutKind(kind));
        const name = kindName(kind);
        const pair = ["has", "missing"].map((field) => {
          const pill = choice(field === "has" ? "there" : "missing", term(field, kind), rival);
          pill.setAttribute("aria-label", `${name} ${field === "has" ? "there" : "missing"}`);
          return pill;
        });
        return h(".kind", {}, h("span", {}, name), ...pair);
      },
    );
    mark();
  }

  function mark() {
    for (const pill of element.querySelectorAll(".pill"))
      pill.setAttribute("aria-pressed", String(has(query, pill.dataset.term)));
    clear.hidden = !query;
  }

  async function open() {
    store.until(({ kinds }) => kinds.length).then(drawKinds);
    const summary = await get("/tags/summary", { recursive: 1 }).catch(() => null);
    for (const names of [tags, people]) names.fill(summary?.[names.key] ?? []);
  }

  function show(q, words) {
    query = q;
    setText(total, words);
    mark();
  }

  return { element, open, show };
}
