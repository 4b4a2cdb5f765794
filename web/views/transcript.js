// @ts-check
/** What is said in a film, line by line: the line that is spoken is marked, and a box finds words. */

import { findAll, h, keyed, setText } from "../ui/dom.js";
import { clock, plural } from "../ui/format.js";
import { videoHref } from "../ui/router.js";

/** @import * as api from "../data/api-types.d.ts" */

/** A line of subtitles; its times are in seconds.
 * @typedef {{start: number, end: number, text: string}} Line */

/** A part of a text, and whether it is one of the words that are looked for.
 * @typedef {[text: string, isMarked: boolean]} Part */

/** A line as it is shown: with its index among all of them, and its text in parts.
 * @typedef {Line & {i: number, parts: Part[]}} ShownLine */

const PAUSE = 4000; // milliseconds for which who scrolls is left alone

/** A text without case and accents.
 * @param {string} text */
const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** Which characters of a line are of one of some words; null where a word is not in it.
 * @param {string} line
 * @param {string[]} words
 * @returns {boolean[] | null} */
function marksIn(line, words) {
  const isMarked = new Array(line.length).fill(false);
  for (const word of words) {
    let at = line.indexOf(word);
    if (at < 0) return null;
    for (; at >= 0; at = line.indexOf(word, at + word.length)) isMarked.fill(true, at, at + word.length);
  }
  return isMarked;
}

/** The parts of a text; null where a word of the query is not in it. Case and accents do not count.
 * @param {string} text
 * @param {string} query
 * @returns {Part[] | null} */
export function markWords(text, query) {
  const words = folded(query).split(/\s+/).filter(Boolean);
  const letters = [...text.normalize("NFC")];
  const plain = letters.map(folded);
  const isMarked = marksIn(plain.join(""), words);
  if (!isMarked) return null;
  /** @type {Part[]} */
  const parts = [];
  let at = 0;
  for (const [i, letter] of letters.entries()) {
    const marked = isMarked[at] ?? false;
    const run = parts.at(-1);
    if (run && run[1] === marked) run[0] += letter;
    else parts.push([letter, marked]);
    at += plain[i].length;
  }
  return parts;
}

/** The index of the line that is spoken at a time, -1 for none: the last one that has begun and not
 * ended.
 * @param {Pick<Line, "start" | "end">[]} lines by their start
 * @param {number} time in seconds */
export function lineAt(lines, time) {
  let [low, high] = [0, lines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines[middle].start <= time) low = middle + 1;
    else high = middle;
  }
  return low > 0 && time < lines[low - 1].end ? low - 1 : -1;
}

/** The track whose lines are shown: the one that is turned on, or will be, else the first one of a file. Those
 * inside the film are read only when somebody turns them on: that takes going through all of it.
 * @param {HTMLVideoElement} video */
function trackToShow(video) {
  const tracks = [...video.querySelectorAll("track")];
  return (
    tracks.find(({ track }) => track.mode === "showing") ??
    tracks.find((track) => willBeShown(track)) ??
    tracks.find((track) => !track.hasAttribute("data-inside"))
  );
}

/** Whether the browser has yet to turn a track on, which it does only while nobody has set its mode.
 * @param {HTMLTrackElement} track */
const willBeShown = (track) => track.default && track.readyState === HTMLTrackElement.NONE;

/** @type {(cue: VTTCue) => Line} */
const lineOf = (cue) => ({
  start: cue.startTime,
  end: cue.endTime,
  text: cue.getCueAsHTML().textContent ?? "",
});

export class Transcript {
  url = ""; // of the film
  /** @type {Line[]} */
  lines = [];
  current = -1; // the index of the line that is spoken
  /** @type {HTMLTrackElement | null} */
  track = null;
  scrolled = 0; // when somebody last scrolled the list, in milliseconds

