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

/** How a job came out, in a heading. */
const OUTCOMES = {
  done: "Thumbnails and metadata are made",
  error: "They could not be made",
  cancelled: "Cancelled; what was made stays",
};

/** Fills a panel with the offer where the library needs it, until the signal; gives `show`. Its height
 * is always the same: what stands below is never moved but by the button that closes it. */
export function firstRun(panel, signal) {
  const heading = h("h2", {});
  const text = h("p.dim", { role: "status" });
  const bar = h(".bar", { hidden: true }, h("span", {}));
  const begin = button("Make them", "run", () => start(), { kind: "primary" });
  const later = button("Not now", "close", () => close(), { kind: "quiet" });
  const jobs = h("a.button.quiet", { href: href("jobs"), hidden: true }, "Show the job");
  panel.append(h(".grow", {}, heading, text, bar), h(".row", {}, begin, later, jobs));
  let job = null; // that makes them, once it was begun
  let looked = 0; // when the library was last asked for what there is by now

  function close() {
    sessionStorage.setItem(UNOFFERED, store.state.directory);
    panel.hidden = true;
  }

  async function start() {
    job = await attempt(begin, () => submit("finish", { tasks: tasksOf(KINDS), ext: ["*"] }));
    if (!job) return;
    noteJob(job);
    looked = Date.now();
    follow();
  }

  /** Shows how far the job is, and what it made so far. */
  function follow() {
    const now = job && store.state.jobs.get(job.id);
    if (!now) return;
    const ended = hasEnded(now);
    begin.hidden = true;
    later.hidden = !ended;
    setLabel(later, "Close");
    bar.hidden = ended;
    jobs.hidden = false;
    const { progress_current: done, progress_total: total } = now;
    setText(heading, ended ? OUTCOMES[now.status] : "Making thumbnails and metadata");
    setText(
      text,
      ended ? endText(now) : total ? `${count(done)} of ${plural(total, "video")}` : "It begins soon.",
    );
    setStyle(bar, { "--share": String(total ? done / total : 0) });
    if (ended) job = null;
    else if (Date.now() - looked > PAUSE && done) {
      looked = Date.now();
      tellChange({ kinds: KINDS });
    }
  }

  /** Shows the offer if no video of the folder has a picture or metadata, and any can have them. */
  async function show() {
    try {
      const params = { q: "has:thumbs", recursive: 1, ext: "*", limit: 1 };
      job = null;
      for (const part of [begin, later]) part.hidden = false;
      bar.hidden = jobs.hidden = true;
      setLabel(later, "Not now");
      const { total } = await get("/videos", params, signal);
      await kindsKnown();
      const plan = total ? null : await forecast(tasksOf(KINDS), signal);
      if (!plan?.videos) return close();
      setText(heading, `${plural(plan.videos, "video")} without pictures yet`);
      setText(text, `Thumbnails and metadata are made of them, beside the videos. ${timeText(plan)}`);
    } catch {
      panel.hidden = true; // the list below says what is wrong
    }
    return undefined;
  }

  store.watch(["jobs"], follow, signal);
  return { show };
}

/** What a job that has ended says below its heading. */
function endText({ error, failed }) {
  if (error) return error;
  return failed ? `${plural(failed, "artifact")} could not be made: the cards tell why.` : "";
}
