// @ts-check
/** A grid of any number of cards of one height, of which only those near the screen exist. */

import { onFrame } from "../ui/dom.js";

const GAP = 14;
const NARROW = 560; // pixels: below that width a size says how many cards stand side by side
const LOW = 560; // pixels: below that height cards are about half as wide, so that rows of them fit
const TEXT = 66; // pixels below the picture of a card
const OVERSCAN = 2; // rows above and below
const SETTLED = 90; // milliseconds without scrolling
const FAST = 5; // screens per second, from which on cards are not filled until it settles

/** Sizes of cards: their least width in pixels, how much of it is left in a low window, how many stand
 * side by side in a narrow one, and the width of their pictures, two pixels for each of a fine screen. */
const SIZES = {
  small: { minimum: 150, low: 0.6, across: 3, picture: 384 },
  medium: { minimum: 230, low: 0.52, across: 2, picture: 384 },
  large: { minimum: 340, low: 0.6, across: 1, picture: 768 },
};

/** The width of the pictures of cards of a size, in pixels. */
export const pictureWidth = (size) => SIZES[size].picture;

/** The places of cards of a size: what `layout` of a Grid gives. */
export function cardLayout(size) {
  const { minimum, low, across } = SIZES[size];
  return (width) => {
    const gap = width < NARROW ? 10 : GAP;
    const least = innerHeight < LOW ? minimum * low : minimum;
    const fitting = Math.floor((width + gap) / (least + gap));
    const columns = width < NARROW ? across : Math.max(2, fitting);
    const cardWidth = (width - gap * (columns - 1)) / columns;
    return { columns, gap, cardWidth, cardHeight: Math.round((cardWidth * 9) / 16) + TEXT };
  };
}

/** The first and the last of `count` things in a row that a span touches; each is `length` long, and
 * the next one begins `step` behind it. */
export function spanned(from, to, step, length, count) {
  return [Math.max(0, Math.ceil((from - length) / step)), Math.min(count - 1, Math.floor(to / step))];
}

export class Grid {
  /** `create()` makes a card {element}, `bind(card, i)` fills it, `blank(card, i)` only places it;
   * `layout(width)` gives {columns, gap, cardWidth, cardHeight} in pixels. */
  constructor(host, { create, bind, blank, visible, layout }) {
    this.host = host;
    this.create = create;
    this.bind = bind;
    this.blank = blank;
    this.visible = visible;
    this.layout = layout;
    this.columns = 1;
    this.gap = this.cardWidth = this.cardHeight = 0; // in pixels, until it is measured
    this.pitch = 0; // from one row to the next one
    this.top = 0; // of the grid in the page
    this.count = 0;
    this.cards = new Map(); // by index
    this.spare = [];
    this.active = 0; // the card that the keyboard is at
    this.lastScroll = { y: 0, time: 0 }; // where the page was when it was last drawn, and when
    this.leave = () => {}; // ends the following
    this.draw = onFrame(() => this.render());
    host.addEventListener("keydown", (event) => this.onKey(event));
    host.addEventListener("focusin", (event) => this.onFocus(event));
  }

  /** Follows the window until the signal. */
  follow(signal) {
    const sizes = new ResizeObserver(() => this.measure());
    sizes.observe(this.host);
    const ending = new AbortController();
    const until = AbortSignal.any([signal, ending.signal]);
    until.addEventListener("abort", () => sizes.disconnect());
    window.addEventListener("scroll", this.draw, { passive: true, signal: until });
    window.addEventListener("resize", this.draw, { signal: until });
    this.leave = () => ending.abort();
    this.measure();
  }

  setCount(count) {
    if (count === this.count) return;
    this.count = count;
    this.active = Math.min(this.active, Math.max(0, count - 1));
    this.layOut();
  }

  measure() {
    const width = this.host.clientWidth;
    if (!width || width === this.width) return;
    const first = this.first;
    this.width = width;
    Object.assign(this, this.layout(width));
    this.pitch = this.cardHeight + this.gap;
    this.top = this.host.getBoundingClientRect().top + scrollY;
    this.host.style.setProperty("--card-width", `${this.cardWidth}px`);
    this.host.style.setProperty("--card-height", `${this.cardHeight}px`);
    this.layOut();
    if (first > 0) this.scrollToCard(first);
  }

  /** The number of the first card whose row is on the screen. */
  get first() {
    return this.pitch ? Math.max(0, Math.floor((scrollY - this.top) / this.pitch) * this.columns) : 0;
  }

  scrollToCard(i) {
    scrollTo(0, this.top + Math.floor(i / this.columns) * this.pitch);
  }

  /** The number of the card that has the keyboard; null where none of them has it. */
  get focused() {
    return this.host.contains(document.activeElement) ? this.active : null;
  }

  layOut() {
    if (!this.pitch) return;
    const rows = Math.ceil(this.count / this.columns);
    this.host.style.height = `${Math.max(0, rows * this.pitch - this.gap)}px`;
    this.refresh();
  }

