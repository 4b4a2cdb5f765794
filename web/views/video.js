// @ts-check
/** One video: the film, its time, its people, what is known of it, and what was made of it. */

import { tagsTouched, tellChange, watchChanges } from "../data/store.js";
import { get, isAbort, post, statusOf } from "../data/api.js";
import { changeTags, isChange } from "../data/tags.js";
import { h, inTurn, latestOnly, setText } from "../ui/dom.js";
import { baseName, clock, folderPathOf, message, size, title } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { term } from "../data/query.js";
import { back as returnTo, go, home, href, videoHref } from "../ui/router.js";
import { namesField } from "../ui/names-field.js";
import { listenToKeys } from "../ui/playback-keys.js";
import { button, dialog, failed, toast } from "../ui/controls.js";
import { copyLinks } from "./copy-links.js";
import { deleteVideos } from "./deletion.js";
import { factsPanel } from "./facts.js";
import { Heart } from "./favourite.js";
import { MadePanel } from "./made.js";
import { MarkersPanel } from "./markers.js";
import { noteField, ratingField, watchedField } from "./opinion.js";
import { Player } from "./player.js";
import { presenceRow } from "./presence.js";
import { rename, tellRenamed } from "./renames.js";
import { Resume } from "./resume.js";
import { sceneStrip } from "./scenes.js";
import { changeWords, offerUndo } from "./undo.js";
import { Timeline } from "./timeline.js";
import { Transcript } from "./transcript.js";
import { UpNext } from "./up-next.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { Route } from "../ui/router.js" */

const GONE = "There is no such video any more: it was moved, renamed or deleted.";

/** Tags, performers, rating and note of a video, edited in place.
 * @param {{url: string, path: string | null}} video
 * @param {AbortSignal} signal */
function tagsPanel(video, signal) {
  const { url } = video;
  const touched = tagsTouched(video.path === null ? null : [video.path]);
  const element = h("section.panel.stack", { "aria-label": "Tags" });
  const latest = latestOnly(); // what was asked before something was saved is older than that

  function field(heading, kind, add, remove, names) {
    const link = (name) => href("library", { q: term(kind.slice(0, -1), name) });
    const save = async (change) => {
      latest.cancel();
      const { after, undo } = await changeTags(url, { [add]: change.add, [remove]: change.remove });
      const words = `${title(baseName(video.path ?? url))}: ${changeWords(change)}`;
      if (isChange(undo)) offerUndo(words, [[`${url}/tags`, undo]], touched);
      tellChange(touched);
      return after[kind];
    };
    return namesField(heading, kind, names, save, link);
  }

  async function saveDetail(name, value) {
    latest.cancel();
    const after = await post(`${url}/tags`, { [name]: value });
    tellChange(touched);
    return after[name] ?? null;
  }

  const isWriting = () => element.contains(document.activeElement);

  async function show() {
    if (isWriting()) return;
    try {
      const record = await latest(get(`${url}/tags`, {}, signal));
      if (!record || isWriting()) return; // since it was asked
      const { tags, performers, rating, note } = record;
      element.replaceChildren(
        field("Tags", "tags", "add", "remove", tags),
        field("Performers", "performers", "performers_add", "performers_remove", performers),
        ratingField(rating, (value) => saveDetail("rating", value)),
        noteField(note, (value) => saveDetail("note", value)),
        watchedField(url, signal),
      );
    } catch (error) {
      if (!isAbort(error)) element.replaceChildren(h("p.bad", {}, message(error)));
    }
  }

  return { element, show };
}

/** Copies a link to a moment of a video, or shows it where pages may not write to the clipboard. */
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

