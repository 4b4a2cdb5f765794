// @ts-check
/** The line of a film's time: heat, scenes, chapters, people, own markers and where it is; hovering
 * shows the sprite of that moment and says what is there. */

import { spritesIn } from "../data/records.js";
import { findAll, h, onFrame, setText } from "../ui/dom.js";
import { clock } from "../ui/format.js";
import { frameAt } from "../data/pictures.js";
import { showTile } from "../ui/tile.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { Pictured, Sprites } from "../data/pictures.js" */
/** @import { Documents, HeatSample, Metadata, Scene } from "../data/records.js" */
/** @import { ShownPerson } from "./presence.js" */

/** A chapter of a film, in seconds.
 * @typedef {{start: number, end: number, title: string}} Chapter */

/** When somebody is seen.
 * @typedef {Pick<ShownPerson, "name" | "intervals" | "colour">} Presence */

/** What there is in a film's time.
 * @typedef {object} Content
 * @property {api.MarkerItem[]} markers that the user set
 * @property {Chapter[]} chapters
 * @property {Scene[]} scenes
 * @property {Presence[]} people */

const SVG = "http://www.w3.org/2000/svg";
/** @type {[width: number, height: number]} */
const TILE = [208, 117];
const MOST_SCENES = 150; // with more of them ticks would be a haze: they are only named
const MOST_PEOPLE = 6; // that have a strip of their own
const CATCH = 4; // pixels from a mark, where a click means that mark
/** @type {Record<string, number>} */
const STEPS = {
  ArrowLeft: -5,
  ArrowRight: 5,
  ArrowDown: -1,
  ArrowUp: 1,
  PageDown: -30,
  PageUp: 30,
  Home: -Infinity,
  End: Infinity,
};

/** @type {Content} */
const EMPTY = { markers: [], chapters: [], scenes: [], people: [] };

/** The heat as the outline of a hill, 1000 wide and 100 high.
 * @param {HeatSample[]} samples at least one
 * @param {number} length of the film in seconds */
function hill(samples, length) {
  const values = samples.map(({ motion, brightness }) => motion ?? brightness ?? 0);
  const highest = Math.max(1e-6, ...values);
  const heights = values.map((value) => (100 - Math.sqrt(value / highest) * 100).toFixed(1));
  const points = samples.map(({ time }, i) => `${((time / length) * 1000).toFixed(1)},${heights[i]}`);
  return `M0,100 L${points.join(" L")} L1000,${heights.at(-1)} L1000,100 Z`;
}

/** The heat as a picture.
 * @type {(samples: HeatSample[], length: number) => SVGElement} */
function heatPicture(samples, length) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 1000 100");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", hill(samples, length));
  svg.append(path);
  return svg;
}

/** The chapters of a container, from ffprobe's metadata.
 * @param {Metadata | null | undefined} metadata
 * @returns {Chapter[]} */
export function chaptersOf(metadata) {
  return (metadata?.chapters ?? [])
    .map(({ start_time: start, end_time: end, tags }, i) => ({
      start: Number(start),
      end: Number(end),
      title: tags?.title ?? `Chapter ${i + 1}`,
    }))
    .filter(({ start, end }) => end > start);
}

/** What there is at a time, in words: marker, chapter, scene, people.
 * @param {number} time in seconds
 * @param {Content} content
 * @param {number} [reach] how far off a marker may be, in seconds */
export function wordsAt(time, { markers, chapters, scenes, people }, reach = 0) {
  const isIn = (/** @type {{start: number, end: number}} */ { start, end }) => start <= time && time < end;
  const marker = markers.find((one) => Math.abs(one.time - time) <= reach);
  const scene = scenes.length > 1 ? scenes.findIndex(isIn) : -1;
  const present = people.filter(({ intervals }) =>
    intervals.some(([from, to]) => from <= time && time <= to),
  );
  return [
    marker?.title,
    chapters.find(isIn)?.title,
    scene >= 0 && `scene ${scene + 1}`,
    present.map(({ name }) => name).join(", "),
  ].filter(Boolean);
}

export class Timeline {
  length = 0; // seconds
  time = 0;
  /** @type {Pictured | null} */
  row = null; // of the film
  /** @type {Sprites | null} */
  sprites = null;
  content = EMPTY;
  heat = h(".heat", {});
  marks = h(".marks", {});
  chapters = h(".chapters", {});
  people = h(".presence", {});
  flags = h(".flags", {});
  done = h("span.done", {});
  rail = h(".rail", {}, this.done, this.chapters);
  tile = h("canvas.sprite", { hidden: true });
  words = h("span", {});
  tip = h(".tip", { hidden: true }, this.tile, this.words);
  track = h(
    ".track",
    { role: "slider", tabindex: "0", "aria-label": "Time", "aria-valuemin": "0", "aria-valuenow": "0" },
    ...[this.heat, this.marks, this.people, this.rail, this.flags],
  );
  element = h(".timeline", {}, this.tip, this.track);

  /** @param {(seconds: number) => unknown} seek called with the time that was chosen */
  constructor(seek) {
    this.seek = seek;
    this.listen();
  }

