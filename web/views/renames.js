// @ts-check
/** New names for videos, and the way back to the old ones. */

import { post } from "../data/api.js";
import { plural } from "../ui/format.js";
import { offerUndo } from "./undo.js";

/** Gives a video another path in the library, or only finds out whether it may have it. */
export const rename = (url, to, dryRun = false) => post(`${url}/rename`, { to, dry_run: dryRun });

/** Says that these got new names, as `rename` told; `returned` is called when they are taken back. */
export function tellRenamed(done, returned = () => {}) {
  const latestFirst = done.toReversed(); // a name may have been another's before
  const requests = latestFirst.map(({ url, video }) => [`${url}/rename`, { to: video }]);
  const [{ video, to }] = done;
  const words = done.length > 1 ? `${plural(done.length, "video")} renamed` : `${video} is ${to} now`;
  offerUndo(words, requests, {}, returned);
}
