// @ts-check
/** The film itself with its controls: what plays it, its sounds and subtitles, and what keys do. */

import { address } from "../data/api.js";
import { thumbnail } from "../data/pictures.js";
import { h } from "../ui/dom.js";
import { Playback } from "../ui/playback.js";
import { frameStep } from "../ui/playback-keys.js";
import { SoundTracks } from "../ui/sound-tracks.js";
import { keepChoice, putSubtitles, subtitlesOf } from "../ui/subtitle-tracks.js";
import { playerControls, toggleCaptions, toggleFullscreen } from "./player-controls.js";
import { unplayable } from "./unplayable.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { PlaybackListeners } from "../ui/playback.js" */

/** Which of the videos beside one.
 * @typedef {"previous" | "next"} Side */

/** What a player tells: where the film is, that its length is known, and that the video before or after it is
 * wanted.
 * @typedef {object} PlayerListeners
 * @property {(seconds: number) => unknown} time
 * @property {() => unknown} ready
 * @property {(side: Side) => unknown} neighbour */

const THEATRE = "theatre"; // in localStorage: whether films have the whole width
const SLOWEST = 0.25;
const FASTEST = 4;

/** @type {(value: number, least: number, most: number) => number} */
const between = (value, least, most) => Math.max(least, Math.min(most, value));

export class Player {
  /** @type {api.VideoDetailsOut | null} */
  details = null; // of the film that was shown last
  source = ""; // the address of the film that is shown
  waits = false; // whether it plays as soon as it is there
  /** @type {api.TextTrackOut[]} */
  inside = []; // subtitles in the film itself
  isEncrypted = false; // as the server found
  pending = 0; // where to go as soon as the film is there

  /**
   * @param {HTMLElement} timeline stands above the controls
   * @param {PlayerListeners} listeners
   * @param {AbortSignal} signal
   */
  constructor(timeline, { time, ready, neighbour }, signal) {
    this.video = h("video", { preload: "metadata", playsInline: true });
    this.cover = h(".cannot", { hidden: true, noautohide: true });
    this.sounds = new SoundTracks((stream) => this.choose(stream));
    Object.defineProperty(this.video, "audioTracks", { value: this.sounds }); // which browsers have not
    this.controls = playerControls(this.video, timeline, this.cover, {
      previous: () => neighbour("previous"),
      next: () => neighbour("next"),
      theatre: () => this.theatre(),
    });
    this.element = h(".player", {}, this.controls.element);
    this.playback = new Playback(
      this.video,
      {
        tell: (offer) => this.showOffer(offer),
        refuse: (reason, error, mayRetry) => this.refuse(reason, error, mayRetry),
      },
      signal,
    );
    keepChoice(this.controls.element, this.video);
    this.showTheatre(localStorage.getItem(THEATRE) === "on");
    this.listen(time, ready);
  }

  /** @type {(time: PlayerListeners["time"], ready: PlayerListeners["ready"]) => void} */
  listen(time, ready) {
    const { video } = this;
    // Opening a film, or another sound of it, sets the speed to this.
    video.addEventListener("ratechange", () => (video.defaultPlaybackRate = video.playbackRate));
    for (const name of ["timeupdate", "seeking"]) video.addEventListener(name, () => time(video.currentTime));
    video.addEventListener("loadedmetadata", () => {
      if (this.pending) video.currentTime = this.pending;
      this.pending = 0;
      if (this.waits) this.start();
      if (!video.videoWidth && this.details?.vcodec) this.playback.failed(null); // sound alone
      ready();
    });
  }

  /** Shows a film: the same one anew, or another.
   * @param {api.VideoDetailsOut} details */
  show(details) {
    const isOther = this.source !== address(details.url);
    this.source = address(details.url);
    this.details = details;
    if (isOther) {
      this.inside = [];
      this.isEncrypted = false;
    }
    this.video.poster = thumbnail(details);
    const { width, height } = details;
    const shape = width && height ? String(width / height) : null;
    this.controls.element.style.setProperty("--shape", shape); // the room that a phone gives it
    this.showTracks(details);
    if (!isOther) return;
    this.cover.hidden = true;
    this.sounds.show([], "");
    this.playback.open(details.url, this.pending);
  }

