// @ts-check
/** A video as a card: thumbnail, facts, tags; hovering or a finger scrubs it, holding plays its preview. */

import { kindName } from "../data/store.js";
import { cardPicture, fileOf, frameAt, record } from "../data/pictures.js";
import { button } from "../ui/controls.js";
import { h, keyed, listenForMenu, setText } from "../ui/dom.js";
import { baseName, because, clock, folderPathOf, resolution, title } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { href, videoHref } from "../ui/router.js";
import { inFolder, term } from "../data/query.js";
import { Heart } from "./favourite.js";

const HOLD = 350; // milliseconds until holding plays
const SLIP = 8; // pixels a finger may move meanwhile
const DRAG = 32; // and while it plays

/** Why kinds of artifacts could not be made, in a sentence. */
export const failureText = ({ reason, kinds }) =>
  `Failed, ${because(reason)} (${kinds.map(kindName).join(", ")})`;

/** What is wrong with a video, the worst first: {word, why}, empty where nothing is. */
export function faultOf({ rotten, damaged, broken }) {
  if (rotten) return { word: "Rotten", why: rotten };
  if (damaged) return { word: "Damaged", why: damaged };
  if (!broken?.length) return { word: "", why: "" };
  return { word: "Failed", why: broken.map(failureText).join("; ") };
}

export class Card {
  /** `select(card, range)` is called when it is chosen; `width` is that of its picture in pixels. */
  constructor({ select, width = undefined }) {
    this.start = { x: 0, y: 0 }; // where a finger or the mouse went down
    this.row = null;
    this.width = width;
    this.image = h("img", {
      alt: "",
      decoding: "async",
      draggable: "false",
      hidden: true, // until there is a picture: it covers what stands in its place
      onerror: () => (this.image.hidden = true),
      onload: () => (this.image.hidden = false),
    });
    this.sprite = h("canvas.sprite", { hidden: true });
    this.time = h("span.time", {});
    this.line = h("span.line", {});
    this.badge = h("span.badge", {});
    this.fault = h("span.fault", {});
    this.watched = h("span.watched", { title: "Watched", hidden: true }, icon("check"));
    this.progress = h("progress", { max: "1", hidden: true, "aria-label": "Watched so far" });
    this.thumb = h(
      ".thumb",
      {},
      ...[
        icon("film"),
        this.image,
        this.sprite,
        this.line,
        this.badge,
        this.fault,
        this.watched,
        this.time,
        this.progress,
      ],
    );
    this.name = h("span.name", { dir: "auto" });
    this.facts = h("span", {});
    this.folder = h("a.folder", { dir: "auto", tabindex: "-1" });
    this.tags = h("span.tags", {});
    this.why = h("span.why.bad", { dir: "auto", hidden: true });
    this.open = h("a.open", { draggable: "false" }, this.thumb, this.name);
    this.check = h("input", {
      type: "checkbox",
      tabindex: "-1",
      onclick: (event) => select(this, event.shiftKey),
    });
    this.heart = new Heart({ tabIndex: -1 });
    this.more = button("More", "more", () => this.showMenu(this.more.getBoundingClientRect()), {
      bare: true,
      kind: "more",
      tabindex: "-1",
      "aria-haspopup": "menu",
    });
    this.element = h(
      "li.card",
      {},
      this.open,
      this.heart.element,
      h(".under", {}, this.why, h("span.facts", {}, this.facts, this.folder), this.tags),
      h("label.pick", {}, this.check),
      this.more,
    );
    this.listen(select);
  }

  /** Only a place that a row will take: what the card said before is hidden, and it leads nowhere. */
  clear(i) {
    this.row = null;
    this.element.classList.add("blank");
    this.element.setAttribute("aria-posinset", i + 1);
    this.open.removeAttribute("href");
    this.heart.show(null);
    this.image.hidden = true;
    this.image.removeAttribute("src");
    this.stop();
  }

  fill(row, i, total, chosen) {
    const same = this.row && this.row.url === row.url && this.row.mtime === row.mtime;
    if (!same) this.stop();
    this.row = row;
    this.element.classList.remove("blank");
    this.element.setAttribute("aria-posinset", i + 1);
    this.element.setAttribute("aria-setsize", total);
    this.open.href = videoHref(row.url);
    const picture = cardPicture(row, this.width);
    this.image.classList.toggle("tall", row.height > row.width);
    if ((this.image.getAttribute("src") ?? "") !== picture) {
      this.image.hidden = !same || !picture;
      if (picture) this.image.src = picture;
      else this.image.removeAttribute("src");
    }
    this.heart.show(row);
    setText(this.name, title(row.name));
    this.name.title = row.path;
    setText(this.time, clock(row.duration));
    setText(
      this.badge,
      row.height && Math.min(row.width, row.height) >= 720 ? resolution(row.width, row.height) : "",
    );
    const fault = faultOf(row);
    setText(this.fault, fault.word);
    this.fault.title = fault.why;
    setText(this.why, fault.why);
    this.why.title = fault.why;
    this.why.hidden = !fault.why;
    this.watched.hidden = !row.playback?.watched;
    this.progress.hidden = !row.playback?.position;
    this.progress.value = row.playback?.progress ?? 0;
    const folder = folderPathOf(row.path);
    setText(this.facts, row.width ? `${row.width}×${row.height}` : "");
    setText(this.folder, folder);
    this.folder.hidden = !folder;
    this.folder.href = href("library", { q: inFolder("", folder) });
    const tags = [
      ...(row.performers ?? []).map((name) => ["performer", name]),
      ...(row.tags ?? []).map((name) => ["tag", name]),
    ].slice(0, 6);
    keyed(
      this.tags,
      tags,
      (tag) => tag.join(":"),
      ([field, name]) =>
        h(
          `a.${field}`,
          { href: href("library", { q: term(field, name) }), tabindex: "-1", dir: "auto" },
          name,
        ),
    );
    this.choose(chosen);
  }

