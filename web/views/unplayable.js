// @ts-check
/** A film that nothing plays: why, and a copy that every browser plays. */

import { submit } from "../data/api.js";
import { noteJob } from "../data/events.js";
import { store } from "../data/store.js";
import { attempt, button, dialog, toast } from "../ui/controls.js";
import { h } from "../ui/dom.js";
import { codecName, folderPathOf } from "../ui/format.js";
import { icon } from "../ui/icons.js";

/** @import * as api from "../data/api-types.d.ts" */

/** Why a film does not play, and what tries it again, if that may help: the server's words, or "" where
 * the error of the element says more.
 * @typedef {{reason: string, error: MediaError | null, again: (() => unknown) | null}} Refusal */

/** Why a browser plays no such file.
 * @param {api.VideoDetailsOut} details
 * @param {MediaError | null} error */
function reasonOf(details, error) {
  const ext = /\.[^.]+$/.exec(details.name)?.[0] ?? "";
  const codec = codecName(details.vcodec);
  if (details.encrypted) return "It is encrypted: only a player that has its key can play it.";
  if (!details.vcodec)
    return details.acodec
      ? ""
      : "Nothing is known of this file: it may be damaged or no video at all. Making its metadata tells more.";
  if (error?.code === MediaError.MEDIA_ERR_DECODE)
    return `The browser gave up decoding it: the file may be damaged (${codec} in ${ext}).`;
  return `This browser does not play ${codec} video in a ${ext} file.`;
}

/** Where a copy of a video may go: a folder that is served, and not the video's own or one in it.
 * @param {string} folder of the video, in the one that is looked at
 * @returns {string} "" where there is none */
function placeFor(folder) {
  const { roots, directory } = store.state;
  const current = directory === "." ? roots[0] : directory;
  const other = roots.find((root) => root !== current);
  if (other) return other;
  return folder ? `${current}/Transcoded` : "";
}

const WHERE = "A folder that is served, outside of the video's own.";
const NOWHERE =
  "The copy has to lie outside of the video's folder, and in one that is served. Start the server with a second one: serve --root VIDEOS --root COPIES.";

/** Begins a job that makes a copy of a video in a folder.
 * @param {api.VideoDetailsOut} details
 * @param {string} dest */
function transcode({ name, path }, dest) {
  const place = { directory: below(folderPathOf(path)), recursive: false };
  return submit("transcode", { only: [name], dest, ext: ["*"] }, place);
}

/** @param {api.VideoDetailsOut} details */
function transcodeDialog(details) {
  const place = placeFor(folderPathOf(details.path));
  dialog("Make a copy that plays", (close) => {
    const dest = h("input", { type: "text", value: place, required: true, spellcheck: false });
    const hint = h("small", {}, place ? WHERE : NOWHERE);
    const start = button("Transcode", "run", null, { kind: "primary", type: "submit" });
    const go = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const job = await attempt(start, () => transcode(details, dest.value));
      if (!job) return;
      noteJob(job);
      toast("The copy is being made");
      close();
    };
    return h(
      "form",
      { onsubmit: go },
      h(
        "p.dim",
        {},
        "An MP4 with H.264 and AAC, which every browser plays. The video itself stays as it is.",
      ),
      h("label.field", {}, h("span", {}, "Folder for the copy"), dest, hint),
      h(".row.end", {}, start),
    );
  });
}

/** A folder below the one that is looked at, as the API takes it.
 * @param {string} folder */
function below(folder) {
  const { directory } = store.state;
  return directory === "." ? folder || "." : [directory, folder].filter(Boolean).join("/");
}

/** What the server says of a video, as a sentence; its name, where it comes first, stays as it is.
 * @type {(words: string, name: string) => string} */
function sentence(words, name) {
  const begin = words.startsWith(name) ? words.charAt(0) : words.charAt(0).toUpperCase();
  return `${begin}${words.slice(1).replace(/\.$/, "")}.`;
}

/** What is shown in place of a film: why it does not play, and buttons that try again and have a copy made.
 * @param {api.VideoDetailsOut} details
 * @param {Refusal} refusal */
export function unplayable(details, { reason, error, again }) {
  const why = reason && !details.encrypted ? sentence(reason, details.name) : reasonOf(details, error);
  const isReadable = !details.broken?.some(({ kinds }) => kinds.includes("metadata"));
  const copy = button("Make a copy that plays", "run", () => transcodeDialog(details), {
    kind: again ? "" : "primary",
  });
  return [
    icon("film"),
    h("h2", {}, again ? "It does not play now" : "It does not play here"),
    h("p", {}, why),
    h(
      ".row",
      {},
      again && button("Try again", "undo", again, { kind: "primary" }),
      !details.encrypted && isReadable && copy,
    ),
  ];
}
