// @ts-check
/** What can be done with a video, or with the selection that it is in, from its card. */

import { store } from "../data/store.js";
import { popup } from "../ui/popup.js";
import { go, videoHref } from "../ui/router.js";
import { plural } from "../ui/format.js";
import { deleteVideos } from "./deletion.js";
import { markWatched } from "./opinion.js";
import { renameDialog } from "./rename-dialog.js";
import { tagDialog } from "./selection.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { Anchor } from "../ui/dom.js" */

/** Shows the choices for a video beside a rectangle of the window.
 * @param {api.VideoRowOut} row
 * @param {Anchor} at */
export function showCardMenu(row, at) {
  const { selection } = store.state;
  const isSelected = selection.has(row.path);
  const rows = isSelected ? [...selection.values()] : [row];
  const many = rows.length > 1 ? ` ${plural(rows.length, "video")}` : "";

  const watched = Boolean(row.playback?.watched);

  function toggle() {
    const after = new Map(selection);
    if (isSelected) after.delete(row.path);
    else after.set(row.path, row);
    store.set({ selection: after });
  }

  popup(row.name, at, [
    ["Open", "film", () => go(videoHref(row.url))],
    [watched ? "Mark as not watched" : "Mark as watched", "flag", () => markWatched(row, !watched)],
    [isSelected ? "Take out of the selection" : "Select", "check", toggle],
    [`Tag${many} …`, "tag", () => tagDialog(rows)],
    [`Rename${many} …`, "edit", () => renameDialog(rows)],
    [`Delete${many} …`, "trash", () => deleteVideos(rows)],
  ]);
}
