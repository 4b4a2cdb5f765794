// @ts-check
/** The list of the keys of the page. */

import { dialog } from "../ui/controls.js";
import { h } from "../ui/dom.js";

/** Keys and what they do.
 * @typedef {[string, string]} KeyMeaning */

/** @type {KeyMeaning[]} */
const LIBRARY = [
  ["/", "search; Esc takes the words away"],
  ["← ↑ → ↓", "walk from card to card; Page keys, Home and End go far"],
  ["Enter", "open a film"],
  ["Space", "select a card, with Shift a range"],
  ["Shift F10", "show what can be done with the card"],
  ["Delete", "delete what is selected, or the card"],
  ["Ctrl Z", "take the last change back"],
  [", .", "scrub the card"],
  ["p", "play its preview while held"],
  ["h", "make it a favourite, or no longer"],
  ["Ctrl A", "select all that is found; Esc none"],
];
/** @type {KeyMeaning[]} */
const FILM = [
  ["Space k", "play and pause"],
  ["← →", "five seconds back and on"],
  ["j l", "ten seconds back and on"],
  ["0 … 9", "to that many tenths"],
  [", .", "one picture back and on"],
  ["b n", "the scene before and the next"],
  ["Shift P N", "the video before and the next"],
  ["< >", "slower and faster"],
  ["↑ ↓ m", "volume, while the player has the focus; mute"],
  ["c", "subtitles"],
  ["f t", "the whole screen, the whole width"],
  ["h", "make it a favourite, or no longer"],
  ["Delete", "delete the film"],
  ["Esc", "back to the library"],
];

/** @param {KeyMeaning} meaning */
const row = ([keys, words]) => [h("dt", {}, h("kbd", {}, keys)), h("dd", {}, words)];
/** @type {(heading: string, keys: KeyMeaning[]) => HTMLElement} */
const list = (heading, keys) =>
  h("section", {}, h("h3", {}, heading), h("dl.facts-list.keys", {}, ...keys.flatMap(row)));

/** Shows which keys there are. */
export function showKeys() {
  const content = () => h(".pair", {}, list("In the library", LIBRARY), list("In a film", FILM));
  dialog("Keys", content, { wide: true });
}
