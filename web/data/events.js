// @ts-check
/** The server's events: keeps `store.state.jobs` as they are, and comes back when the line breaks. */

import { get, submit } from "./api.js";
import { changeOf, hasEnded, isActive, store, tellChange } from "./store.js";

const LONGEST = 15_000;

let source = null;
let wait = 500;

/** Notes how a job stands; news of its end may overtake the answer that it was begun. */
export function noteJob(job) {
  const before = store.state.jobs.get(job.id);
  if (before && hasEnded(before)) return;
  store.set({ jobs: new Map(store.state.jobs).set(job.id, job) });
  if (hasEnded(job)) tellEnd(job);
}

function tellEnd(job) {
  store.dispatchEvent(new CustomEvent("ended", { detail: job }));
  tellChange(changeOf(job, store.state.directory));
}

let asked = 0;
let known = false; // what ended before the page was opened is no news

/** Takes all jobs as the server has them: what it no longer knows was lost when it ended. */
async function readJobs() {
  const call = ++asked;
  const then = store.state.jobs;
  const { jobs } = await get("/jobs");
  if (call !== asked) return; // a later answer tells more
  const before = store.state.jobs;
  const newest = (job) => (before.has(job.id) && hasEnded(before.get(job.id)) ? before.get(job.id) : job);
  const listed = new Map(jobs.reverse().map((job) => [job.id, newest(job)]));
  const begun = [...before].filter(([id]) => !then.has(id) && !listed.has(id)); // while it answered
  store.set({ jobs: new Map([...listed, ...begun]) });
  const isNews = ({ id }) => (before.has(id) ? isActive(before.get(id)) : known);
  const news = jobs.filter(hasEnded).filter(isNews);
  known = true;
  news.forEach(tellEnd);
}

const onEvent = (event) => noteJob(JSON.parse(event.data));

let follows = 0;

/** Reads all jobs, and follows what happens to them. */
export async function follow() {
  const call = ++follows;
  source?.close();
  try {
    await readJobs(); // asks for the token where one is needed, which events cannot
  } catch {
    return call === follows && again();
  }
  if (call !== follows) return undefined;
  const stream = new EventSource("/events");
  source = stream;
  source.addEventListener("progress", onEvent);
  source.addEventListener("end", onEvent);
  source.addEventListener("library", onLibrary);
  source.addEventListener("open", () => {
    wait = 500;
    store.set({ online: true });
    readJobs().catch(again); // for one that ended just before
  });
  source.addEventListener("error", () => {
    stream.close();
    if (stream === source) again();
  });
  return undefined;
}

/** Videos came, changed or went, or a look at all of them is over, which has found nothing new. */
function onLibrary({ data }) {
  if (JSON.parse(data).changed !== false) tellChange();
}

let timer = 0;

function again() {
  clearTimeout(timer);
  timer = setTimeout(follow, wait);
  wait = Math.min(LONGEST, wait * 2);
}

store.watch(["online"], ({ online }) => online || again());
addEventListener("online", follow);

const quiet = new Set(); // jobs whose end is told by those who wait for it
const submissions = new Set(); // of such jobs, whose end may be known before their id

/** Whether the end of a job is to be told to everybody. */
export async function isTold(job) {
  await Promise.allSettled(submissions);
  return !quiet.delete(job.id);
}

/** Submits a job whose end is told by who waits for it. */
async function submitQuietly(task, params, options) {
  const job = await submit(task, params, options);
  quiet.add(job.id);
  return job;
}

/** Submits a job and waits for its end; gives it with its result, or fails as it did. */
export async function run(task, params, options) {
  const submission = submitQuietly(task, params, options);
  submissions.add(submission);
  const job = await submission.finally(() => submissions.delete(submission));
  noteJob(job);
  await store.until(({ jobs }) => !jobs.has(job.id) || hasEnded(jobs.get(job.id)));
  const ended = await get(`/jobs/${job.id}`);
  if (ended.error) throw new Error(ended.error);
  return ended;
}
