// @ts-check
/** What was made of a video: every kind of artifact with how it stands, and a button that makes it. */

import { make } from "../data/api.js";
import { find, h, keyed, setText } from "../ui/dom.js";
import { noteJob } from "../data/events.js";
import { amount, failureText } from "../ui/format.js";
import { allKinds, isActive, isExpected, kindName, store, taskOf, tasksOf } from "../data/store.js";
import { attempt, button, setLabel } from "../ui/controls.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { Disableable } from "../ui/controls.js" */

/** The artifacts of one video, as its details tell of them. */
class MadeArtifacts {
  /** @param {api.VideoDetailsOut} details */
  constructor(details) {
    this.details = details;
    this.present = details.artifacts ?? {};
    this.failures = details.broken ?? [];
  }

  /** Why a kind cannot be made, as an earlier run found; undefined where nothing is known.
   * @param {string} kind */
  failureOf(kind) {
    return this.failures.find(({ kinds }) => kinds.includes(kind));
  }

  /** Whether a kind is there, and of the video as it is now.
   * @param {string} kind */
  isFresh(kind) {
    return this.present[kind] === true;
  }

  /** The kinds that are not there and can be made. */
  get missing() {
    return allKinds().filter((kind) => isExpected(kind) && !this.isFresh(kind) && !this.failureOf(kind));
  }

  /** What a verification found: lines, the worst last. */
  get findings() {
    return [this.details.damaged, this.details.rotten].filter(Boolean);
  }

  /** Whether a kind says that something is wrong with the video.
   * @param {string} kind */
  isFaulty(kind) {
    return findsFaults(kind) && this.isFresh(kind) && this.findings.length > 0;
  }

  /** How a kind stands, as styles name it.
   * @param {string} kind */
  stateOf(kind) {
    if (this.isFaulty(kind)) return "faulty";
    const present = this.present[kind];
    return present === true ? "fresh" : present || "missing";
  }

  /** How a kind stands, in a word or two.
   * @param {string} kind */
  wordsOf(kind) {
    if (this.isFaulty(kind)) return "see above";
    if (findsFaults(kind) && this.isFresh(kind)) return "fine";
    if (this.isFresh(kind)) return amount(store.state.kinds[kind], this.details.documents[kind]);
    if (this.failureOf(kind)) return "failed";
    return this.present[kind] ? "outdated" : "";
  }
}

/** @param {string} kind */
const findsFaults = (kind) => store.state.kinds[kind].finds_faults;

/** Whether a job is at a video just now.
 * @param {string} path */
const isWorkedOn = (path) =>
  [...store.state.jobs.values()].some((job) => isActive(job) && job.current === path);

/** A panel of what was made of a video. */
export class MadePanel {
  /** @type {MadeArtifacts | null} */
  made = null; // of the video that is shown
  list = h("ul.artifacts", {});
  faults = h("ul.faults", {});
  all = button("Make all that is missing", "run", () => this.start(this.made?.missing ?? [], this.all), {
    kind: "small",
  });
  element = h(
    "section.panel",
    { "aria-label": "Artifacts" },
    h(".row.between", {}, h("h2", {}, "Made of it"), this.all),
    this.faults,
    this.list,
  );

  /** @param {AbortSignal} signal */
  constructor(signal) {
    store.watch(["jobs"], () => this.made && this.render(this.made), signal);
  }

  /** @param {api.VideoDetailsOut} details */
  show(details) {
    this.made = new MadeArtifacts(details);
    this.render(this.made);
  }

  /** Has kinds made; a single one that is there is made anew.
   * @param {string[]} kinds
   * @param {Disableable} control */
  async start(kinds, control) {
    const { made } = this;
    if (!made) return;
    const force = kinds.length === 1 && made.isFresh(kinds[0]);
    const job = await attempt(control, () => make(tasksOf(kinds), [made.details.path], { force }));
    if (job) noteJob(job);
  }

  /** @param {MadeArtifacts} made */
  render(made) {
    this.all.hidden = !made.missing.length;
    const lines = made.findings.map((line) => h("li", {}, line));
    const items = [...lines, ...made.failures.map((failure) => this.failureItem(failure))];
    this.faults.hidden = !items.length;
    this.faults.replaceChildren(...items);
    const isBusy = isWorkedOn(made.details.path);
    keyed(
      this.list,
      allKinds().filter(taskOf),
      (kind) => kind,
      (kind) => this.item(kind),
      (row, kind) => showKind(row, kind, made, isBusy),
    );
  }

  /** @param {string} kind */
  item(kind) {
    const control = button("Make", "run", () => this.start([kind], control), { kind: "small" });
    return h("li", {}, h("span.dot", {}), h("span", {}, kindName(kind)), h("span.dim.word", {}), control);
  }

  /** Why kinds could not be made, and a button that tries once more: the file may be whole by now.
   * @param {api.KnownFailureOut} failure */
  failureItem(failure) {
    const again = button("Try again", "undo", () => this.start(failure.kinds, again), { kind: "small" });
    return h("li.row.between", {}, h("span.grow", {}, failureText(failure)), again);
  }
}

/** Shows in its row how a kind stands.
 * @param {HTMLElement} row
 * @param {string} kind
 * @param {MadeArtifacts} made
 * @param {boolean} isBusy whether a job is at the video */
function showKind(row, kind, made, isBusy) {
  const isFresh = made.isFresh(kind);
  row.dataset.state = made.stateOf(kind);
  setText(find(row, ".word"), isBusy && !isFresh ? "working …" : made.wordsOf(kind));
  const control = find(row, "button");
  setLabel(control, isFresh ? "Again" : "Make");
  control.hidden = made.failureOf(kind) !== undefined; // it would fail again: the file is at fault
}
