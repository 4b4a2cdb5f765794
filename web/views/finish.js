// @ts-check
/** The question before everything that is missing is made: which kinds, and how long they take. */

import { forecast, submit } from "../data/api.js";
import { noteJob } from "../data/events.js";
import { kindName, taskOf } from "../data/store.js";
import { attempt, button, dialog } from "../ui/controls.js";
import { h, latestOnly, setText, tickedValues } from "../ui/dom.js";
import { label, plural, timeText } from "../ui/format.js";

/** A kind of artifacts, and of how many videos it can be made.
 * @typedef {{kind: string, videos: number}} KindToMake */

const HINT =
  "Only what is missing or outdated is made, several videos at a time. It can be cancelled; what was made stays.";

/** A box to tick for a kind.
 * @param {KindToMake} toMake */
const kindBox = ({ kind, videos }) =>
  h(
    "label.check",
    {},
    h("input", { type: "checkbox", value: taskOf(kind), checked: true }),
    h("span", {}, kindName(kind)),
    h("span.dim", {}, plural(videos, "video")),
  );

class FinishForm {
  time = h("p.dim", { role: "status" }, "Reckoning how long that takes …");
  go = button("Finish", "run", null, { kind: "primary", type: "submit" });
  isLatest = latestOnly();

  /**
   * @param {KindToMake[]} kinds
   * @param {() => void} close
   */
  constructor(kinds, close) {
    this.close = close;
    this.checks = h(".checks", { onchange: () => this.tellTime() }, ...kinds.map(kindBox));
    this.element = h(
      "form",
      { onsubmit: (/** @type {SubmitEvent} */ event) => this.submit(event) },
      h("p.dim", {}, HINT),
      this.checks,
      this.time,
      h(".row.end", {}, this.go),
    );
    this.tellTime();
  }

  /** Tells how long what is ticked takes, and what is missing for it. */
  async tellTime() {
    const tasks = tickedValues(this.checks);
    this.go.disabled = !tasks.length;
    const plan = await this.isLatest(tasks.length ? forecast(tasks).catch(() => null) : null);
    if (plan === undefined) return; // another choice was made meanwhile
    const needs = Object.entries(plan?.missing ?? {}).map(([task, need]) => `${label(task)}: ${need}`);
    setText(this.time, [plan && timeText(plan), ...needs].filter(Boolean).join(" "));
  }

  /** @param {SubmitEvent} event */
  async submit(event) {
    event.preventDefault();
    const tasks = tickedValues(this.checks);
    if (!tasks.length) return;
    const job = await attempt(this.go, () => submit("finish", { tasks, ext: ["*"] }));
    if (!job) return;
    noteJob(job);
    this.close();
  }
}

/** Asks which of some kinds are to be made, and begins that.
 * @param {KindToMake[]} kinds */
export const askToFinish = (kinds) =>
  dialog("Make what is missing", (close) => new FinishForm(kinds, close).element);
