// @ts-check
/** New names for videos, and the way back to the old ones. */

import { tellChange } from "../data/store.js";
import { each, post } from "../data/api.js";
import { plural } from "../ui/format.js";
import { attempt, complain, toast } from "../ui/controls.js";

/** Gives a video another path in the library, or only finds out whether it may have it. */
export const rename = (url, to, dryRun = false) => post(`${url}/rename`, { to, dry_run: dryRun });

/** Says that these got new names, as `rename` told; `returned` is called when they are taken back. */
export function tellRenamed(done, returned = () => {}) {
  const takeBack = async () => {
    const last = done.toReversed(); // a name may have been another's before
    const failed = await attempt(null, () =>
      each(last, ({ url, video }) => rename(url, video), undefined, 1),
    );
    tellChange();
    if (!failed) return;
    if (failed.length) complain(failed[0][1]);
    else toast("Taken back");
    if (failed.length < done.length) returned();
  };
  toast(`${plural(done.length, "video")} renamed`, { action: ["Undo", takeBack] });
}
