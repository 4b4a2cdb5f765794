// @ts-check
/** The people of the folder as they were last read, and every change of them, with its way back. */

import { get, post, remove } from "../data/api.js";
import { attempt, completions, toast } from "../ui/controls.js";
import { plural } from "../ui/format.js";
import { isUndecided } from "./person.js";
import { offerUndo } from "./undo.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { Disableable, Suggestion } from "../ui/controls.js" */

/** A change of a person.
 * @typedef {api.RenamePersonIn | api.MergePeopleIn | api.MarkPersonIn | api.ReassignFaceIn} PersonChange */

const PAGE = 200;
const NAMES_SHOWN = 8; // that are suggested at a time
const LISTED = { recursive: 1 };

/** @type {(one: api.PersonOut, name: string) => string} */
const named = ({ label }, name) => (label ? `${label} named ${name}` : `${name} named`);

/** The listing with every person, page by page.
 * @param {boolean} hidden whether also with those that were hidden
 * @param {AbortSignal} signal */
async function everybody(hidden, signal) {
  const params = { ...LISTED, ext: "*", limit: PAGE, hidden: hidden ? 1 : "" };
  const listing = await get("/faces/listing", params, signal);
  const { people } = listing;
  while (people.length < listing.total) {
    const more = await get("/faces/listing", { ...params, offset: people.length }, signal);
    if (!more.people.length) break;
    people.push(...more.people);
  }
  return listing;
}

export class PeopleEditor {
  /** @type {api.PersonOut[]} */
  people = [];
  withHidden = false; // whether those who were hidden are read as well

  /** @param {() => Promise<unknown>} changed called after every change, to read the people anew */
  constructor(changed) {
    this.changed = changed;
  }

  /** Reads who there is, first those about whom there is something to decide.
   * @param {AbortSignal} signal */
  async read(signal) {
    const listing = await everybody(this.withHidden, signal);
    this.people = listing.people.toSorted(
      (one, other) => Number(isUndecided(other)) - Number(isUndecided(one)),
    );
    return listing;
  }

  /** Those who are not somebody.
   * @param {api.PersonOut} one */
  others(one) {
    return this.people.filter(({ id }) => id !== one.id);
  }

  /** Makes one change of a person, and offers to take it back.
   * @param {api.PersonOut} one
   * @param {PersonChange} change
   * @param {string} words what was done
   * @param {Disableable | null} [control]
   * @returns {Promise<boolean>} whether the server did */
  async act(one, change, words, control = null) {
    const done = await attempt(control, () => post(`/faces/people/${one.id}`, change, LISTED));
    if (!done) return false;
    const doubt = done.warning ? `, but ${done.warning}` : "";
    offerUndo(words + doubt, [["/faces/undo", { change: done.change }]], { kinds: ["faces"] });
    await this.changed();
    return true;
  }

  /** Gives a person a name.
   * @param {api.PersonOut} one
   * @param {string} name
   * @param {Disableable | null} [control] */
  name(one, name, control = null) {
    return this.act(one, { action: "rename", name }, named(one, name), control);
  }

  /** Gives a person a name, and offers to merge those who share it.
   * @param {api.PersonOut} one
   * @param {string} name
   * @returns {Promise<boolean>} whether the server did */
  async rename(one, name) {
    const isSame = (/** @type {api.PersonOut} */ { label }) => label?.toLowerCase() === name.toLowerCase();
    const namesake = this.others(one).find(isSame);
    if (!(await this.name(one, name))) return false;
    if (namesake) {
      const merge = () => this.merge(namesake, [one], `${name} merged with another`);
      toast(`There is another ${name}`, { action: ["Merge them", merge, "merge"] });
    }
    return true;
  }

  /** Makes others one with a person.
   * @param {api.PersonOut} one
   * @param {api.PersonOut[]} others
   * @param {string} words what was done
   * @param {Disableable | null} [control] */
  merge(one, others, words, control = null) {
    return this.act(one, { action: "merge", ids: others.map(({ id }) => id) }, words, control);
  }

  /** Makes one of several, under the name that one of them has.
   * @param {api.PersonOut[]} several
   * @param {Disableable} control */
  async mergeAll(several, control) {
    const namedFirst = several.toSorted((a, b) => Number(Boolean(b.label)) - Number(Boolean(a.label)));
    const [first, ...rest] = namedFirst;
    return this.merge(first, rest, `${plural(several.length, "person", "people")} merged`, control);
  }

  /** Removes what was measured of a face, for good.
   * @param {api.PersonOut} one */
  forget(one) {
    return remove(`/faces/people/${one.id}`, LISTED);
  }

  /** Takes the last change back, also one that was made before the page was opened. */
  async undo() {
    if (await attempt(null, () => post("/faces/undo", {}, LISTED))) toast("Taken back");
    await this.changed();
  }

  /** Names that begin so and may be somebody's: what the gallery guesses, those of the others here, and
   * performers of any video.
   * @param {api.PersonOut} one
   * @param {string} begin
   * @returns {Promise<Suggestion[]>} */
  async suggestNames(one, begin) {
    const isWanted = (/** @type {string} */ name) =>
      name !== one.label && name.toLowerCase().startsWith(begin.toLowerCase());
    const labels = this.people.flatMap(({ label }) => label || []);
    const performers = await completions("performers", begin);
    const names = [...new Set([...one.ambiguous, ...labels, ...performers])].filter(isWanted);
    const hintOf = (/** @type {string} */ name) => (one.ambiguous.includes(name) ? "perhaps" : "");
    return names.slice(0, NAMES_SHOWN).map((text) => ({ text, hint: hintOf(text) }));
  }
}
