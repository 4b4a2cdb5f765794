// @ts-check
/** What stands above a library without pictures: an offer to make them, with the time that takes. */

import { forecast, get, submit } from "../data/api.js";
import { noteJob } from "../data/events.js";
import { UNOFFERED, hasEnded, kindsKnown, store, tasksOf, tellChange } from "../data/store.js";
import { attempt, button, setLabel } from "../ui/controls.js";
import { h, setStyle, setText } from "../ui/dom.js";
import { count, plural, timeText } from "../ui/format.js";
import { href } from "../ui/router.js";

const KINDS = ["metadata", "thumbs"]; // what a card shows
const PAUSE = 5000; // milliseconds between two looks at what was made meanwhile

/** @import * as api from "../data/api-types.d.ts" */

/** Asks for one video of the folder that has a picture. */
const ANY_PICTURE = { q: "has:thumbs", recursive: 1, ext: "*", limit: 1 };

/** How far a job is, or how it came out, in a heading.
 * @param {api.JobOut} job */
function headingOf({ status }) {
  if (status === "done") return "Thumbnails and metadata are made";
  if (status === "error") return "They could not be made";
  return status === "cancelled" ? "Cancelled; what was made stays" : "Making thumbnails and metadata";
}

/** What stands below that heading.
 * @param {api.JobOut} job */
function textOf(job) {
  if (hasEnded(job)) return endText(job);
  const { progress_current: done, progress_total: total } = job;
  return total ? `${count(done)} of ${plural(total, "video")}` : "It begins soon.";
}

/** What a job that has ended says below its heading.
 * @param {api.JobOut} job */
function endText({ error, failed }) {
  if (error) return error;
  return failed ? `${plural(failed, "artifact")} could not be made: the cards tell why.` : "";
}

/** The offer, and the job that was begun with it. The panel's height is always the same: what stands below
 * is never moved but by the button that closes it. */
class FirstRun {
  #heading = h("h2", {});
  #text = h("p.dim", { role: "status" });
  #bar = h(".bar", { hidden: true }, h("span", {}));
  #begin = button("Make them", "run", () => this.start(), { kind: "primary" });
  #later = button("Not now", "close", () => this.close(), { kind: "quiet" });
  #jobs = h("a.button.quiet", { href: href("jobs"), hidden: true }, "Show the job");
  /** @type {api.JobOut | undefined} */
  #job; // that makes them, once it was begun and until it has ended
  #looked = 0; // when the library was last asked for what there is by now

  /**
   * @param {HTMLElement} panel
   * @param {AbortSignal} signal
   */
  constructor(panel, signal) {
    this.panel = panel;
    this.signal = signal;
    const buttons = h(".row", {}, this.#begin, this.#later, this.#jobs);
    panel.append(h(".grow", {}, this.#heading, this.#text, this.#bar), buttons);
    store.watch(["jobs"], () => this.follow(), signal);
  }

  close() {
    sessionStorage.setItem(UNOFFERED, store.state.directory);
    this.panel.hidden = true;
  }

  async start() {
    this.#job = await attempt(this.#begin, () => submit("finish", { tasks: tasksOf(KINDS), ext: ["*"] }));
    if (!this.#job) return;
    noteJob(this.#job);
    this.#looked = Date.now();
    this.follow();
  }

  /** Shows how far the job is, and what it made so far. */
  follow() {
    const job = this.#job && store.state.jobs.get(this.#job.id);
    if (!job) return;
    const isOver = hasEnded(job);
    this.#showButtons(true, isOver);
    setText(this.#heading, headingOf(job));
    setText(this.#text, textOf(job));
    const { progress_current: done, progress_total: total } = job;
    setStyle(this.#bar, { "--share": String(total ? done / total : 0) });
    if (isOver) this.#job = undefined;
    else if (Date.now() - this.#looked > PAUSE && done) {
      this.#looked = Date.now();
      tellChange({ kinds: KINDS });
    }
  }

  /** Shows the buttons of an offer, or of a job that was begun.
   * @param {boolean} isBegun
   * @param {boolean} [isOver] */
  #showButtons(isBegun, isOver = false) {
    this.#begin.hidden = isBegun;
    this.#later.hidden = isBegun && !isOver;
    setLabel(this.#later, isBegun ? "Close" : "Not now");
    this.#jobs.hidden = !isBegun;
    this.#bar.hidden = !isBegun || isOver;
  }

  /** Shows the offer if no video of the folder has a picture or metadata, and any can have them. */
  async show() {
    try {
      this.#job = undefined;
      this.#showButtons(false);
      const { total } = await get("/videos", ANY_PICTURE, this.signal);
      await kindsKnown();
      const plan = total ? null : await forecast(tasksOf(KINDS), this.signal);
      if (!plan?.videos) {
        this.close();
        return;
      }
      setText(this.#heading, `${plural(plan.videos, "video")} without pictures yet`);
      const what = "Thumbnails and metadata are made of them, beside the videos.";
      setText(this.#text, `${what} ${timeText(plan)}`);
    } catch {
      this.panel.hidden = true; // the list below says what is wrong
    }
  }
}

/** Fills a panel with the offer where the library needs it, until the signal; `show()` decides that.
 * @param {HTMLElement} panel
 * @param {AbortSignal} signal */
export const firstRun = (panel, signal) => new FirstRun(panel, signal);
