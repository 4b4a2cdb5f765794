// @ts-check
/** The panel of filters: every choice is a term, which it writes into the query or takes out of it. */

import { get } from "../data/api.js";
import { findAll, h, keyed, setText } from "../ui/dom.js";
import { codecName, count } from "../ui/format.js";
import { has, isAbout, parts, term, toggle, toggleOne } from "../data/query.js";
import { allKinds, kindName, kindsKnown } from "../data/store.js";
import { button } from "../ui/controls.js";

/** Choices of which one holds at a time: heading, the fields that they are about, [text, term]. The terms
 * are among those that the server counts.
 * @type {[string, string[], [string, string][]][]} */
const GROUPS = [
  [
    "Length",
    ["duration"],
    [
      ["Under 1 min", "duration:<1m"],
      ["1 to 10 min", "duration:1m..10m"],
      ["10 to 30 min", "duration:10m..30m"],
      ["30 to 60 min", "duration:30m..1h"],
      ["1 to 2 h", "duration:1h..2h"],
      ["Over 2 h", "duration:>2h"],
    ],
  ],
  [
    "Resolution",
    ["resolution"],
    [
      ["8K", "resolution:8k"],
      ["4K", "resolution:4k"],
      ["1440p", "resolution:1440p"],
      ["1080p", "resolution:1080p"],
      ["720p", "resolution:720p"],
      ["Smaller", "resolution:<720p"],
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
    "Favourites",
    ["favourite"],
    [
      ["Favourites only", "favourite:"],
      ["None of them", "-favourite:"],
    ],
  ],
  [
    "Rating",
    ["rating"],
    [
      ["5", "rating:5"],
      ["4 and more", "rating:>=4"],
      ["3 and more", "rating:>=3"],
      ["Not rated", "-rating:>=0"],
    ],
  ],
  [
    "Added",
    ["added"],
    [
      ["Last 24 hours", "added:<1d"],
      ["Last 7 days", "added:<7d"],
      ["Last 30 days", "added:<30d"],
      ["Last year", "added:<1y"],
    ],
  ],
];

const COUNTED = [...GROUPS.flatMap(([, fields]) => fields), "vcodec", "has", "missing"];
const KIND_FIELDS = ["has", "missing", "fresh", "stale"];
const NAMES_SHOWN = 24; // tags, and people, at most: more are found by a part of their name
const NAMES_FEW = 12; // for which no box to find them is needed

const isAboutKind = (kind) => (text) =>
  KIND_FIELDS.includes(parts(text).field) && parts(text).value.toLowerCase() === kind;

/** The panel; `change(q)` is called with every choice. Its `show(q, total)` shows a state of the query,
 * its `open()` reads what may have changed since. */
export function filterPanel({ change, close }) {
  let query = "";
  const total = h("span.dim", { role: "status" });
  const clear = button("Clear all", "close", () => change(""), { kind: "small.quiet" });

  /** A button that is pressed as long as the query has its term. */
  function choice(text, termText, next) {
    const flip = () => change(next(query, termText));
    const props = { type: "button", onclick: flip, dataset: { term: termText } };
    return h("button.pill", props, h("span", { dir: "auto" }, text), h("span.dim.count", {}));
  }

  /** Tells behind a choice how many videos have it. */
  function showCount(pill, number) {
    setText(pill.querySelector(".count"), number === undefined ? "" : count(number));
    pill.classList.toggle("empty", number === 0);
  }

  const oneOf = (isRival) => (q, termText) => toggleOne(q, termText, isRival);
  const group = (heading, ...content) => h("fieldset.filter", {}, h("legend", {}, heading), ...content);
  const exclusive = ([heading, fields, options]) =>
    group(
      heading,
      h(".pills", {}, ...options.map(([text, termText]) => choice(text, termText, oneOf(isAbout(fields))))),
    );

  const codecs = h(".pills", {});
  const codecNote = h("p.dim", {});
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
      group("Codec", codecs, codecNote),
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
      const part = box.value.trim().toLowerCase();
      const fitting = names.filter(({ name }) => name.toLowerCase().includes(part));
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
        ({ name }) => choice(name, term(field, name), toggle),
        (pill, { count: n }) => showCount(pill, n),
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
      allKinds(),
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
    for (const pill of findAll(element, ".pill"))
      pill.setAttribute("aria-pressed", String(has(query, pill.dataset.term ?? "")));
    clear.hidden = !query;
  }

  /** Reads how many videos there are for each choice. */
  async function readCounts() {
    const answer = await get("/videos/suggest", { fields: COUNTED.join(), ext: "*" }).catch(() => null);
    if (!answer) return; // one can choose without
    const { filters } = answer;
    drawCodecs(filters.map(({ text }) => text).filter(isAbout(["vcodec"])));
    const counts = new Map(filters.map(({ text, videos }) => [text, videos]));
    for (const pill of findAll(element, ".pill")) {
      const { term = "" } = pill.dataset;
      const isCounted = isAbout(COUNTED)(term) && !term.startsWith("-");
      if (isCounted) showCount(pill, counts.get(term) ?? 0);
    }
  }

  function drawCodecs(codecTerms) {
    const rival = oneOf(isAbout(["codec", "vcodec"]));
    const name = (text) => codecName(parts(text).value);
    keyed(
      codecs,
      codecTerms,
      (text) => text,
      (text) => choice(name(text), text, rival),
    );
    setText(codecNote, codecTerms.length ? "" : "None known yet.");
    mark();
  }

  async function open() {
    kindsKnown().then(drawKinds).then(readCounts);
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
