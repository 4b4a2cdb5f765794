// @ts-check
/** What one thinks of a video: five stars and a note, edited in place. */

import { h, setText } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { attempt, toast } from "../ui/controls.js";
import { title } from "../ui/format.js";
import { notePlayback, playbackOf } from "./resume.js";

/** @import * as api from "../data/api-types.d.ts" */

const STARS = [1, 2, 3, 4, 5];

/** Stars to press; the one that is set takes the rating away.
 * @param {number | null | undefined} rating
 * @param {(rating: number | null) => Promise<number | null>} save gives the stored one */
export function ratingField(rating, save) {
  let shown = rating ?? null;
  const value = h("span.dim", {});
  const stars = STARS.map((star) =>
    h("button.star", { type: "button", onclick: () => rate(star === shown ? null : star) }, icon("star")),
  );

  function render() {
    for (const [i, star] of stars.entries()) {
      const filled = Math.min(1, Math.max(0, (shown ?? 0) - i));
      star.style.setProperty("--filled", `${filled * 100}%`);
      star.setAttribute("aria-pressed", String(STARS[i] === shown));
      star.setAttribute("aria-label", STARS[i] === shown ? "Take the rating away" : `Rate ${STARS[i]} of 5`);
    }
    setText(value, shown === null ? "Not rated" : `${shown} of 5`);
  }

  /** @param {number | null} next */
  async function rate(next) {
    const previous = shown;
    const saved = await attempt(null, () => save(next));
    if (saved !== undefined) shown = saved;
    render();
    const words = shown === null ? "Rating taken away" : `Rated ${shown} of 5`;
    if (shown !== previous) toast(words, { action: ["Undo", () => rate(previous)] });
  }

  render();
  return h(".names", {}, h("h2", {}, "Rating"), h(".row.stars", {}, ...stars, value));
}

/** A note that is saved when one leaves it.
 * @param {string | null | undefined} note
 * @param {(note: string | null) => Promise<string | null>} save gives the stored one */
export function noteField(note, save) {
  let stored = note ?? "";
  const text = h("textarea", { rows: 3, maxlength: "10000", "aria-label": "Note", placeholder: "A note …" });
  text.value = stored;

  /** @param {string} next */
  async function store(next) {
    const previous = stored;
    const saved = await attempt(null, () => save(next || null));
    if (saved === undefined) return;
    stored = text.value = saved ?? "";
    if (stored !== previous) toast("Note saved", { action: ["Undo", () => store(previous)] });
  }

  text.addEventListener("change", () => store(text.value));
  return h(".names", {}, h("h2", {}, "Note"), text);
}

/** Notes that a video, a row of a listing, was watched or was not, and offers the way back to where
 * it was left.
 * @param {Pick<api.VideoRowOut, "url" | "name" | "playback">} row
 * @param {boolean} watched
 * @param {number} [position] in seconds, to go on there */
export async function markWatched({ url, name, playback }, watched, position = 0) {
  if (!(await attempt(null, () => notePlayback(url, { watched, position })))) return;
  const back = () => markWatched({ url, name }, !watched, playback?.position ?? 0);
  const words = watched ? "is marked as watched" : "is marked as not watched";
  toast(`${title(name)} ${words}`, { action: ["Undo", back] });
}

/** Whether a video was watched: a box to tick, with the way back.
 * @param {string} url of the video
 * @param {AbortSignal} signal */
export function watchedField(url, signal) {
  const box = h("input", { type: "checkbox", disabled: true });

  /**
   * @param {boolean} watched
   * @param {number} position in seconds, to go on there
   */
  async function mark(watched, position) {
    const previous = await attempt(box, () => playbackOf(url, signal));
    const after = previous && (await attempt(box, () => notePlayback(url, { watched, position })));
    if (!after) return show();
    box.checked = after.watched;
    const words = after.watched ? "Marked as watched" : "Marked as not watched";
    toast(words, { action: ["Undo", () => mark(previous.watched, previous.position)] });
  }

  async function show() {
    const playback = await playbackOf(url, signal).catch(() => null);
    box.disabled = !playback;
    if (playback) box.checked = playback.watched;
  }

  box.addEventListener("change", () => mark(box.checked, 0));
  show();
  return h("label.check", {}, box, h("span", {}, "Watched"));
}
