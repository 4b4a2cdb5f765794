/** The film itself, with what the browser says when it cannot play it. */

import { address, submit } from "../data/api.js";
import { h, setText } from "../ui/dom.js";
import { noteJob } from "../data/events.js";
import { icon } from "../ui/icons.js";
import { Playback } from "../ui/playback.js";
import { store } from "../data/store.js";
import { attempt, button, dialog, toast } from "../ui/controls.js";
import { thumbnail } from "../data/pictures.js";

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

/** What the server says of a video, as a sentence. */
const sentence = (words) => `${words.charAt(0).toUpperCase()}${words.slice(1).replace(/\.$/, "")}.`;

export class Player {
  constructor({ time, ready }) {
    this.video = h("video", { controls: true, preload: "metadata", playsInline: true });
    this.why = h("p", {});
    this.cannot = h(".cannot", { hidden: true });
    this.sound = h("select", { "aria-label": "Sound", onchange: () => this.choose(Number(this.sound.value)) });
    this.sounds = h(".row.sounds", { hidden: true }, "Sound", this.sound);
    this.element = h(".player", {}, this.video, this.cannot, this.sounds);
    this.playback = new Playback(this.video, {
      tell: (offer) => this.showOffer(offer),
      refuse: (words, error) => this.refuse(error, words),
    });
    this.video.addEventListener("timeupdate", () => time(this.video.currentTime));
    this.video.addEventListener("seeking", () => time(this.video.currentTime));
    this.video.addEventListener("loadedmetadata", () => {
      if (this.pending) this.video.currentTime = this.pending;
      this.pending = 0;
      if (this.waits) this.start();
      if (!this.video.videoWidth && this.details.vcodec) this.playback.failed(null); // sound alone
      ready();
    });
  }

  show(details) {
    const isOther = this.source !== address(details.url);
    this.source = address(details.url);
    this.details = details;
    if (isOther) this.inside = [];
    this.video.poster = thumbnail(details);
    this.showTracks(details);
    if (!isOther) return;
    this.cannot.hidden = true;
    this.playback.open(details.url, this.pending);
  }

  /** Shows what the server knows of the film: which sound it has, and subtitles inside it. */
  showOffer({ sounds, sound, subtitles }) {
    this.cannot.hidden = true;
    this.inside = subtitles;
    this.showTracks(this.details);
    const playable = sounds.filter((track) => track.playable);
    this.sounds.hidden = playable.length < 2;
    this.sound.replaceChildren(
      ...playable.map((track, i) => {
        const channels = { 1: "mono", 2: "stereo", 6: "5.1", 8: "7.1" }[track.channels];
        const label = [track.language, track.title, channels].filter(Boolean).join(", ");
        return h("option", { value: String(track.stream) }, label || `Sound ${i + 1}`);
      }),
    );
    this.sound.value = String(sound);
  }

  async choose(sound) {
    const { currentTime, paused } = this.video;
    await this.playback.open(this.details.url, currentTime, sound);
    if (!paused) this.start();
  }

  /** The subtitles of files beside the video, and those inside it in languages that no file has. */
  tracksOf({ name, files }) {
    const beside = files.subtitles.filter(({ part }) => part.endsWith(".vtt"));
    // The labels between the video's name and the suffix: a language, and whether they are forced.
    const labels = beside.map(({ part }) => part.slice(name.length).split(".").slice(1, -1));
    const isForced = labels.map((words) => words.includes("forced"));
    const languages = labels.map((words) => words.find((word) => word !== "forced"));
    const inside = this.inside.filter((track) => !languages.includes(track.language));
    return [
      ...beside.map(({ url }, i) => ({
        src: address(url),
        label: labels[i].join(", ") || "Subtitles",
        srclang: languages[i] ?? "en",
        default: i === isForced.indexOf(false),
      })),
      ...inside.map(({ url, language, purpose }) => ({
        src: address(url),
        label: [language, purpose, "inside"].filter(Boolean).join(", "),
        srclang: language || "en",
        default: false, // for the server reads the whole film for them
      })),
    ];
  }

  showTracks(details) {
    const tracks = this.tracksOf(details);
    const present = [...this.video.querySelectorAll("track")];
    if (present.map((track) => track.getAttribute("src")).join() === tracks.map(({ src }) => src).join()) return;
    present.forEach((track) => track.remove());
    this.video.append(...tracks.map((track) => h("track", { kind: "subtitles", ...track })));
  }

  /** Says why nothing plays: in the server's words, else by the element's error. */
  refuse(error, words = "") {
    this.playback.close(); // its sound would go on
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
    setText(this.why, words && !this.details.encrypted ? sentence(words) : reason(this.details, error));
    this.cannot.hidden = false;
  }

  /** Goes to a time, as soon as that is possible. */
  seek(time) {
    if (this.video.readyState) this.video.currentTime = time;
    else this.pending = time;
  }

  jump(time) {
    this.seek(time);
    this.start();
  }

  /** Plays, as soon as that is possible. */
  start() {
    this.waits = !this.video.readyState;
    if (!this.waits) this.video.play().catch(() => {}); // not allowed or not playable: it stays where it is
  }

  stop() {
    this.playback.close();
  }
}
