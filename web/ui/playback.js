// @ts-check
/** How a film gets into its element: the file itself, or segments that the server makes of it. */

import { address, get, statusOf } from "../data/api.js";
import { store } from "../data/store.js";
import { once } from "./dom.js";
import { message } from "./format.js";

/** @import * as api from "../data/api-types.d.ts" */

/** What a film is played through: hls.js, which has no types of its own in the page.
 * @typedef {any} HlsPlayer */

/** What happens around a film: `tell` with what the server says of it; `refuse` where nothing plays it, with
 * the server's words, the error of the element if that is why, and whether it may play at another try.
 * @typedef {object} PlaybackListeners
 * @property {(offer: api.HlsOfferOut) => unknown} tell
 * @property {(reason: string, error: MediaError | null, mayRetry: boolean) => unknown} refuse */

const HLS = new URL("../vendor/hls.js/hls.light.min.mjs", import.meta.url).href;

// What is asked of the browser, by the names that the server has for it.
const FILES = ["mp4", "quicktime", "webm", "x-matroska", "ogg", "3gpp"];
/** @type {Record<string, string>} */
const PICTURES = {
  h264: "avc1.640028",
  "h264-10": "avc1.6e0028",
  hevc: "hvc1.1.6.L120.90",
  "hevc-10": "hvc1.2.4.L120.90",
  vp8: "vp8",
  vp9: "vp09.00.40.08",
  "vp9-10": "vp09.02.40.10",
  av1: "av01.0.08M.08",
  "av1-10": "av01.0.08M.10",
};
/** @type {Record<string, string>} */
const SOUNDS = {
  aac: "mp4a.40.2",
  mp3: "mp3",
  opus: "opus",
  flac: "flac",
  vorbis: "vorbis",
  ac3: "ac-3",
  eac3: "ec-3",
};
const FULL_HD = { width: 1920, height: 1080, bitrate: 8_000_000, framerate: 30 };
const STEREO = { channels: "2", bitrate: 160_000, samplerate: 48_000 };

// The server is about this far ahead, in seconds; segments that are encoded may take their time.
const BUFFER = { maxBufferLength: 20, maxMaxBufferLength: 30, backBufferLength: 30 };
const LOADING = {
  default: {
    maxTimeToFirstByteMs: 40_000,
    maxLoadTimeMs: 60_000,
    timeoutRetry: { maxNumRetry: 2, retryDelayMs: 0, maxRetryDelayMs: 0 },
    errorRetry: { maxNumRetry: 4, retryDelayMs: 500, maxRetryDelayMs: 4000 },
  },
};

const BUSY = 429; // the server's status where other films are encoded

const viewer = crypto.getRandomValues(new Uint32Array(2)).join("-");

/** Whether the browser plays a codec in a container.
 * @param {MediaDecodingType} type
 * @param {"video" | "audio"} kind
 * @param {string} codec
 * @param {string} container */
async function plays(type, kind, codec, container) {
  const contentType = `${kind}/${container}; codecs="${codec}"`;
  if (type === "media-source" && !globalThis.MediaSource?.isTypeSupported(contentType)) return false;
  const details = { contentType, ...(kind === "video" ? FULL_HD : STEREO) };
  try {
    return (await navigator.mediaCapabilities.decodingInfo({ type, [kind]: details })).supported;
  } catch {
    return false; // a type that it does not even know
  }
}

/** The names of those codecs that the browser plays.
 * @param {MediaDecodingType} type
 * @param {"video" | "audio"} kind
 * @param {Record<string, string>} codecs as browsers call them, by their names
 * @param {(name: string) => string} containerOf */
async function which(type, kind, codecs, containerOf) {
  const names = Object.keys(codecs);
  const answers = await Promise.all(names.map((name) => plays(type, kind, codecs[name], containerOf(name))));
  return names.filter((_, i) => answers[i]);
}

