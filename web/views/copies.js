// @ts-check
/** A group of copies side by side: what differs from the one to keep, and what can be done. */

import { h, setText } from "../ui/dom.js";
import { bitRate, clock, codecName, date, percent, plural, resolution, size } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { videoHref } from "../ui/router.js";
import { button } from "../ui/controls.js";
import { cardPicture, frameAt, record } from "../data/pictures.js";
import { showTile } from "../ui/tile.js";

const area = ({ width, height }) => (width ?? 0) * (height ?? 0);
const rate = (one) => one.rate ?? one.fps ?? 0;
// What is 0 was never measured.
const lengthText = ({ duration }) => (duration ? clock(duration) : "");
const rateText = (one) => (rate(one) ? `${Number(rate(one).toFixed(2))} fps` : "");

/** Codec and languages of the sound; languages are unknown where no metadata or fingerprint has them. */
function soundText({ acodec, languages }) {
  if (!languages) return acodec ? acodec.toUpperCase() : "unknown";
  if (!languages.length) return "none";
  const codec = acodec ? acodec.toUpperCase() : plural(languages.length, "track");
  return [codec, ...new Set(languages.filter((language) => language !== "und"))].join(", ");
}

/** What copies are compared by: name, value, text, and whether more is better.
 * @type {[string, (one: any) => any, (one: any) => string, boolean | null][]} */
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

/** How a fact of a copy stands beside that of the kept one; what reads alike does not differ. */
export function verdict([, value, text, more], copy, kept) {
  const [own, other] = [value(copy), value(kept)];
  if (own === other || text(copy) === text(kept)) return "";
  if (more === null || typeof own === "string") return "differs";
  return own > other === more ? "differs better" : "differs worse";
}

class Copy {
  /** `acts` are keep, ignore and trash, each called with the copy and the control. */
  constructor(facts, acts) {
    this.facts = facts;
    this.sprite = h("canvas.sprite", { hidden: true });
    this.mark = h("span.mark-keep", {});
    this.picture = this.thumb();
    this.rows = FACTS.map(([name, , text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text(facts))));
    this.note = h("p.warning", {}, facts.sound_note ?? "");
    const trash = (event) => acts.trash(this, event.currentTarget);
    this.controls = [
      button("Keep this", "check", () => acts.keep(this), { kind: "small" }),
      button("Not a match", "close", (event) => acts.ignore(this, event.currentTarget), { kind: "small" }),
      button(facts.sound_note ? "Trash anyway" : "Trash", "trash", trash, { kind: "small.danger" }),
    ];
    const link = { href: videoHref(facts.url ?? ""), dir: "auto", title: facts.path };
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

  thumb() {
    const { width, height } = this.facts;
    const picture = this.facts.url && cardPicture(this.facts);
    const image = picture ? h("img", { src: picture, alt: "", loading: "lazy" }) : null;
    const words = [
      h("span.badge", {}, resolution(width, height)),
      h("span.time", {}, lengthText(this.facts)),
    ];
    return h(".thumb", {}, icon("film"), image, this.sprite, ...words);
  }

  /** `kept`: the copy that is kept; `isProposed`: whether that is the one which notes are about. */
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

  async scrub(share) {
    this.at = share;
    const sprites = await record(this.facts, "sprites");
    if (!sprites?.frames?.length || this.at === null) return;
    const frame = frameAt(sprites, this.at * this.facts.duration);
    const { clientWidth, clientHeight } = this.picture;
    await showTile(this.sprite, this.facts, sprites, frame, clientWidth, clientHeight);
    this.sprite.hidden = this.at === null;
  }

  rest() {
    this.at = null;
    this.sprite.hidden = true;
  }
}

/** A group as `dupes` found it; which copy is kept can be chosen otherwise before anything is done.
 *
 * `trash(paths, keeper, control)` and `ignore(keeper, path, control)` do what was asked for.
 */
export function copiesGroup(group, videos, { trash, ignore }) {
  const names = [group.keeper, ...group.matches];
  const acts = {
    keep: (copy) => keep(copy),
    ignore: (copy, control) => ignore(kept.facts.path, copy.facts.path, control),
    // To trash a copy that has a note is to choose the one to keep, as much as to choose another.
    trash: (copy, control) => {
      const keeper = copy.facts.sound_note ? kept.facts.path : chosen();
      trash([copy.facts.path], keeper, control);
    },
  };
  const factsOf = (name) => ({ path: name, ...videos[name], ...group.details[name] });
  const copies = names.map((name) => new Copy(factsOf(name), acts));
  const [best] = copies;
  let kept = best;
  const why = h("p", {});
  const text = copies.length > 2 ? "Trash the others" : "Trash the other";
  const all = button(text, "trash", () => trash(others(), chosen(), all), { kind: "danger" });

  /** The one that was chosen in place of the one proposed. */
  const chosen = () => (kept === best ? null : kept.facts.path);
  /** Those that go together: not those that have sound which the proposed one lacks. */
  const others = () => {
    const going = copies.filter((copy) => copy !== kept && !(kept === best && copy.facts.sound_note));
    return going.map((copy) => copy.facts.path);
  };

  function keep(copy) {
    kept = copy;
    const reason = kept === best ? ["Keep: ", group.reason] : ["Keep what you chose: ", kept.facts.path];
    why.replaceChildren(h("strong", {}, reason[0]), h("span", { dir: "auto" }, reason[1]));
    for (const one of copies) one.show(kept, kept === best);
    all.hidden = !others().length;
  }

  /** Moving over one picture scrubs all of the group to the same share. */
  function scrub(event) {
    const at = event.currentTarget.getBoundingClientRect();
    const share = Math.max(0, Math.min(1, (event.clientX - at.left) / at.width));
    for (const copy of copies) copy.scrub(share);
  }

  for (const { picture } of copies) {
    picture.addEventListener("pointermove", scrub);
    picture.addEventListener("pointerleave", () => copies.forEach((copy) => copy.rest()));
  }
  keep(best);
  const kind = copies.length > 2 ? ".many" : "";
  const shown = h(".copies", {}, ...copies.map(({ element }) => element));
  const props = { "aria-label": `Copies of ${group.keeper}` };
  return h(`section.panel.group${kind}`, props, h(".row.between", {}, why, all), shown);
}
