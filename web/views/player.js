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

const THEATRE = "theatre"; // in localStorage: whether films have the whole width
const SLOWEST = 0.25;
const FASTEST = 4;

const between = (value, least, most) => Math.max(least, Math.min(most, value));

export class Player {
  /** `time(seconds)` is called with where the film is, `ready()` when its length is known, and
   * `neighbour("previous" or "next")` where that video is wanted. */
  constructor(timeline, { time, ready, neighbour }, signal) {
    this.video = h("video", { preload: "metadata", playsInline: true });
    this.cover = h(".cannot", { hidden: true, noautohide: true });
    this.sounds = new SoundTracks((stream) => this.choose(stream));
    Object.defineProperty(this.video, "audioTracks", { value: this.sounds }); // which browsers have not
    this.controls = playerControls(this.video, timeline.element, this.cover, {
      previous: () => neighbour("previous"),
      next: () => neighbour("next"),
      theatre: () => this.theatre(),
    });
    this.element = h(".player", {}, this.controls.element);
    const tell = (offer) => this.showOffer(offer);
    const refuse = (words, error, mayRetry) => this.refuse(error, words, mayRetry);
    this.playback = new Playback(this.video, { tell, refuse }, signal);
    keepChoice(this.controls.element, this.video);
    this.source = ""; // the address of the film that is shown
    this.waits = false; // whether it plays as soon as it is there
    this.inside = []; // subtitles in the film itself
    this.isEncrypted = false; // as the server found
    this.pending = 0; // where to go as soon as the film is there
    this.showTheatre(localStorage.getItem(THEATRE) === "on");
    this.listen(time, ready);
  }

  listen(time, ready) {
    const { video } = this;
    // Opening a film, or another sound of it, sets the speed to this.
    video.addEventListener("ratechange", () => (video.defaultPlaybackRate = video.playbackRate));
    for (const name of ["timeupdate", "seeking"]) video.addEventListener(name, () => time(video.currentTime));
    video.addEventListener("loadedmetadata", () => {
      if (this.pending) video.currentTime = this.pending;
      this.pending = 0;
      if (this.waits) this.start();
      if (!video.videoWidth && this.details.vcodec) this.playback.failed(null); // sound alone
      ready();
    });
  }

  /** Shows a film: the same one anew, or another. */
  show(details) {
    const isOther = this.source !== address(details.url);
    this.source = address(details.url);
    this.details = details;
    if (isOther) [this.inside, this.isEncrypted] = [[], false];
    this.video.poster = thumbnail(details);
    this.showTracks();
    if (!isOther) return;
    this.cover.hidden = true;
    this.sounds.show([], "");
    this.playback.open(details.url, this.pending);
  }

  /** Shows what the server knows of the film: which sound it has, and subtitles inside it. */
  showOffer({ sounds, sound, subtitles, encrypted }) {
    this.isEncrypted = encrypted;
    this.cover.hidden = true;
    this.inside = subtitles;
    this.showTracks();
    this.sounds.show(
      sounds.filter(({ playable }) => playable),
      sound,
    );
  }

  async choose(sound) {
    const { currentTime, paused } = this.video;
    await this.playback.open(this.details.url, currentTime, sound);
    if (!paused) this.start();
  }

  showTracks() {
    putSubtitles(this.video, subtitlesOf(this.details.subtitles, this.inside));
  }

  /** Says why nothing plays: in the server's words, else by the element's error. */
  refuse(error, words, mayRetry) {
    const { place, sound } = this.playback;
    this.playback.close(); // its sound would go on
    const encrypted = this.details.encrypted || this.isEncrypted;
    const again = () => (this.playback.open(this.details.url, place, sound), this.start());
    const why = unplayable({ ...this.details, encrypted }, error, words, mayRetry ? again : null);
    this.cover.replaceChildren(...why);
    this.cover.hidden = false;
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
    [this.source, this.pending, this.waits] = ["", 0, false];
    this.playback.close();
  }

  // What keys do, by the names of ui/playback-keys.js.

  toggle() {
    if (this.video.paused) this.start();
    else this.video.pause();
  }

  seekBy(seconds) {
    const { duration, currentTime } = this.video;
    this.seek(between(currentTime + seconds, 0, duration || Infinity));
  }

  seekTo(share) {
    const { duration } = this.video;
    if (Number.isFinite(duration)) this.seek(duration * share);
  }

  step(direction) {
    this.video.pause();
    this.seek(frameStep(this.video.currentTime, direction, this.details?.fps || 25));
  }

  volumeBy(share) {
    this.video.muted = false;
    this.video.volume = between(this.video.volume + share, 0, 1);
  }

  mute() {
    this.video.muted = !this.video.muted;
  }

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

  showTheatre(isOn) {
    this.element.classList.toggle("theatre", isOn);
    this.controls.theatre.setAttribute("aria-pressed", String(isOn));
  }
}
