// @ts-check
/** The last changes, each with the requests that take it back. Those of this tab are kept until it is
 * closed; what lies in the trash is asked of the server, which knows it for good. */

import { ApiError, get, post } from "./api.js";
import { store, tellChange } from "./store.js";

/** @import * as api from "./api-types.d.ts" */
/** @import { LibraryChange } from "./store.js" */

const KEY = "changes";
const MOST = 30; // changes that are kept

/** A request that takes something back: path and body.
 * @typedef {[string, object]} UndoRequest */

/** A change: what was done, when (milliseconds), in which folder, the requests that take it back in that
 * order, and what they touch, as `tellChange` takes it.
 * @typedef {{text: string, at: number, directory: string, requests: UndoRequest[],
 *   touched: Partial<LibraryChange>}} Change */

/** @type {() => Change[]} */
const stored = () => JSON.parse(sessionStorage.getItem(KEY) ?? "[]");

/** Stores the last of the changes, as many as the browser has room for.
 * @type {(changes: Change[], most?: number) => void} */
function storeAll(changes, most = MOST) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(changes.slice(0, most)));
  } catch {
    if (most) storeAll(changes, Math.floor(most / 2));
  }
}

/** @type {(one: Change, other: Change) => boolean} */
const isSame = (one, other) => one.at === other.at && one.text === other.text;

/** Stores a change that was just made, and gives it.
 * @param {string} text
 * @param {UndoRequest[]} requests
 * @param {Partial<LibraryChange>} [touched]
 * @returns {Change} */
export function noteChange(text, requests, touched = {}) {
  const change = { text, at: Date.now(), directory: store.state.directory, requests, touched };
  if (!requests.every(([path]) => path.startsWith("/trash/"))) storeAll([change, ...stored()]);
  return change;
}

/** The change that a deletion was.
 * @param {Pick<api.DeletionOut, "id" | "videos" | "made_at">} deletion
 * @returns {Change} */
export function deletionChange({ id, videos, made_at: made }) {
  const others = videos.length > 1 ? ` and ${videos.length - 1} more` : "";
  /** @type {UndoRequest[]} */
  const requests = [[`/trash/${id}/undo`, {}]];
  const text = `${videos[0]}${others} deleted`;
  return { text, at: Date.parse(made), directory: store.state.directory, requests, touched: {} };
}

/** Everything that can be taken back in the current folder, the last change first.
 * @returns {Promise<Change[]>} */
export async function lastChanges() {
  const { deletions } = await get("/trash");
  const own = stored().filter(({ directory }) => directory === store.state.directory);
  return [...own, ...deletions.map(deletionChange)].sort((one, other) => other.at - one.at);
}

/** Takes a change back; fails where nothing of it could be taken back.
 * @param {Change} change
 * @returns {Promise<string[]>} what stays as it is, and why */
export async function takeBack(change) {
  /** @type {string[]} */
  const problems = [];
  /** @type {Error[]} */
  const refusals = [];
  for (const [path, body] of change.requests) {
    try {
      /** @type {Partial<api.RestoredOut & api.BulkTagsOut>} */
      const answer = await post(path, body, { directory: change.directory });
      problems.push(...(answer.problems ?? []));
      problems.push(...(answer.errors ?? []).map(({ video, error }) => `${video}: ${error}`));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      refusals.push(error);
    }
  }
  tellChange(change.touched);
  const nothing = refusals.length === change.requests.length;
  const isGone = refusals.every((one) => one instanceof ApiError && one.status === 404); // somebody else took it back
  if (!nothing || isGone) storeAll(stored().filter((other) => !isSame(change, other)));
  if (nothing) throw refusals[0];
  return [...problems, ...refusals.map(({ message }) => message)];
}
