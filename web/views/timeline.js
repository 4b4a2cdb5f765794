// @ts-check
/** The line of a film's time: heat, scenes, chapters, people, own markers and where it is; hovering
 * shows the sprite of that moment and says what is there. */

import { findAll, h, onFrame, setText } from "../ui/dom.js";
import { clock } from "../ui/format.js";
import { frameAt } from "../data/pictures.js";
import { showTile } from "../ui/tile.js";

const SVG = "http://www.w3.org/2000/svg";
/** @type {[width: number, height: number]} */
const TILE = [208, 117];
const MOST_SCENES = 150; // with more of them ticks would be a haze: they are only named
const MOST_PEOPLE = 6; // that have a strip of their own
const CATCH = 4; // pixels from a mark, where a click means that mark
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

const EMPTY = { markers: [], chapters: [], scenes: [], people: [] };

/** The heat as the outline of a hill, 1000 wide and 100 high. */
function hill(samples, length) {
  const values = samples.map(({ time, motion, brightness }) => [time, motion ?? brightness ?? 0]);
  const highest = Math.max(1e-6, ...values.map(([, value]) => value));
  const points = values.map(
    ([time, value]) =>
      `${((time / length) * 1000).toFixed(1)},${(100 - Math.sqrt(value / highest) * 100).toFixed(1)}`,
  );
  return `M0,100 L${points.join(" L")} L1000,${points.at(-1).split(",")[1]} L1000,100 Z`;
}

/** The chapters of a container, from ffprobe's metadata: [{start, end, title}]. */
export function chaptersOf(metadata) {
  return (metadata?.chapters ?? [])
    .map(({ start_time: start, end_time: end, tags }, i) => ({
      start: Number(start),
      end: Number(end),
      title: tags?.title ?? `Chapter ${i + 1}`,
    }))
    .filter(({ start, end }) => end > start);
}

/** What there is at a time, in words: the marker within `reach` seconds, chapter, scene, people. */
export function wordsAt(time, { markers, chapters, scenes, people }, reach = 0) {
  const isIn = ({ start, end }) => start <= time && time < end;
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
  /** `seek(time)` is called with what was chosen. */
  constructor(seek) {
    this.seek = seek;
    this.length = 0; // seconds
    this.time = 0;
    this.row = null;
    this.sprites = null;
    this.content = EMPTY;
    this.heat = h(".heat", {});
    this.marks = h(".marks", {});
    this.chapters = h(".chapters", {});
    this.people = h(".presence", {});
    this.flags = h(".flags", {});
    this.done = h("span.done", {});
    this.rail = h(".rail", {}, this.done, this.chapters);
    this.tile = h("canvas.sprite", { hidden: true });
    this.words = h("span", {});
    this.tip = h(".tip", { hidden: true }, this.tile, this.words);
    this.track = h(
      ".track",
      { role: "slider", tabindex: "0", "aria-label": "Time", "aria-valuemin": "0", "aria-valuenow": "0" },
      ...[this.heat, this.marks, this.people, this.rail, this.flags],
    );
    this.element = h(".timeline", {}, this.tip, this.track);
    this.listen();
  }

  /** Shows nothing, until another film is there. */
  clear() {
    this.content = EMPTY;
    this.show(null, {}, 0);
    this.at(0);
  }

  /** Shows what a video's records tell of its time; `length` is that of the film in seconds. */
  show(row, documents, length) {
    const { sprites, heatmaps, scenes, metadata } = documents;
    this.row = row;
    this.length = length;
    this.sprites = sprites?.frames?.length ? sprites : null;
    this.track.setAttribute("aria-valuemax", length.toFixed(1));
    const samples = heatmaps?.samples ?? [];
    this.heat.replaceChildren(...(samples.length && length ? [this.drawHeat(samples)] : []));
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

  /** Shows the markers that the user set, [{time, title}]. */
  showMarkers(markers) {
    this.content = { ...this.content, markers };
    this.place(this.flags, markers);
  }

  /** Shows when people are seen, [{name, intervals, colour}]. */
  showPeople(people) {
    this.content = { ...this.content, people };
    const strip = ({ intervals, colour }) =>
      h(".strip-of", { style: { "--person": colour } }, ...intervals.map(span));
    const span = ([from, to]) =>
      h("span", { style: { left: this.share(from), width: this.share(Math.max(to - from, 0.2)) } });
    this.people.replaceChildren(...(this.length ? people.slice(0, MOST_PEOPLE).map(strip) : []));
  }

  share(time) {
    return `${(time / this.length) * 100}%`;
  }

  /** Marks times in a layer of the track. */
  place(layer, marks) {
    const mark = ({ time }) => h("span", { dataset: { time }, style: { left: this.share(time) } });
    layer.replaceChildren(...(this.length ? marks.map(mark) : []));
  }

  drawHeat(samples) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 1000 100");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", hill(samples, this.length));
    svg.append(path);
    return svg;
  }

  /** Shows where the film is. */
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

  onKey(event) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    this.seek(Math.max(0, Math.min(this.length, this.time + step)));
  }

  timeAt(clientX) {
    const box = this.track.getBoundingClientRect();
    return Math.max(0, Math.min(1, (clientX - box.left) / box.width)) * this.length;
  }

  /** The time of a click: that of a mark where it hits one. */
  near(clientX) {
    for (const layer of [this.flags, this.marks, this.chapters])
      for (const mark of findAll(layer, "[data-time]"))
        if (Math.abs(mark.getBoundingClientRect().left - clientX) <= CATCH) return Number(mark.dataset.time);
    return this.timeAt(clientX);
  }

  point(clientX) {
    if (!this.length) return;
    const { width } = this.track.getBoundingClientRect();
    const time = this.timeAt(clientX);
    this.tip.hidden = false;
    const reach = (CATCH / width) * this.length;
    setText(this.words, [clock(time), ...wordsAt(time, this.content, reach)].join(" · "));
    if (this.sprites) showTile(this.tile, this.row, this.sprites, frameAt(this.sprites, time), ...TILE);
    else this.tile.hidden = true;
    const half = this.tip.offsetWidth / 2;
    const middle = (time / this.length) * width;
    this.tip.style.left = `${Math.max(half, Math.min(width - half, middle))}px`;
  }
}
