// @ts-check
/** The way back from changes of tags: a note that stays. */

import { takeBack } from "../data/tags.js";
import { attempt, complain, toast } from "../ui/controls.js";

/** Tells of changes of tags, [video, change that takes it back] each, and offers to undo them. */
export function offerUndo(text, undo) {
  if (!undo.length) return;
  const back = async () => {
    const failed = await attempt(null, () => takeBack(undo));
    if (!failed) return;
    if (failed.length) complain(failed[0][1]);
    else toast("Taken back");
  };
  toast(text, { action: ["Undo", back], lasting: true });
}

/** What a change of names did, in words. */
export function changeWords({ add, remove }) {
  const part = (word, names) => (names.length ? `${names.join(", ")} ${word}` : "");
  return [part("added", add), part("removed", remove)].filter(Boolean).join("; ");
}
