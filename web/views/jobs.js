// @ts-check
/** What runs, what ran, and what could: jobs as they go on, and a form for every task. */

import { get, isAbort, post, remove } from "../data/api.js";
import { find, h, keyed, setText } from "../ui/dom.js";
import { noteJob } from "../data/events.js";
import { ago, clock, label, plural } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { hasEnded, isActive, store } from "../data/store.js";
import { attempt, button, dialog, failed } from "../ui/controls.js";
import { TaskForm } from "./form.js";
import { showDetails, STATUS_WORDS } from "./job-details.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { Route } from "../ui/router.js" */

const SHOWN = 60; // jobs, the newest
const TOLD_AGAIN = 20_000; // milliseconds after which the times are

/** What a task does; its first line may break off in the middle.
 * @param {api.TaskOut} task */
const summaryOf = ({ summary }) => summary.replace(/,$/, " …");

/** The form of a task, which begins a job on the current folder and closes its dialog then.
 * @param {api.TaskOut} task
 * @param {TaskForm} form
 * @param {() => void} close */
function taskForm(task, form, close) {
  const problem = h("p.bad", { role: "alert" });
  const start = button("Start", "run", null, { kind: "primary", type: "submit" });
  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    start.disabled = true;
    try {
      const { directory } = store.state;
      noteJob(await post("/jobs", { task: task.task, directory, ...form.values() }));
      close();
    } catch (error) {
      setText(problem, form.refuse(error));
    }
    start.disabled = false;
  };
  return h(
    "form",
    { onsubmit: submit, novalidate: true },
    h("p.dim", {}, summaryOf(task)),
    form.element,
    problem,
    h(".row.end", {}, start),
  );
}

/** Opens the form of a task, for every type of video as the page shows them.
 * @param {api.TaskOut} task */
async function taskDialog(task) {
  const config = await attempt(null, () => get("/config"));
  if (!config) return;
  const form = new TaskForm(task, config.tasks[task.task] ?? {}, task.kind ? { ext: ["*"] } : {});
  dialog(label(task.task), (close) => taskForm(task, form, close), { wide: true });
}

/** @param {api.TaskOut} task */
const taskItem = (task) =>
  h(
    "li",
    {},
    h(
      "button",
      { type: "button", onclick: () => taskDialog(task) },
      icon("run"),
      h("span", {}, h("strong", {}, label(task.task)), h("small.dim", {}, summaryOf(task))),
    ),
  );

const OF_SEVERAL_KINDS = ["batch", "finish"]; // tasks that count a video once for each kind

/** What went wrong with a job; "" for nothing.
 * @param {api.JobOut} job */
function problemOf({ error, failed: n, task }) {
  if (error !== null) return error;
  return n ? `${plural(n, OF_SEVERAL_KINDS.includes(task) ? "artifact" : "video")} failed` : "";
}

/** @param {api.JobOut} job */
function jobItem(job) {
  const stop = async () => noteJob(await remove(`/jobs/${job.id}`));
  const cancel = button("Cancel", "close", () => attempt(cancel, stop), { kind: "small" });
  const details = button("Details", "more", () => showDetails(job), { kind: "small" });
  const name = h("strong", {}, label(job.task));
  const bar = {
    role: "progressbar",
    "aria-label": label(job.task),
    "aria-valuemin": "0",
    "aria-valuemax": "100",
  };
  return h(
    "li.panel.job",
    {},
    h(".row", {}, h("span.dot", {}), name, h("span.dim.word", {}), h("span.gap", {}), cancel, details),
    h(".bar", bar, h("span", {})),
    h("p.dim.now", { dir: "auto" }),
    h("p.bad", {}),
  );
}

/** How long it took, or when it began.
 * @param {api.JobOut} job */
