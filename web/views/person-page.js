// @ts-check
/** The page of one person: who it is, what can be done, and when the face is seen in which film. */

import { button, dialog, menu } from "../ui/controls.js";
import { h, setText } from "../ui/dom.js";
import { clock, message } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { go, href, videoHref } from "../ui/router.js";
import { faceOf, nameOf, personHref, summary } from "./person.js";
import { guesses, nameField } from "./person-name.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { PeopleEditor } from "./people-editor.js" */

/** An entry of a menu of people: a face, what is said beside it, and what choosing it does.
 * @typedef {{face: Element, words: string, take: () => unknown}} Choice */

const CHOICES = 200; // people in a menu
const MOMENTS = 12; // of a face, as links

/** A button that takes the last change of people back.
 * @param {PeopleEditor} editor */
export const undoButton = (editor) => button("Undo the last", "undo", () => editor.undo(), { kind: "quiet" });

/** Entries for people of a menu.
 * @param {api.PersonOut[]} people
 * @param {(one: api.PersonOut) => unknown} take
 * @returns {Choice[]} */
const choicesOf = (people, take) =>
  people.slice(0, CHOICES).map((one) => ({
    face: faceOf(one.picture),
    words: one.label ?? `Unnamed, ${summary(one)}`,
    take: () => take(one),
  }));

/** A menu of people.
 * @param {string} text
 * @param {string} name of the icon
 * @param {() => Choice[]} choices asked for when it opens */
function peopleMenu(text, name, choices) {
  /** @type {(panel: HTMLElement, close: () => void) => void} */
  const fill = (panel, close) => {
    const item = (/** @type {Choice} */ { face, words, take }) => {
      const onclick = () => (close(), take());
      const label = h("span", { dir: "auto" }, words);
      return h("button.choice", { type: "button", onclick }, h(".face", {}, face), label);
    };
    panel.replaceChildren(...choices().map(item));
  };
  return menu(text, name, fill, { kind: "small" });
}

/** Asks whether a person is to be forgotten, and shows all the others then.
 * @param {api.PersonOut} one
 * @param {PeopleEditor} editor */
function askToForget(one, editor) {
  dialog(`Forget ${one.label ?? "this person"}?`, (close) => {
    const problem = h("p.bad", { role: "alert" });
    const forget = async () => {
      try {
        await editor.forget(one);
        close();
        go(href("people"));
        editor.changed();
      } catch (error) {
        setText(problem, message(error));
      }
    };
    const what =
      "What was measured of this face is removed from every video's record for good. The videos stay as they are.";
    const cancel = button("Cancel", "close", () => close(), { kind: "quiet" });
    const sure = button("Forget", "trash", forget, { kind: "danger" });
    return [h("p.dim", {}, what), problem, h(".row.end", {}, cancel, sure)];
  });
}

/** A menu that makes a person one with another, whose page is shown then.
 * @param {api.PersonOut} one
 * @param {PeopleEditor} editor */
function mergeMenu(one, editor) {
  const join = async (/** @type {api.PersonOut} */ other) => {
    const words = `${nameOf(one)} merged with ${nameOf(other)}`;
    if (await editor.merge(other, [one], words)) go(personHref(other), { replace: true });
  };
  return peopleMenu("Merge into …", "merge", () => choicesOf(editor.others(one), join));
}

/** A button that hides a person, or shows one that was hidden; all are shown then.
 * @param {api.PersonOut} one
 * @param {PeopleEditor} editor */
function hideButton(one, editor) {
  /** @type {[action: "show" | "hide", text: string, words: string]} */
  const [action, text, words] = one.hidden
    ? ["show", "Show again", "shown again"]
    : ["hide", "Hide", "hidden"];
  const turn = async () => {
    if (await editor.act(one, { action }, `${nameOf(one)} ${words}`, control)) go(href("people"));
  };
  const control = button(text, "hide", turn);
  return control;
}

/** @type {(one: api.PersonOut, editor: PeopleEditor) => HTMLElement} */
function splitButton(one, editor) {
  const apart = () => editor.act(one, { action: "split" }, `${nameOf(one)} split`, control);
  const title = "Those whose faces look least alike become people of their own";
  const control = button("Split", "split", apart, { title });
  return control;
}

/** A menu that gives a face of a person to another, or to somebody new.
 * @param {api.PersonOut} one
 * @param {api.OccurrenceOut} face
 * @param {PeopleEditor} editor */
function reassignMenu(one, { signature }, editor) {
  const move = (/** @type {number | "new"} */ to, /** @type {string} */ name) =>
    editor.act(one, { action: "reassign", signature, to }, `A face of ${nameOf(one)} given to ${name}`);
  const somebody = { words: "Somebody else", take: () => move("new", "somebody new") };
  return peopleMenu("Not this person", "close", () => [
    { ...somebody, face: icon("plus") },
    ...choicesOf(editor.others(one), (other) => move(other.id, nameOf(other))),
  ]);
}

/** When a face is seen, as parts of a line that is as long as the film is until its last appearance.
 * @param {number[][]} intervals */
function spans(intervals) {
  const length = Math.max(1, ...intervals.map(([, end]) => end));
  const percent = (/** @type {number} */ seconds) => (seconds / length) * 100;
  return intervals.map(([from, end]) => {
    const width = `${Math.max(0.5, percent(end - from))}%`;
    return h("span", { style: { left: `${percent(from)}%`, width } });
  });
}

/** A film in which a person is seen, and when.
 * @param {api.PersonOut} one
 * @param {api.OccurrenceOut} face
 * @param {PeopleEditor} editor */
function faceItem(one, face, editor) {
  const { video, url, intervals, picture } = face;
  const at = (/** @type {number} */ when) => videoHref(url, { t: Math.floor(when * 10) / 10 });
  const film = h("a.film", { href: at(intervals[0]?.[0] ?? 0), dir: "auto" }, video);
  const moments = intervals
    .slice(0, MOMENTS)
    .map(([from, end]) => h("a.link", { href: at(from) }, `${clock(from)}–${clock(end)}`));
  return h(
    "li.panel",
    {},
    h(".face", {}, faceOf(picture)),
    h("div", {}, film, h(".moments", {}, ...moments)),
    h(".row", {}, reassignMenu(one, face, editor)),
    h(".spans", {}, ...spans(intervals)),
  );
}

/** What can be done with a person.
 * @param {api.PersonOut} one
 * @param {PeopleEditor} editor */
function actions(one, editor) {
  const forget = button("Forget", "trash", () => askToForget(one, editor), { kind: "danger" });
  return h(
    ".row",
    {},
    mergeMenu(one, editor),
    splitButton(one, editor),
    hideButton(one, editor),
    forget,
    undoButton(editor),
  );
}

/** The page of a person.
 * @param {api.PersonOut} one
 * @param {PeopleEditor} editor
 * @returns {HTMLElement[]} */
export function personPage(one, editor) {
  const all = { href: href("people"), "aria-label": "All people", title: "All people" };
  const head = h(
    ".who-is",
    {},
    h("a.button.quiet.bare", all, icon("back")),
    h(".portrait", {}, faceOf(one.picture)),
    h(
      ".column",
      {},
      h("h1.hidden", {}, one.label ?? "Somebody"),
      nameField(one, editor),
      guesses(one, editor),
      h("p.dim", {}, summary(one) + (one.named_by_hand ? " · named by hand" : "")),
      actions(one, editor),
    ),
  );
  const faces = one.occurrences.map((face) => faceItem(one, face, editor));
  return [head, h("ul.times", { "aria-label": "Videos" }, ...faces)];
}
