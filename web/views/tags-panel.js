// @ts-check
/** Tags, performers, rating and note of a video, edited in place. */

import { tagsTouched, tellChange } from "../data/store.js";
import { get, isAbort, post } from "../data/api.js";
import { changeTags, isChange } from "../data/tags.js";
import { term } from "../data/query.js";
import { h, latestOnly } from "../ui/dom.js";
import { baseName, message, title } from "../ui/format.js";
import { namesField } from "../ui/names-field.js";
import { href } from "../ui/router.js";
import { noteField, ratingField, watchedField } from "./opinion.js";
import { changeWords, offerUndo } from "./undo.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { NamesChange } from "../ui/names-field.js" */

/** The names that a video has of a kind.
 * @typedef {"tags" | "performers"} NameKind */

/** What a kind of names is called above its field, and in queries.
 * @type {Record<NameKind, {heading: string, word: string}>} */
const KINDS = {
  tags: { heading: "Tags", word: "tag" },
  performers: { heading: "Performers", word: "performer" },
};

/** A change of names as the API takes it.
 * @param {NameKind} kind
 * @param {NamesChange} change */
const requestOf = (kind, { add, remove }) =>
  kind === "tags" ? { add, remove } : { performers_add: add, performers_remove: remove };

export class TagsPanel {
  element = h("section.panel.stack", { "aria-label": "Tags" });
  latest = latestOnly(); // what was asked before something was saved is older than that

  /**
   * @param {{url: string, path: string | null}} video its path is null where its bytes are no text
   * @param {AbortSignal} signal
   */
  constructor({ url, path }, signal) {
    this.url = url;
    this.signal = signal;
    this.title = title(baseName(path ?? url));
    this.touched = tagsTouched(path === null ? null : [path]);
  }

  get isWriting() {
    return this.element.contains(document.activeElement);
  }

  /** Reads the tags anew, unless somebody is writing. */
  async show() {
    if (this.isWriting) return;
    try {
      const record = await this.latest(get(`${this.url}/tags`, {}, this.signal));
      if (!record || this.isWriting) return; // since it was asked
      this.element.replaceChildren(...this.fields(record));
    } catch (error) {
      if (!isAbort(error)) this.element.replaceChildren(h("p.bad", {}, message(error)));
    }
  }

  /** @param {api.TagsOut} record */
  fields({ tags, performers, rating, note }) {
    return [
      this.field("tags", tags),
      this.field("performers", performers),
      ratingField(rating, async (value) => (await this.save({ rating: value })).rating ?? null),
      noteField(note, async (value) => (await this.save({ note: value })).note ?? null),
      watchedField(this.url, this.signal),
    ];
  }

  /** @type {(kind: NameKind, names: string[]) => HTMLElement} */
  field(kind, names) {
    const { heading, word } = KINDS[kind];
    const link = (/** @type {string} */ name) => href("library", { q: term(word, name) });
    return namesField(heading, kind, names, (change) => this.saveNames(kind, change), link);
  }

  /** Saves a change of names, and offers to take it back; gives the names then.
   * @param {NameKind} kind
   * @param {NamesChange} change */
  async saveNames(kind, change) {
    const { touched, url } = this;
    this.latest.cancel();
    const { after, undo } = await changeTags(url, requestOf(kind, change));
    const words = `${this.title}: ${changeWords(change)}`;
    if (isChange(undo)) offerUndo(words, [[`${url}/tags`, undo]], touched);
    tellChange(touched);
    return after[kind];
  }

  /** Saves a rating or a note; gives the record then.
   * @param {Pick<api.TagUpdateIn, "rating" | "note">} detail */
  async save(detail) {
    this.latest.cancel();
    const after = await post(`${this.url}/tags`, detail);
    tellChange(this.touched);
    return after;
  }
}