  /**
   * @param {HTMLVideoElement} video
   * @param {(seconds: number) => unknown} jump plays from a time
   * @param {AbortSignal} signal
   */
  constructor(video, jump, signal) {
    this.video = video;
    this.jump = jump;
    this.list = h("ol", { tabindex: "-1" });
    this.count = h("span.dim", { role: "status" });
    this.box = h("input", {
      type: "search",
      "aria-label": "Find in what is said",
      placeholder: "Find words …",
      oninput: () => this.draw(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.onKey(event),
    });
    this.element = h(
      "section.transcript",
      { "aria-label": "Subtitles", hidden: true },
      h(".row.between", {}, h("h2", {}, "What is said"), this.count),
      this.box,
      this.list,
    );
    for (const name of ["wheel", "touchmove", "pointerdown"])
      this.list.addEventListener(name, () => (this.scrolled = performance.now()), { passive: true });
    video.addEventListener("timeupdate", () => this.follow(), { signal });
    video.textTracks.addEventListener("change", () => this.read(), { signal });
  }

  /** @param {Pick<api.VideoDetailsOut, "url">} details */
  show({ url }) {
    this.url = url;
    this.read();
  }

  /** Takes the lines of the track that is to be shown. */
  read() {
    const element = trackToShow(this.video);
    this.element.hidden = !element;
    if (!element) return;
    if (element.track.mode === "disabled" && !willBeShown(element)) element.track.mode = "hidden"; // else it is never read
    const take = () => element === trackToShow(this.video) && this.take(element.track.cues);
    if (element !== this.track) element.addEventListener("load", take, { once: true });
    this.track = element;
    take();
  }

  /** @param {TextTrackCueList | null} cues */
  take(cues) {
    const lines = [...(cues ?? [])]
      .filter((cue) => cue instanceof VTTCue)
      .map(lineOf)
      .sort((one, other) => one.start - other.start);
    if (JSON.stringify(lines) === JSON.stringify(this.lines)) return;
    this.lines = lines;
    this.draw();
  }

  /** Shows the lines that have the words in the box. */
  draw() {
    const query = this.box.value;
    const rows = this.lines.flatMap((line, i) => {
      const parts = markWords(line.text, query);
      return parts ? [{ ...line, i, parts }] : [];
    });
    keyed(
      this.list,
      rows,
      ({ i, start, text }) => `${i} ${start} ${text} ${query}`,
      (row) => this.item(row),
    );
    setText(this.count, query.trim() ? plural(rows.length, "line") : "");
    this.current = -1;
    this.follow();
  }

  /** @param {ShownLine} line */
  item({ i, start, parts }) {
    const onclick = (/** @type {MouseEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a link as any other
      event.preventDefault();
      this.jump(start);
    };
    const words = parts.map(([text, isMarked]) => (isMarked ? h("mark", {}, text) : text));
    const link = { href: videoHref(this.url, { t: start }), onclick };
    const at = h("span.dim", {}, clock(start));
    return h("li", { dataset: { line: i } }, h("a", link, at, h("span", { dir: "auto" }, ...words)));
  }

  /** Marks the line that is spoken, and keeps it in sight. */
  follow() {
    const now = lineAt(this.lines, this.video.currentTime);
    if (now === this.current) return;
    for (const item of findAll(this.list, "[aria-current]")) item.removeAttribute("aria-current");
    this.current = now;
    const [item] = findAll(this.list, `[data-line="${now}"]`);
    item?.setAttribute("aria-current", "true");
    if (item && performance.now() - this.scrolled > PAUSE)
      this.list.scrollTop = item.offsetTop - this.list.clientHeight / 2 + item.offsetHeight / 2;
  }

  /** Enter plays the first line found after where the film is, the first of all after the last.
   * @param {KeyboardEvent} event */
  onKey({ key }) {
    if (key !== "Enter") return;
    const times = findAll(this.list, "li").map(({ dataset }) => this.lines[Number(dataset.line)].start);
    const next = times.find((time) => time > this.video.currentTime + 0.01) ?? times[0];
    if (next !== undefined) this.jump(next);
  }
}
