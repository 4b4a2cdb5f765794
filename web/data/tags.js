// @ts-check
/** Changes of tags and performers of videos, each with the change that takes it back. */

import { tellChange } from "./store.js";
import { each, get, post } from "./api.js";

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

/** Changes the tags of several videos, {url, path} each; `changeFor(video)` is the change of one.
 * Gives {undo, failed}: [video, change] of each that changed, [video, error] of what was refused. */
export async function changeTagsOfAll(videos, changeFor, progress) {
  const undo = [];
  const work = async (video) => {
    const changed = await changeTags(video.url, changeFor(video));
    if (isChange(changed.undo)) undo.push([video, changed.undo]);
  };
  const failed = await each(videos, work, progress);
  tellChange({ videos: videos.map(({ path }) => path), kinds: ["tags"] });
  return { undo, failed };
}

/** Takes changes back; gives what was refused. */
export async function takeBack(undo) {
  const changes = new Map(undo);
  const { failed } = await changeTagsOfAll([...changes.keys()], (video) => changes.get(video));
  return failed;
}
