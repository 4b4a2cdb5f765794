// @ts-check
/** The controls of the player: media-chrome's elements, and buttons of our own between them. */

import "../vendor/media-chrome/all.js";
import { h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { raiseCues } from "../ui/raised-cues.js";

const RATES = "0.25 0.5 0.75 1 1.25 1.5 1.75 2 3";

/** A button of the control bar; `keys` are told where the mouse is over it. */
function barButton(text, name, onclick, keys = "") {
  const title = keys ? `${text} (${keys})` : text;
  return h("button.control", { type: "button", "aria-label": text, title, onclick }, icon(name));
}

/** A media-chrome button with the menu that it opens. In place of a header, whose button would lead
 * back to a menu around this one, stands nothing: a menu may have no such child. */
function withMenu(name, properties = {}) {
  const noHeader = h("span", { slot: "header", hidden: true });
  const menu = h(`media-${name}-menu`, { hidden: true, anchor: "auto", ...properties }, noHeader);
  return [h(`media-${name}-menu-button`, {}), menu];
}

/** The controls around a video element: {element, previous, next, theatre}, the last three buttons.
 *
 * `timeline` stands above the bar, `cover` over the film; `acts` are previous, next and theatre. */
export function playerControls(video, timeline, cover, acts) {
  const previous = barButton("Previous video", "previous", acts.previous, "Shift+P");
  const next = barButton("Next video", "next", acts.next, "Shift+N");
  const theatre = barButton("Theatre", "theatre", acts.theatre, "t");
  theatre.classList.add("wide-only");
  const [captions, captionsMenu] = withMenu("captions");
  const [sound, soundMenu] = withMenu("audio-track");
  const [rate, rateMenu] = withMenu("playback-rate", { rates: RATES });
  video.slot = "media";
  cover.slot = "centered-chrome";
  const bar = h(
    "media-control-bar",
    {},
    ...[
      previous,
      h("media-play-button", {}),
      next,
      h("media-mute-button", {}),
      h("media-volume-range.wide-only", {}),
    ],
    h("media-time-display", { showduration: true }),
    h("span.gap", {}),
    ...[
      captions,
      sound,
      rate,
      h("media-pip-button.wide-only", {}),
      theatre,
      h("media-fullscreen-button", {}),
    ],
  );
  const element = h(
    "media-controller.screen",
    { nohotkeys: true, defaultstreamtype: "on-demand", autohide: "3" },
    ...[video, h("media-loading-indicator", { slot: "centered-chrome", noautohide: true }), cover],
    ...[captionsMenu, soundMenu, rateMenu, timeline, bar],
  );
  raiseCues(element, video, [timeline, bar]);
  let wasPaused = true; // before the clicks, of which the controls see one state if they come fast
  element.addEventListener("click", ({ detail }) => detail === 1 && (wasPaused = video.paused), {
    capture: true,
  });
  element.addEventListener("dblclick", (event) => {
    if (![element, video, cover].includes(event.target)) return;
    toggleFullscreen(element);
    if (wasPaused) video.pause();
    else video.play().catch(() => {});
  });
  return { element, previous, next, theatre };
}

const request = (element, name, detail) => element.dispatchEvent(new CustomEvent(name, { detail }));

/** Shows a player on the whole screen, or no longer. */
export function toggleFullscreen(element) {
  const isOn = element.hasAttribute("mediaisfullscreen");
  request(element, isOn ? "mediaexitfullscreenrequest" : "mediaenterfullscreenrequest");
}

/** Shows the subtitles of a player, or no longer. */
export const toggleCaptions = (element) => request(element, "mediatogglesubtitlesrequest");
