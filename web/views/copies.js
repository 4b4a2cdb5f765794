// @ts-check
/** A group of copies side by side: what differs from the one to keep, and what can be done. */

import { h, setText } from "../ui/dom.js";
import { bitRate, clock, codecName, date, percent, plural, resolution, size } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { videoHref } from "../ui/router.js";
import { button } from "../ui/controls.js";
import { cardPicture, frameAt, record } from "../data/pictures.js";
import { showTile } from "../ui/tile.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { Disableable } from "../ui/controls.js" */

/** What is known of a copy: its card, where it still is, and what `dupes` measured. `sound_note` says which
 * sound it has that the one to keep lacks.
 * @typedef {Partial<api.VideoCardOut> & {path: string, url: string, size: number, mtime: number,
 *   rate?: number, languages?: string[] | null, similarity?: number, kind?: api.DuplicatePairOut["kind"],
 *   sound_note?: string | null}} CopyFacts */

/** Cards of videos by their paths; without those that are gone since they were compared.
 * @typedef {Partial<Record<string, api.VideoCardOut>>} Cards */

/** What copies are compared by: name, value, text, and whether more is better.
 * @typedef {[name: string, value: (copy: CopyFacts) => string | number, text: (copy: CopyFacts) => string,
 *   isMoreBetter: boolean | null]} Fact */

/** What a group of copies asks for; a keeper is null where nobody chose another than the one proposed.
 * @typedef {object} GroupActions
 * @property {(paths: string[], keeper: string | null, control: Disableable) => unknown} trash
 * @property {(keeper: string, path: string, control: Disableable) => unknown} ignore */

/** What a copy asks its group for.
 * @typedef {object} CopyActions
 * @property {(copy: Copy) => unknown} keep
 * @property {(copy: Copy, control: Disableable) => unknown} ignore
 * @property {(copy: Copy, control: Disableable) => unknown} trash */

/** @param {CopyFacts} copy */
const area = ({ width, height }) => (width ?? 0) * (height ?? 0);
/** @param {CopyFacts} copy */
const rate = (copy) => copy.rate ?? copy.fps ?? 0;
// What is 0 was never measured.
/** @param {CopyFacts} copy */
const lengthText = ({ duration }) => (duration ? clock(duration) : "");
/** @param {CopyFacts} copy */
const rateText = (copy) => (rate(copy) ? `${Number(rate(copy).toFixed(2))} fps` : "");

/** Codec and languages of the sound; languages are unknown where no metadata or fingerprint has them.
 * @param {CopyFacts} copy */
function soundText({ acodec, languages }) {
  if (!languages) return acodec ? acodec.toUpperCase() : "unknown";
  if (!languages.length) return "none";
  const codec = acodec ? acodec.toUpperCase() : plural(languages.length, "track");
  return [codec, ...new Set(languages.filter((language) => language !== "und"))].join(", ");
}

/** @type {Fact[]} */
export const FACTS = [
  ["Picture", area, (one) => (one.width ? `${one.width} × ${one.height}` : "unknown"), true],
  ["Size", (one) => one.size, (one) => size(one.size), null],
  ["Length", (one) => Math.round((one.duration ?? 0) * 10), (one) => lengthText(one) || "unknown", true],
  ["Bit rate", (one) => one.bit_rate ?? 0, (one) => bitRate(one.bit_rate) || "unknown", true],
  ["Frame rate", (one) => Math.round(rate(one) * 100), (one) => rateText(one) || "unknown", true],
  ["Video", (one) => one.vcodec ?? "", (one) => codecName(one.vcodec) || "unknown", null],
  ["Sound", (one) => soundText(one), (one) => soundText(one), null],
  ["Changed", (one) => Math.round(one.mtime), (one) => date(one.mtime), null],
];

/** How a fact of a copy stands beside that of the kept one; what reads alike does not differ.
 * @param {Fact} fact
 * @param {CopyFacts} copy
 * @param {CopyFacts} kept */
export function verdict([, value, text, more], copy, kept) {
  const [own, other] = [value(copy), value(kept)];
  if (own === other || text(copy) === text(kept)) return "";
  if (more === null || typeof own === "string" || typeof other === "string") return "differs";
  return own > other === more ? "differs better" : "differs worse";
}

class Copy {
  sprite = h("canvas.sprite", { hidden: true });
  mark = h("span.mark-keep", {});
  /** @type {number | null} */
  at = null; // the share of the film where the mouse scrubs

  /**
   * @param {CopyFacts} facts
   * @param {CopyActions} acts
   */
  constructor(facts, acts) {
    this.facts = facts;
    this.picture = this.thumb();
    this.rows = FACTS.map(([name, , text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text(facts))));
    this.note = h("p.warning", {}, facts.sound_note ?? "");
    this.controls = this.buttons(acts);
    const link = { href: videoHref(facts.url), dir: "auto", title: facts.path };
    const head = h(".row.between", {}, h("a", link, facts.path), this.mark);
    this.element = h(
      "article.copy",
      {},
      this.picture,
      head,
      h("dl", {}, ...this.rows),
      this.note,
      h(".row", {}, ...this.controls),
    );
  }

  /** @param {CopyActions} acts */
  buttons(acts) {
    const word = this.facts.sound_note ? "Trash anyway" : "Trash";
    const ignore = button("Not a match", "close", () => acts.ignore(this, ignore), { kind: "small" });
    const trash = button(word, "trash", () => acts.trash(this, trash), { kind: "small.danger" });
    return [button("Keep this", "check", () => acts.keep(this), { kind: "small" }), ignore, trash];
  }

