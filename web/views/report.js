// @ts-check
/** How far the library is: a bar for every kind of artifact, and a button that makes the rest. */

import { get, isAbort, make } from "../data/api.js";
import { find, h, inTurn, keyed, setText } from "../ui/dom.js";
import { noteJob } from "../data/events.js";
import { because, count, percent, plural } from "../ui/format.js";
import { href } from "../ui/router.js";
import { term } from "../data/query.js";
import { allKinds, isExpected, kindName, taskOf, tasksOf, watchChanges } from "../data/store.js";
import { attempt, button, failed, state } from "../ui/controls.js";
import { askToFinish } from "./finish.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { Route } from "../ui/router.js" */

/** Why artifacts of some kinds could not be made of some videos.
 * @typedef {{reason: string, videos: Set<string>, kinds: Set<string>}} SharedFailure */

/** What the server counted, by the kinds of artifacts. */
class Coverage {
  /** @param {api.ReportOut} report */
  constructor(report) {
    this.report = report;
    this.total = report.total; // videos
    this.kinds = allKinds().filter((kind) => kind in report.counts);
    this.expected = this.kinds.filter(isExpected);
  }

  /** How many videos have an artifact of a kind that is up to date.
   * @param {string} kind */
  made(kind) {
    return this.report.counts[kind];
  }

  /** How many have one that is not.
   * @param {string} kind */
  outdated(kind) {
    return this.report.stale[kind];
  }

  /** How many have none.
   * @param {string} kind */
  missing(kind) {
    return this.total - this.made(kind) - this.outdated(kind);
  }

  /** How many videos a kind cannot be made of, as earlier runs found.
   * @param {string} kind */
  failed(kind) {
    return this.report.broken.filter(({ kinds }) => kinds.includes(kind)).length;
  }

  /** How many of a kind can be made: not those that failed.
   * @param {string} kind */
  toMake(kind) {
    return this.report.to_make[kind] ?? 0;
  }

  /** The sum over the kinds that are made of every video in the end.
   * @param {(kind: string) => number} countOf */
  sum(countOf) {
    return this.expected.reduce((sum, kind) => sum + countOf(kind), 0);
  }

  /** Why artifacts could not be made, the most frequent reason first.
   * @returns {SharedFailure[]} */
  failures() {
    /** @type {Map<string, SharedFailure>} */
    const byReason = new Map();
    for (const { video, reason, kinds } of this.report.broken) {
      const group = byReason.get(reason) ?? { reason, videos: new Set(), kinds: new Set() };
      group.videos.add(video);
      for (const kind of kinds) group.kinds.add(kind);
      byReason.set(reason, group);
    }
    return [...byReason.values()].sort((one, other) => other.videos.size - one.videos.size);
  }
}

/** How many videos have a fault, as a link to them.
 * @param {"rotten" | "damaged"} fault
 * @param {number} videos */
function faultItem(fault, videos) {
  const text = `${plural(videos, "video")} ${videos === 1 ? "is" : "are"} ${fault}`;
  return h("li", {}, h("a.link", { href: href("library", { q: `${fault}:` }) }, text));
}

/** A reason with a link to the videos, and a button that tries them once more.
 * @param {SharedFailure} failure */
function failureItem({ reason, videos, kinds }) {
  const retry = async () => {
    const job = await attempt(again, () => make(tasksOf(kinds), [...videos]));
    if (job) noteJob(job);
  };
  const again = button("Try again", "undo", retry, { kind: "small" });
  const link = { href: href("library", { q: term("broken", reason) }) };
  const text = h(
    "span.grow",
    {},
    h("a.link", link, plural(videos.size, "video")),
    ` failed, ${because(reason, videos.size === 1 ? "it" : "each")}`,
    h("span.dim", {}, ` (${[...kinds].map(kindName).join(", ")})`),
  );
  return h("li.row.between", {}, text, again);
}

/** A button that has a kind made of every video that lacks it.
 * @param {string} kind */
function makeButton(kind) {
  const start = async () => {
    const job = await attempt(control, () => make(tasksOf([kind])));
    if (job) noteJob(job);
  };
  const control = button("Make", "run", start, { kind: "small" });
  return control;
}

/** The bar of a kind, with links to what is missing or outdated.
 * @param {string} kind */
function barItem(kind) {
  return h(
    "li",
    {},
    h("a.kind", { href: href("library", { q: `has:${kind}` }) }, kindName(kind)),
    h("span.bar", { role: "img" }, h("span.fresh", {}), h("span.old", {})),
    h("span.share", {}),
    h(
      "span.links",
      {},
      h("a.link.lacking", { href: href("library", { q: `missing:${kind}` }) }),
      h("a.link.stale", { href: href("library", { q: `stale:${kind}` }) }),
      h("span.failed.bad", {}),
    ),
    taskOf(kind) ? makeButton(kind) : h("span", {}),
  );
}

