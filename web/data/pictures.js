// @ts-check
/** Addresses of the pictures and records of a video. Each has the version of what it shows, so that
 * browsers keep it for good and ask again when it was made anew. */

import { address, get } from "./api.js";

const CARD = 384; // pixels, the width of a card's picture: two for each of the screen on a fine one
const POSTER = 1280;

/** The address of a video's artifact: the file to look at, or a part of it by its name. */
export function fileOf(row, kind, part = "") {
  const name = part ? `/${encodeURIComponent(part)}` : "";
  return address(`${row.url}/files/${kind}${name}`, { v: row.versions?.[kind] });
}

const picture = (row, params) => address(`${row.url}/picture`, params);
const thumbnailOf = (row, width) =>
  row.versions?.thumbs ? picture(row, { width, v: row.versions.thumbs }) : "";

/** The thumbnail of a video for its card, or in another of the server's widths; "" where there is none. */
export const cardPicture = (row, width = CARD) => thumbnailOf(row, width);

/** The thumbnail of a video in the size of a film. */
export const thumbnail = (row) => thumbnailOf(row, POSTER);

/** A frame of a video, which the server makes: at a time in seconds, or where that is faster at
 * another that is at most `tolerance` away. */
export function momentPicture(row, time, tolerance) {
  const [at, off] = [time, Math.max(0, tolerance)].map((seconds) => seconds.toFixed(3));
  return picture(row, { width: CARD, time: at, tolerance: off, v: `${row.size}-${row.mtime}` });
}

const records = new Map(); // of sprites and previews, those that were used last
const RECORDS_KEPT = 200;

/** A JSON record of an artifact, read once as long as the artifact stays as it is. */
export function record(row, kind) {
  const version = row.versions?.[kind];
  const key = `${kind} ${row.url} ${version}`;
  if (!records.has(key)) {
    const name = row.url.split("/").at(-1);
    const reading = get(`${row.url}/files/${kind}/${name}.${kind}.json`, { v: version });
    records.set(
      key,
      reading.catch(() => (records.delete(key), null)),
    );
    if (records.size > RECORDS_KEPT) records.delete(records.keys().next().value);
  }
  return records.get(key);
}

/** The frame that a sprite sheet has for a time: the last one that is not later. */
export function frameAt(sprites, time) {
  let [low, high] = [0, sprites.frames.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (sprites.frames[middle].time <= time + 1e-3) low = middle;
    else high = middle - 1;
  }
  return sprites.frames[low];
}

/** The frame of a sprite sheet that lies inside a scene, the one nearest to its middle; null where
 * none does. Its time is that of the tile, which may be anywhere around the scene otherwise. */
export function frameInside(frames, { start, end }) {
  const middle = (start + end) / 2;
  const inside = frames.filter(({ time }) => start <= time && time < end);
  const distance = ({ time }) => Math.abs(time - middle);
  return inside.reduce((best, one) => (best && distance(best) <= distance(one) ? best : one), null);
}
