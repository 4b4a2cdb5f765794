// @ts-check
/** What can be done with the selected videos: a bar of it, and the dialogs of tags and tasks. */

import { make } from "../data/api.js";
import { changeTagsOfAll } from "../data/tags.js";
import { h, setText, tickedValues } from "../ui/dom.js";
import { noteJob } from "../data/events.js";
import { count, listed, names, plural } from "../ui/format.js";
import { allKinds, isExpected, kindName, kindsKnown, store, tagsTouched, taskOf } from "../data/store.js";
import { attempt, button, combobox, completions, dialog, keepNotesAbove, toast } from "../ui/controls.js";
import { deleteVideos } from "./deletion.js";
import { renameDialog } from "./rename-dialog.js";
import { changeWords, offerUndo } from "./undo.js";

/** @import * as api from "../data/api-types.d.ts" */

const selected = () => [...store.state.selection.values()];
const clear = () => store.set({ selection: new Map() });

/** The bar of what can be done with the selection, until the signal.
 * @param {() => Promise<unknown>} selectAll selects all that the query finds
 * @param {() => unknown} giveFocus takes the keyboard back to the videos
 * @param {AbortSignal} signal */
export function selectionBar(selectAll, giveFocus, signal) {
  const text = h("strong", { role: "status" });
  const all = button("All", "check", () => attempt(all, selectAll), { kind: "quiet" });
  const bar = h(
    ".selection",
    { role: "region", "aria-label": "Selected videos", hidden: true },
    text,
    all,
    button("Tag", "tag", () => tagDialog(selected())),
    button("Run", "run", () => runDialog(selected())),
    button("Rename", "edit", () => renameDialog(selected())),
    button("Delete", "trash", () => deleteVideos(selected())),
    button("Clear the selection", "close", clear, { bare: true }),
  );
  const render = () => {
    const { selection } = store.state;
    const hadFocus = bar.contains(document.activeElement);
    bar.hidden = !selection.size;
    if (bar.hidden && hadFocus) giveFocus();
    document.body.classList.toggle("selecting", Boolean(selection.size));
    setText(text, plural(selection.size, "selected", "selected"));
  };
  store.watch(["selection"], render, signal);
  keepNotesAbove(bar, signal);
  signal.addEventListener("abort", () => document.body.classList.remove("selecting"));
  render();
  return { element: bar, selectAll: () => attempt(all, selectAll) };
}

/** A field for names with commas between them.
 * @param {string} text
 * @param {"tags" | "performers"} kind
 * @returns {[input: HTMLInputElement, field: HTMLElement]} */
function namesInput(text, kind) {
  const input = h("input", { type: "text", placeholder: "comma-separated" });
  const list = h("ul.options", { hidden: true });
  combobox(input, list, {
    suggest: async () => {
      const lastName = (input.value.split(",").at(-1) ?? "").trim();
      return lastName ? (await completions(kind, lastName)).slice(0, 8).map((text) => ({ text })) : [];
    },
    choose: ({ text }) => (input.value = listed([...names(input.value).slice(0, -1), text, ""])),
  });
  return [input, h("label.field", {}, h("span", {}, text), h(".holder", {}, input, list))];
}

/** @param {api.VideoErrorOut} problem */
const errorLine = ({ video, error }) => `${video}: ${error}`;

/** What a change of names in many videos is, in words.
 * @param {{add: string[], remove: string[], performers_add: string[]}} change */
const tagWords = ({ add, remove, performers_add: performers }) =>
  changeWords({ add: [...add, ...performers], remove });

/** Asks which tags and performers are to be changed in videos, and changes them.
 * @param {Pick<api.VideoRowOut, "path">[]} rows */
export function tagDialog(rows) {
  dialog(`Tag ${plural(rows.length, "video")}`, (close) => {
    const [add, addField] = namesInput("Add tags", "tags");
    const [removed, removedField] = namesInput("Remove tags", "tags");
    const [people, peopleField] = namesInput("Add performers", "performers");
    const status = h("p.dim", { role: "status" });
    const submit = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const change = {
        add: names(add.value),
        remove: names(removed.value),
        performers_add: names(people.value),
      };
      const progress = (/** @type {number} */ n, /** @type {number} */ total) =>
        setText(status, `Tagging: ${count(n)} of ${plural(total, "video")} …`);
      const paths = rows.map(({ path }) => path);
      const done = await attempt(save, () => changeTagsOfAll(paths, change, progress));
      if (!done) return;
      const words = `${plural(done.changed, "video")} tagged: ${tagWords(change)}`;
      offerUndo(words, done.requests, tagsTouched(paths));
      if (done.errors.length) setText(status, done.errors.map(errorLine).join("\n"));
      else close();
    };
    const save = button("Save", "check", null, { kind: "primary", type: "submit" });
    return h(
      "form",
      { onsubmit: submit },
      addField,
      removedField,
      peopleField,
      status,
      h(".row.end", {}, save),
    );
  });
}

/** Whether a kind could not be made of a video, as an earlier run found.
 * @type {(row: api.VideoRowOut, kind: string) => boolean} */
const hasFailed = ({ broken }, kind) => broken?.some(({ kinds }) => kinds.includes(kind)) ?? false;

/** Whether a kind is missing or outdated, and nothing is known to be in the way.
 * @type {(row: api.VideoRowOut, kind: string) => boolean} */
const canBeMade = (row, kind) => row.artifacts?.[kind] !== true && !hasFailed(row, kind);

/** A box for the task that makes a kind, and how much of it these videos lack; ticked where it should run.
 * @type {(rows: api.VideoRowOut[], kind: string) => HTMLElement} */
function taskCheck(rows, kind) {
  const missing = rows.filter((row) => canBeMade(row, kind)).length;
  const failed = rows.filter((row) => hasFailed(row, kind)).length;
  const words = [missing && `${missing} to make`, failed && `${failed} failed before`].filter(Boolean);
  const checked = missing > 0 && isExpected(kind) && !store.state.kinds[kind].slow;
  return h(
    "label.check",
    {},
    h("input", { type: "checkbox", value: taskOf(kind), checked }),
    h("span", {}, kindName(kind)),
    h("span.dim", {}, words.join(", ") || "all there"),
  );
}

/** Asks which tasks are to run on videos, and starts them.
 * @param {api.VideoRowOut[]} rows */
async function runDialog(rows) {
  await kindsKnown();
  dialog(`Run tasks on ${plural(rows.length, "video")}`, (close) => {
    const kinds = allKinds().filter(taskOf);
    const checks = h(".checks", {}, ...kinds.map((kind) => taskCheck(rows, kind)));
    const force = h("input", { type: "checkbox" });
    const paths = rows.map(({ path }) => path);
    const submit = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const tasks = tickedValues(checks);
      if (!tasks.length) return;
      const job = await attempt(start, () => make(tasks, paths, { force: force.checked }));
      if (!job) return;
      noteJob(job);
      toast("The job is on its way");
      close();
    };
    const start = button("Run", "run", null, { kind: "primary", type: "submit" });
    return h(
      "form",
      { onsubmit: submit },
      checks,
      h("label.check", {}, force, h("span", {}, "Make again what is there already")),
      h(".row.end", {}, start),
    );
  });
}