/** Shows in a bar how far a kind is.
 * @param {HTMLElement} item
 * @param {string} kind
 * @param {Coverage} coverage */
function showBar(item, kind, coverage) {
  const { total } = coverage;
  const [made, outdated] = [coverage.made(kind), coverage.outdated(kind)];
  const words = (/** @type {number} */ n, /** @type {string} */ word) => (n ? `${count(n)} ${word}` : "");
  const name = `${kindName(kind)}: ${made} of ${total} made, ${outdated} outdated`;
  find(item, ".bar").setAttribute("aria-label", name);
  find(item, ".fresh").style.width = `${(made / total) * 100}%`;
  find(item, ".old").style.width = `${(outdated / total) * 100}%`;
  setText(find(item, ".share"), percent(made / total));
  setText(find(item, ".lacking"), words(coverage.missing(kind), "missing"));
  setText(find(item, ".stale"), words(outdated, "outdated"));
  setText(find(item, ".failed"), words(coverage.failed(kind), "failed"));
  find(item, ":scope > :last-child").hidden = !coverage.toMake(kind);
}

/** What is shown where there is nothing to report on.
 * @param {() => unknown} again */
const noVideos = (again) =>
  state(
    "folder",
    "No videos here yet",
    "There is nothing to report on before there are videos.",
    button("Look again", "undo", again),
  );

class ReportView {
  /** @type {Coverage | null} */
  coverage = null;
  share = h("p.big", {});
  status = h("p.dim", { role: "status" });
  finish = button("Finish", "run", () => this.askToFinish(), { kind: "primary" });
  faults = h("ul.faults", {});
  bars = h("ul.coverage.panel", {});
  page = h(
    ".page",
    {},
    h(".head", {}, h("h1", {}, "Report"), this.finish),
    h(".summary", {}, this.share, this.status),
    this.faults,
    this.bars,
  );
  load = inTurn(() => this.read());

  /**
   * @param {HTMLElement} main
   * @param {AbortSignal} signal
   */
  constructor(main, signal) {
    this.main = main;
    this.signal = signal;
    const reading = h("p.dim", { role: "status" }, "Reading …");
    main.append(h(".page", {}, h(".head", {}, h("h1", {}, "Report")), reading));
  }

  async read() {
    try {
      const report = await get("/report", { recursive: 1, ext: "*" }, this.signal);
      this.coverage = new Coverage(report);
    } catch (error) {
      if (!isAbort(error)) this.main.replaceChildren(failed(error, this.load));
      return;
    }
    if (!this.coverage.total) {
      this.main.replaceChildren(noVideos(this.load));
      return;
    }
    if (!this.page.isConnected) this.main.replaceChildren(this.page);
    this.render(this.coverage);
  }

  /** @param {Coverage} coverage */
  render(coverage) {
    this.showSum(coverage);
    this.showFaults(coverage);
    const update = (/** @type {HTMLElement} */ item, /** @type {string} */ kind) =>
      showBar(item, kind, coverage);
    keyed(this.bars, coverage.kinds, (kind) => kind, barItem, update);
  }

  /** Shows how much is made of everything.
   * @param {Coverage} coverage */
  showSum(coverage) {
    const { total } = coverage;
    const all = coverage.sum(() => total);
    const done = coverage.sum((kind) => coverage.made(kind));
    const rest = coverage.sum((kind) => coverage.toMake(kind));
    setText(this.share, percent(done / all));
    setText(
      this.status,
      done === all
        ? `Everything is made of all ${count(total)} videos.`
        : `of everything is made of ${plural(total, "video")}; ${plural(rest, "artifact")} can be made.`,
    );
    this.finish.disabled = !rest;
  }

  /** Shows what is wrong with videos, and what failed.
   * @param {Coverage} coverage */
  showFaults(coverage) {
    const { rotten, damaged } = coverage.report;
    const items = [
      ...(rotten.length ? [faultItem("rotten", rotten.length)] : []),
      ...(damaged.length ? [faultItem("damaged", damaged.length)] : []),
      ...coverage.failures().map(failureItem),
    ];
    this.faults.replaceChildren(...items);
  }

  askToFinish() {
    const { coverage } = this;
    if (!coverage) return;
    const kinds = coverage.expected.map((kind) => ({ kind, videos: coverage.toMake(kind) }));
    askToFinish(kinds.filter(({ videos }) => videos));
  }
}

/**
 * @param {HTMLElement} main
 * @param {Route} route
 * @param {AbortSignal} signal
 */
export function mount(main, route, signal) {
  const view = new ReportView(main, signal);
  watchChanges(view.load, signal);
  view.load();
}
