// @ts-check
/** The last changes, each with the requests that take it back. Those of this tab are kept until it is
 * closed; what lies in the trash is asked of the server, which knows it for good. */

import { get, post } from "./api.js";
import { store, tellChange } from "./store.js";

const KEY = "changes";
const MOST = 30; // changes that are kept

/** A change: what was done, when (milliseconds), in which folder, the requests [path, body] that take
 * it back in that order, and what they touch, as `tellChange` takes it.
 * @typedef {{text: string, at: number, directory: string, requests: [string, object][], touched: object}} Change */

/** @type {() => Change[]} */
const kept = () => JSON.parse(sessionStorage.getItem(KEY) ?? "[]");

/** Keeps the last of the changes, as many as the browser has room for.
 * @type {(changes: Change[], most?: number) => void} */
function keep(changes, most = MOST) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(changes.slice(0, most)));
  } catch {
    if (most) keep(changes, Math.floor(most / 2));
  }
}

const isSame = (one, other) => one.at === other.at && one.text === other.text;

/** Keeps a change that was just made, and gives it.
 * @type {(text: string, requests: [string, object][], touched?: object) => Change} */
export function noteChange(text, requests, touched = {}) {
  const change = { text, at: Date.now(), directory: store.state.directory, requests, touched };
  if (!requests.every(([path]) => path.startsWith("/trash/"))) keep([change, ...kept()]);
  return change;
}

/** The change that a deletion was, as the server lists it.
 * @type {(deletion: any) => Change} */
export function deletionChange({ id, videos, made_at: made }) {
  const others = videos.length > 1 ? ` and ${videos.length - 1} more` : "";
  const requests = /** @type {[string, object][]} */ ([[`/trash/${id}/undo`, {}]]);
  const text = `${videos[0]}${others} deleted`;
  return { text, at: Date.parse(made), directory: store.state.directory, requests, touched: {} };
}

/** Everything that can be taken back in the folder that is looked at, the last change first. */
export async function lastChanges() {
  const { deletions } = await get("/trash");
  const here = kept().filter(({ directory }) => directory === store.state.directory);
  return [...here, ...deletions.map(deletionChange)].sort((one, other) => other.at - one.at);
}

/** Takes a change back; gives the words about what stays as it is, and fails where nothing could be
 * taken back.
 * @type {(change: Change) => Promise<string[]>} */
export async function takeBack(change) {
  const problems = [];
  const refused = [];
  for (const [path, body] of change.requests) {
    try {
      const answer = await post(path, body, { directory: change.directory });
      problems.push(...(answer.problems ?? []));
      problems.push(...(answer.errors ?? []).map(({ video, error }) => `${video}: ${error}`));
    } catch (error) {
      refused.push(error);
    }
  }
  tellChange(change.touched);
  if (refused.length === change.requests.length) throw refused[0];
  keep(kept().filter((other) => !isSame(change, other)));
  return [...problems, ...refused.map(({ message }) => message)];
}
