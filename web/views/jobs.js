// @ts-check
/** What runs, what ran, and what could: jobs as they go on, and a form for every task. */

import { get, isAbort, post, remove } from "../data/api.js";
import { find, h, keyed, latestOnly, setText } from "../ui/dom.js";
import { noteJob } from "../data/events.js";
import { ago, baseName, clock, label, message, plural } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { encodedPath, pathHref, videoHref } from "../ui/router.js";
import { copiesIn } from "../data/transcodes.js";
import { hasEnded, isActive, store } from "../data/store.js";
import { attempt, button, dialog, failed } from "../ui/controls.js";
import { TaskForm } from "./form.js";

/** @import * as api from "../data/api-types.d.ts" */

const WORDS = { queued: "waits", running: "runs", done: "done", error: "failed", cancelled: "cancelled" };
const SHOWN = 60; // jobs, the newest
const MOST = 500; // videos of one job

/** What a task does; its first line may break off in the middle. */
const summaryOf = ({ summary }) => summary.replace(/,$/, " …");

/** Opens the form of a task, for every type of video as the page shows them. */
async function taskDialog(task) {
  const config = await attempt(null, () => get("/config"));
  if (!config) return;
  dialog(
    label(task.task),
    (close) => {
      const form = new TaskForm(task, config.tasks[task.task] ?? {}, task.kind ? { ext: ["*"] } : {});
      const problem = h("p.bad", { role: "alert" });
      const start = button("Start", "run", null, { kind: "primary", type: "submit" });
      const submit = async (event) => {
        event.preventDefault();
        start.disabled = true;
        try {
          noteJob(
            await post("/jobs", { task: task.task, directory: store.state.directory, ...form.values() }),
          );
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
    },
    { wide: true },
  );
}

const FAULTY = ["failed", "damaged", "rotten"]; // statuses of videos

/** The videos of a job's result that failed or are at fault, as [{video, error}]. */
function failures(result) {
  const reports = result?.tasks ?? (result ? [result] : []);
  return reports.flatMap((report) =>
    [...(report.results ?? []), ...(report.actions ?? [])]
      .filter(({ status }) => FAULTY.includes(status))
      .map(({ video, error, reason, note }) => ({
        video,
        error: error ?? reason ?? note ?? "",
        task: report.task,
      })),
  );
}

/** A dialog with a job and its result, which follows the job until it is closed.
 * @param {api.JobOut} job */
function detailsDialog(job) {
  const leave = new AbortController();
  const heading = ({ task, status }) => `${label(task)}: ${WORDS[status]}`;
  const place = h(".stack", {}, h("p.dim", {}, "Reading …"));
  const latest = latestOnly();

  async function show() {
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
  const follow = ({ jobs }) => {
    const current = jobs.get(job.id)?.status ?? status;
    if (current !== status) show();
    status = current;
  };
  const closed = dialog(heading(job), () => place, { wide: true });
  closed.then(() => leave.abort());
  store.watch(["jobs"], follow, leave.signal);
  show();
}

/** The copies that a transcode made, as links beside their originals. */
function copyItems(job) {
  return copiesIn(job, store.state.roots).map((pair) => {
    const links = [pair.original, pair.copy].map((path) =>
      h("a.link", { href: pathHref(path), title: path, dir: "auto" }, baseName(path)),
    );
    return h("li", {}, links[0], " → ", links[1]);
  });
}

const VALUES = 8; // of a parameter that has many
const MESSAGES = 20; // the last ones
const RAW = 20_000; // characters of a result of which nothing else is known

/** A parameter of a job with its value, or the first of its values.
 * @param {[name: string, value: unknown]} parameter */
function paramText([name, value]) {
  if (!Array.isArray(value)) return `${label(name)}: ${value}`;
  const others = value.length > VALUES ? ` and ${value.length - VALUES} more` : "";
  return `${label(name)}: ${value.slice(0, VALUES).join(", ")}${others}`;
}

/** How many videos a task of a job made, skipped and so on.
 * @param {{task: string, counts: Record<string, number>}} report */
function countItem({ task, counts }) {
  const counted = Object.entries(counts).filter(([, n]) => n);
  const words = counted.map(([word, n]) => `${n} ${word}`).join(", ");
  return h("li", {}, h("strong", {}, task), " ", words || "nothing to do");
}

/** A video that failed, and why.
 * @param {ReturnType<typeof failures>[number]} failure */
function failureItem({ video, error, task }) {
  const link = { href: videoHref(`/videos/${encodedPath(video)}`), dir: "auto" };
  return h("li", {}, h("a.link", link, video), h("span.dim", {}, ` ${task ?? ""}`), h("p", {}, error));
}

/** A heading with what belongs to it; nothing where that is nothing.
 * @param {string} heading
 * @param {HTMLElement[]} content */
const section = (heading, content) => (content.length ? [h("h3", {}, heading), ...content] : []);

/** What a job did and said.
 * @param {api.JobDetailsOut} job
 * @returns {HTMLElement[]} */
function jobContent(job) {
  const { result } = job;
  const copies = copyItems(job).slice(0, MOST);
  const failed = failures(result).slice(0, MOST).map(failureItem);
  const counts = (result?.tasks ?? [result]).filter((report) => report?.counts).map(countItem);
  const params = Object.entries(job.params).map(paramText);
  const isOther = result && !counts.length;
  return [
    ...(job.error ? [h("p.bad", {}, job.error)] : []),
    ...(counts.length ? [h("ul", {}, ...counts)] : []),
    ...(copies.length ? [h("ul", { "aria-label": "Copies" }, ...copies)] : []),
    ...section("What failed, and why", failed.length ? [h("ul.failures", {}, ...failed)] : []),
    ...section(
      "With",
      params.map((text) => h("p", { dir: "auto" }, text)),
    ),
    ...section(
      "Said",
      job.messages.slice(-MESSAGES).map((text) => h("p.dim", {}, text)),
    ),
    ...(isOther ? [h("pre", { tabindex: "0" }, JSON.stringify(result, null, 1).slice(0, RAW))] : []),
  ];
}

const OF_SEVERAL_KINDS = ["batch", "finish"]; // tasks that count a video once for each kind

/** How much failed. */
const failureText = ({ task, failed: n }) =>
  `${plural(n, OF_SEVERAL_KINDS.includes(task) ? "artifact" : "video")} failed`;

function jobItem(job) {
  const cancel = button(
    "Cancel",
    "close",
    () => attempt(cancel, async () => noteJob(await remove(`/jobs/${job.id}`))),
    { kind: "small" },
  );
  const more = button("Details", "more", () => detailsDialog(job), {
    kind: "small",
  });
  return h(
    "li.panel.job",
    {},
    h(
      ".row",
      {},
      h("span.dot", {}),
      h("strong", {}, label(job.task)),
      h("span.dim.word", {}),
      h("span.gap", {}),
      cancel,
      more,
    ),
    h(
      ".bar",
      { role: "progressbar", "aria-label": label(job.task), "aria-valuemin": "0", "aria-valuemax": "100" },
      h("span", {}),
    ),
    h("p.dim.now", { dir: "auto" }),
    h("p.bad", {}),
  );
}

/** How long it took, or when it began. */
function when(job) {
  const [start, end] = [Date.parse(job.started_at), Date.parse(job.ended_at)];
  if (job.status === "queued") return `since ${ago(Date.parse(job.created_at))}`;
  return end && start
    ? `${ago(end)}, took ${end - start < 60_000 ? `${((end - start) / 1000).toFixed(1)} s` : clock((end - start) / 1000)}`
    : `since ${ago(start)}`;
}

function showJob(element, job) {
  const active = isActive(job);
  const share = job.progress_total
    ? Math.min(1, (job.progress_current + (active ? (job.percent ?? 0) / 100 : 0)) / job.progress_total)
    : 0;
  const [cancel] = element.querySelectorAll("button");
  element.dataset.status = job.status;
  setText(element.querySelector(".word"), `${WORDS[job.status]} · ${when(job)}`);
  const bar = element.querySelector(".bar");
  bar.hidden = !active;
  bar.setAttribute("aria-valuenow", Math.floor(share * 100));
  bar.firstChild.style.setProperty("--share", share.toFixed(3));
  cancel.hidden = !active;
  const files =
    job.progress_total > 1 || active ? `${job.progress_current} of ${job.progress_total || "?"}` : "";
  const where = job.directory === "." ? "" : job.directory;
  setText(
    element.querySelector(".now"),
    [files, active && job.current, active && job.percent !== null && `${Math.floor(job.percent)}%`, where]
      .filter(Boolean)
      .join(" · "),
  );
  setText(element.querySelector("p.bad"), job.error ?? (job.failed ? failureText(job) : ""));
}

export async function mount(main, route, signal) {
  const list = h("ul.stack", { "aria-label": "Jobs" });
  const none = h(
    "p.dim.nothing",
    {},
    "Nothing runs and nothing has run since the server was started. Pick a task to begin.",
  );
  const tasks = h("ul.tasks", {});
  main.append(
    h(
      ".page",
      {},
      h(".head", {}, h("h1", {}, "Jobs")),
      h(
        ".beside",
        {},
        h("section.column", { "aria-label": "Jobs" }, list, none),
        h("section.panel", { "aria-label": "Tasks" }, h("h2", {}, "Start a task"), tasks),
      ),
    ),
  );

  function render() {
    const jobs = [...store.state.jobs.values()].sort(
      (a, b) => Date.parse(b.created_at) - Date.parse(a.created_at),
    );
    const ordered = [...jobs.filter(isActive), ...jobs.filter(hasEnded)].slice(0, SHOWN);
    none.hidden = ordered.length > 0;
    keyed(list, ordered, ({ id }) => id, jobItem, showJob);
  }

  store.watch(["jobs"], render, signal);
  const timer = setInterval(render, 20_000); // the times that are told
  signal.addEventListener("abort", () => clearInterval(timer));
  render();
  try {
    const available = (await get("/tasks", {}, signal)).tasks;
    tasks.replaceChildren(
      ...available.map((task) =>
        h(
          "li",
          {},
          h(
            "button",
            { type: "button", onclick: () => taskDialog(task) },
            icon("run"),
            h("span", {}, h("strong", {}, label(task.task)), h("small.dim", {}, summaryOf(task))),
          ),
        ),
      ),
    );
    const requested = available.find(({ task }) => task === route.params.get("task"));
    if (requested) taskDialog(requested);
  } catch (error) {
    if (!isAbort(error)) tasks.replaceChildren(failed(error, () => location.reload()));
  }
}
