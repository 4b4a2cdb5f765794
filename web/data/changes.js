/** What may have changed in the library: by whom it is told, and who asks again because of it. */

import { store } from "./store.js";

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

/** Calls with every change that may concern what is shown, until the signal; `video()` and `kinds`
 * are as in `concerns`. Another folder and a server that is back count as changes of everything. */
export function watchChanges(callback, signal, { video = () => null, kinds = null } = {}) {
  const listener = ({ detail }) => concerns(detail, video(), kinds) && callback(detail);
  store.addEventListener("library", listener, { signal });
  store.watch(["directory"], () => callback({ videos: null, kinds: null }), signal);
}
