// @ts-check
/** Changes of tags and performers of videos, each with the change that takes it back. */

import { tellChange } from "./store.js";
import { get, post } from "./api.js";

const AT_ONCE = 500; // videos in one request: a second's work, so that progress can be told

const missing = (names, others) => names.filter((name) => !others.includes(name));

/** The change, as the API takes it, that leads from one record of tags to another. */
export function difference(from, to) {
  return {
    add: missing(to.tags, from.tags),
    remove: missing(from.tags, to.tags),
    performers_add: missing(to.performers, from.performers),
    performers_remove: missing(from.performers, to.performers),
  };
}

/** Whether a change has any name in it. */
export const isChange = (change) => Object.values(change).some((names) => names.length > 0);

/** Changes the tags of a video. Gives {after, undo}: its tags then, and the change that takes this
 * one back. */
export async function changeTags(url, change) {
  const before = await get(`${url}/tags`);
  const after = await post(`${url}/tags`, change);
  return { after, undo: difference(after, before) };
}

/** Makes one change of the tags of many videos. Gives {changed, requests, errors}: how many changed,
 * the requests [path, body] that take this back, and {video, error} of those that stay as they were.
 * @param {string[]} paths
 * @param {object} change
 * @param {(done: number, total: number) => void} progress */
export async function changeTagsOfAll(paths, change, progress) {
  const done = { changed: 0, requests: [], errors: [] };
  for (let at = 0; at < paths.length; at += AT_ONCE) {
    const videos = paths.slice(at, at + AT_ONCE);
    progress(at, paths.length);
    const { changed, undo, errors } = await post("/tags/change", { changes: [{ videos, ...change }] });
    done.changed += changed;
    if (undo.length) done.requests.push(["/tags/change", { changes: undo }]);
    done.errors.push(...errors);
  }
  tellChange({ videos: paths, kinds: ["tags"] });
  return done;
}
