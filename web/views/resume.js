// @ts-check
/** Where a film was left: it goes on there, and the server is told while it plays. */

import { get, patch } from "../data/api.js";
import { clock } from "../ui/format.js";
import { store } from "../data/store.js";
import { toast } from "../ui/controls.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { RequestOptions } from "../data/api.js" */
/** @import { Player } from "./player.js" */

const EVERY = 10; // seconds of the film between two notes

/** Tells the server how far a video was watched; gives what it knows then. Lists are read again.
 * @param {string} url of the video
 * @param {api.PlaybackIn} body
 * @param {RequestOptions} [options] */
export async function notePlayback(url, body, options) {
  const playback = await patch(`${url}/playback`, body, options);
  store.tell("played", url);
  return playback;
}

/** How far a video was watched, as the server knows.
 * @param {string} url
 * @param {AbortSignal} signal */
export const playbackOf = (url, signal) => get(`${url}/playback`, {}, signal);

export class Resume {
  /**
   * @param {Player} player
   * @param {string} url of the film that it plays
   * @param {AbortSignal} signal
   */
  constructor(player, url, signal) {
    this.player = player;
    this.url = url;
    this.signal = signal;
    /** @type {number | null} */
    this.noted = null; // where the film was when the server was last told; null: it has not played
    const { video } = player;
    const isFar = () => this.noted !== null && Math.abs(video.currentTime - this.noted) >= EVERY;
    video.addEventListener("play", () => (this.noted ??= video.currentTime), { signal });
    video.addEventListener("timeupdate", () => isFar() && this.note(), { signal });
    for (const name of ["pause", "ended"]) video.addEventListener(name, () => this.note(), { signal });
    addEventListener("pagehide", () => this.note(), { signal });
    signal.addEventListener("abort", () => this.note());
  }

  /** Goes to where the film was left, unless somebody went elsewhere meanwhile. */
  async open() {
    const { player } = this;
    const stored = await playbackOf(this.url, this.signal).catch(() => null);
    if (!stored?.position) return; // it plays from its beginning, also where that cannot be read
    if (player.video.currentTime > 0 || player.pending) return;
    player.seek(stored.position);
    toast(`It goes on at ${clock(stored.position)}`, {
      action: ["From the beginning", () => player.jump(0), "back"],
    });
  }

  /** Tells the server where the film is. */
  note() {
    const { currentTime, duration } = this.player.video;
    if (this.noted === null || !Number.isFinite(duration) || currentTime === this.noted) return;
    this.noted = currentTime;
    // Whoever only watches need not hear that it cannot be stored, in a library that is read-only.
    notePlayback(this.url, { position: currentTime, duration }, { keepalive: true }).catch(() => {});
  }
}