  choose(chosen) {
    this.check.checked = chosen;
    this.check.setAttribute("aria-label", `Select ${this.row.name}`);
    this.more.setAttribute("aria-label", `More for ${this.row.name}`);
    this.element.classList.toggle("chosen", chosen);
  }

  listen(select) {
    const { thumb, open } = this;
    thumb.addEventListener(
      "pointerenter",
      (event) => event.pointerType === "mouse" && this.row && record(this.row, "sprites"),
    );
    thumb.addEventListener("pointermove", (event) => this.onMove(event));
    thumb.addEventListener("pointerleave", () => this.stop());
    thumb.addEventListener("pointerdown", (event) => this.onDown(event));
    for (const name of ["pointerup", "pointercancel"]) thumb.addEventListener(name, () => this.onUp());
    listenForMenu(this.element, (at) => this.touching || this.showMenu(at));
    open.addEventListener("click", (event) => {
      if (this.swallow || !this.row) event.preventDefault();
      this.swallow = false;
    });
    open.addEventListener("keydown", (event) => this.onKey(event, select));
    open.addEventListener("keyup", (event) => event.key === "p" && this.stop());
    open.addEventListener("blur", () => this.stop());
  }

  /** Shows what can be done with the video beside a rectangle of the window. */
  async showMenu(at) {
    this.stop();
    const { showCardMenu } = await import("./card-menu.js");
    if (this.row && this.element.isConnected) showCardMenu(this.row, at);
  }

  onMove(event) {
    const isFinger = event.pointerType !== "mouse";
    if (!this.row || (isFinger ? !this.touching : this.playing)) return;
    if (isFinger && !this.isDrawn(event.clientX)) return;
    const box = this.thumb.getBoundingClientRect();
    this.scrub(Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)));
  }

  /** Whether a finger scrubs; one that goes far does so, even where holding was noticed first. */
  isDrawn(x) {
    if (Math.abs(x - this.start.x) > (this.playing ? DRAG : SLIP)) {
      clearTimeout(this.timer);
      if (this.playing) this.stop();
      this.swallow = true;
    }
    return this.swallow && !this.playing;
  }

  onDown(event) {
    if (event.button || !this.row) return;
    this.start = { x: event.clientX, y: event.clientY };
    this.swallow = false;
    this.touching = event.pointerType !== "mouse";
    this.timer = setTimeout(() => {
      this.swallow = true; // the click that ends the holding
      this.play();
    }, HOLD);
  }

  onUp() {
    clearTimeout(this.timer);
    this.touching = false;
    if (this.playing || this.swallow) this.stop();
  }

  onKey(event, select) {
    if (!this.row) return;
    if (event.key === "p" && !event.repeat) this.play();
    else if (event.key === "h" && !event.repeat && !event.ctrlKey && !event.metaKey) this.heart.toggle();
    else if (event.key === " ") {
      event.preventDefault();
      this.check.checked = !this.check.checked;
      select(this, event.shiftKey);
    } else if (event.key === "," || event.key === ".") {
      this.at = Math.max(0, Math.min(1, (this.at ?? 0) + (event.key === "." ? 0.05 : -0.05)));
      this.scrub(this.at);
    }
  }

  /** Shows the tile of a share of the film. */
  async scrub(share) {
    const { row } = this;
    if (!row.artifacts?.sprites) return;
    this.at = share;
    this.line.style.setProperty("--at", share);
    const sprites = await record(row, "sprites");
    if (!sprites?.frames?.length || this.row !== row || this.at === undefined) return;
    const length = row.duration ?? sprites.frames.at(-1)?.time ?? 0;
    const frame = frameAt(sprites, this.at * length);
    setText(this.time, clock(frame.time));
    this.element.classList.add("scrubbing");
    const { showTile } = await import("../ui/tile.js");
    await showTile(this.sprite, row, sprites, frame, this.thumb.clientWidth, this.thumb.clientHeight);
    if (this.at === undefined) this.sprite.hidden = true;
  }

  /** Plays the preview clips one after the other for as long as it is held. */
  async play() {
    const { row } = this;
    if (!row?.artifacts?.previews || this.playing) return;
    this.playing = h("video", { muted: true, playsInline: true });
    const clip = this.playing;
    this.thumb.append(clip);
    this.element.classList.add("playing");
    const previews = await record(row, "previews");
    if (!previews?.segments?.length || this.playing !== clip) return;
    let i = 0;
    const next = () => {
      const { file } = previews.segments[i++ % previews.segments.length];
      clip.src = fileOf(row, "previews", baseName(file));
      clip.play().catch(() => {}); // it was let go before it began
    };
    clip.addEventListener("ended", next);
    next();
  }

  stop() {
    clearTimeout(this.timer);
    this.at = undefined;
    this.sprite.hidden = true;
    delete this.sprite.dataset.tile;
    if (this.playing) {
      this.playing.removeAttribute("src");
      this.playing.load();
      this.playing.remove();
      this.playing = null;
    }
    this.element.classList.remove("scrubbing", "playing");
    if (this.row) setText(this.time, clock(this.row.duration));
  }
}