function when(job) {
  const [start, end] = [Date.parse(job.started_at ?? ""), Date.parse(job.ended_at ?? "")];
  if (job.status === "queued") return `since ${ago(Date.parse(job.created_at))}`;
  if (!end || !start) return `since ${ago(start)}`;
  const seconds = (end - start) / 1000;
  return `${ago(end)}, took ${seconds < 60 ? `${seconds.toFixed(1)} s` : clock(seconds)}`;
}

/** How much of a job is done, from 0 to 1; what it does just now counts by its part.
 * @param {api.JobOut} job */
function shareOf(job) {
  const { progress_current: done, progress_total: total, percent } = job;
  const part = isActive(job) ? (percent ?? 0) / 100 : 0;
  return total ? Math.min(1, (done + part) / total) : 0;
}

/** What a job is at, and where.
 * @param {api.JobOut} job */
function nowText(job) {
  const { progress_current: done, progress_total: total, current, percent, directory } = job;
  const active = isActive(job);
  return [
    (total > 1 || active) && `${done} of ${total || "?"}`,
    active && current,
    active && percent !== null && `${Math.floor(percent)}%`,
    directory !== "." && directory,
  ]
    .filter(Boolean)
    .join(" · ");
}

/** Shows in its item how a job stands.
 * @param {HTMLElement} item
 * @param {api.JobOut} job */
function showJob(item, job) {
  const share = shareOf(job);
  const [cancel, bar] = [find(item, "button"), find(item, ".bar")];
  item.dataset.status = job.status;
  setText(find(item, ".word"), `${STATUS_WORDS[job.status]} · ${when(job)}`);
  bar.hidden = cancel.hidden = !isActive(job);
  bar.setAttribute("aria-valuenow", String(Math.floor(share * 100)));
  find(bar, "span").style.setProperty("--share", share.toFixed(3));
  setText(find(item, ".now"), nowText(job));
  setText(find(item, "p.bad"), problemOf(job));
}

/** The jobs in the order in which they are shown: those that run first, and the newest first. */
function shownJobs() {
  const byAge = [...store.state.jobs.values()].sort(
    (one, other) => Date.parse(other.created_at) - Date.parse(one.created_at),
  );
  return [...byAge.filter(isActive), ...byAge.filter(hasEnded)].slice(0, SHOWN);
}

/** The list of all jobs, which follows them until the signal.
 * @param {AbortSignal} signal */
function jobList(signal) {
  const list = h("ul.stack", { "aria-label": "Jobs" });
  const none = h(
    "p.dim.nothing",
    {},
    "Nothing runs and nothing has run since the server was started. Pick a task to begin.",
  );
  function render() {
    const jobs = shownJobs();
    none.hidden = jobs.length > 0;
    keyed(list, jobs, ({ id }) => id, jobItem, showJob);
  }
  store.watch(["jobs"], render, signal);
  const timer = setInterval(render, TOLD_AGAIN);
  signal.addEventListener("abort", () => clearInterval(timer));
  render();
  return h("section.column", { "aria-label": "Jobs" }, list, none);
}

/** Reads which tasks there are, and opens the form of the one that is asked for.
 * @param {HTMLElement} list
 * @param {string | null} wanted
 * @param {AbortSignal} signal */
async function showTasks(list, wanted, signal) {
  try {
    const { tasks } = await get("/tasks", {}, signal);
    list.replaceChildren(...tasks.map(taskItem));
    const requested = tasks.find(({ task }) => task === wanted);
    if (requested) taskDialog(requested);
  } catch (error) {
    if (!isAbort(error)) list.replaceChildren(failed(error, () => location.reload()));
  }
}

/**
 * @param {HTMLElement} main
 * @param {Route} route
 * @param {AbortSignal} signal
 */
export async function mount(main, route, signal) {
  const tasks = h("ul.tasks", {});
  const panel = h("section.panel", { "aria-label": "Tasks" }, h("h2", {}, "Start a task"), tasks);
  const head = h(".head", {}, h("h1", {}, "Jobs"));
  main.append(h(".page", {}, head, h(".beside", {}, jobList(signal), panel)));
  await showTasks(tasks, route.params.get("task"), signal);
}
