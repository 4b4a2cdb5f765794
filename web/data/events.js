// @ts-check
/** The server's events: keeps `store.state.jobs` as the server has them, and reconnects when the connection
 * breaks. */

import { get, submit } from "./api.js";
import { changeOf, hasEnded, isActive, store, tellChange } from "./store.js";

/** @import * as api from "./api-types.d.ts" */

const LONGEST_WAIT = 15_000; // milliseconds before the next attempt to connect
const SHORTEST_WAIT = 500;

/** @type {EventSource | null} */
let source = null;
let wait = SHORTEST_WAIT;

/** Notes how a job stands; news of its end may overtake the answer that it was begun.
 * @param {api.JobOut} job */
export function noteJob(job) {
  const noted = store.state.jobs.get(job.id);
  if (noted && hasEnded(noted)) return;
  store.set({ jobs: new Map(store.state.jobs).set(job.id, job) });
  if (hasEnded(job)) tellEnd(job);
}

/** @param {api.JobOut} job */
function tellEnd(job) {
  store.tell("ended", job);
  tellChange(changeOf(job, store.state.directory));
}

let reads = 0;
let wasRead = false; // jobs that ended before the page was opened are no news

/** Takes all jobs as the server has them; those that it does not list any more are dropped. */
async function readJobs() {
  const read = ++reads;
  const jobsAtRequest = store.state.jobs;
  const { jobs } = await get("/jobs");
  if (read !== reads) return; // a later request tells more
  const noted = store.state.jobs;
  /** A job as it is noted where that says that it ended, which may be newer than the answer.
   * @param {api.JobOut} job */
  const newest = (job) => {
    const own = noted.get(job.id);
    return own && hasEnded(own) ? own : job;
  };
  const listed = new Map(jobs.reverse().map((job) => [job.id, newest(job)]));
  const begunMeanwhile = [...noted].filter(([id]) => !jobsAtRequest.has(id) && !listed.has(id));
  store.set({ jobs: new Map([...listed, ...begunMeanwhile]) });
  /** @param {api.JobOut} job */
  const isNews = ({ id }) => {
    const own = noted.get(id);
    return own ? isActive(own) : wasRead;
  };
  const ended = jobs.filter(hasEnded).filter(isNews);
  wasRead = true;
  ended.forEach(tellEnd);
}

/** @param {MessageEvent<string>} event */
const onJob = (event) => noteJob(JSON.parse(event.data));

let connections = 0;

/** Reads all jobs, and follows what happens to them.
 * @returns {Promise<void>} */
export async function follow() {
  const connection = ++connections;
  source?.close();
  try {
    await readJobs(); // asks for the token where one is needed, which events cannot
  } catch {
    if (connection === connections) reconnectLater();
    return;
  }
  if (connection !== connections) return;
  const stream = new EventSource("/events");
  source = stream;
  stream.addEventListener("progress", onJob);
  stream.addEventListener("end", onJob);
  stream.addEventListener("library", onLibrary);
  stream.addEventListener("open", () => {
    wait = SHORTEST_WAIT;
    store.set({ online: true });
    readJobs().catch(reconnectLater); // for one that ended just before
  });
  stream.addEventListener("error", () => {
    stream.close();
    if (stream === source) reconnectLater();
  });
}

/** Videos came, changed or went; or a look at all of them is over, which may have found nothing new.
 * @param {MessageEvent<string>} event */
function onLibrary({ data }) {
  if (JSON.parse(data).changed !== false) tellChange();
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

function reconnectLater() {
  clearTimeout(timer);
  timer = setTimeout(follow, wait);
  wait = Math.min(LONGEST_WAIT, wait * 2);
}

store.watch(["online"], ({ online }) => online || reconnectLater());
addEventListener("online", follow);

/** @type {Set<string>} */
const awaitedJobs = new Set(); // ids of those whose end is told by who waits for it
/** @type {Set<Promise<unknown>>} */
const submissions = new Set(); // of such jobs, whose end may be known before their id

/** Whether the end of a job is to be told to everybody.
 * @param {api.JobOut} job */
export async function isTold(job) {
  await Promise.allSettled(submissions);
  return !awaitedJobs.delete(job.id);
}

/** Submits a job whose end is told by who waits for it.
 * @type {typeof submit} */
async function submitQuietly(task, params, options) {
  const job = await submit(task, params, options);
  awaitedJobs.add(job.id);
  return job;
}

/** Submits a job and waits for its end; fails as the job did.
 * @param {string} task
 * @param {Record<string, unknown>} [params]
 * @param {Partial<api.JobIn>} [options]
 * @returns {Promise<api.JobDetailsOut>} the job with its result */
export async function run(task, params, options) {
  const submission = submitQuietly(task, params, options);
  submissions.add(submission);
  const job = await submission.finally(() => submissions.delete(submission));
  noteJob(job);
  await store.until(({ jobs }) => {
    const noted = jobs.get(job.id);
    return !noted || hasEnded(noted);
  });
  const ended = await get(`/jobs/${job.id}`);
  if (ended.error) throw new Error(ended.error);
  return ended;
}
