// @ts-check
/** The markers that somebody set in a film: added where it is, renamed, taken away, each with the way
 * back. */

import { get, isAbort, patch } from "../data/api.js";
import { attempt, button, toast } from "../ui/controls.js";
import { h, keyed } from "../ui/dom.js";
import { clock, message } from "../ui/format.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { Disableable } from "../ui/controls.js" */
/** @import { Player } from "./player.js" */

const FIRST_TITLE = "Marker";

/** The change that takes another one back.
 * @param {api.MarkersIn} change
 * @param {api.MarkerItem[]} markers those before it
 * @returns {api.MarkersIn} */
export function reverse({ add = [], remove = [] }, markers) {
  const replaced = markers.filter(({ time }) => add.some((one) => one.time === time));
  const taken = markers.filter(({ time }) => remove.some((one) => one.time === time));
  return { remove: add, add: [...new Set([...replaced, ...taken])] };
}

/** A panel of the markers of a video. */
export class MarkersPanel {
  url = ""; // of the video
  /** @type {api.MarkerItem[]} */
  markers = [];
  list = h("ul.own-markers", {});
  add = button("Add a marker here", "flag", () => this.addHere(), { kind: "small" });
  element = h(
    "section.panel",
    { "aria-label": "Markers" },
    h(".row.between", {}, h("h2", {}, "Markers"), this.add),
    this.list,
  );

  /**
   * @param {Player} player says where the film is, and goes where it is told
   * @param {(markers: api.MarkerItem[]) => unknown} tell called with those that there are
   * @param {AbortSignal} signal
   */
  constructor(player, tell, signal) {
    this.player = player;
    this.tell = tell;
    this.signal = signal;
  }

  /** Reads the markers of a video, unless one of them is being renamed.
   * @param {Pick<api.VideoDetailsOut, "url">} details */
  async show({ url }) {
    this.url = url;
    if (this.list.contains(document.activeElement)) return;
    try {
      this.take(await get(`${url}/markers`, {}, this.signal));
    } catch (error) {
      if (!isAbort(error)) this.list.replaceChildren(h("li.bad", {}, message(error)));
    }
  }

  /** @param {api.MarkersOut} answer */
  take({ markers }) {
    this.markers = markers;
    keyed(
      this.list,
      markers,
      ({ time, title }) => `${time} ${title}`,
      (marker) => this.item(marker),
    );
    this.tell(markers);
  }

  /** Changes the markers on disk, and offers to take that back.
   * @param {api.MarkersIn} update
   * @param {string} words what was done; "" for nothing to tell
   * @param {Disableable | null} [control]
   * @returns {Promise<boolean>} whether the server did */
  async change(update, words, control = null) {
    const undo = reverse(update, this.markers);
    const answer = await attempt(control, () => patch(`${this.url}/markers`, update));
    if (!answer) return false;
    this.take(answer);
    if (words) toast(words, { action: ["Undo", () => this.change(undo, "")], lasting: true });
    return true;
  }

  /** Adds a marker where the film is, and lets its title be written. */
  async addHere() {
    const time = Math.round(this.player.video.currentTime * 1000) / 1000;
    const marker = { time, title: FIRST_TITLE };
    if (!(await this.change({ add: [marker] }, `Marker at ${clock(time)}`, this.add))) return;
    const item = this.list.children[this.markers.findIndex((one) => one.time === time)];
    const field = item?.querySelector("input");
    field?.focus();
    field?.select();
  }

  /** @param {api.MarkerItem} marker */
  item(marker) {
    const at = clock(marker.time);
    const play = () => this.player.jump(marker.time);
    const take = () => this.change({ remove: [marker] }, "Marker removed", remove);
    const go = h("button.moment", { type: "button", "aria-label": `Play from ${at}`, onclick: play }, at);
    const remove = button(`Remove the marker at ${at}`, "close", take, { bare: true });
    return h("li", {}, go, this.titleField(marker), remove);
  }

  /** The title of a marker as a field, which is saved when one leaves it.
   * @param {api.MarkerItem} marker */
  titleField({ time, title = "" }) {
    const field = h("input.naming", {
      type: "text",
      value: title,
      maxlength: "200",
      placeholder: "Title",
      "aria-label": `Title of the marker at ${clock(time)}`,
      dir: "auto",
    });
    field.addEventListener("change", async () => {
      const isSaved = await this.change({ add: [{ time, title: field.value }] }, "Marker renamed");
      if (!isSaved) field.value = title;
    });
    field.addEventListener("keydown", (event) => event.key === "Enter" && field.blur());
    return field;
  }
}
