/** The server's events: keeps `store.state.jobs` as they are, and comes back when the line breaks. */

import { get, submit } from "./api.js";
import { store } from "./store.js";

const ENDED = ["done", "error", "cancelled"];
const LONGEST = 15_000;

export const hasEnded = (job) => ENDED.includes(job.status);
export const isActive = (job) => !hasEnded(job);

let source = null;
let wait = 500;

function keep(jobs) {
  const known = new Map(store.state.jobs);
  for (const job of jobs) known.set(job.id, job);
  store.set({ jobs: known });
}

/** Notes a job that the page itself just started or cancelled. */
export const noteJob = (job) => keep([job]);

function onEvent(event) {
  const job = JSON.parse(event.data);
  const before = store.state.jobs.get(job.id);
  keep([job]);
  if (hasEnded(job) && !(before && hasEnded(before))) {
    store.dispatchEvent(new CustomEvent("ended", { detail: job }));
    store.touch();
  }
}

/** Reads all jobs, then follows what happens to them. */
export async function follow() {
  source?.close();
  try {
    const { jobs } = await get("/jobs");
    keep(jobs.reverse());
  } catch {
    return again();
  }
  source = new EventSource("/events");
  source.addEventListener("progress", onEvent);
  source.addEventListener("end", onEvent);
  source.addEventListener("open", () => {
    wait = 500;
    store.set({ online: true });
  });
  source.addEventListener("error", () => {
    source.close();
    again();
  });
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

/** Whether the end of a job is to be told to everybody. */
export const isTold = (job) => !quiet.delete(job.id);

/** Submits a job and waits for its end; gives it with its result, or fails as it did. */
export async function run(task, params, options) {
  const job = await submit(task, params, options);
  quiet.add(job.id);
  noteJob(job);
  await new Promise((resolve) => {
    const look = () => {
      const now = store.state.jobs.get(job.id);
      if (now && hasEnded(now)) resolve(store.removeEventListener("change", look));
    };
    store.addEventListener("change", look);
    look();
  });
  const whole = await get(`/jobs/${job.id}`);
  if (whole.error) throw new Error(whole.error);
  return whole;
}
