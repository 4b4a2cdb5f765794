// @ts-check
/** Numbers and lists of names as people read and write them. */

const WHOLE = /^"(?:[^"]|"")*"$/;

/** The names in a text with commas between them; one that has a comma itself stands in quotes. */
export function names(text) {
  return (text.match(/\s*"(?:[^"]|"")*"\s*(?=,|$)|[^,]+/g) ?? [])
    .map((name) => name.trim())
    .map((name) => (WHOLE.test(name) ? name.slice(1, -1).replaceAll('""', '"').trim() : name))
    .filter(Boolean);
}

/** The text that `names` reads as these. */
export function listed(all) {
  return all.map((name) => (/,|^"/.test(name) ? `"${name.replaceAll('"', '""')}"` : name)).join(", ");
}

export function clock(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "";
  const total = Math.floor(seconds + 1e-6);
  const [h, m, s] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const tail = `${String(m).padStart(h ? 2 : 1, "0")}:${String(s).padStart(2, "0")}`;
  return h ? `${h}:${tail}` : tail;
}

export function size(bytes) {
  if (bytes === null || bytes === undefined) return "";
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, bytes ? Math.floor(Math.log10(bytes) / 3) : 0);
  const value = bytes / 1000 ** power;
  return `${value.toFixed(power && value < 100 ? 1 : 0)} ${units[power]}`;
}

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

/** 4K, 1080p … by the shorter side; small ones by their size. */
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

/** How long ago a time in milliseconds was. */
export function ago(time) {
  const seconds = (time - Date.now()) / 1000;
  const [unit, length] = AGES.find(([, length]) => Math.abs(seconds) >= length) ?? SECOND;
  return Math.abs(seconds) < 5 ? "now" : ages.format(Math.round(seconds / length), unit);
}

export const date = (seconds) =>
  new Date(seconds * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
/** A time in seconds by its day. */
export const day = (seconds) => new Date(seconds * 1000).toLocaleDateString([], { dateStyle: "medium" });
export const count = (number) => number.toLocaleString("en");
export const plural = (number, word, words = `${word}s`) => `${count(number)} ${number === 1 ? word : words}`;
export const percent = (share) => `${Math.floor(share * 1000) / 10}%`;
export const title = (name) => name.replace(/\.[^.]{1,5}$/, "");
export const label = (name) => name.replaceAll("_", " ").replace(/^./, (letter) => letter.toUpperCase());
export const message = (error) => (error instanceof Error ? error.message : String(error));

/** How long a forecast says that work takes, as a sentence; "" where there is nothing to do. */
export function timeText({ seconds, time }) {
  if (seconds) return `It takes ${time}.`;
  return time ? "How long it takes is not known: none was made on this machine yet." : "";
}

const KINDS = {
  thumbs: "Thumbnail",
  sprites: "Scrub sprites",
  previews: "Preview clips",
  phash: "Fingerprint",
  heatmaps: "Heatmap",
};

/** What people call a kind of artifact. */
export const kindName = (kind) => KINDS[kind] ?? label(kind);

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

/** What people call a codec. */
export const codecName = (codec) => CODECS[codec] ?? (codec ? codec.toUpperCase() : "");