function renameDialog({ path, url }) {
  dialog("Rename", (close) => {
    const to = h("input", { type: "text", value: path, required: true, spellcheck: false });
    const problem = h("p.bad", { role: "alert" });
    const save = button("Rename", "edit", null, { kind: "primary", type: "submit" });
    const submit = async (event) => {
      event.preventDefault();
      try {
        const done = await rename(url, to.value);
        close();
        go(videoHref(done.url), { replace: true });
        tellChange();
        const isHere = () => location.hash.startsWith(videoHref(done.url));
        tellRenamed([done], () => isHere() && go(videoHref(url), { replace: true }));
      } catch (error) {
        setText(problem, message(error));
      }
    };
    const hint = h("p.dim", {}, "All that was made of it goes with it.");
    const field = h("label.field", {}, h("span", {}, "Path in the library"), to);
    return h("form", { onsubmit: submit }, hint, field, problem, h(".row.end", {}, save));
  });
}

/** What was made known of one video, around the player: everything that is another's for the next. */
class FilmPage {
  constructor(view, route, signal) {
    const { player } = view;
    this.view = view;
    this.player = player;
    this.route = route;
    this.signal = signal;
    /** @type {api.VideoDetailsOut | null} */
    this.details = null; // of the video, once they are there
    this.url = `/videos/${route.path}`;
    this.path = decoded(route.path);
    this.resume = new Resume(player, this.url, signal);
    this.heading = h("h1", { dir: "auto" }, title(baseName(this.path ?? route.path))); // until it is read
    this.line = h("p.dim", {});
    this.heart = new Heart();
    const rename = () => this.details && renameDialog(this.details);
    this.renaming = button("Rename", "edit", rename, { bare: true, disabled: true });
    this.deleting = button("Delete", "trash", () => this.remove(), { bare: true, disabled: true });
    this.title = this.head();
    const parts = this.build();
    this.people = parts.people;
    this.parts = parts.shown;
    this.more = h(".column.more", {}, ...parts.below.map(({ element }) => element));
    this.side = h(".column.side", {}, ...parts.beside.map(({ element }) => element));
    this.load = inTurn(() => this.read());
    watchChanges(this.load, signal, { video: () => this.path });
  }

  /** The name with what can be done with the video. */
  head() {
    const onclick = (event) => (event.preventDefault(), returnTo(home()));
    const back = { href: home(), "aria-label": "Back to the library", title: "Back", onclick };
    const share = () => copyLink(this.url, this.player.video.currentTime);
    return h(
      ".title",
      {},
      h("a.button.quiet.bare", back, icon("back")),
      h(".grow", {}, this.heading, this.line),
      this.heart.element,
      button("Link to this moment", "link", share, { bare: true }),
      this.renaming,
      this.deleting,
    );
  }

  /** The parts of the page: those below and beside the player, and all that show the video's details. */
  build() {
    const { player, signal, view } = this;
    const jump = (time) => player.jump(time);
    const now = () => player.video.currentTime;
    const people = presenceRow({ jump, now, tell: (shown) => view.timeline.showPeople(shown) }, signal);
    const [scenes, lines] = [sceneStrip(jump), new Transcript(player.video, jump, signal)];
    const copies = copyLinks(signal);
    const markers = new MarkersPanel(player, (shown) => view.timeline.showMarkers(shown), signal);
    const tags = tagsPanel({ url: this.url, path: this.path }, signal);
    const [made, facts] = [new MadePanel(signal), factsPanel()];
    return {
      people,
      shown: [copies, scenes, lines, markers, tags, made, facts],
      below: [view.upNext, copies, people, scenes, lines],
      beside: [tags, markers, made, facts],
    };
  }

  async read() {
    try {
      this.details = await get(this.url, {}, this.signal);
    } catch (error) {
      if (!isAbort(error)) this.view.fail(statusOf(error) === 404 ? new Error(GONE) : error, this.load);
      return;
    }
    if (this.details) this.show(this.details);
  }

  /** @param {api.VideoDetailsOut} details */
  show(details) {
    this.view.place(this);
    this.heart.show(details);
    this.renaming.disabled = this.deleting.disabled = false;
    this.showHead(details);
    this.player.show(details);
    this.measure();
    for (const part of this.parts) part.show(details);
    this.people.show(details);
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
    setText(
      this.line,
      [clock(details.duration), picture, size(details.size), folder].filter(Boolean).join(" · "),
    );
  }

