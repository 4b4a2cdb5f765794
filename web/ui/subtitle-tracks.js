// @ts-check
/** The subtitles of a film as its element takes them, and which of them is shown: as was chosen last. */

import { address } from "../data/api.js";
import { languageName } from "./format.js";

/** @import * as api from "../data/api-types.d.ts" */

const CHOSEN = "subtitles"; // in localStorage: the language that was chosen last, or OFF
const OFF = "off";
const UNKNOWN = "en"; // an element needs a language
const CHOICES = ["mediashowsubtitlesrequest", "mediadisablesubtitlesrequest", "mediatogglesubtitlesrequest"]; // events of the controls

/** A track as an element's attributes. `isInside`: the server reads the whole film for it.
 * @typedef {{src: string, label: string, language: string, isForced: boolean, isInside: boolean}} Subtitles */

/** @type {(language: string, purpose: string, isInside: boolean) => string} */
const labelOf = (language, purpose, isInside) =>
  [languageName(language), purpose !== "full" && purpose, isInside && "inside"].filter(Boolean).join(", ") ||
  "Subtitles";

/** The subtitles of files, and those inside the film in languages that no file has.
 * @param {api.SubtitleFileOut[]} files
 * @param {api.TextTrackOut[]} inside
 * @returns {Subtitles[]} */
export function subtitlesOf(files, inside) {
  const others = inside.filter(({ language }) => !files.some((file) => file.language === language));
  const all = [...files.map((file) => [file, false]), ...others.map((track) => [track, true])];
  /** @type {Map<string, number>} */
  const counts = new Map(); // of labels: the controls tell tracks apart by these
  return /** @type {[api.SubtitleFileOut | api.TextTrackOut, boolean][]} */ (all).map(
    ([{ url, language, purpose }, isInside]) => {
      const label = labelOf(language, purpose, isInside);
      const count = (counts.get(label) ?? 0) + 1;
      counts.set(label, count);
      return {
        src: address(url),
        label: count > 1 ? `${label} (${count})` : label,
        language,
        isForced: purpose === "forced",
        isInside,
      };
    },
  );
}

const primary = (/** @type {string} */ tag) => tag.split("-")[0];

/** Which subtitles are shown at first: those of the language that was chosen last, else those of a file,
 * in one of `languages` where there is such a file. Undefined for none.
 * @param {Subtitles[]} tracks
 * @param {string | null} chosen a language, OFF, or null where nothing was chosen yet
 * @param {readonly string[]} languages those that the browser prefers */
export function shownAtFirst(tracks, chosen, languages) {
  if (chosen === OFF) return undefined;
  const whole = tracks.filter(({ isForced }) => !isForced);
  const isOf =
    (/** @type {string} */ wanted) =>
    (/** @type {Subtitles} */ { language }) =>
      language === wanted || primary(language) === primary(wanted);
  const beside = whole.filter(({ isInside }) => !isInside);
  const preferred = languages.map((language) => beside.find(isOf(language))).find(Boolean);
  return (chosen !== null && whole.find(isOf(chosen))) || preferred || beside[0];
}

/** Puts subtitles into a film's element in place of those that it has, unless they are the same.
 * @param {HTMLVideoElement} video
 * @param {Subtitles[]} tracks */
export function putSubtitles(video, tracks) {
  const present = [...video.querySelectorAll("track")];
  const isSame = (/** @type {HTMLTrackElement} */ track, /** @type {number} */ i) =>
    track.getAttribute("src") === tracks[i].src;
  if (present.length === tracks.length && present.every(isSame)) return;
  for (const track of present) track.remove();
  const shown = shownAtFirst(tracks, localStorage.getItem(CHOSEN), navigator.languages);
  video.append(...tracks.map((track) => trackElement(track, track === shown)));
}

/** @type {(track: Subtitles, isShown: boolean) => HTMLTrackElement} */
function trackElement({ src, label, language, isInside }, isShown) {
  const element = document.createElement("track");
  Object.assign(element, { kind: "subtitles", label, srclang: language || UNKNOWN, default: isShown });
  element.setAttribute("src", src);
  element.toggleAttribute("data-inside", isInside);
  return element;
}

/** Keeps what is chosen in the controls of a film for those that are opened later.
 * @param {HTMLElement} controls
 * @param {HTMLVideoElement} video */
export function keepChoice(controls, video) {
  const keep = () => {
    const shown = [...video.textTracks].find(({ mode }) => mode === "showing");
    localStorage.setItem(CHOSEN, shown ? shown.language : OFF);
  };
  for (const name of CHOICES) controls.addEventListener(name, () => setTimeout(keep));
}
