// @ts-check
/** What comes before and after a film in what was looked for, and the next one played by itself. */

import { get } from "../data/api.js";
import { listingOf } from "../data/query.js";
import { button } from "../ui/controls.js";
import { h, setText } from "../ui/dom.js";
import { title } from "../ui/format.js";
import { home, parse, videoHref } from "../ui/router.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { Player, Side } from "./player.js" */

/** The videos beside one.
 * @typedef {Pick<api.NeighboursOut, Side>} Neighbours */

/** @type {Neighbours} */
const NONE = { previous: null, next: null };

/** @type {Record<Side, string>} */
const WORDS = { previous: "Previous video", next: "Next video" };

const AUTOPLAY = "autoplay"; // in localStorage
const COUNT = 5; // seconds until the next one plays

export class UpNext {
  beside = NONE;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer;

  /**
   * @param {Player} player
   * @param {(url: string) => unknown} open plays another video
   * @param {AbortSignal} signal
   */
  constructor(player, open, signal) {
    this.player = player;
    this.open = open;
    this.link = h("a.next-link", { dir: "auto" });
    this.autoplay = h("input", { type: "checkbox" });
    this.autoplay.checked = localStorage.getItem(AUTOPLAY) === "on";
    this.autoplay.addEventListener("change", () =>
      localStorage.setItem(AUTOPLAY, this.autoplay.checked ? "on" : "off"),
    );
    this.next = h("p", {}, "Next: ", this.link);
    this.element = h(
      ".up-next",
      {},
      this.next,
      h("label.check", {}, this.autoplay, "Play the next by itself"),
    );
    this.words = h("p", { role: "status" });
    const controls = h(
      ".row",
      {},
      button("Play now", "run", () => this.go("next"), { kind: "primary" }),
      button("Stay", "close", () => this.cancel()),
    );
    this.countdown = h(
      ".countdown",
      { slot: "centered-chrome", hidden: true, noautohide: true },
      this.words,
      controls,
    );
    player.controls.element.append(this.countdown);
    player.video.addEventListener("ended", () => this.begin(), { signal });
    for (const name of ["play", "seeking", "emptied"])
      player.video.addEventListener(name, () => this.cancel(), { signal });
    signal.addEventListener("abort", () => this.cancel());
  }

  /** Asks which videos stand beside one, in the query and order that the library was left with.
   * @param {string} url
   * @param {AbortSignal} signal */
  async show(url, signal) {
    this.cancel();
    this.take(NONE);
    const params = { ...listingOf(parse(home()).params), recursive: 1, ext: "*" };
    const beside = await get(`${url}/neighbours`, params, signal).catch(() => null);
    if (beside) this.take(beside); // else the film is there without
  }

  /** @param {Neighbours} beside */
  take(beside) {
    this.beside = beside;
    this.showButton("previous");
    this.showButton("next");
    this.element.hidden = !beside.next;
    if (!beside.next) return;
    setText(this.link, title(beside.next.name));
    this.link.href = videoHref(beside.next.url);
  }

  /** @param {Side} side */
  showButton(side) {
    const control = this.player.controls[side];
    const row = this.beside[side];
    control.disabled = !row;
    control.title = row ? `${WORDS[side]}: ${title(row.name)}` : WORDS[side];
  }

  /** @param {Side} side */
  go(side) {
    const row = this.beside[side];
    if (row) this.open(row.url);
  }

  /** Counts down to the next video, if that is wanted. */
  begin(seconds = COUNT) {
    if (!this.autoplay.checked || !this.beside.next) return;
    if (seconds === 0) {
      this.go("next");
      return;
    }
    setText(this.words, `${title(this.beside.next.name)} plays in ${seconds} s`);
    this.countdown.hidden = false;
    this.timer = setTimeout(() => this.begin(seconds - 1), 1000);
  }

  cancel() {
    clearTimeout(this.timer);
    this.countdown.hidden = true;
  }
}
