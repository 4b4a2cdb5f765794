// @ts-check
/** Changes of tags and performers of videos, each with the change that takes it back. */

import { tagsTouched, tellChange } from "./store.js";
import { get, post } from "./api.js";

/** @import * as api from "./api-types.d.ts" */
/** @import { UndoRequest } from "./undo.js" */

/** @typedef {Pick<api.TagsOut, "tags" | "performers">} Names */
/** @typedef {Omit<api.NameChangeIn, "videos">} NameChange */

const AT_ONCE = 500; // videos in one request: a second's work, so that progress can be told

/** @type {(names: string[], others: string[]) => string[]} */
const missing = (names, others) => names.filter((name) => !others.includes(name));

/** The change that leads from one record of tags to another.
 * @param {Names} from
 * @param {Names} to
 * @returns {Required<NameChange>} */
export function difference(from, to) {
  return {
    add: missing(to.tags, from.tags),
    remove: missing(from.tags, to.tags),
    performers_add: missing(to.performers, from.performers),
    performers_remove: missing(from.performers, to.performers),
  };
}

/** Whether a change has any name in it.
 * @param {NameChange} change */
export const isChange = (change) => Object.values(change).some((names) => names.length > 0);

/** Changes the tags of a video.
 * @param {string} url of the video
 * @param {NameChange} change
 * @returns {Promise<{after: api.TagsOut, undo: NameChange}>} its tags then, and the change that takes this back */
export async function changeTags(url, change) {
  const previous = await get(`${url}/tags`);
  const after = await post(`${url}/tags`, change);
  return { after, undo: difference(after, previous) };
}

/** How a change of many videos went: how many were changed, the requests that take that back, and which
 * videos stay as they were.
 * @typedef {{changed: number, requests: UndoRequest[], errors: api.VideoErrorOut[]}} BulkChange */

/** Makes one change of the tags of many videos.
 * @param {string[]} paths
 * @param {NameChange} change
 * @param {(done: number, total: number) => void} progress */
export async function changeTagsOfAll(paths, change, progress) {
  /** @type {BulkChange} */
  const done = { changed: 0, requests: [], errors: [] };
  for (let at = 0; at < paths.length; at += AT_ONCE) {
    const videos = paths.slice(at, at + AT_ONCE);
    progress(at, paths.length);
    const { changed, undo, errors } = await post("/tags/change", { changes: [{ videos, ...change }] });
    done.changed += changed;
    if (undo.length) done.requests.push(["/tags/change", { changes: undo }]);
    done.errors.push(...errors);
  }
  tellChange(tagsTouched(paths));
  return done;
}
