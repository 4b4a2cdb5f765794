// @ts-check
/** What the page reads of the records of a video's artifacts, which come with its details. They are files,
 * and one that is damaged may lack anything. */

/** @import { Sprites } from "./pictures.js" */

/** A stream of a file, as ffprobe describes it.
 * @typedef {object} Stream
 * @property {string} [codec_type]
 * @property {string} [codec_name]
 * @property {string} [profile]
 * @property {string} [pix_fmt]
 * @property {string} [color_transfer]
 * @property {number} [width]
 * @property {number} [height]
 * @property {string} [channel_layout]
 * @property {number} [channels]
 * @property {string} [sample_rate] in hertz
 * @property {{language?: string}} [tags] */

/** A chapter of a file, as ffprobe describes it; times are in seconds.
 * @typedef {{start_time: string, end_time: string, tags?: {title?: string}}} RecordedChapter */

/** What ffprobe says of a file.
 * @typedef {object} Metadata
 * @property {Stream[]} [streams]
 * @property {RecordedChapter[]} [chapters]
 * @property {{bit_rate?: string, format_long_name?: string, tags?: {creation_time?: string}}} [format] */

/** A scene, in seconds, and the name of its picture, where one was made.
 * @typedef {{start: number, end: number, thumb?: string}} Scene */

/** How much happens at a time, and how bright it is.
 * @typedef {{time: number, motion?: number | null, brightness?: number | null}} HeatSample */

/** The records by their kinds.
 * @typedef {object} Documents
 * @property {Partial<Sprites> | null} [sprites]
 * @property {{samples?: HeatSample[]} | null} [heatmaps]
 * @property {{scenes?: Scene[], markers?: {time: number}[]} | null} [scenes] markers: where scenes begin
 * @property {Metadata | null} [metadata] */

/** The sprites of a video that its record says enough of to show them; null where it does not.
 * @param {Documents} documents
 * @returns {Sprites | null} */
export function spritesIn({ sprites }) {
  const { tile, sheets, frames } = sprites ?? {};
  return tile && sheets && frames?.length ? { tile, sheets, frames } : null;
}
