// @ts-check
/** The sounds of a film as an element's `audioTracks`, which browsers have not: the controls of the
 * player list them and say which one is to be heard. */

import { languageName } from "./format.js";

/** @import * as api from "../data/api-types.d.ts" */

/** @type {Record<number, string>} */
const CHANNELS = { 1: "mono", 2: "stereo", 6: "5.1", 8: "7.1" };

/** What a sound is called: its language, title and channels.
 * @param {Pick<api.SoundTrackOut, "language" | "title" | "channels">} sound
 * @param {number} i its index */
export function soundLabel({ language, title, channels }, i) {
  return [languageName(language), title, CHANNELS[channels]].filter(Boolean).join(", ") || `Sound ${i + 1}`;
}

class SoundTrack {
  kind = "main";
  /** @type {SoundTracks} */
  #list; // private: controls compare tracks by their JSON

  /**
   * @param {SoundTracks} list
   * @param {number} stream
   * @param {string} label
   * @param {string} language
   */
  constructor(list, stream, label, language) {
    this.#list = list;
    this.id = String(stream);
    this.label = label;
    this.language = language;
  }

  get enabled() {
    return this.id === this.#list.chosen;
  }

  set enabled(isWanted) {
    if (isWanted && !this.enabled) this.#list.choose(Number(this.id));
  }
}

export class SoundTracks extends EventTarget {
  /** @type {SoundTrack[]} */
  tracks = [];
  chosen = ""; // the id of the track that is heard

  /** @param {(stream: number) => unknown} choose called when another sound is chosen */
  constructor(choose) {
    super();
    this.choose = choose;
  }

  get length() {
    return this.tracks.length;
  }

  [Symbol.iterator]() {
    return this.tracks[Symbol.iterator]();
  }

  /** Shows the sounds that the server has for a film.
   * @param {api.SoundTrackOut[]} sounds
   * @param {number | string | null} chosen the stream that is heard; "" where there is none */
  show(sounds, chosen) {
    this.tracks = sounds.map(
      (sound, i) => new SoundTrack(this, sound.stream, soundLabel(sound, i), sound.language),
    );
    this.chosen = String(chosen);
    for (const name of ["removetrack", "addtrack", "change"]) this.dispatchEvent(new Event(name));
  }
}
