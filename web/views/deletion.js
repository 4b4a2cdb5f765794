// @ts-check
/** Deleting videos: a question, the trash, and the way back. */

import { post } from "../data/api.js";
import { store, tellChange } from "../data/store.js";
import { button, complain, dialog } from "../ui/controls.js";
import { h, setText } from "../ui/dom.js";
import { baseName, count, message, plural, size, title } from "../ui/format.js";
import { offerUndo } from "./undo.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { UndoRequest } from "../data/undo.js" */

const SHOWN = 5; // names in the question
const AT_ONCE = 2000; // videos in one request, which take some seconds

const WHERE = "With all that was made of it, it goes to the trash of its folder, and can be had back.";
const WHERE_MANY =
  "With all that was made of them, they go to the trash of their folders, and can be had back.";

/** Moves videos to the trash after a question.
 * @param {Pick<api.VideoRowOut, "path" | "size">[]} rows
 * @param {() => unknown} [undone] called where that is taken back from the note about it
 * @returns {Promise<unknown>} whether it was done */
export function deleteVideos(rows, undone = () => {}) {
  const heading = rows.length > 1 ? `Delete ${plural(rows.length, "video")}?` : "Delete this video?";
  return dialog(heading, (close) => {
    const status = h("p.bad", { role: "alert" });
    const names = rows.slice(0, SHOWN).map((row) => h("li", { dir: "auto" }, row.path));
    if (rows.length > SHOWN)
      names.push(h("li.dim", {}, `and ${plural(rows.length - SHOWN, "more", "more")}`));
    const bytes = size(rows.reduce((sum, row) => sum + row.size, 0));

    /** @param {SubmitEvent} event */
    async function remove(event) {
      event.preventDefault();
      confirm.disabled = true;
      /** @type {api.DeletionOut[]} */
      const deletions = [];
      try {
        for (let at = 0; at < rows.length; at += AT_ONCE) {
          setText(status, rows.length > AT_ONCE ? `Deleting: ${count(at)} of ${count(rows.length)} …` : "");
          const videos = rows.slice(at, at + AT_ONCE).map(({ path }) => path);
          deletions.push(await post("/trash", { videos }));
        }
      } catch (error) {
        setText(status, message(error));
        confirm.disabled = false;
        if (deletions.length) complain(error); // those of the first requests are gone
      }
      if (!deletions.length) return;
      close(true);
      tellDeleted(deletions, undone);
    }

    const confirm = button("Delete", "trash", null, { kind: "danger", type: "submit", autofocus: true });
    const cancel = button("Cancel", "close", () => close(false), { kind: "quiet" });
    const hint = h("p.dim", {}, `${bytes}. ${rows.length > 1 ? WHERE_MANY : WHERE}`);
    const list = h("ul.names-list", {}, ...names);
    return h("form", { onsubmit: remove }, list, hint, status, h(".row.end", {}, cancel, confirm));
  });
}

/** Takes what was deleted out of the selection, and offers it back.
 * @param {api.DeletionOut[]} deletions
 * @param {() => unknown} undone */
function tellDeleted(deletions, undone) {
  const videos = deletions.flatMap((deletion) => deletion.videos);
  const selection = new Map(store.state.selection);
  for (const path of videos) selection.delete(path);
  store.set({ selection });
  tellChange();
  const what = videos.length > 1 ? plural(videos.length, "video") : title(baseName(videos[0]));
  /** @type {UndoRequest[]} */
  const requests = deletions.map(({ id }) => [`/trash/${id}/undo`, {}]);
  offerUndo(`${what} deleted`, requests, {}, undone);
}
