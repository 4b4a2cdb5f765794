// @ts-check
/** What can be done with the selected videos: tags, tasks, new names. */

import { each, make } from "../data/api.js";
import { changeTagsOfAll } from "../data/tags.js";
import { find, h, keyed, latestOnly, setText, tickedValues } from "../ui/dom.js";
import { noteJob } from "../data/events.js";
import { count, listed, message, names, plural } from "../ui/format.js";
import {
  allKinds,
  isExpected,
  kindName,
  kindsKnown,
  store,
  tagsTouched,
  taskOf,
  tellChange,
} from "../data/store.js";
import { attempt, button, combobox, completions, dialog, keepNotesAbove, toast } from "../ui/controls.js";
import { deleteVideos } from "./deletion.js";
import { rename, tellRenamed } from "./renames.js";
import { changeWords, offerUndo } from "./undo.js";

const selected = () => [...store.state.selection.values()];
const clear = () => store.set({ selection: new Map() });

/** The bar of what can be done with the selection; `selectAll` selects all that the query finds, and
 * `giveFocus` takes the keyboard back to the videos. */
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

const errorLine = ({ video, error }) => `${video}: ${error}`;

/** What a change of names in many videos is, in words. */
const tagWords = ({ add, remove, performers_add: performers }) =>
  changeWords({ add: [...add, ...performers], remove });

export function tagDialog(rows) {
  dialog(`Tag ${plural(rows.length, "video")}`, (close) => {
    const [add, addField] = namesInput("Add tags", "tags");
    const [removed, removedField] = namesInput("Remove tags", "tags");
    const [people, peopleField] = namesInput("Add performers", "performers");
    const status = h("p.dim", { role: "status" });
    const submit = async (event) => {
      event.preventDefault();
      const change = {
        add: names(add.value),
        remove: names(removed.value),
        performers_add: names(people.value),
      };
      const progress = (n, total) => setText(status, `Tagging: ${count(n)} of ${plural(total, "video")} …`);
      const paths = rows.map(({ path }) => path);
      const done = await attempt(save, () => changeTagsOfAll(paths, change, progress));
      if (!done) return undefined;
      const words = `${plural(done.changed, "video")} tagged: ${tagWords(change)}`;
      offerUndo(words, done.requests, tagsTouched(paths));
      if (done.errors.length) return setText(status, done.errors.map(errorLine).join("\n"));
      return close();
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

/** Whether a kind could not be made of a video, as an earlier run found. */
const hasFailed = ({ broken = [] }, kind) => broken.some(({ kinds }) => kinds.includes(kind));

/** Whether a kind is missing or outdated, and nothing is known to be in the way. */
const canBeMade = (row, kind) => row.artifacts?.[kind] !== true && !hasFailed(row, kind);

async function runDialog(rows) {
  await kindsKnown();
  dialog(`Run tasks on ${plural(rows.length, "video")}`, (close) => {
    const boxes = allKinds()
      .filter(taskOf)
      .map((kind) => {
        const missing = rows.filter((row) => canBeMade(row, kind)).length;
        const failed = rows.filter((row) => hasFailed(row, kind)).length;
        const words = [missing && `${missing} to make`, failed && `${failed} failed before`].filter(Boolean);
        const box = h("input", {
          type: "checkbox",
          value: taskOf(kind),
          checked: missing > 0 && isExpected(kind) && !store.state.kinds[kind].slow,
        });
        return h(
          "label.check",
          {},
          box,
          h("span", {}, kindName(kind)),
          h("span.dim", {}, words.join(", ") || "all there"),
        );
      });
    const checks = h(".checks", {}, ...boxes);
    const force = h("input", { type: "checkbox" });
    const submit = async (event) => {
      event.preventDefault();
      const tasks = tickedValues(checks);
      if (!tasks.length) return;
      const job = await attempt(start, () =>
        make(
          tasks,
          rows.map((row) => row.path),
          { force: force.checked },
        ),
      );
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

/** The new path of a video by a replacement in its name without the extension; null where it stays. */
function renamed(row, find, replacement, isPattern) {
  const [, stem, ext = ""] = /^(.*?)(\.[^.]*)?$/s.exec(row.name) ?? ["", row.name];
  const source = isPattern ? find : find.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const target = isPattern ? replacement : replacement.replaceAll("$", "$$$$");
  const name = stem.replace(new RegExp(source, "gu"), target) + ext;
  return name === row.name ? null : row.path.slice(0, row.path.length - row.name.length) + name;
}

export function renameDialog(rows) {
  dialog(
    `Rename ${plural(rows.length, "video")}`,
    (close) => {
      const pattern = h("input", { type: "text", spellcheck: false, required: true });
      const replacement = h("input", { type: "text", spellcheck: false });
      const isPattern = h("input", { type: "checkbox" });
      const note = h("p.dim", { role: "status" });
      const table = h("ul.renames", {});
      const start = button("Rename", "edit", null, { kind: "primary", type: "submit", disabled: true });
      let plan = [];
      const latest = latestOnly();

      async function preview() {
        start.disabled = true;
        try {
          plan = rows
            .map((row) => ({
              row,
              to: pattern.value ? renamed(row, pattern.value, replacement.value, isPattern.checked) : null,
            }))
            .filter(({ to }) => to);
        } catch (error) {
          latest.cancel();
          plan = [];
          table.replaceChildren();
          return setText(note, `That is no pattern: ${message(error)}`);
        }
        setText(note, plan.length ? "Looking …" : "Nothing changes yet.");
        const refused = await latest(each(plan, ({ row, to }) => rename(row.url, to, true)));
        if (!refused) return undefined; // something else was written meanwhile
        const why = new Map(refused.map(([item, error]) => [item, message(error)]));
        keyed(
          table,
          plan,
          ({ row, to }) => `${row.path}→${to}`,
          ({ row, to }) =>
            h("li", { dir: "auto" }, h("del", {}, row.path), h("ins", {}, to), h("span.bad", {})),
          (element, item) => setText(find(element, ".bad"), why.get(item) ?? ""),
        );
        start.disabled = !plan.length || why.size > 0;
        setText(
          note,
          why.size
            ? `${plural(why.size, "name")} cannot be had.`
            : `${plural(plan.length, "video")} of ${rows.length} will be renamed, with all that belongs to them.`,
        );
        return undefined;
      }

      for (const input of [pattern, replacement, isPattern]) input.addEventListener("input", preview);
      const submit = async (event) => {
        event.preventDefault();
        const done = [];
        const work = async ({ row, to }) => done.push(await rename(row.url, to));
        const failed = await attempt(start, () => each(plan, work, undefined, 1));
        if (!failed) return;
        clear();
        tellChange();
        if (done.length) tellRenamed(done);
        for (const [{ row }, error] of failed.slice(0, 1))
          toast(`${row.name}: ${message(error)}`, { kind: "bad" });
        close();
      };
      const fields = h(
        ".pair",
        {},
        h("label.field", {}, h("span", {}, "Find in the name"), pattern),
        h("label.field", {}, h("span", {}, "Replace with"), replacement),
      );
      return h(
        "form",
        { onsubmit: submit },
        fields,
        h(
          "label.check",
          {},
          isPattern,
          h("span", {}, "The search is a regular expression; $1 stands for its first group"),
        ),
        note,
        table,
        h(".row.end", {}, start),
      );
    },
    { wide: true },
  );
}
