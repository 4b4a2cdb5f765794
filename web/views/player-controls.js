// @ts-check
/** The controls of the player: media-chrome's elements, and buttons of our own between them. */

import "../vendor/media-chrome/all.js";
import { h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { raiseCues } from "../ui/raised-cues.js";

/** What the buttons of our own do.
 * @typedef {{previous: () => unknown, next: () => unknown, theatre: () => unknown}} BarActions */

/** @typedef {Record<keyof BarActions, HTMLButtonElement>} BarButtons */

const RATES = "0.25 0.5 0.75 1 1.25 1.5 1.75 2 3";

/** A button of the control bar.
 * @param {string} text
 * @param {string} name of the icon
 * @param {() => unknown} onclick
 * @param {string} keys that do the same, told where the mouse is over it */
function barButton(text, name, onclick, keys) {
  const title = `${text} (${keys})`;
  return h("button.control", { type: "button", "aria-label": text, title, onclick }, icon(name));
}

/** @type {(acts: BarActions) => BarButtons} */
function barButtons(acts) {
  const theatre = barButton("Theatre", "theatre", acts.theatre, "t");
  theatre.classList.add("wide-only");
  return {
    previous: barButton("Previous video", "previous", acts.previous, "Shift+P"),
    next: barButton("Next video", "next", acts.next, "Shift+N"),
    theatre,
  };
}

/** A media-chrome button with the menu that it opens. In place of a header, whose button would lead
 * back to a menu around this one, stands nothing: a menu may have no such child.
 * @param {string} name
 * @param {Record<string, string>} [properties] of the menu
 * @returns {[opener: HTMLElement, menu: HTMLElement]} */
function withMenu(name, properties = {}) {
  const noHeader = h("span", { slot: "header", hidden: true });
  const menu = h(`media-${name}-menu`, { hidden: true, anchor: "auto", ...properties }, noHeader);
  return [h(`media-${name}-menu-button`, {}), menu];
}

/** The bar below the film, and the menus that its buttons open.
 * @param {BarButtons} buttons */
function controlBar({ previous, next, theatre }) {
  const [captions, captionsMenu] = withMenu("captions");
  const [sound, soundMenu] = withMenu("audio-track");
  const [rate, rateMenu] = withMenu("playback-rate", { rates: RATES });
  const volume = [h("media-mute-button", {}), h("media-volume-range.wide-only", {})];
  const sizes = [h("media-pip-button.wide-only", {}), theatre, h("media-fullscreen-button", {})];
  const bar = h(
    "media-control-bar",
    {},
    ...[previous, h("media-play-button", {}), next, ...volume],
    h("media-time-display", { showduration: true }),
    h("span.gap", {}),
    ...[captions, sound, rate, ...sizes],
  );
  return { bar, menus: [captionsMenu, soundMenu, rateMenu] };
}

/** Lets a double click on the film turn the whole screen on and off; the two clicks of it, which play and
 * pause, change nothing.
 * @param {HTMLElement} element the controller
 * @param {HTMLVideoElement} video
 * @param {HTMLElement} cover */
function listenForDoubleClick(element, video, cover) {
  let wasPaused = true; // before the clicks, of which the controls see one state if they come fast
  element.addEventListener("click", ({ detail }) => detail === 1 && (wasPaused = video.paused), {
    capture: true,
  });
  element.addEventListener("dblclick", ({ target }) => {
    if (target !== element && target !== video && target !== cover) return;
    toggleFullscreen(element);
    if (wasPaused) video.pause();
    else video.play().catch(() => {});
  });
}

/** The controls around a video element, with their buttons.
 * @param {HTMLVideoElement} video
 * @param {HTMLElement} timeline stands above the bar
 * @param {HTMLElement} cover stands over the film
 * @param {BarActions} acts
 * @returns {BarButtons & {element: HTMLElement}} */
export function playerControls(video, timeline, cover, acts) {
  const buttons = barButtons(acts);
  const { bar, menus } = controlBar(buttons);
  const loading = h("media-loading-indicator", { slot: "centered-chrome", noautohide: true });
  video.slot = "media";
  cover.slot = "centered-chrome";
  const properties = { nohotkeys: true, defaultstreamtype: "on-demand", autohide: "3" };
  const children = [video, loading, cover, ...menus, timeline, bar];
  const element = h("media-controller.screen", properties, ...children);
  raiseCues(element, video, [timeline, bar]);
  listenForDoubleClick(element, video, cover);
  return { element, ...buttons };
}

/** @type {(element: HTMLElement, name: string) => boolean} */
const request = (element, name) => element.dispatchEvent(new CustomEvent(name));

/** Shows a player on the whole screen, or no longer.
 * @param {HTMLElement} element */
export function toggleFullscreen(element) {
  const isOn = element.hasAttribute("mediaisfullscreen");
  request(element, isOn ? "mediaexitfullscreenrequest" : "mediaenterfullscreenrequest");
}

/** Shows the subtitles of a player, or no longer.
 * @param {HTMLElement} element */
export const toggleCaptions = (element) => request(element, "mediatogglesubtitlesrequest");