/** @type {Record<string, string>} */
const CONTAINERS = { vp8: "webm", vorbis: "webm", mp3: "mpeg" }; // of codecs that are not tried in an MP4

/** What this browser plays as files and in segments, as the server takes it; asked once. */
const askAbilities = once(async () => {
  const element = document.createElement("video");
  const containerOf = (/** @type {string} */ name) => CONTAINERS[name] ?? "mp4";
  const [pictures, sounds, segmentPictures, segmentSounds] = await Promise.all([
    which("file", "video", PICTURES, containerOf),
    which("file", "audio", SOUNDS, containerOf),
    which("media-source", "video", PICTURES, () => "mp4"),
    which("media-source", "audio", SOUNDS, () => "mp4"),
  ]);
  const files = FILES.filter((name) => element.canPlayType(`video/${name}`));
  return {
    files: [...files, ...pictures, ...sounds].join(),
    segments: [...segmentPictures, ...segmentSounds].join(),
  };
});

/** Whether the server answers. */
const isThere = () =>
  get("/health").then(
    () => true,
    (error) => Boolean(statusOf(error)),
  );

/** Whether the server refused a request of hls.js, which would be asked for again and again.
 * @param {{response?: {code: number}}} data */
const isRefused = ({ response }) => response !== undefined && response.code >= 400 && response.code < 500;

/** The words of the server for a request of hls.js that it refused.
 * @param {{networkDetails: {response: ArrayBuffer | string}, response?: {code: number}}} data
 * @returns {string} */
function refusal({ networkDetails, response }) {
  try {
    const body = networkDetails.response;
    const text = body instanceof ArrayBuffer ? new TextDecoder().decode(body) : body;
    return JSON.parse(text).detail;
  } catch {
    return response?.code ? `The server answered ${response.code}.` : "The server does not answer.";
  }
}

/** Plays one film at a time in a video element. */
export class Playback {
  /** @type {HlsPlayer} */
  #hls = null;
  #run = new AbortController(); // ends what is still asked for the film before
  #hasRecovered = false; // from an error of the media, which is tried once
  #isLost = false; // the server does not answer: what there is of the film plays on
  #begun = 0; // where it was begun, in seconds
  url = ""; // of the film, "" where there is none
  method = ""; // of those that the server offers: the one that plays, or ""
  /** @type {number | null} */
  sound = null; // the stream that is heard; null: the server's choice
  /** @type {string[]} */
  excluded = []; // methods that failed
  /** @type {MediaError | null} */
  error = null; // the one that a method failed with

  /**
   * @param {HTMLVideoElement} video
   * @param {PlaybackListeners} listeners
   * @param {AbortSignal} signal
   */
  constructor(video, { tell, refuse }, signal) {
    this.video = video;
    this.tell = tell;
    this.refuse = refuse;
    video.addEventListener("error", () => this.failed(video.error));
    store.watch(["online"], ({ online }) => online && this.goOn(), signal);
  }

  /** Opens a film.
   * @param {string} url
   * @param {number} [time] where to begin, in seconds
   * @param {number | null} [sound] the stream to hear; null: the server's choice */
  open(url, time = 0, sound = null) {
    this.close();
    this.url = url;
    this.sound = sound;
    this.excluded = [];
    this.error = null;
    return this.begin(time);
  }

