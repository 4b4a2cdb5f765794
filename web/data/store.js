// @ts-check
/** What the page knows and more than one view shows, and news of what may have changed in the library.
 * Views render from it and watch for changes. */

/** @import * as api from "./api-types.d.ts" */

class Store extends EventTarget {
  state = {
    directory: ".", // the folder that is looked at, as the API takes it
    /** @type {string[]} */
    roots: [],
    /** @type {string[]} */
    kinds: [], // of artifacts, in the server's order
    /** @type {Record<string, string>} */
    taskByKind: {}, // the task that makes the artifacts of each kind
    /** @type {string[]} */
    onRequest: [], // kinds that are made only where somebody asks for them
    /** @type {Map<string, api.JobOut>} */
    jobs: new Map(), // by id, the newest last
    online: true,
    /** @type {Map<string, api.VideoRowOut>} */
    selection: new Map(), // rows by path
  };

  /** @param {Partial<Store["state"]>} patch */
  set(patch) {
    const keys = Object.keys(patch).filter((key) => this.state[key] !== patch[key]);
    Object.assign(this.state, patch);
    if (keys.length) this.dispatchEvent(new CustomEvent("change", { detail: keys }));
  }

  /** Calls back whenever one of these keys changes, until the signal. */
  watch(keys, callback, signal) {
    const listener = (event) => event.detail.some((key) => keys.includes(key)) && callback(this.state);
    this.addEventListener("change", listener, { signal });
  }

  /** Waits until something is so. */
  async until(isSo) {
    while (!isSo(this.state)) {
      await new Promise((resolve) => this.addEventListener("change", resolve, { once: true }));
    }
  }
}

export const store = new Store();

export const BEGUN = "begun"; // in localStorage: how many films were begun when it was last looked

export const UNOFFERED = "without-pictures"; // in sessionStorage: the folder that needs no offer of pictures

const ENDED = ["done", "error", "cancelled"];

/** @param {api.JobOut} job */
export const hasEnded = (job) => ENDED.includes(job.status);
/** @param {api.JobOut} job */
export const isActive = (job) => !hasEnded(job);

/** Tells that something changed. `videos` are paths and `kinds` those of artifacts; null: any. */
export function tellChange({ videos = null, kinds = null } = {}) {
  store.dispatchEvent(new CustomEvent("library", { detail: { videos, kinds } }));
}

/** The change that a job has made, as its end tells it, seen from the folder that is looked at. */
export function changeOf(job, directory) {
  const { touched } = job;
  return touched && job.directory === directory ? touched : { videos: null, kinds: touched?.kinds ?? null };
}

/** Whether a change concerns a video (null: any of them) and one of these kinds (null: all). */
export function concerns({ videos, kinds }, video = null, wanted = null) {
  if (videos?.length === 0) return false;
  if (videos && video !== null && !videos.includes(video)) return false;
  return !kinds || !wanted || kinds.some((kind) => wanted.includes(kind));
}

/** Calls with every change that may concern what is shown, until the signal, if there is one; `video()`
 * and `kinds` are as in `concerns`. Another folder and a server that is back count as changes of everything. */
export function watchChanges(callback, signal = undefined, { video = () => null, kinds = null } = {}) {
  const listener = (/** @type {CustomEvent} */ { detail }) =>
    concerns(detail, video(), kinds) && callback(detail);
  store.addEventListener("library", listener, { signal });
  store.watch(["directory"], () => callback({ videos: null, kinds: null }), signal);
}
