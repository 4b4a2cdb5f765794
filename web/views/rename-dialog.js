// @ts-check
/** New names for several videos by a search in their names, shown before they are given. */

import { each } from "../data/api.js";
import { store, tellChange } from "../data/store.js";
import { attempt, button, dialog, toast } from "../ui/controls.js";
import { find, h, keyed, latestOnly, setText } from "../ui/dom.js";
import { message, plural } from "../ui/format.js";
import { rename, tellRenamed } from "./renames.js";

/** @import * as api from "../data/api-types.d.ts" */

/** A video as far as it is renamed.
 * @typedef {Pick<api.VideoRowOut, "url" | "path" | "name">} Renamable */

/** What is replaced in a name by what; both as in `String.replace`.
 * @typedef {{pattern: RegExp, replacement: string}} Replacement */

/** A video, and the path that it gets.
 * @typedef {{row: Renamable, to: string}} PlannedName */

/** The new path of a video by a replacement in its name without the extension; null where it stays.
 * @type {(row: Renamable, replacement: Replacement) => string | null} */
function renamed(row, { pattern, replacement }) {
  const [, stem, ext = ""] = /^(.*?)(\.[^.]*)?$/s.exec(row.name) ?? ["", row.name];
  const name = stem.replace(pattern, replacement) + ext;
  return name === row.name ? null : row.path.slice(0, row.path.length - row.name.length) + name;
}

/** The videos that get another path by a replacement.
 * @type {(rows: Renamable[], replacement: Replacement) => PlannedName[]} */
const planned = (rows, replacement) =>
  rows.flatMap((row) => {
    const to = renamed(row, replacement);
    return to === null ? [] : [{ row, to }];
  });

/** The form in the dialog. What it would do is shown with every letter, and asked of the server. */
class RenameForm {
  /** @type {PlannedName[]} */
  #plan = [];
  #latest = latestOnly();
  #pattern = h("input", { type: "text", spellcheck: false, required: true });
  #replacement = h("input", { type: "text", spellcheck: false });
  #isRegular = h("input", { type: "checkbox" });
  #note = h("p.dim", { role: "status" });
  #table = h("ul.renames", {});
  #start = button("Rename", "edit", null, { kind: "primary", type: "submit", disabled: true });
  element = h(
    "form",
    { onsubmit: (/** @type {SubmitEvent} */ event) => (event.preventDefault(), this.renameAll()) },
    h(
      ".pair",
      {},
      h("label.field", {}, h("span", {}, "Find in the name"), this.#pattern),
      h("label.field", {}, h("span", {}, "Replace with"), this.#replacement),
    ),
    h(
      "label.check",
      {},
      this.#isRegular,
      h("span", {}, "The search is a regular expression; $1 stands for its first group"),
    ),
    this.#note,
    this.#table,
    h(".row.end", {}, this.#start),
  );

  /**
   * @param {Renamable[]} rows
   * @param {() => void} close
   */
  constructor(rows, close) {
    this.rows = rows;
    this.close = close;
    for (const input of [this.#pattern, this.#replacement, this.#isRegular])
      input.addEventListener("input", () => this.preview());
  }

  /** What is written in the form; fails where that is no pattern.
   * @returns {Replacement} */
  get replacement() {
    const [search, replacement] = [this.#pattern.value, this.#replacement.value];
    if (this.#isRegular.checked) return { pattern: new RegExp(search, "gu"), replacement };
    const literally = search.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return { pattern: new RegExp(literally, "gu"), replacement: replacement.replaceAll("$", "$$$$") };
  }

  /** Shows the new names, and which of them cannot be had. */
  async preview() {
    this.#start.disabled = true;
    try {
      this.#plan = this.#pattern.value ? planned(this.rows, this.replacement) : [];
    } catch (error) {
      this.#latest.cancel();
      this.#plan = [];
      this.#table.replaceChildren();
      setText(this.#note, `That is no pattern: ${message(error)}`);
      return;
    }
    const plan = this.#plan;
    setText(this.#note, plan.length ? "Looking …" : "Nothing changes yet.");
    const refused = await this.#latest(each(plan, ({ row, to }) => rename(row.url, to, true)));
    if (refused) this.show(plan, new Map(refused)); // else something else was written meanwhile
  }

  /** @type {(plan: PlannedName[], refused: Map<PlannedName, unknown>) => void} */
  show(plan, refused) {
    keyed(
      this.#table,
      plan,
      ({ row, to }) => `${row.path}→${to}`,
      ({ row, to }) => h("li", { dir: "auto" }, h("del", {}, row.path), h("ins", {}, to), h("span.bad", {})),
      (element, item) => setText(find(element, ".bad"), refused.has(item) ? message(refused.get(item)) : ""),
    );
    this.#start.disabled = !plan.length || refused.size > 0;
    const many = `${plural(plan.length, "video")} of ${this.rows.length}`;
    setText(
      this.#note,
      refused.size
        ? `${plural(refused.size, "name")} cannot be had.`
        : `${many} will be renamed, with all that belongs to them.`,
    );
  }

  /** Gives the new names, one after the other. */
  async renameAll() {
    /** @type {api.RenameOut[]} */
    const done = [];
    const work = async (/** @type {PlannedName} */ { row, to }) => done.push(await rename(row.url, to));
    const failed = await attempt(this.#start, () => each(this.#plan, work, undefined, 1));
    if (!failed) return;
    store.set({ selection: new Map() });
    tellChange();
    if (done.length) tellRenamed(done);
    for (const [{ row }, error] of failed.slice(0, 1))
      toast(`${row.name}: ${message(error)}`, { kind: "bad" });
    this.close();
  }
}

/** Asks for new names of videos, and gives them.
 * @param {Renamable[]} rows */
export function renameDialog(rows) {
  const form = (/** @type {() => void} */ close) => new RenameForm(rows, close).element;
  dialog(`Rename ${plural(rows.length, "video")}`, form, { wide: true });
}