  /** Asks the server how to play the film, and plays it so.
   * @param {number} time */
  async begin(time) {
    this.detach();
    this.#begun = time;
    const run = (this.#run = new AbortController());
    try {
      const params = { ...(await askAbilities()), sound: this.sound, excluded: this.excluded.join() };
      const offer = await get(`${this.url}/hls`, params, run.signal);
      if (run.signal.aborted) return;
      this.tell(offer);
      await this.attach(offer, time, run.signal);
    } catch (error) {
      if (!run.signal.aborted) this.withoutOffer(error, time);
    }
  }

  /** Plays the file itself where the server cannot read it: the browser may.
   * @param {unknown} error that the server answered with
   * @param {number} time */
  withoutOffer(error, time) {
    const status = statusOf(error);
    if (!status) return this.wait();
    if (status === BUSY || this.excluded.includes("direct"))
      return this.refuse(message(error), this.error, status === BUSY);
    return this.play({ method: "direct", url: `${this.url}/stream` }, time);
  }

  /** Plays what the server offers.
   * @param {api.HlsOfferOut} offer
   * @param {number} time
   * @param {AbortSignal} signal */
  async attach(offer, time, signal) {
    if (offer.method === "none") return this.refuse(offer.reason ?? "", this.error, false);
    if (offer.method === "direct") return this.play(offer, time);
    const source = address(offer.url, { ...offer.query, viewer, begin: time });
    const { default: Hls } = await import(HLS);
    if (signal.aborted) return;
    this.method = offer.method;
    if (!Hls.isSupported()) return this.setSource(source, time); // Safari on phones plays playlists itself
    const options = { enableWorker: false, ...BUFFER, startPosition: time, fragLoadPolicy: LOADING };
    /** @type {HlsPlayer} */
    const hls = new Hls(options);
    this.#hls = hls;
    /** @type {(name: string, data: HlsPlayer) => unknown} */
    const onError = (_, data) => (data.fatal || isRefused(data)) && this.onFatal(Hls, data);
    hls.on(Hls.Events.ERROR, onError);
    hls.loadSource(source);
    hls.attachMedia(this.video);
  }

  /** An error after which hls.js does not go on by itself.
   * @param {HlsPlayer} Hls
   * @param {HlsPlayer} data */
  onFatal(Hls, data) {
    if (data.type === Hls.ErrorTypes.NETWORK_ERROR) {
      if (!data.response?.code) return this.wait();
      this.refuse(refusal(data), null, true);
    } else if (!this.#hasRecovered) {
      this.#hasRecovered = true;
      this.#hls.recoverMediaError();
    } else this.failed(data.error);
  }

  /** Plays a file by itself.
   * @param {Pick<api.HlsOfferOut, "method" | "url">} offer
   * @param {number} time */
  play({ method, url }, time) {
    this.method = method;
    this.setSource(address(url), time);
  }

  /** @type {(source: string, time: number) => void} */
  setSource(source, time) {
    this.video.src = source;
    if (time)
      this.video.addEventListener("loadedmetadata", () => (this.video.currentTime = time), { once: true });
  }

  /** Goes on by another method, from the same place; by the same one where it was not that which failed.
   * @param {MediaError | null} error */
  async failed(error) {
    if (!this.method || !this.url) return;
    const { signal } = this.#run;
    const isLost = error?.code === MediaError.MEDIA_ERR_NETWORK && !(await isThere());
    if (signal.aborted) return;
    if (isLost) return this.wait();
    this.excluded.push(this.method);
    this.method = "";
    this.error = error;
    await this.restart();
  }

  /** Begins anew where the film is, and plays if it did. */
  async restart() {
    const { paused } = this.video;
    await this.begin(this.place);
    if (!paused) this.video.play().catch(() => {}); // not allowed: it waits
  }

  /** Where the film is, in seconds, or will be as soon as it is there. */
  get place() {
    return this.video.readyState ? this.video.currentTime : this.#begun;
  }

  /** Plays what there is of the film, until the server is there again. */
  wait() {
    this.#isLost = true;
    this.#hls?.stopLoad();
    store.set({ online: false });
  }

  /** Goes on where the film is, now that the server is there. */
  goOn() {
    if (!this.#isLost) return;
    this.#isLost = false;
    this.restart();
  }

  detach() {
    this.#run.abort();
    this.#hls?.destroy();
    this.#hls = null;
    this.method = "";
    this.#hasRecovered = false;
    this.#isLost = false;
  }

  close() {
    this.detach();
    this.url = "";
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
  }
}
