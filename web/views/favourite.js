// @ts-check
/** Whether a video is a favourite: a heart to press, with the way back. */

import { post } from "../data/api.js";
import { tagsTouched, tellChange } from "../data/store.js";
import { attempt } from "../ui/controls.js";
import { h } from "../ui/dom.js";
import { title } from "../ui/format.js";
import { icon } from "../ui/icons.js";

/** A video as far as its heart needs it.
 * @typedef {{url: string, path: string, name: string, favourite?: boolean | null}} Likeable */

/** Makes a video a favourite or none; gives whether the server did.
 * @param {Likeable} video
 * @param {boolean} isFavourite */
export async function setFavourite(video, isFavourite) {
  const stored = await attempt(null, () => post(`${video.url}/tags`, { favourite: isFavourite }));
  if (!stored) return false;
  const touched = tagsTouched([video.path]);
  tellChange(touched);
  const words = isFavourite ? "is a favourite" : "is no favourite any more";
  const back = { favourite: !isFavourite };
  const { offerUndo } = await import("./undo.js");
  offerUndo(`${title(video.name)} ${words}`, [[`${video.url}/tags`, back]], touched);
  return true;
}

/** A heart for one video after the other. */
export class Heart {
  /** @type {Likeable | null} */
  video = null;

  /** @param {Record<string, unknown>} [properties] of the element */
  constructor(properties = {}) {
    this.isOn = false;
    this.element = h(
      "button.heart",
      {
        type: "button",
        disabled: true,
        "aria-label": "Favourite",
        onclick: () => this.toggle(),
        ...properties,
      },
      icon("heart"),
    );
    this.show(null);
  }

  /** Shows whether a video is one.
   * @param {Likeable | null} video */
  show(video) {
    this.video = video;
    this.isOn = Boolean(video?.favourite);
    this.element.disabled = !video;
    this.element.setAttribute("aria-pressed", String(this.isOn));
    this.element.setAttribute("aria-label", video ? `Favourite: ${title(video.name)}` : "Favourite");
    this.element.title = this.isOn ? "No favourite any more (h)" : "Make it a favourite (h)";
  }

  /** Turns it round at once, and back where that is refused. */
  async toggle() {
    const { video, isOn } = this;
    if (!video) return;
    this.show({ ...video, favourite: !isOn });
    const isStored = await setFavourite(video, !isOn);
    if (!isStored && this.video?.url === video.url) this.show({ ...video, favourite: isOn });
  }
}
