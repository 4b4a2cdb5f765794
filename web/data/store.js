// @ts-check
/** What the page knows and more than one view shows, and news of what may have changed in the library.
 * Views render from it and watch for changes. */

/** @import * as api from "./api-types.d.ts" */

/** What changed: the paths of videos and the kinds of their artifacts; null: any of them.
 * @typedef {{videos: string[] | null, kinds: string[] | null}} LibraryChange */

/** News by name, with what comes with it: `change`: keys of the state that are others now; `ended`: a job;
 * `library`: what changed; `played`: the URL of a video; `shown`: the first screen is there.
 * @typedef {{change: (keyof State)[], ended: api.JobOut, library: LibraryChange, played: string, shown: null}} News */

/** @typedef {Store["state"]} State */

class Store extends EventTarget {
  state = {
    directory: ".", // the current folder, as the API takes it
    /** @type {string[]} */
    roots: [],
    /** @type {Record<string, api.KindOut>} */
    kinds: {}, // of artifacts, in the server's order; empty until it told them
    /** @type {Map<string, api.JobOut>} */
    jobs: new Map(), // by id, the newest last
    online: true,
    /** @type {Map<string, api.VideoRowOut>} */
    selection: new Map(), // rows by path
  };

  /** @param {Partial<State>} patch */
  set(patch) {
    const keys = /** @type {(keyof State)[]} */ (Object.keys(patch));
    const changed = keys.filter((key) => this.state[key] !== patch[key]);
    Object.assign(this.state, patch);
    if (changed.length) this.tell("change", changed);
  }

  /** Tells news to everybody who listens.
   * @template {keyof News} Name
   * @param {Name} name
   * @param {News[Name]} detail */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Calls with every news of a name, until the signal.
   * @template {keyof News} Name
   * @param {Name} name
   * @param {(detail: News[Name]) => unknown} callback
   * @param {AddEventListenerOptions} [options] */
  listen(name, callback, options) {
    const listener = (/** @type {Event} */ event) =>
      callback(/** @type {CustomEvent<News[Name]>} */ (event).detail);
    this.addEventListener(name, listener, options);
  }

  /** Calls back whenever one of these keys changes, until the signal.
   * @param {(keyof State)[]} keys
   * @param {(state: State) => unknown} callback
   * @param {AbortSignal} [signal] */
  watch(keys, callback, signal) {
    const isOneOf = (/** @type {keyof State} */ key) => keys.includes(key);
    this.listen("change", (changed) => changed.some(isOneOf) && callback(this.state), { signal });
  }

  /** Waits until the state fulfils a condition.
   * @param {(state: State) => unknown} isFulfilled */
  async until(isFulfilled) {
    while (!isFulfilled(this.state)) {
      await new Promise((resolve) => this.listen("change", resolve, { once: true }));
    }
  }
}

export const store = new Store();

export const BEGUN = "begun"; // in localStorage: how many films were begun when it was last looked

export const UNOFFERED = "without-pictures"; // in sessionStorage: the folder that needs no offer of pictures

/** The kinds of artifacts, in the server's order.
 * @returns {string[]} */
export const allKinds = () => Object.keys(store.state.kinds);

/** Waits until the server told the kinds of artifacts. */
export const kindsKnown = () => store.until(() => allKinds().length > 0);

/** What people call a kind of artifact.
 * @param {string} kind */
export const kindName = (kind) => store.state.kinds[kind]?.label ?? kind;

/** The task that makes artifacts of a kind; null where none does: tags are made by hand.
 * @param {string} kind */
export const taskOf = (kind) => store.state.kinds[kind]?.task ?? null;

/** The tasks that make artifacts of some kinds.
 * @param {Iterable<string>} kinds */
export const tasksOf = (kinds) => [...kinds].map(taskOf).filter((task) => task !== null);

/** Whether a kind is made of every video in the end, and not only where somebody asks for it.
 * @param {string} kind */
export const isExpected = (kind) => taskOf(kind) !== null && !store.state.kinds[kind].on_request;

const ENDED = ["done", "error", "cancelled"];

/** @param {Pick<api.JobOut, "status">} job */
export const hasEnded = (job) => ENDED.includes(job.status);
/** @param {Pick<api.JobOut, "status">} job */
export const isActive = (job) => !hasEnded(job);

/** Tells that something changed in the library; what is left out may have changed in any way.
 * @param {Partial<LibraryChange>} [change] */
export function tellChange({ videos = null, kinds = null } = {}) {
  store.tell("library", { videos, kinds });
}

/** What a change of tags touches, as `tellChange` takes it.
 * @param {string[] | null} videos their paths; null where they are not known
 * @returns {LibraryChange} */
export const tagsTouched = (videos) => ({ videos, kinds: ["tags"] });

/** What a job changed, for whoever looks at a folder.
 * @param {Pick<api.JobOut, "touched" | "directory">} job
 * @param {string} directory
 * @returns {LibraryChange} */
export function changeOf(job, directory) {
  const { touched } = job;
  if (touched?.videos?.length === 0) return touched; // nothing, wherever it ran
  return touched && job.directory === directory ? touched : { videos: null, kinds: touched?.kinds ?? null };
}

/** Whether a change concerns a video and one of some kinds.
 * @param {LibraryChange} change
 * @param {string | null} [video] null: any video
 * @param {string[] | null} [kinds] null: every kind */
export function concerns(change, video = null, kinds = null) {
  if (change.videos?.length === 0) return false;
  if (change.videos && video !== null && !change.videos.includes(video)) return false;
  return !change.kinds || !kinds || change.kinds.some((kind) => kinds.includes(kind));
}

/** Calls with every change that may concern a view, until the signal. `video()` and `kinds` are as in
 * `concerns`. Another folder counts as a change of everything.
 * @param {(change: LibraryChange) => unknown} callback
 * @param {AbortSignal} [signal]
 * @param {{video?: () => string | null, kinds?: string[] | null}} [concern] */
export function watchChanges(callback, signal = undefined, { video = () => null, kinds = null } = {}) {
  store.listen("library", (change) => concerns(change, video(), kinds) && callback(change), { signal });
  store.watch(["directory"], () => callback({ videos: null, kinds: null }), signal);
}
