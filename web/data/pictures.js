// @ts-check
/** Addresses of the pictures and records of a video. Each has the version of what it shows, so that
 * browsers keep it for good and ask again when it was made anew. */

import { address, get } from "./api.js";

/** @import { Params } from "./api.js" */

/** A video as far as its pictures need it: a row of a listing, its details, or a copy among duplicates.
 * @typedef {{url: string, size: number, mtime: number, versions?: Record<string, string> | null}} Pictured */

/** What the sprite sheets of a video say: a tile for each of many times.
 * @typedef {{time: number, sheet: number, x: number, y: number}} SpriteFrame
 * @typedef {{tile: {width: number, height: number}, sheets: string[], frames: SpriteFrame[]}} Sprites */

/** The clips of a video's preview.
 * @typedef {{segments: {file: string, start: number, duration: number}[]}} Previews */

/** The JSON records that the page reads, by their kinds.
 * @typedef {{sprites: Sprites, previews: Previews}} Records */

const CARD = 384; // pixels, the width of a card's picture: two for each of the screen on a fine one
const POSTER = 1280;

/** The address of a file of a video's artifact.
 * @param {Pictured} row
 * @param {string} kind
 * @param {string} [part] the name of one of its files; the one to look at by default */
export function fileOf(row, kind, part = "") {
  const name = part ? `/${encodeURIComponent(part)}` : "";
  return address(`${row.url}/files/${kind}${name}`, { v: row.versions?.[kind] });
}

/** @type {(row: Pictured, params: Params) => string} */
const picture = (row, params) => address(`${row.url}/picture`, params);
/** @type {(row: Pictured, width: number) => string} */
const thumbnailOf = (row, width) =>
  row.versions?.thumbs ? picture(row, { width, v: row.versions.thumbs }) : "";

/** The address of a video's thumbnail for a card; "" where there is none.
 * @param {Pictured} row
 * @param {number} [width] one of the server's, in pixels */
export const cardPicture = (row, width = CARD) => thumbnailOf(row, width);

/** The address of a video's thumbnail in the size of a film; "" where there is none.
 * @param {Pictured} row */
export const thumbnail = (row) => thumbnailOf(row, POSTER);

/** The address of a frame of a video, which the server makes.
 * @param {Pictured} row
 * @param {number} time in seconds
 * @param {number} tolerance seconds by which the frame may be another where that is faster */
export function momentPicture(row, time, tolerance) {
  const [at, off] = [time, Math.max(0, tolerance)].map((seconds) => seconds.toFixed(3));
  return picture(row, { width: CARD, time: at, tolerance: off, v: `${row.size}-${row.mtime}` });
}

/** @type {Map<string, Promise<any>>} */
const records = new Map(); // those that were read last, by kind, video and version
const RECORDS_KEPT = 200;

/** The JSON record of an artifact, read once as long as the artifact stays as it is; null where there is
 * none or reading it failed.
 * @template {keyof Records} Kind
 * @param {Pictured} row
 * @param {Kind} kind
 * @returns {Promise<Records[Kind] | null>} */
export async function record(row, kind) {
  const version = row.versions?.[kind];
  if (!version) return null;
  const key = `${kind} ${row.url} ${version}`;
  const stored = records.get(key);
  if (stored) return stored;
  const name = row.url.split("/").at(-1);
  /** @type {string} */
  const path = `${row.url}/files/${kind}/${name}.${kind}.json`;
  const reading = get(path, { v: version }).catch(() => (records.delete(key), null));
  records.set(key, reading);
  if (records.size > RECORDS_KEPT) records.delete([...records.keys()][0]);
  return reading;
}

/** The frame that sprite sheets have for a time: the last one that is not later.
 * @template {{time: number}} Frame
 * @param {{frames: Frame[]}} sprites with at least one frame
 * @param {number} time in seconds */
export function frameAt(sprites, time) {
  let [low, high] = [0, sprites.frames.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (sprites.frames[middle].time <= time + 1e-3) low = middle;
    else high = middle - 1;
  }
  return sprites.frames[low];
}

/** The frame of sprite sheets that lies inside a scene, the one nearest to its middle; null where none does.
 * @template {{time: number}} Frame
 * @param {Frame[]} frames
 * @param {{start: number, end: number}} scene in seconds
 * @returns {Frame | null} */
export function frameInside(frames, { start, end }) {
  const middle = (start + end) / 2;
  const inside = frames.filter(({ time }) => start <= time && time < end);
  const distance = (/** @type {Frame} */ { time }) => Math.abs(time - middle);
  return inside.toSorted((one, other) => distance(one) - distance(other))[0] ?? null;
}
