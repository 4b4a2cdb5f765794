// @ts-check
/** The markers that somebody set in a film: added where it is, renamed, taken away, each with the way
 * back. */

import { get, isAbort, patch } from "../data/api.js";
import { attempt, button, toast } from "../ui/controls.js";
import { h, keyed } from "../ui/dom.js";
import { clock, message } from "../ui/format.js";

/** @import * as api from "../data/api-types.d.ts" */

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

/** A panel of the markers of a video. `player` says where the film is and goes where it is told,
 * `tell(markers)` is called with those that there are. */
export function markersPanel(player, tell, signal) {
  let url = "";
  let markers = [];
  const list = h("ul.own-markers", {});
  const add = button("Add a marker here", "flag", () => addHere(), { kind: "small" });
  const element = h(
    "section.panel",
    { "aria-label": "Markers" },
    h(".row.between", {}, h("h2", {}, "Markers"), add),
    list,
  );

  function take(answer) {
    markers = answer.markers;
    keyed(list, markers, ({ time, title }) => `${time} ${title}`, item);
    tell(markers);
  }

  /** Changes the markers on disk, and offers to take that back.
   * @param {api.MarkersIn} update
   * @param {string} words what was done; "" for nothing to tell
   * @param {HTMLButtonElement | null} [control]
   * @returns {Promise<boolean>} whether the server did */
  async function change(update, words, control = null) {
    const undo = reverse(update, markers);
    const answer = await attempt(control, () => patch(`${url}/markers`, update));
    if (!answer) return false;
    take(answer);
    if (words) toast(words, { action: ["Undo", () => change(undo, "")], lasting: true });
    return true;
  }

  async function addHere() {
    const time = Math.round(player.video.currentTime * 1000) / 1000;
    if (!(await change({ add: [{ time, title: FIRST_TITLE }] }, `Marker at ${clock(time)}`, add))) return;
    const field = list.children[markers.findIndex((one) => one.time === time)]?.querySelector("input");
    field?.focus();
    field?.select();
  }

  function item({ time, title }) {
    const at = clock(time);
    const go = h(
      "button.moment",
      { type: "button", "aria-label": `Play from ${at}`, onclick: () => player.jump(time) },
      at,
    );
    const field = h("input.naming", {
      type: "text",
      value: title,
      maxlength: "200",
      placeholder: "Title",
      "aria-label": `Title of the marker at ${at}`,
      dir: "auto",
    });
    field.addEventListener("change", async () => {
      const isSaved = await change({ add: [{ time, title: field.value }] }, "Marker renamed");
      if (!isSaved) field.value = title;
    });
    field.addEventListener("keydown", (event) => event.key === "Enter" && field.blur());
    const remove = button(
      `Remove the marker at ${at}`,
      "close",
      () => change({ remove: [{ time, title }] }, "Marker removed", remove),
      { bare: true },
    );
    return h("li", {}, go, field, remove);
  }

  /** Reads the markers of a video, unless one of them is being renamed. */
  async function show(details) {
    url = details.url;
    if (list.contains(document.activeElement)) return;
    try {
      take(await get(`${url}/markers`, {}, signal));
    } catch (error) {
      if (!isAbort(error)) list.replaceChildren(h("li.bad", {}, message(error)));
    }
  }

  return { element, show };
}