  /** Shows what the server knows of the film: which sound it has, and subtitles inside it.
   * @param {api.HlsOfferOut} offer */
  showOffer({ sounds, sound, subtitles, encrypted }) {
    this.isEncrypted = encrypted;
    this.cover.hidden = true;
    this.inside = subtitles;
    if (this.details) this.showTracks(this.details);
    this.sounds.show(
      sounds.filter(({ playable }) => playable),
      sound,
    );
  }

  /** @param {number} sound the stream that is to be heard */
  async choose(sound) {
    if (!this.details) return;
    const { currentTime, paused } = this.video;
    await this.playback.open(this.details.url, currentTime, sound);
    if (!paused) this.start();
  }

  /** @param {Pick<api.VideoDetailsOut, "subtitles">} details */
  showTracks({ subtitles }) {
    putSubtitles(this.video, subtitlesOf(subtitles, this.inside));
  }

  /** Says why nothing plays: in the server's words, else by the element's error.
   * @type {PlaybackListeners["refuse"]} */
  refuse(reason, error, mayRetry) {
    const { details, playback } = this;
    if (!details) return;
    const { place, sound } = playback;
    playback.close(); // its sound would go on
    const again = () => (playback.open(details.url, place, sound), this.start());
    const encrypted = details.encrypted || this.isEncrypted;
    const why = unplayable({ ...details, encrypted }, { reason, error, again: mayRetry ? again : null });
    this.cover.replaceChildren(...why);
    this.cover.hidden = false;
  }

  /** Goes to a time, as soon as that is possible.
   * @param {number} time in seconds */
  seek(time) {
    if (this.video.readyState) this.video.currentTime = time;
    else this.pending = time;
  }

  /** Plays from a time.
   * @param {number} time in seconds */
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
    this.source = "";
    this.pending = 0;
    this.waits = false;
    this.playback.close();
  }

  // What keys do, by the names of ui/playback-keys.js.

  toggle() {
    if (this.video.paused) this.start();
    else this.video.pause();
  }

  /** @param {number} seconds */
  seekBy(seconds) {
    const { duration, currentTime } = this.video;
    this.seek(between(currentTime + seconds, 0, duration || Infinity));
  }

  /** @param {number} share of the film's length, from 0 to 1 */
  seekTo(share) {
    const { duration } = this.video;
    if (Number.isFinite(duration)) this.seek(duration * share);
  }

  /** @param {number} direction -1 or 1 */
  step(direction) {
    this.video.pause();
    this.seek(frameStep(this.video.currentTime, direction, this.details?.fps || 25));
  }

  /** @param {number} share of the whole volume */
  volumeBy(share) {
    this.video.muted = false;
    this.video.volume = between(this.video.volume + share, 0, 1);
  }

  mute() {
    this.video.muted = !this.video.muted;
  }

  /** @param {number} rate to add; 1 is the film's own speed */
  speedBy(rate) {
    this.video.playbackRate = between(this.video.playbackRate + rate, SLOWEST, FASTEST);
  }

  fullscreen() {
    toggleFullscreen(this.controls.element);
  }

  captions() {
    toggleCaptions(this.controls.element);
  }

  theatre() {
    const isOn = !this.element.classList.contains("theatre");
    localStorage.setItem(THEATRE, isOn ? "on" : "off");
    this.showTheatre(isOn);
  }

  /** @param {boolean} isOn */
  showTheatre(isOn) {
    this.element.classList.toggle("theatre", isOn);
    this.controls.theatre.setAttribute("aria-pressed", String(isOn));
  }
}
