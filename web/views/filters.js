// @ts-check
/** The panel of filters: every choice is a term, which it writes into the query or takes out of it. */

import { get } from "../data/api.js";
import { find, findAll, h, keyed, setText } from "../ui/dom.js";
import { codecName, count } from "../ui/format.js";
import { has, isAbout, parts, term, toggle, toggleOne } from "../data/query.js";
import { allKinds, kindName, kindsKnown } from "../data/store.js";
import { button } from "../ui/controls.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { TermTest } from "../data/query.js" */
/** @import { Child } from "../ui/dom.js" */

/** The query that follows from another where a term was chosen.
 * @typedef {(query: string, term: string) => string} Choice */

/** What the panel does: takes the query that follows from a choice, and closes.
 * @typedef {{change: (query: string) => unknown, close: () => unknown}} FilterActions */

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

/** @type {(kind: string) => TermTest} */
const isAboutKind = (kind) => (text) =>
  KIND_FIELDS.includes(parts(text).field) && parts(text).value.toLowerCase() === kind;

/** The choice of one among several terms that are rivals.
 * @type {(isRival: TermTest) => Choice} */
const oneOf = (isRival) => (query, text) => toggleOne(query, text, isRival);

/** @type {(heading: string, ...content: Child[]) => HTMLElement} */
const group = (heading, ...content) => h("fieldset.filter", {}, h("legend", {}, heading), ...content);

/** Tells behind a choice how many videos have it.
 * @param {HTMLElement} pill
 * @param {number} number */
function showCount(pill, number) {
  setText(find(pill, ".count"), count(number));
  pill.classList.toggle("empty", number === 0);
}

/** The query, as far as the filters change it, and the buttons that do. */
class Choices {
  query = "";

  /** @param {(query: string) => unknown} change called with every choice */
  constructor(change) {
    this.change = change;
  }

  /** A button that is pressed as long as the query has its term.
   * @type {(text: string, term: string, choose: Choice) => HTMLElement} */
  pill(text, term, choose) {
    const flip = () => this.change(choose(this.query, term));
    const props = { type: "button", onclick: flip, dataset: { term } };
    return h("button.pill", props, h("span", { dir: "auto" }, text), h("span.dim.count", {}));
  }

  /** Presses the buttons in an element whose terms the query has.
   * @param {HTMLElement} element */
  mark(element) {
    for (const pill of findAll(element, ".pill"))
      pill.setAttribute("aria-pressed", String(has(this.query, pill.dataset.term ?? "")));
  }
}

/** Names of which any number can be chosen, with a box to find one of many. */
class NamesGroup {
  /** @type {api.NameCountOut[]} */
  #names = [];
  #pills = h(".pills", {});
  #note = h("p.dim", {});

