// @ts-check
/** The way back from changes: a note that stays, and the list of the last ones. */

import { lastChanges, noteChange, takeBack } from "../data/undo.js";
import { attempt, button, complain, dialog, state, toast } from "../ui/controls.js";
import { h } from "../ui/dom.js";
import { ago } from "../ui/format.js";
import { trashLine } from "./trash.js";

/** @import { Change, UndoRequest } from "../data/undo.js" */
/** @import { LibraryChange } from "../data/store.js" */

/** @type {Map<string, HTMLElement>} */
const notes = new Map(); // about changes, by the requests that take them back
/** @param {Change} change */
const keyOf = ({ requests }) => JSON.stringify(requests);

/** Takes a change back and says how that went.
 * @param {Change} change
 * @param {HTMLButtonElement | null} [control]
 * @returns {Promise<boolean>} whether it is back */
export async function undo(change, control = null) {
  const problems = await attempt(control, () => takeBack(change));
  if (!problems) return false;
  notes.get(keyOf(change))?.remove(); // it may be taken back from the list
  notes.delete(keyOf(change));
  if (problems.length) complain(new Error(problems[0]));
  else toast(`Taken back: ${change.text}`);
  return true;
}

/** Tells of a change that was just made, and offers to take it back.
 * @param {string} text
 * @param {UndoRequest[]} requests those that take it back
 * @param {Partial<LibraryChange>} [touched]
 * @param {() => unknown} [undone] called where it was taken back from this note */
export function offerUndo(text, requests, touched = {}, undone = () => {}) {
  if (!requests.length) return;
  const change = noteChange(text, requests, touched);
  const back = async () => (await undo(change)) && undone();
  notes.set(keyOf(change), toast(text, { action: ["Undo", back], lasting: true }));
}

/** What a change of names did, in words.
 * @param {{add: string[], remove: string[]}} change */
export function changeWords({ add, remove }) {
  const part = (/** @type {string} */ word, /** @type {string[]} */ names) =>
    names.length ? `${names.join(", ")} ${word}` : "";
  return [part("added", add), part("removed", remove)].filter(Boolean).join("; ");
}

/** Takes the last change back, also one that was made before the page was opened. */
export async function undoTheLast() {
  const changes = await attempt(null, lastChanges);
  if (!changes) return;
  if (changes.length) await undo(changes[0]);
  else toast("There is nothing to take back");
}

/** Shows the last changes, those of before as well, each with a button that takes it back. */
export function showChanges() {
  dialog("Last changes", () => {
    const list = h("ul.changes", {}, h("li.dim", {}, "Reading …"));

    /** @param {Change} change */
    function item(change) {
      const back = button("Undo", "undo", async () => (await undo(change, back)) && read(), {
        kind: "small",
      });
      const words = h("div", {}, h("p", { dir: "auto" }, change.text), h("p.dim", {}, ago(change.at)));
      return h("li", {}, words, back);
    }

    const trash = trashLine(() => read());

    async function read() {
      trash.read();
      const changes = await attempt(null, lastChanges);
      if (!changes) return;
      const none = () =>
        state("undo", "Nothing to take back", "Changes of tags, names and people stand here, and deletions.");
      list.replaceChildren(...(changes.length ? changes.map(item) : [h("li", {}, none())]));
    }

    read();
    return [list, trash.element];
  });
}
