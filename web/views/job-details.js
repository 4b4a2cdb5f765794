// @ts-check
/** A dialog with what a job did and said, which follows the job until it is closed. */

import { get, isAbort } from "../data/api.js";
import { store } from "../data/store.js";
import { copiesIn } from "../data/transcodes.js";
import { dialog } from "../ui/controls.js";
import { find, h, latestOnly, setText } from "../ui/dom.js";
import { baseName, label, message } from "../ui/format.js";
import { encodedPath, pathHref, videoHref } from "../ui/router.js";

/** @import * as api from "../data/api-types.d.ts" */

/** How a task went for one video.
 * @typedef {{video: string, status: string, error?: string, reason?: string, note?: string}} Outcome */

/** What a task tells in the end, as far as tasks have it in common.
 * @typedef {{task: string, counts?: Record<string, number>, results?: Outcome[], actions?: Outcome[]}} TaskReport */

const MOST = 500; // videos of one job
const VALUES = 8; // of a parameter that has many
const MESSAGES = 20; // the last ones
const RAW = 20_000; // characters of a result of which nothing else is known
const FAULTY = ["failed", "damaged", "rotten"]; // statuses of videos

/** How a job stands, in a word.
 * @type {Record<api.JobOut["status"], string>} */
export const STATUS_WORDS = {
  queued: "waits",
  running: "runs",
  done: "done",
  error: "failed",
  cancelled: "cancelled",
};

/** What the tasks of a job tell; each of several in a result has its own report.
 * @param {api.JobDetailsOut} job
 * @returns {TaskReport[]} */
const reportsOf = ({ result }) => result?.tasks ?? (result ? [result] : []);

/** How many videos a task of a job made, skipped and so on.
 * @param {string} task
 * @param {Record<string, number>} counts */
function countItem(task, counts) {
  const counted = Object.entries(counts).filter(([, n]) => n);
  const words = counted.map(([word, n]) => `${n} ${word}`).join(", ");
  return h("li", {}, h("strong", {}, task), " ", words || "nothing to do");
}

/** The videos that a task failed for or found at fault, and why.
 * @param {TaskReport} report */
function failureItems({ task, results = [], actions = [] }) {
  return [...results, ...actions]
    .filter(({ status }) => FAULTY.includes(status))
    .map(({ video, error, reason, note }) => {
      const link = { href: videoHref(`/videos/${encodedPath(video)}`), dir: "auto" };
      const why = h("p", {}, error ?? reason ?? note ?? "");
      return h("li", {}, h("a.link", link, video), h("span.dim", {}, ` ${task ?? ""}`), why);
    });
}

/** The copies that a transcode made, as links beside their originals.
 * @param {api.JobDetailsOut} job */
function copyItems(job) {
  const link = (/** @type {string} */ path) =>
    h("a.link", { href: pathHref(path), title: path, dir: "auto" }, baseName(path));
  return copiesIn(job, store.state.roots).map(({ original, copy }) =>
    h("li", {}, link(original), " → ", link(copy)),
  );
}

/** A parameter of a job with its value, or the first of its values.
 * @param {[name: string, value: unknown]} parameter */
function paramText([name, value]) {
  if (!Array.isArray(value)) return `${label(name)}: ${value}`;
  const others = value.length > VALUES ? ` and ${value.length - VALUES} more` : "";
  return `${label(name)}: ${value.slice(0, VALUES).join(", ")}${others}`;
}

/** A list of the first items; nothing where there are none.
 * @param {HTMLElement[]} items
 * @param {Record<string, string>} [props] */
const listOf = (items, props = {}) => (items.length ? [h("ul", props, ...items.slice(0, MOST))] : []);

/** A heading with what belongs to it; nothing where that is nothing.
 * @param {string} heading
 * @param {HTMLElement[]} content */
const section = (heading, content) => (content.length ? [h("h3", {}, heading), ...content] : []);

/** What a job did and said.
 * @param {api.JobDetailsOut} job
 * @returns {HTMLElement[]} */
function jobContent(job) {
  const reports = reportsOf(job);
  const counts = reports.flatMap(({ task, counts }) => (counts ? [countItem(task, counts)] : []));
  const params = Object.entries(job.params).map((parameter) => h("p", { dir: "auto" }, paramText(parameter)));
  const isOther = job.result && !counts.length;
  return [
    ...(job.error ? [h("p.bad", {}, job.error)] : []),
    ...listOf(counts),
    ...listOf(copyItems(job), { "aria-label": "Copies" }),
    ...section("What failed, and why", listOf(reports.flatMap(failureItems), { class: "failures" })),
    ...section("With", params),
    ...section(
      "Said",
      job.messages.slice(-MESSAGES).map((text) => h("p.dim", {}, text)),
    ),
    ...(isOther ? [h("pre", { tabindex: "0" }, JSON.stringify(job.result, null, 1).slice(0, RAW))] : []),
  ];
}

/** A dialog with a job and its result, which follows the job until it is closed.
 * @param {api.JobOut} job */
export function showDetails(job) {
  const leave = new AbortController();
  const heading = (/** @type {api.JobOut} */ { task, status }) => `${label(task)}: ${STATUS_WORDS[status]}`;
  const place = h(".stack", {}, h("p.dim", {}, "Reading …"));
  const latest = latestOnly();

  async function read() {
    try {
      const details = await latest(get(`/jobs/${job.id}`, {}, leave.signal));
      if (!details) return;
      place.replaceChildren(...jobContent(details));
      const box = place.closest("dialog");
      if (box) setText(find(box, "h2"), heading(details));
    } catch (error) {
      if (!isAbort(error)) place.replaceChildren(h("p.bad", {}, message(error)));
    }
  }

  let { status } = job;
  store.watch(
    ["jobs"],
    ({ jobs }) => {
      const current = jobs.get(job.id)?.status ?? status;
      if (current !== status) read();
      status = current;
    },
    leave.signal,
  );
  dialog(heading(job), () => place, { wide: true }).then(() => leave.abort());
  read();
}