  /** The length is the film's own once that is known, and the timeline follows. */
  measure() {
    const { details, player, view } = this;
    if (!details) return;
    const own = player.video.duration;
    const length = Number.isFinite(own) && own > 0 ? own : (details.duration ?? 0);
    view.timeline.show(details, details.documents, length);
    view.timeline.at(player.video.currentTime || 0);
  }

  /** The times at which scenes begin, in seconds. */
  get sceneStarts() {
    /** @type {{start: number}[]} */
    const scenes = this.details?.documents.scenes?.scenes ?? [];
    return scenes.map(({ start }) => start);
  }

  /** Goes to the time that a link asks for, else to where the film was left. */
  begin({ params }) {
    if (params.get("t")) this.player.seek(Number(params.get("t")));
    else this.resume.open();
  }
}

/** The view: a player that stays, also on the whole screen, while one film follows another. */
class FilmView {
  constructor(main, signal) {
    this.main = main;
    this.signal = signal;
    /** @type {FilmPage | null} */
    this.page = null;
    this.leave = new AbortController();
    this.timeline = new Timeline((time) => this.player.seek(time));
    this.player = new Player(
      this.timeline.element,
      {
        time: (time) => this.timeline.at(time),
        ready: () => this.page?.measure(),
        neighbour: (name) => this.upNext.go(name),
      },
      signal,
    );
    this.upNext = new UpNext(this.player, (url) => this.playNext(url), signal);
    this.element = h(".video", {}, this.player.element);
    listenToKeys(this.player.element, this.actions(), signal);
    signal.addEventListener("abort", () => this.leave.abort());
    signal.addEventListener("abort", () => this.player.stop());
  }

  /** What keys do, by the names of ui/playback-keys.js. */
  actions() {
    const { player } = this;
    const names = [
      "toggle",
      "seekBy",
      "seekTo",
      "step",
      "mute",
      "fullscreen",
      "captions",
      "theatre",
      "speedBy",
    ];
    const bound = [...names, "volumeBy"].map((name) => [name, (argument) => player[name](argument)]);
    return {
      ...Object.fromEntries(bound),
      favourite: () => this.page?.heart.toggle(),
      scene: (direction) => this.goToScene(direction),
      neighbour: (name) => this.upNext.go(name),
      remove: () => this.page?.remove(),
      leave: () => document.fullscreenElement || returnTo(home()),
    };
  }

  goToScene(direction) {
    const now = this.player.video.currentTime;
    const starts = this.page?.sceneStarts ?? [];
    const next =
      direction > 0
        ? starts.find((time) => time > now + 0.1)
        : (starts.findLast((time) => time < now - 1) ?? 0);
    if (next !== undefined) this.player.seek(next);
  }

  /** Shows a video: the same one at another time, or another one. */
  update(route) {
    const shown = this.page?.route.path === route.path ? this.page : null;
    (shown ?? this.open(route)).begin(route);
    return true;
  }

  /** Opens the page of another video, around the same player.
   * @param {Route} route
   * @returns {FilmPage} */
  open(route) {
    this.leave.abort();
    this.leave = new AbortController();
    this.player.stop();
    this.timeline.clear();
    const page = new FilmPage(this, route, this.leave.signal);
    this.page = page;
    this.place(page);
    page.load();
    this.upNext.show(page.url, this.leave.signal);
    return page;
  }

  /** Puts what belongs to a video around the player, which is not taken out: that would end the whole
   * screen. */
  place({ title: head, more, side }) {
    if (!this.element.isConnected) this.main.replaceChildren(this.element);
    if (head.isConnected) return;
    for (const child of [...this.element.children]) if (child !== this.player.element) child.remove();
    this.element.prepend(head);
    this.element.append(more, side);
  }

  fail(error, again) {
    this.player.stop();
    this.main.replaceChildren(failed(error, again));
  }

  /** Plays another video; the way back leads to where the first one was opened. */
  playNext(url) {
    go(videoHref(url), { replace: true });
    this.player.start();
  }
}

export function mount(main, route, signal) {
  const view = new FilmView(main, signal);
  view.update(route);
  return (next) => view.update(next);
}
