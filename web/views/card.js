// @ts-check
/** A video as a card: thumbnail, facts, tags; hovering or a finger scrubs it, holding plays its preview. */

import { cardPicture, fileOf, frameAt, record } from "../data/pictures.js";
import { button } from "../ui/controls.js";
import { h, keyed, listenForMenu, setText } from "../ui/dom.js";
import { baseName, clock, faultOf, folderPathOf, resolution, title } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { href, videoHref } from "../ui/router.js";
import { inFolder, term } from "../data/query.js";
import { Heart } from "./favourite.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { Anchor } from "../ui/dom.js" */
/** @import { SelectVideo } from "./selecting.js" */

const HOLD = 350; // milliseconds until holding plays
const SLIP = 8; // pixels a finger may move meanwhile
const DRAG = 32; // and while it plays
const STEP = 0.05; // of a film, by which a key scrubs
const TAGS_SHOWN = 6; // performers among them
const SHARP = 720; // pixels of the shorter side, from which on a card tells the resolution

/** A share of a film, from its beginning to its end.
 * @param {number} share */
const within = (share) => Math.max(0, Math.min(1, share));

/** The picture of a card, with the signs on it. The mouse scrubs over it, and so does a finger that moves;
 * holding plays the preview. */
class CardPicture {
  /** @type {api.VideoRowOut | null} */
  row = null;
  #image = h("img", {
    alt: "",
    decoding: "async",
    draggable: "false",
    hidden: true, // until there is a picture: it covers what stands in its place
    onerror: () => (this.#image.hidden = true),
    onload: () => (this.#image.hidden = false),
  });
  #sprite = h("canvas.sprite", { hidden: true });
  #line = h("span.line", {});
  #badge = h("span.badge", {});
  #fault = h("span.fault", {});
  #watched = h("span.watched", { title: "Watched", hidden: true }, icon("check"));
  #time = h("span.time", {});
  #progress = h("progress", { max: "1", hidden: true, "aria-label": "Watched so far" });
  element = h(
    ".thumb",
    {},
    ...[icon("film"), this.#image, this.#sprite, this.#line, this.#badge],
    ...[this.#fault, this.#watched, this.#time, this.#progress],
  );
  isTouched = false; // whether a finger is on it
  #start = { x: 0, y: 0 }; // where a finger or the mouse went down
  #takesClick = false; // whether the next click ends a gesture, and opens nothing
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #holding; // until the preview plays
  /** @type {number | undefined} */
  #at; // the share of the film whose tile is shown
  /** @type {HTMLVideoElement | null} */
  #clip = null; // of the preview, while it plays

  /**
   * @param {number | undefined} width of the picture in pixels
   * @param {(state: "scrubbing" | "playing", isOn: boolean) => unknown} mark shows what it does
   */
  constructor(width, mark) {
    this.width = width;
    this.mark = mark;
    const { element } = this;
    element.addEventListener("pointerenter", ({ pointerType }) => {
      if (pointerType === "mouse" && this.row) record(this.row, "sprites");
    });
    element.addEventListener("pointermove", (event) => this.onMove(event));
    element.addEventListener("pointerleave", () => this.stop());
    element.addEventListener("pointerdown", (event) => this.onDown(event));
    for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, () => this.onUp());
  }

  /** Shows nothing, until there is a row. */
  clear() {
    this.row = null;
    this.#image.hidden = true;
    this.#image.removeAttribute("src");
    this.stop();
  }

  /** @param {api.VideoRowOut} row */
  fill(row) {
    const isSame = this.row?.url === row.url && this.row.mtime === row.mtime;
    if (!isSame) this.stop();
    this.row = row;
    const [width, height] = [row.width ?? 0, row.height ?? 0];
    const picture = cardPicture(row, this.width);
    this.#image.classList.toggle("tall", height > width);
    if ((this.#image.getAttribute("src") ?? "") !== picture) {
      this.#image.hidden = !isSame || !picture;
      if (picture) this.#image.src = picture;
      else this.#image.removeAttribute("src");
    }
    setText(this.#time, clock(row.duration));
    setText(this.#badge, Math.min(width, height) >= SHARP ? resolution(width, height) : "");
    const fault = faultOf(row);
    setText(this.#fault, fault.word);
    this.#fault.title = fault.why;
    this.#watched.hidden = !row.playback?.watched;
    this.#progress.hidden = !row.playback?.position;
    this.#progress.value = row.playback?.progress ?? 0;
  }

  /** Whether the click that comes now only ended a gesture. */
  takeClick() {
    const isTaken = this.#takesClick;
    this.#takesClick = false;
    return isTaken;
  }

  /** @param {PointerEvent} event */
  onMove(event) {
    const isFinger = event.pointerType !== "mouse";
    if (!this.row || (isFinger ? !this.isTouched : this.#clip)) return;
    if (isFinger && !this.isDrawn(event.clientX)) return;
    const box = this.element.getBoundingClientRect();
    this.scrub(within((event.clientX - box.left) / box.width));
  }

  /** Whether a finger scrubs; one that goes far does so, even where holding was noticed first.
   * @param {number} x where it is */
  isDrawn(x) {
    if (Math.abs(x - this.#start.x) > (this.#clip ? DRAG : SLIP)) {
      clearTimeout(this.#holding);
      if (this.#clip) this.stop();
      this.#takesClick = true;
    }
    return this.#takesClick && !this.#clip;
  }

  /** @param {PointerEvent} event */
  onDown(event) {
    if (event.button || !this.row) return;
    this.#start = { x: event.clientX, y: event.clientY };
    this.#takesClick = false;
    this.isTouched = event.pointerType !== "mouse";
    this.#holding = setTimeout(() => {
      this.#takesClick = true; // the click that ends the holding
      this.play();
    }, HOLD);
  }

  onUp() {
    clearTimeout(this.#holding);
    this.isTouched = false;
    if (this.#clip || this.#takesClick) this.stop();
  }

  /** Scrubs by a part of the film.
   * @param {number} step negative for backwards */
  scrubBy(step) {
    this.scrub(within((this.#at ?? 0) + step));
  }

  /** Shows the tile of a share of the film.
   * @param {number} share */
  async scrub(share) {
    this.#at = share;
    const { row } = this;
    if (!row?.artifacts?.sprites) return;
    this.#line.style.setProperty("--at", String(share));
    const sprites = await record(row, "sprites");
    if (!sprites?.frames?.length || this.row !== row || this.#at === undefined) return;
    const length = row.duration ?? sprites.frames.at(-1)?.time ?? 0;
    const frame = frameAt(sprites, this.#at * length);
    setText(this.#time, clock(frame.time));
    this.mark("scrubbing", true);
    const { showTile } = await import("../ui/tile.js");
    const { clientWidth, clientHeight } = this.element;
    await showTile(this.#sprite, row, sprites, frame, clientWidth, clientHeight);
    if (this.#at === undefined) this.#sprite.hidden = true;
  }

  /** Plays the preview clips one after the other for as long as it is held. */
  async play() {
    const { row } = this;
    if (!row?.artifacts?.previews || this.#clip) return;
    const clip = h("video", { muted: true, playsInline: true });
    this.#clip = clip;
    this.element.append(clip);
    this.mark("playing", true);
    const previews = await record(row, "previews");
    if (!previews?.segments?.length || this.#clip !== clip) return;
    let i = 0;
    const next = () => {
      const { file } = previews.segments[i++ % previews.segments.length];
      clip.src = fileOf(row, "previews", baseName(file));
      clip.play().catch(() => {}); // it was let go before it began
    };
    clip.addEventListener("ended", next);
    next();
  }

  /** Shows the thumbnail again, whatever was shown. */
  stop() {
    clearTimeout(this.#holding);
    this.#at = undefined;
    this.#sprite.hidden = true;
    delete this.#sprite.dataset.tile;
    if (this.#clip) {
      this.#clip.removeAttribute("src");
      this.#clip.load();
      this.#clip.remove();
      this.#clip = null;
    }
    this.mark("scrubbing", false);
    this.mark("playing", false);
    if (this.row) setText(this.#time, clock(this.row.duration));
  }
}

/** A video in the grid: its picture, its facts, and what can be done with it. */
export class Card {
  /** @type {api.VideoRowOut | null} */
  row = null;
  #name = h("span.name", { dir: "auto" });
  #why = h("span.why.bad", { dir: "auto", hidden: true });
  #facts = h("span", {});
  #folder = h("a.folder", { dir: "auto", tabindex: "-1" });
  #tags = h("span.tags", {});
  #heart = new Heart({ tabIndex: -1 });
  #more = button("More", "more", () => this.showMenu(this.#more.getBoundingClientRect()), {
    bare: true,
    kind: "more",
    tabindex: "-1",
    "aria-haspopup": "menu",
  });
  check = h("input", {
    type: "checkbox",
    tabindex: "-1",
    onclick: (/** @type {MouseEvent} */ event) => this.select(this, event.shiftKey),
  });

  /** @param {{select: SelectVideo, width?: number}} options the width is that of its picture in pixels */
  constructor({ select, width }) {
    this.select = select;
    this.picture = new CardPicture(width, (state, isOn) => this.element.classList.toggle(state, isOn));
    this.open = h("a.open", { draggable: "false" }, this.picture.element, this.#name);
    const facts = h("span.facts", {}, this.#facts, this.#folder);
    this.element = h(
      "li.card",
      {},
      this.open,
      this.#heart.element,
      h(".under", {}, this.#why, facts, this.#tags),
      h("label.pick", {}, this.check),
      this.#more,
    );
    listenForMenu(this.element, (at) => this.picture.isTouched || this.showMenu(at));
    this.open.addEventListener("click", (event) => {
      if (this.picture.takeClick() || !this.row) event.preventDefault();
    });
    this.open.addEventListener("keydown", (event) => this.onKey(event));
    this.open.addEventListener("keyup", (event) => event.key === "p" && this.picture.stop());
    this.open.addEventListener("blur", () => this.picture.stop());
  }

  /** Only a place that a row will take: what the card said before is hidden, and it leads nowhere.
   * @param {number} i */
  clear(i) {
    this.row = null;
    this.element.classList.add("blank");
    this.element.setAttribute("aria-posinset", String(i + 1));
    this.open.removeAttribute("href");
    this.#heart.show(null);
    this.picture.clear();
  }

  /** Shows a video.
   * @param {api.VideoRowOut} row
   * @param {number} i its place among all
   * @param {number | null} total how many there are
   * @param {boolean} isSelected */
  fill(row, i, total, isSelected) {
    this.row = row;
    this.element.classList.remove("blank");
    this.element.setAttribute("aria-posinset", String(i + 1));
    this.element.setAttribute("aria-setsize", String(total ?? -1));
    this.open.href = videoHref(row.url);
    this.picture.fill(row);
    this.#heart.show(row);
    setText(this.#name, title(row.name));
    this.#name.title = row.path;
    this.showFacts(row);
    this.showTags(row);
    this.check.checked = isSelected;
    this.check.setAttribute("aria-label", `Select ${row.name}`);
    this.#more.setAttribute("aria-label", `More for ${row.name}`);
    this.element.classList.toggle("chosen", isSelected);
  }

  /** @param {api.VideoRowOut} row */
  showFacts(row) {
    const { why } = faultOf(row);
    setText(this.#why, why);
    this.#why.title = why;
    this.#why.hidden = !why;
    setText(this.#facts, row.width ? `${row.width}×${row.height}` : "");
    const folder = folderPathOf(row.path);
    setText(this.#folder, folder);
    this.#folder.hidden = !folder;
    this.#folder.href = href("library", { q: inFolder("", folder) });
  }

  /** Links to all with the same performers and tags.
   * @param {api.VideoRowOut} row */
  showTags({ performers, tags }) {
    const links = [
      ...(performers ?? []).map((name) => ({ field: "performer", name })),
      ...(tags ?? []).map((name) => ({ field: "tag", name })),
    ].slice(0, TAGS_SHOWN);
    const create = (/** @type {{field: string, name: string}} */ { field, name }) => {
      const props = { href: href("library", { q: term(field, name) }), tabindex: "-1", dir: "auto" };
      return h(`a.${field}`, props, name);
    };
    keyed(this.#tags, links, ({ field, name }) => `${field}:${name}`, create);
  }

  /** Shows what can be done with the video beside a rectangle of the window.
   * @param {Anchor} at */
  async showMenu(at) {
    this.picture.stop();
    const { showCardMenu } = await import("./card-menu.js");
    if (this.row && this.element.isConnected) showCardMenu(this.row, at);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (!this.row) return;
    if (event.key === "p" && !event.repeat) this.picture.play();
    else if (event.key === "h" && !event.repeat && !event.ctrlKey && !event.metaKey) this.#heart.toggle();
    else if (event.key === ",") this.picture.scrubBy(-STEP);
    else if (event.key === ".") this.picture.scrubBy(STEP);
    else if (event.key === " ") {
      event.preventDefault();
      this.check.checked = !this.check.checked;
      this.select(this, event.shiftKey);
    }
  }
}