  /**
   * @param {string} heading
   * @param {string} field of the terms
   * @param {Choices} choices
   */
  constructor(heading, field, choices) {
    this.heading = heading;
    this.field = field;
    this.choices = choices;
    this.box = h("input", {
      type: "text",
      "aria-label": `Find among ${heading.toLowerCase()}`,
      placeholder: "Find …",
      hidden: true,
      oninput: () => this.draw(),
    });
    this.element = group(heading, this.box, this.#pills, this.#note);
  }

  /** @param {api.NameCountOut[]} names */
  fill(names) {
    this.#names = names;
    this.draw();
  }

  draw() {
    const part = this.box.value.trim().toLowerCase();
    const fitting = this.#names.filter(({ name }) => name.toLowerCase().includes(part));
    // Those that are chosen stand first: what holds is never out of sight.
    const chosen = fitting.filter((one) => this.#isChosen(one));
    const shown = [...chosen, ...fitting.filter((one) => !this.#isChosen(one))].slice(0, NAMES_SHOWN);
    keyed(
      this.#pills,
      shown,
      ({ name }) => name,
      ({ name }) => this.choices.pill(name, term(this.field, name), toggle),
      (pill, { count: videos }) => showCount(pill, videos),
    );
    const more = fitting.length - shown.length;
    const moreText = more > 0 ? `${count(more)} more` : "";
    setText(this.#note, this.#names.length ? moreText : `No ${this.heading.toLowerCase()} yet.`);
    this.box.hidden = this.#names.length <= NAMES_FEW;
    this.choices.mark(this.element);
  }

  /** @param {api.NameCountOut} one */
  #isChosen({ name }) {
    return has(this.choices.query, term(this.field, name));
  }
}

/** All filters, and how many videos there are for each choice. */
class FilterPanel {
  #total = h("span.dim", { role: "status" });
  #codecs = h(".pills", {});
  #codecNote = h("p.dim", {});
  #kinds = h(".kinds", {});

  /** @param {FilterActions} actions */
  constructor({ change, close }) {
    this.choices = new Choices(change);
    this.clear = button("Clear all", "close", () => change(""), { kind: "small.quiet" });
    this.tags = new NamesGroup("Tags", "tag", this.choices);
    this.people = new NamesGroup("People", "performer", this.choices);
    const closer = button("Close the filters", "close", close, { bare: true });
    const exclusive = GROUPS.map(([heading, fields, options]) => {
      const choose = oneOf(isAbout(fields));
      const pills = options.map(([text, term]) => this.choices.pill(text, term, choose));
      return group(heading, h(".pills", {}, ...pills));
    });
    this.element = h(
      ".filters-in",
      {},
      h(
        ".row.between.filters-head",
        {},
        h("h2", {}, "Filters"),
        this.#total,
        h("span.gap", {}),
        this.clear,
        closer,
      ),
      h(
        ".filter-groups",
        {},
        ...exclusive,
        group("Codec", this.#codecs, this.#codecNote),
        this.tags.element,
        this.people.element,
        group("What is made", this.#kinds),
      ),
    );
  }

  /** Shows a state of the query, and how many videos it finds, in words.
   * @param {string} query
   * @param {string} total */
  show(query, total) {
    this.choices.query = query;
    setText(this.#total, total);
    this.mark();
  }

  /** Reads what may have changed since it was shown last. */
  async open() {
    kindsKnown()
      .then(() => this.drawKinds())
      .then(() => this.readCounts());
    const summary = await get("/tags/summary", { recursive: 1 }).catch(() => null);
    this.tags.fill(summary?.tags ?? []);
    this.people.fill(summary?.performers ?? []);
  }

  mark() {
    this.choices.mark(this.element);
    this.clear.hidden = !this.choices.query;
  }

  drawKinds() {
    keyed(
      this.#kinds,
      allKinds(),
      (kind) => kind,
      (kind) => this.kindChoices(kind),
    );
    this.mark();
  }

  /** Whether a kind of artifacts is there, or missing.
   * @param {string} kind */
  kindChoices(kind) {
    const choose = oneOf(isAboutKind(kind));
    const name = kindName(kind);
    const choice = (/** @type {string} */ text, /** @type {string} */ field) => {
      const pill = this.choices.pill(text, term(field, kind), choose);
      pill.setAttribute("aria-label", `${name} ${text}`);
      return pill;
    };
    return h(".kind", {}, h("span", {}, name), choice("there", "has"), choice("missing", "missing"));
  }

  /** Reads how many videos there are for each choice. */
  async readCounts() {
    const answer = await get("/videos/suggest", { fields: COUNTED.join(), ext: "*" }).catch(() => null);
    if (!answer) return; // one can choose without
    const { filters } = answer;
    this.drawCodecs(filters.map(({ text }) => text).filter(isAbout(["vcodec"])));
    const counts = new Map(filters.map(({ text, videos }) => [text, videos]));
    for (const pill of findAll(this.element, ".pill")) {
      const { term = "" } = pill.dataset;
      const isCounted = isAbout(COUNTED)(term) && !term.startsWith("-");
      if (isCounted) showCount(pill, counts.get(term) ?? 0);
    }
  }

  /** @param {string[]} codecTerms */
  drawCodecs(codecTerms) {
    const choose = oneOf(isAbout(["codec", "vcodec"]));
    keyed(
      this.#codecs,
      codecTerms,
      (text) => text,
      (text) => this.choices.pill(codecName(parts(text).value), text, choose),
    );
    setText(this.#codecNote, codecTerms.length ? "" : "None known yet.");
    this.mark();
  }
}

/** The panel of filters: its `show` shows a state of the query, its `open` reads what may have changed since.
 * @param {FilterActions} actions */
export const filterPanel = (actions) => new FilterPanel(actions);
