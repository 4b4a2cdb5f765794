// @ts-check
/** Numbers and lists of names as people read and write them. */

import { kindName } from "../data/store.js";

/** @import * as api from "../data/api-types.d.ts" */

const QUOTED = /^"(?:[^"]|"")*"$/;

/** The names in a text with commas between them; one that has a comma itself stands in quotes.
 * @param {string} text
 * @returns {string[]} */
export function names(text) {
  return (text.match(/\s*"(?:[^"]|"")*"\s*(?=,|$)|[^,]+/g) ?? [])
    .map((name) => name.trim())
    .map((name) => (QUOTED.test(name) ? name.slice(1, -1).replaceAll('""', '"').trim() : name))
    .filter(Boolean);
}

/** The text that `names` reads as these.
 * @param {string[]} all
 * @returns {string} */
export function listed(all) {
  return all.map((name) => (/,|^"/.test(name) ? `"${name.replaceAll('"', '""')}"` : name)).join(", ");
}

/** A time as 1:02:03, or 2:03 below an hour; "" where it is not known.
 * @param {number | null | undefined} seconds */
export function clock(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "";
  const total = Math.floor(seconds + 1e-6);
  const [h, m, s] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const tail = `${String(m).padStart(h ? 2 : 1, "0")}:${String(s).padStart(2, "0")}`;
  return h ? `${h}:${tail}` : tail;
}

const LANGUAGES = new Intl.DisplayNames("en", { type: "language" });

/** The name of a language by its tag; a tag that is none stays as it is.
 * @param {string} tag
 * @returns {string} */
export function languageName(tag) {
  try {
    return (tag && LANGUAGES.of(tag)) || tag;
  } catch {
    return tag;
  }
}

/** A size as 4.2 MB; "" where it is not known.
 * @param {number | null | undefined} bytes */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return "";
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, bytes ? Math.floor(Math.log10(bytes) / 3) : 0);
  const value = bytes / 1000 ** power;
  return `${value.toFixed(power && value < 100 ? 1 : 0)} ${units[power]}`;
}

/** A bit rate as 2.5 Mbit/s; "" where it is not known.
 * @param {number | null | undefined} bits */
export function bitRate(bits) {
  return bits ? `${size(bits).replace(/B$/, "bit").replace(/ bit$/, " bit")}/s` : "";
}

/** @type {[number, string][]} */
const NAMES = [
  [4320, "8K"],
  [2160, "4K"],
  [1440, "1440p"],
  [1080, "1080p"],
  [720, "720p"],
];

/** 4K, 1080p … by the shorter side; small ones by their size.
 * @param {number | null | undefined} width
 * @param {number | null | undefined} height */
export function resolution(width, height) {
  if (!width || !height) return "";
  const side = Math.min(width, height);
  return NAMES.find(([lines]) => side >= lines)?.[1] ?? `${width}×${height}`;
}

const ages = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const AGES = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** @type {[Intl.RelativeTimeFormatUnit, number]} */
const SECOND = ["second", 1];

/** How long ago a time was.
 * @param {number} time in milliseconds */
export function ago(time) {
  const seconds = (time - Date.now()) / 1000;
  const [unit, length] = AGES.find(([, length]) => Math.abs(seconds) >= length) ?? SECOND;
  return Math.abs(seconds) < 5 ? "now" : ages.format(Math.round(seconds / length), unit);
}

/** A time by its day and minute.
 * @param {number} seconds since 1970 */
export const date = (seconds) =>
  new Date(seconds * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

/** A time by its day.
 * @param {number} seconds since 1970 */
export const day = (seconds) => new Date(seconds * 1000).toLocaleDateString([], { dateStyle: "medium" });
/** A number with commas between its thousands.
 * @param {number} number */
export const count = (number) => number.toLocaleString("en");

/** A number with its word, in the right form.
 * @param {number} number
 * @param {string} word
 * @param {string} [words] the form for several */
export const plural = (number, word, words = `${word}s`) => `${count(number)} ${number === 1 ? word : words}`;

/** A share from 0 to 1 in percent, rounded down: 100% is all of it.
 * @param {number} share */
export const percent = (share) => `${Math.floor(share * 1000) / 10}%`;

/** The last name in a path.
 * @param {string} path */
export const baseName = (path) => path.slice(path.lastIndexOf("/") + 1);

/** The path of the folder that a file is in; "" where it is in none.
 * @param {string} path */
export const folderPathOf = (path) => path.slice(0, Math.max(0, path.lastIndexOf("/")));

/** The name of a file without its extension.
 * @param {string} name */
export const title = (name) => name.replace(/\.[^.]{1,5}$/, "");

/** The name of a task or parameter as people read it.
 * @param {string} name */
export const label = (name) => name.replaceAll("_", " ").replace(/^./, (letter) => letter.toUpperCase());

/** A reason behind "because": most of them begin without saying of what.
 * @param {string} reason
 * @param {string} [subject] */
export const because = (reason, subject = "it") =>
  `because ${/^(is|has|was|lies|leads|cannot|would|claims) /.test(reason) ? `${subject} ` : ""}${reason}`;

/** Why kinds of artifacts could not be made, in a sentence.
 * @param {api.KnownFailureOut} failure */
export const failureText = ({ reason, kinds }) =>
  `Failed, ${because(reason)} (${kinds.map(kindName).join(", ")})`;

/** What is wrong with a video, the worst first; empty where nothing is.
 * @param {Pick<api.VideoRowOut, "rotten" | "damaged" | "broken">} row
 * @returns {{word: string, why: string}} */
export function faultOf({ rotten, damaged, broken }) {
  if (rotten) return { word: "Rotten", why: rotten };
  if (damaged) return { word: "Damaged", why: damaged };
  if (!broken?.length) return { word: "", why: "" };
  return { word: "Failed", why: broken.map(failureText).join("; ") };
}

/** What an error says.
 * @param {unknown} error
 * @returns {string} */
export const message = (error) => (error instanceof Error ? error.message : String(error));

/** How long a forecast says that work takes, as a sentence; "" where there is nothing to do.
 * @param {{seconds: number, time: string}} forecast */
export function timeText({ seconds, time }) {
  if (seconds) return `It takes ${time}.`;
  return time ? "How long it takes is not known: none was made on this machine yet." : "";
}

/** How much there is of a kind, or since when, in a few words.
 * @param {Pick<api.KindOut, "entries"> | undefined} kind
 * @param {Record<string, any> | null} record */
export function amount(kind, record) {
  if (!record) return "";
  if (record.error) return "damaged";
  const { list, word } = kind?.entries ?? { list: "", word: "" };
  if (list) return Array.isArray(record[list]) ? plural(record[list].length, word) : "damaged";
  const made = Date.parse(record.generated_at);
  return Number.isNaN(made) ? "damaged" : ago(made);
}

/** @type {Record<string, string>} */
const CODECS = {
  hevc: "HEVC (H.265)",
  h264: "H.264",
  mpeg2video: "MPEG-2",
  mpeg4: "MPEG-4 part 2",
  msmpeg4v3: "Microsoft MPEG-4",
  cinepak: "Cinepak",
  vp8: "VP8",
  vp9: "VP9",
  av1: "AV1",
  prores: "ProRes",
  mjpeg: "Motion JPEG",
  wmv3: "Windows Media",
};

/** What people call a codec; "" where it is not known.
 * @param {string | null | undefined} codec */
export const codecName = (codec) => (codec ? (CODECS[codec] ?? codec.toUpperCase()) : "");
