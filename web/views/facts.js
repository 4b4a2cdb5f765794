// @ts-check
/** What ffprobe knows of a video, laid out for people. */

import { h } from "../ui/dom.js";
import { bitRate, clock, codecName, count, date, folderPathOf, plural, size } from "../ui/format.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { Documents, Stream } from "../data/records.js" */

/** A fact by its name.
 * @typedef {[name: string, text: string]} Fact */

/** @param {(string | false | null | undefined)[]} parts */
const dotted = (parts) => parts.filter(Boolean).join(" · ");

/** @param {Stream | undefined} film */
const isHdr = (film) => /2084|b67/.test(film?.color_transfer ?? "");

/** @param {Stream} stream */
function language({ tags }) {
  return tags?.language && tags.language !== "und" ? tags.language : "";
}

/** @param {Stream} stream */
function soundOf(stream) {
  const channels = stream.channel_layout ?? plural(stream.channels ?? 0, "channel");
  const rate = stream.sample_rate && `${Number(stream.sample_rate) / 1000} kHz`;
  return dotted([stream.codec_name?.toUpperCase(), channels, rate, language(stream)]);
}

/** @param {api.VideoDetailsOut} details */
function pictureOf({ width, height, fps }) {
  if (!width) return "";
  return `${width} × ${height}${fps ? `, ${Number(fps.toFixed(2))} fps` : ""}`;
}

/** The facts that are known.
 * @param {api.VideoDetailsOut} details
 * @returns {Fact[]} */
function facts(details) {
  /** @type {Documents} */
  const { metadata } = details.documents;
  const streams = metadata?.streams ?? [];
  const ofType = (/** @type {string} */ type) => streams.filter((stream) => stream.codec_type === type);
  const isShown = (/** @type {Stream} */ { codec_name, width, height }) =>
    codec_name === details.vcodec && [width, height].some((side) => side === details.width); // it may lie on its side
  const film = ofType("video").find(isShown);
  const sounds = ofType("audio").map(soundOf).join("\n");
  const texts = ofType("subtitle").map((stream) => dotted([stream.codec_name, language(stream)]));
  const recorded = metadata?.format?.tags?.creation_time;
  /** @type {Fact[]} */
  const all = [
    ["Length", clock(details.duration)],
    ["Picture", pictureOf(details)],
    ["Video", dotted([codecName(details.vcodec), film?.profile, isHdr(film) && "HDR", film?.pix_fmt])],
    ["Encrypted", details.encrypted ? "only a player that has its key can play it" : ""],
    ["Sound", sounds || (metadata ? "none" : "")],
    ["Text", texts.join("\n")],
    ["Bit rate", bitRate(details.bit_rate ?? Number(metadata?.format?.bit_rate ?? 0))],
    ["Size", `${size(details.size)} (${count(details.size)} bytes)`],
    ["Container", metadata?.format?.format_long_name ?? ""],
    ["Changed", date(details.mtime)],
    ["Recorded", recorded ? date(Date.parse(recorded) / 1000) : ""],
    ["Folder", folderPathOf(details.path).replaceAll("/", " / ")],
  ];
  return all.filter(([, text]) => text);
}

/** A panel of what is known of a video. */
export function factsPanel() {
  const list = h("dl.facts-list", {});
  const element = h("section.panel", { "aria-label": "Details" }, h("h2", {}, "Details"), list);

  /** @param {api.VideoDetailsOut} details */
  function show(details) {
    const row = (/** @type {Fact} */ [name, text]) => [h("dt", {}, name), h("dd", { dir: "auto" }, text)];
    list.replaceChildren(...facts(details).flatMap(row));
  }

  return { element, show };
}
