// @ts-check
/** One video: a player that stays, also on the whole screen, while one film follows another, and around it
 * the page of the film. */

import { h } from "../ui/dom.js";
import { back as returnTo, go, home, videoHref } from "../ui/router.js";
import { listenToKeys } from "../ui/playback-keys.js";
import { failed } from "../ui/controls.js";
import { FilmPage } from "./film-page.js";
import { Player } from "./player.js";
import { Timeline } from "./timeline.js";
import { UpNext } from "./up-next.js";

/** @import { Route } from "../ui/router.js" */
/** @import { Side } from "./player.js" */

class FilmView {
  /** @type {FilmPage | null} */
  page = null;
  leave = new AbortController(); // the film that is shown
  /** @type {Timeline} */
  timeline = new Timeline((time) => this.player.seek(time));

  /**
   * @param {HTMLElement} main
   * @param {AbortSignal} signal
   */
  constructor(main, signal) {
    this.main = main;
    this.player = new Player(
      this.timeline.element,
      {
        time: (time) => this.timeline.at(time),
        ready: () => this.page?.measure(),
        neighbour: (side) => this.upNext.go(side),
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
    return {
      toggle: () => player.toggle(),
      seekBy: (/** @type {number} */ seconds) => player.seekBy(seconds),
      seekTo: (/** @type {number} */ share) => player.seekTo(share),
      step: (/** @type {number} */ direction) => player.step(direction),
      mute: () => player.mute(),
      volumeBy: (/** @type {number} */ share) => player.volumeBy(share),
      speedBy: (/** @type {number} */ rate) => player.speedBy(rate),
      fullscreen: () => player.fullscreen(),
      captions: () => player.captions(),
      theatre: () => player.theatre(),
      favourite: () => this.page?.heart.toggle(),
      scene: (/** @type {number} */ direction) => this.goToScene(direction),
      neighbour: (/** @type {Side} */ side) => this.upNext.go(side),
      remove: () => this.page?.remove(),
      leave: () => document.fullscreenElement || returnTo(home()),
    };
  }

  /** @param {number} direction -1 or 1 */
  goToScene(direction) {
    const now = this.player.video.currentTime;
    const starts = this.page?.sceneStarts ?? [];
    const next =
      direction > 0
        ? starts.find((time) => time > now + 0.1)
        : (starts.findLast((time) => time < now - 1) ?? 0);
    if (next !== undefined) this.player.seek(next);
  }

  /** Shows a video: the same one at another time, or another one.
   * @param {Route} route */
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
   * screen.
   * @param {FilmPage} page */
  place({ head, more, side }) {
    if (!this.element.isConnected) this.main.replaceChildren(this.element);
    if (head.isConnected) return;
    for (const child of [...this.element.children]) if (child !== this.player.element) child.remove();
    this.element.prepend(head);
    this.element.append(more, side);
  }

  /** Shows why there is no page of the video.
   * @param {unknown} error
   * @param {() => unknown} again */
  fail(error, again) {
    this.player.stop();
    this.main.replaceChildren(failed(error, again));
  }

  /** Plays another video; the way back leads to where the first one was opened.
   * @param {string} url */
  playNext(url) {
    go(videoHref(url), { replace: true });
    this.player.start();
  }
}

/**
 * @param {HTMLElement} main
 * @param {Route} route
 * @param {AbortSignal} signal
 */
export function mount(main, route, signal) {
  const view = new FilmView(main, signal);
  view.update(route);
  return (/** @type {Route} */ next) => view.update(next);
}
