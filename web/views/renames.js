// @ts-check
/** New names for videos, and the way back to the old ones. */

import { post } from "../data/api.js";
import { plural } from "../ui/format.js";
import { offerUndo } from "./undo.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { UndoRequest } from "../data/undo.js" */

/** Gives a video another path in the library, or only finds out whether it may have it.
 * @param {string} url of the video
 * @param {string} to
 * @param {boolean} [dryRun]
 * @returns {Promise<api.RenameOut>} */
export const rename = (url, to, dryRun = false) => post(`${url}/rename`, { to, dry_run: dryRun });

/** Says that videos got new names.
 * @param {api.RenameOut[]} done as `rename` told, at least one
 * @param {() => unknown} [returned] called when they are taken back */
export function tellRenamed(done, returned = () => {}) {
  const latestFirst = done.toReversed(); // a name may have been another's before
  /** @type {UndoRequest[]} */
  const requests = latestFirst.map(({ url, video }) => [`${url}/rename`, { to: video }]);
  const [{ video, to }] = done;
  const words = done.length > 1 ? `${plural(done.length, "video")} renamed` : `${video} is ${to} now`;
  offerUndo(words, requests, {}, returned);
}
