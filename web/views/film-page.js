// @ts-check
/** What stands around the player for one film: its name, its people, what is known of it, and what was made
 * of it. */

import { watchChanges } from "../data/store.js";
import { get, isAbort, statusOf } from "../data/api.js";
import { h, inTurn, setText } from "../ui/dom.js";
import { baseName, clock, folderPathOf, size, title } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { back as returnTo, go, home, videoHref } from "../ui/router.js";
import { button, dialog, toast } from "../ui/controls.js";
import { copyLinks } from "./copy-links.js";
import { deleteVideos } from "./deletion.js";
import { factsPanel } from "./facts.js";
import { Heart } from "./favourite.js";
import { MadePanel } from "./made.js";
import { MarkersPanel } from "./markers.js";
import { presenceRow } from "./presence.js";
import { askForName } from "./film-name.js";
import { Resume } from "./resume.js";
import { sceneStrip } from "./scenes.js";
import { TagsPanel } from "./tags-panel.js";
import { Transcript } from "./transcript.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { Documents } from "../data/records.js" */
/** @import { Route } from "../ui/router.js" */
/** @import { Player } from "./player.js" */
/** @import { Timeline } from "./timeline.js" */
/** @import { UpNext } from "./up-next.js" */

/** What stays while one film follows another, and shows the page of a film, or why there is none.
 * @typedef {object} Stage
 * @property {Player} player
 * @property {Timeline} timeline
 * @property {UpNext} upNext
 * @property {(page: FilmPage) => void} place
 * @property {(error: unknown, again: () => unknown) => void} fail */

const GONE = "There is no such video any more: it was moved, renamed or deleted.";

/** Copies a link to a moment of a video, or shows it where pages may not write to the clipboard.
 * @param {string} url of the video
 * @param {number} time in seconds */
async function copyLink(url, time) {
  const link = new URL(videoHref(url, { t: time.toFixed(1) }), location.href).href;
  try {
    await navigator.clipboard.writeText(link);
    toast(`Link to ${clock(time)} copied`);
  } catch {
    const field = () => h("input", { type: "text", readOnly: true, value: link, "aria-label": "Link" });
    dialog(`Link to ${clock(time)}`, field);
  }
}

/** The path of a video as jobs name it; null where its bytes are no text.
 * @param {string} path percent-encoded */
function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}

/** The way back to the library. */
function backLink() {
  const onclick = (/** @type {MouseEvent} */ event) => {
    event.preventDefault();
    returnTo(home());
  };
  const props = { href: home(), "aria-label": "Back to the library", title: "Back", onclick };
  return h("a.button.quiet.bare", props, icon("back"));
}

/** Everything that is another's for the next film. */
export class FilmPage {
  /** @type {api.VideoDetailsOut | null} */
  details = null; // of the video, once they are there
  line = h("p.dim", {});
  heart = new Heart();
  renaming = button("Rename", "edit", () => this.details && askForName(this.details), {
    bare: true,
    disabled: true,
  });
  deleting = button("Delete", "trash", () => this.remove(), { bare: true, disabled: true });

  /**
   * @param {Stage} stage
   * @param {Route} route
   * @param {AbortSignal} signal
   */
  constructor(stage, route, signal) {
    this.stage = stage;
    this.player = stage.player;
    this.route = route;
    this.signal = signal;
    this.url = `/videos/${route.path}`;
    this.path = decoded(route.path);
    this.resume = new Resume(this.player, this.url, signal);
    this.heading = h("h1", { dir: "auto" }, title(baseName(this.path ?? route.path))); // until it is read
    this.head = this.buildHead();
    const { shown, below, beside } = this.buildParts();
    this.parts = shown;
    this.more = h(".column.more", {}, ...below.map(({ element }) => element));
    this.side = h(".column.side", {}, ...beside.map(({ element }) => element));
    this.load = inTurn(() => this.read());
    watchChanges(this.load, signal, { video: () => this.path });
  }

  /** The name with what can be done with the video. */
  buildHead() {
    const share = () => copyLink(this.url, this.player.video.currentTime);
    return h(
      ".title",
      {},
      backLink(),
      h(".grow", {}, this.heading, this.line),
      this.heart.element,
      button("Link to this moment", "link", share, { bare: true }),
      this.renaming,
      this.deleting,
    );
  }

  /** The parts of the page: all that show the video's details, and those below and beside the player. */
  buildParts() {
    const { player, signal } = this;
    const { timeline, upNext } = this.stage;
    const jump = (/** @type {number} */ time) => player.jump(time);
    const now = () => player.video.currentTime;
    const people = presenceRow({ jump, now, tell: (shown) => timeline.showPeople(shown) }, signal);
    const [scenes, lines] = [sceneStrip(jump), new Transcript(player.video, jump, signal)];
    const copies = copyLinks(signal);
    const markers = new MarkersPanel(player, (shown) => timeline.showMarkers(shown), signal);
    const tags = new TagsPanel({ url: this.url, path: this.path }, signal);
    const [made, facts] = [new MadePanel(signal), factsPanel()];
    return {
      shown: [copies, scenes, lines, markers, tags, made, facts, people],
      below: [upNext, copies, people, scenes, lines],
      beside: [tags, markers, made, facts],
    };
  }

  async read() {
    try {
      this.details = await get(this.url, {}, this.signal);
    } catch (error) {
      if (!isAbort(error)) this.stage.fail(statusOf(error) === 404 ? new Error(GONE) : error, this.load);
      return;
    }
    if (this.details) this.show(this.details);
  }

  /** @param {api.VideoDetailsOut} details */
  show(details) {
    this.stage.place(this);
    this.heart.show(details);
    this.renaming.disabled = this.deleting.disabled = false;
    this.showHead(details);
    this.player.show(details);
    this.measure();
    for (const part of this.parts) part.show(details);
  }

  /** Deletes the video after a question; the library is shown then, or the video again if it is had
   * back from there. */
  async remove() {
    const { url, details } = this;
    const again = () => location.hash === home() && go(videoHref(url));
    if (details && (await deleteVideos([details], again))) go(home(), { replace: true });
  }

  /** @param {api.VideoDetailsOut} details */
  showHead(details) {
    const folder = folderPathOf(details.path).replaceAll("/", " / ");
    const picture = details.width && `${details.width}×${details.height}`;
    document.title = `${title(details.name)} · Video library`;
    setText(this.heading, title(details.name));
    this.heading.title = details.path;
    const facts = [clock(details.duration), picture, size(details.size), folder];
    setText(this.line, facts.filter(Boolean).join(" · "));
  }

  /** The length is the film's own once that is known, and the timeline follows. */
  measure() {
    const { details, player } = this;
    const { timeline } = this.stage;
    if (!details) return;
    const own = player.video.duration;
    const length = Number.isFinite(own) && own > 0 ? own : (details.duration ?? 0);
    timeline.show(details, details.documents, length);
    timeline.at(player.video.currentTime || 0);
  }

  /** The times at which scenes begin, in seconds. */
  get sceneStarts() {
    /** @type {Documents} */
    const { scenes } = this.details?.documents ?? {};
    return (scenes?.scenes ?? []).map(({ start }) => start);
  }

  /** Goes to the time that a link asks for, else to where the film was left.
   * @param {Route} route */
  begin({ params }) {
    if (params.get("t")) this.player.seek(Number(params.get("t")));
    else this.resume.open();
  }
}