  /** Fills all cards again. */
  refresh() {
    for (const card of this.cards.values()) card.bound = false;
    this.draw();
  }

  render() {
    if (!this.pitch) return;
    this.top = this.host.getBoundingClientRect().top + scrollY;
    const y = scrollY - this.top;
    const first = Math.max(0, Math.floor(y / this.pitch) - OVERSCAN) * this.columns;
    const lastRow = Math.floor((y + innerHeight) / this.pitch) + OVERSCAN;
    const end = Math.min(this.count, (lastRow + 1) * this.columns);
    this.release(first, end);
    const fast = this.isFast();
    for (let i = first; i < end; i++) this.place(i, fast);
    for (const card of this.spare) card.element.hidden = true;
    this.visible(first, end);
    if (fast) this.settleLater();
  }

  /** The indices of the cards that a rectangle of the page touches: {left, top, right, bottom}. */
  touched({ left, top, right, bottom }) {
    if (!this.pitch) return [];
    const box = this.host.getBoundingClientRect();
    const [x, y, step] = [box.left + scrollX, box.top + scrollY, this.cardWidth + this.gap];
    const rows = Math.ceil(this.count / this.columns);
    const [first, last] = spanned(top - y, bottom - y, this.pitch, this.cardHeight, rows);
    const [from, to] = spanned(left - x, right - x, step, this.cardWidth, this.columns);
    const indices = [];
    for (let row = first; row <= last; row++) {
      for (let column = from; column <= to; column++) indices.push(row * this.columns + column);
    }
    return indices.filter((i) => i < this.count);
  }

  isFast() {
    const now = performance.now();
    const { y, time } = this.lastScroll;
    const passed = Math.max(8, now - time);
    const speed = (Math.abs(scrollY - y) / innerHeight / passed) * 1000;
    this.lastScroll = { y: scrollY, time: now };
    return passed < 250 && speed > FAST;
  }

  settleLater() {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.draw, SETTLED);
  }

  /** Takes the cards back that are no longer near; the one with the focus stays. */
  release(first, end) {
    for (const [i, card] of this.cards) {
      if (i >= first && i < end) continue;
      if (card.element.contains(document.activeElement) && i < this.count) continue;
      this.cards.delete(i);
      card.bound = false;
      this.spare.push(card);
    }
  }

  place(i, fast) {
    let card = this.cards.get(i);
    if (!card) {
      card = this.spare.pop() ?? this.add();
      this.cards.set(i, card);
      card.element.hidden = false;
      const x = (i % this.columns) * (this.cardWidth + this.gap);
      card.element.style.transform = `translate(${x}px, ${Math.floor(i / this.columns) * this.pitch}px)`;
      card.element.dataset.index = i;
      card.laid = [this.columns, this.cardWidth];
    } else if (card.laid[0] !== this.columns || card.laid[1] !== this.cardWidth) {
      this.cards.delete(i);
      this.spare.push(card);
      this.place(i, fast);
      return;
    }
    if (card.bound) return;
    if (fast) this.blank(card, i);
    else card.bound = this.bind(card, i);
    card.open.tabIndex = i === this.active ? 0 : -1;
  }

  add() {
    const card = this.create();
    this.host.append(card.element);
    return card;
  }

  onFocus(event) {
    const at = event.target.closest("[data-index]");
    if (at) this.activate(Number(at.dataset.index));
  }

  activate(i) {
    const previous = this.cards.get(this.active);
    if (previous) previous.open.tabIndex = -1;
    this.active = i;
    const card = this.cards.get(i);
    if (card) card.open.tabIndex = 0;
  }

  onKey(event) {
    if (event.target.matches("input[type=text]") || event.altKey || event.metaKey || event.ctrlKey) return;
    const page = Math.max(1, Math.floor(innerHeight / this.pitch) - 1) * this.columns;
    const steps = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -this.columns,
      ArrowDown: this.columns,
      PageUp: -page,
      PageDown: page,
      Home: -this.count,
      End: this.count,
    };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    this.focus(Math.max(0, Math.min(this.count - 1, this.active + step)));
  }

  /** Gives a card the focus where it is on the screen, without moving anything. */
  refocus(i) {
    this.render();
    this.activate(Math.min(i, Math.max(0, this.count - 1)));
    this.cards.get(this.active)?.open.focus({ preventScroll: true });
  }

  /** Brings a card to the screen and the keyboard to it. */
  focus(i) {
    const top = this.top + Math.floor(i / this.columns) * this.pitch;
    const [above, below] = [150, 90]; // what covers the edges
    if (top < scrollY + above) scrollTo(0, top - above);
    else if (top + this.cardHeight > scrollY + innerHeight - below)
      scrollTo(0, top + this.cardHeight + below - innerHeight);
    this.lastScroll.time = 0;
    this.render();
    this.activate(i);
    this.cards.get(i)?.open.focus({ preventScroll: true });
  }
}