  thumb() {
    const { width, height } = this.facts;
    const picture = cardPicture(this.facts);
    const image = picture ? h("img", { src: picture, alt: "", loading: "lazy" }) : null;
    const words = [
      h("span.badge", {}, resolution(width, height)),
      h("span.time", {}, lengthText(this.facts)),
    ];
    return h(".thumb", {}, icon("film"), image, this.sprite, ...words);
  }

  /** Shows how it stands beside the copy that is kept.
   * @param {Copy} kept
   * @param {boolean} isProposed whether that is the one which notes are about */
  show(kept, isProposed) {
    const { similarity, kind, sound_note: note } = this.facts;
    const isKept = kept === this;
    this.note.hidden = !note || !isProposed;
    const alike = similarity ? percent(similarity) + (kind === "exact" ? ", the same bytes" : "") : "";
    this.element.classList.toggle("kept", isKept);
    setText(this.mark, isKept ? "keep" : alike);
    FACTS.forEach((fact, i) => {
      this.rows[i].className = verdict(fact, this.facts, kept.facts);
    });
    for (const control of this.controls) control.hidden = isKept;
  }

  /** @param {number} share of the film, from 0 to 1 */
  async scrub(share) {
    this.at = share;
    const sprites = await record(this.facts, "sprites");
    if (!sprites?.frames?.length || this.at === null) return;
    const frame = frameAt(sprites, this.at * (this.facts.duration ?? 0));
    const { clientWidth, clientHeight } = this.picture;
    await showTile(this.sprite, this.facts, sprites, frame, clientWidth, clientHeight);
    this.sprite.hidden = this.at === null;
  }

  rest() {
    this.at = null;
    this.sprite.hidden = true;
  }
}

/** A group as `dupes` found it; which copy is kept can be chosen otherwise before anything is done. */
class CopiesGroup {
  why = h("p", {});

  /**
   * @param {api.DuplicateGroupOut} group
   * @param {Cards} videos
   * @param {GroupActions} acts
   */
  constructor(group, videos, acts) {
    this.reason = group.reason;
    this.acts = acts;
    this.copies = [group.keeper, ...group.matches].map((path) => this.copy(path, group, videos));
    this.best = this.copies[0]; // the one that is proposed
    this.kept = this.best;
    const [kind, text] = this.copies.length > 2 ? [".many", "Trash the others"] : ["", "Trash the other"];
    const trash = () => acts.trash(this.others, this.chosen, this.all);
    this.all = button(text, "trash", trash, { kind: "danger" });
    this.element = h(
      `section.panel.group${kind}`,
      { "aria-label": `Copies of ${group.keeper}` },
      h(".row.between", {}, this.why, this.all),
      h(".copies", {}, ...this.copies.map(({ element }) => element)),
    );
    for (const { picture } of this.copies) this.listen(picture);
    this.keep(this.best);
  }

  /** @type {(path: string, group: api.DuplicateGroupOut, videos: Cards) => Copy} */
  copy(path, { details }, videos) {
    const { size, mtime, ...quality } = details[path];
    const facts = { url: "", ...videos[path], ...quality, size, mtime, path };
    return new Copy(facts, {
      keep: (copy) => this.keep(copy),
      ignore: (copy, control) => this.acts.ignore(this.kept.facts.path, copy.facts.path, control),
      trash: (copy, control) => this.trash(copy, control),
    });
  }

  /** Trashes one copy. To trash one that has a note is to choose the one to keep, as much as to choose another.
   * @param {Copy} copy
   * @param {Disableable} control */
  trash({ facts }, control) {
    const keeper = facts.sound_note ? this.kept.facts.path : this.chosen;
    this.acts.trash([facts.path], keeper, control);
  }

  /** The path of the copy that was chosen in place of the one proposed. */
  get chosen() {
    return this.kept === this.best ? null : this.kept.facts.path;
  }

  /** The paths of those that go together: not those that have sound which the proposed one lacks. */
  get others() {
    const isProposed = this.kept === this.best;
    const going = this.copies.filter((copy) => copy !== this.kept && !(isProposed && copy.facts.sound_note));
    return going.map(({ facts }) => facts.path);
  }

  /** @param {Copy} copy */
  keep(copy) {
    this.kept = copy;
    const isProposed = copy === this.best;
    const [words, reason] = isProposed ? ["Keep: ", this.reason] : ["Keep what you chose: ", copy.facts.path];
    this.why.replaceChildren(h("strong", {}, words), h("span", { dir: "auto" }, reason));
    for (const one of this.copies) one.show(copy, isProposed);
    this.all.hidden = !this.others.length;
  }

  /** Moving over one picture scrubs all of the group to the same share.
   * @param {HTMLElement} picture */
  listen(picture) {
    picture.addEventListener("pointermove", ({ clientX }) => {
      const { left, width } = picture.getBoundingClientRect();
      const share = Math.max(0, Math.min(1, (clientX - left) / width));
      for (const copy of this.copies) copy.scrub(share);
    });
    picture.addEventListener("pointerleave", () => {
      for (const copy of this.copies) copy.rest();
    });
  }
}

/** A group of copies side by side.
 * @param {api.DuplicateGroupOut} group
 * @param {Cards} videos
 * @param {GroupActions} acts */
export const copiesGroup = (group, videos, acts) => new CopiesGroup(group, videos, acts).element;
