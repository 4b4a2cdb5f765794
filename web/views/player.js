/** The film itself, with what the browser says when it cannot play it. */

import { address, submit } from "../api.js";
import { h, setText } from "../dom.js";
import { noteJob } from "../events.js";
import { icon } from "../icons.js";
import { store } from "../store.js";
import { attempt, button, dialog, toast } from "../ui.js";
import { thumbnail } from "./card.js";

const CODECS = {
  hevc: "HEVC (H.265)",
  h264: "H.264",
  mpeg2video: "MPEG-2",
  mpeg4: "MPEG-4 part 2",
  msmpeg4v3: "Microsoft MPEG-4",
  cinepak: "Cinepak",
  vp8: "VP8",
  vp9: "VP9",
  av1: "AV1",
  prores: "ProRes",
  mjpeg: "Motion JPEG",
  wmv3: "Windows Media",
};

export const codecName = (codec) => CODECS[codec] ?? (codec ? codec.toUpperCase() : "");

/** Why a browser plays no such file. */
function reason(details, error) {
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

/** Where a copy of a video may go: a folder that is served, and not the video's own or one in it. */
function placeFor(folder) {
  const { roots, directory } = store.state;
  const here = directory === "." ? roots[0] : directory;
  const other = roots.find((root) => root !== here);
  if (other) return other;
  return folder ? `${here}/Transcoded` : "";
}

function transcodeDialog(details) {
  const folder = details.path.split("/").slice(0, -1).join("/");
  const place = placeFor(folder);
  dialog("Make a copy that plays", (close) => {
    const dest = h("input", { type: "text", value: place, required: true, spellcheck: false });
    const hint = h(
      "small",
      {},
      place
        ? "A folder that is served, outside of the video's own."
        : "The copy has to lie outside of the video's folder, and in one that is served. Start the server with a second one: serve --root VIDEOS --root COPIES.",
    );
    const start = button("Transcode", "run", null, { kind: "primary", type: "submit" });
    const go = async (event) => {
      event.preventDefault();
      const job = await attempt(start, () =>
        submit(
          "transcode",
          { only: [details.name], dest: dest.value, ext: ["*"] },
          { directory: below(folder), recursive: false },
        ),
      );
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

/** A folder below the one that is looked at, as the API takes it. */
function below(folder) {
  const { directory } = store.state;
  return directory === "." ? folder || "." : [directory, folder].filter(Boolean).join("/");
}

export class Player {
  constructor({ time, ready }) {
    this.video = h("video", { controls: true, preload: "metadata", playsInline: true });
    this.why = h("p", {});
    this.cannot = h(".cannot", { hidden: true });
    this.element = h(".player", {}, this.video, this.cannot);
    this.video.addEventListener("timeupdate", () => time(this.video.currentTime));
    this.video.addEventListener("seeking", () => time(this.video.currentTime));
    this.video.addEventListener("loadedmetadata", () => {
      if (this.pending) this.video.currentTime = this.pending;
      this.pending = 0;
      if (!this.video.videoWidth && this.details.vcodec) this.refuse(null);
      ready();
    });
    this.video.addEventListener(
      "error",
      () => this.video.getAttribute("src") && this.refuse(this.video.error),
    );
  }

  show(details) {
    const source = address(`${details.url}/stream`);
    this.details = details;
    this.video.poster = thumbnail(details);
    this.showTracks(details);
    if (this.video.getAttribute("src") !== source) {
      this.cannot.hidden = true;
      this.video.src = source;
    }
  }

  showTracks({ name, files }) {
    const wanted = files.subtitles.filter(({ part }) => part.endsWith(".vtt"));
    const known = [...this.video.querySelectorAll("track")].map((track) => track.getAttribute("src"));
    if (known.join() === wanted.map(({ url }) => address(url)).join()) return;
    this.video.querySelectorAll("track").forEach((track) => track.remove());
    // The labels between the video's name and the suffix: a language, and whether they are forced.
    const labels = wanted.map(({ part }) => part.slice(name.length).split(".").slice(1, -1));
    const isForced = labels.map((words) => words.includes("forced"));
    wanted.forEach(({ url }, i) => {
      const language = labels[i].find((word) => word !== "forced");
      this.video.append(
        h("track", {
          kind: "subtitles",
          src: address(url),
          label: labels[i].join(", ") || "Subtitles",
          srclang: language ?? "en",
          default: i === isForced.indexOf(false),
        }),
      );
    });
  }

  refuse(error) {
    this.cannot.replaceChildren(
      icon("film"),
      h("h2", {}, "It does not play here"),
      this.why,
      h(
        ".row",
        {},
        !this.details.encrypted &&
          button("Make a copy that plays", "run", () => transcodeDialog(this.details), { kind: "primary" }),
      ),
    );
    setText(this.why, reason(this.details, error));
    this.cannot.hidden = false;
  }

  /** Goes to a time, as soon as that is possible. */
  seek(time) {
    if (this.video.readyState) this.video.currentTime = time;
    else this.pending = time;
  }

  jump(time) {
    this.seek(time);
    this.video.play().catch(() => {}); // not allowed or not playable: it stays where it is
  }

  stop() {
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
  }
}