  /** Shows nothing, until another film is there. */
  clear() {
    this.content = EMPTY;
    this.show(null, {}, 0);
    this.at(0);
  }

  /** Shows what a video's records tell of its time.
   * @param {Pictured | null} row of the video
   * @param {Documents} documents
   * @param {number} length of the film in seconds */
  show(row, documents, length) {
    const { heatmaps, scenes, metadata } = documents;
    this.row = row;
    this.length = length;
    this.sprites = spritesIn(documents);
    this.track.setAttribute("aria-valuemax", length.toFixed(1));
    const samples = heatmaps?.samples ?? [];
    this.heat.replaceChildren(...(samples.length && length ? [heatPicture(samples, length)] : []));
    const cuts = scenes?.markers ?? [];
    this.place(this.marks, cuts.length > MOST_SCENES ? [] : cuts);
    const chapters = chaptersOf(metadata);
    this.place(
      this.chapters,
      chapters.slice(1).map(({ start }) => ({ time: start })),
    );
    this.content = { ...this.content, scenes: scenes?.scenes ?? [], chapters };
    this.showMarkers(this.content.markers);
    this.showPeople(this.content.people);
  }

  /** Shows the markers that the user set.
   * @param {api.MarkerItem[]} markers */
  showMarkers(markers) {
    this.content = { ...this.content, markers };
    this.place(this.flags, markers);
  }

  /** Shows when people are seen.
   * @param {Presence[]} people */
  showPeople(people) {
    this.content = { ...this.content, people };
    const span = (/** @type {number[]} */ [from, to]) =>
      h("span", { style: { left: this.share(from), width: this.share(Math.max(to - from, 0.2)) } });
    const strip = (/** @type {Presence} */ { intervals, colour }) =>
      h(".strip-of", { style: { "--person": colour } }, ...intervals.map(span));
    this.people.replaceChildren(...(this.length ? people.slice(0, MOST_PEOPLE).map(strip) : []));
  }

  /** A time as a share of the film's length, as styles take it.
   * @param {number} time in seconds */
  share(time) {
    return `${(time / this.length) * 100}%`;
  }

  /** Marks times in a layer of the track.
   * @param {HTMLElement} layer
   * @param {{time: number}[]} marks */
  place(layer, marks) {
    const mark = (/** @type {{time: number}} */ { time }) =>
      h("span", { dataset: { time }, style: { left: this.share(time) } });
    layer.replaceChildren(...(this.length ? marks.map(mark) : []));
  }

  /** Shows where the film is.
   * @param {number} time in seconds */
  at(time) {
    this.time = time;
    this.done.style.transform = `scaleX(${this.length ? time / this.length : 0})`;
    this.track.setAttribute("aria-valuenow", time.toFixed(1));
    this.track.setAttribute("aria-valuetext", `${clock(time)} of ${clock(this.length)}`);
  }

  listen() {
    const { track } = this;
    let x = 0;
    const draw = onFrame(() => this.point(x));
    track.addEventListener("pointermove", (event) => {
      x = event.clientX;
      draw();
      if (event.buttons & 1) this.seek(this.timeAt(x));
    });
    track.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      track.setPointerCapture(event.pointerId);
      this.seek(this.near(event.clientX));
    });
    const hide = () => (this.tip.hidden = true);
    for (const name of ["pointerleave", "blur"]) track.addEventListener(name, hide);
    track.addEventListener("pointerup", ({ pointerType }) => pointerType !== "mouse" && hide());
    track.addEventListener("keydown", (event) => this.onKey(event));
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    this.seek(Math.max(0, Math.min(this.length, this.time + step)));
  }

  /** The time at a place of the window.
   * @param {number} clientX in pixels */
  timeAt(clientX) {
    const box = this.track.getBoundingClientRect();
    return Math.max(0, Math.min(1, (clientX - box.left) / box.width)) * this.length;
  }

  /** The time of a click: that of a mark where it hits one.
   * @param {number} clientX in pixels */
  near(clientX) {
    for (const layer of [this.flags, this.marks, this.chapters])
      for (const mark of findAll(layer, "[data-time]"))
        if (Math.abs(mark.getBoundingClientRect().left - clientX) <= CATCH) return Number(mark.dataset.time);
    return this.timeAt(clientX);
  }

  /** Shows what there is at a place of the window.
   * @param {number} clientX in pixels */
  point(clientX) {
    if (!this.length) return;
    const { width } = this.track.getBoundingClientRect();
    const time = this.timeAt(clientX);
    this.tip.hidden = false;
    const reach = (CATCH / width) * this.length;
    setText(this.words, [clock(time), ...wordsAt(time, this.content, reach)].join(" · "));
    const { row, sprites, tile } = this;
    if (row && sprites) showTile(tile, row, sprites, frameAt(sprites, time), ...TILE);
    else tile.hidden = true;
    const half = this.tip.offsetWidth / 2;
    const middle = (time / this.length) * width;
    this.tip.style.left = `${Math.max(half, Math.min(width - half, middle))}px`;
  }
}
