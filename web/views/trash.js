// @ts-check
/** The trash: how much lies there, and emptying it, which is the one thing that cannot be undone. */

import { get, remove } from "../data/api.js";
import { attempt, button, complain, dialog, toast } from "../ui/controls.js";
import { h, setText } from "../ui/dom.js";
import { message, plural, size } from "../ui/format.js";

/** @import * as api from "../data/api-types.d.ts" */

/** How much that is; without videos it is what was left of some.
 * @param {Pick<api.TrashContentsOut, "videos" | "files" | "size">} contents */
const amount = ({ videos, files, size: bytes }) =>
  [videos && plural(videos, "video"), plural(files, "file"), size(bytes)].filter(Boolean).join(", ");

/** A line that says what is in the trash, with a button that empties it; nothing where that is empty. Its
 * `read()` looks again.
 * @param {() => unknown} emptied called after it was */
export function trashLine(emptied) {
  const text = h("span.dim", { role: "status" });
  const empty = button("Empty the trash", "trash", () => ask(), { kind: "small.danger" });
  const element = h(".trash.row.between", { hidden: true }, text, empty);

  async function read() {
    const contents = await get("/trash/contents").catch(() => null);
    element.hidden = !contents?.files;
    setText(text, contents ? `In the trash: ${amount(contents)}` : "");
    return contents;
  }

  async function ask() {
    const contents = await attempt(empty, read);
    if (contents?.files && (await emptyDialog(contents))) emptied();
  }

  return { element, read };
}

/** Asks whether all that is in the trash is to be deleted for good; whether it was.
 * @param {api.TrashContentsOut} contents */
function emptyDialog(contents) {
  return dialog("Delete for good?", (close) => {
    const status = h("p.bad", { role: "alert" });
    const confirm = button("Delete for good", "trash", () => empty(), { kind: "danger" });
    const cancel = button("Cancel", "close", () => close(false), { autofocus: true });

    async function empty() {
      confirm.disabled = true;
      try {
        const done = await remove("/trash", { version: contents.version });
        close(true);
        toast(`The trash was emptied: ${amount(done)} deleted for good`);
        if (done.problems.length) complain(new Error(done.problems[0]));
      } catch (error) {
        setText(status, message(error));
        confirm.disabled = false;
      }
    }

    const what = `Everything in the trash of this library and its folders goes: ${amount(contents)}.`;
    return h(
      ".stack",
      {},
      h("p", {}, what),
      h("p.dim", {}, "Nothing of it can be had back after that, by no undo."),
      status,
      h(".row.end", {}, cancel, confirm),
    );
  });
}
