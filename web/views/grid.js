// @ts-check
/** A grid of any number of cards of one height, of which only those near the screen exist. */

import { onFrame } from "../ui/dom.js";

/** @import { Rectangle } from "../ui/lasso.js" */

/** What a grid places: a card, or a row, with the link in it that the keyboard is at.
 * @typedef {{element: HTMLElement, open: HTMLElement}} GridItem */

/** Where the cards of a grid are, in pixels: how many stand side by side, how far apart, and their size.
 * @typedef {{columns: number, gap: number, cardWidth: number, cardHeight: number}} GridLayout */

/** What a grid is made of. `bind` fills a card and gives whether there was something to fill it with, `blank`
 * only makes it a place; `visible` is called with the range of cards near the screen.
 * @template {GridItem} Item
 * @typedef {object} GridOptions
 * @property {() => Item} create
 * @property {(item: Item, i: number) => boolean} bind
 * @property {(item: Item, i: number) => unknown} blank
 * @property {(first: number, end: number) => unknown} visible
 * @property {(width: number) => GridLayout} layout for the width of the grid */

/** A card that exists: whether it is filled, and the layout that it was placed in.
 * @template {GridItem} Item
 * @typedef {{item: Item, isBound: boolean, columns: number, cardWidth: number}} PlacedCard */

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

/** @typedef {keyof typeof SIZES} CardSize */

/** The width of the pictures of cards of a size, in pixels.
 * @param {CardSize} size */
export const pictureWidth = (size) => SIZES[size].picture;

/** The places of cards of a size.
 * @param {CardSize} size
 * @returns {(width: number) => GridLayout} */
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
 * the next one begins `step` behind it.
 * @type {(from: number, to: number, step: number, length: number, count: number) => [number, number]} */
export function spanned(from, to, step, length, count) {
  return [Math.max(0, Math.ceil((from - length) / step)), Math.min(count - 1, Math.floor(to / step))];
}

/** @template {GridItem} Item */
export class Grid {
  columns = 1;
  width = 0; // of the grid, in pixels as all that follows, until it is measured
  gap = 0;
  cardWidth = 0;
  cardHeight = 0;
  pitch = 0; // from one row to the next one
  top = 0; // of the grid in the page
  count = 0;
  /** @type {Map<number, PlacedCard<Item>>} */
  cards = new Map(); // by index
  /** @type {PlacedCard<Item>[]} */
  spare = [];
  active = 0; // the card that the keyboard is at
  lastScroll = { y: 0, time: 0 }; // where the page was when it was last drawn, and when
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer; // until cards that were passed fast are filled
  leave = () => {}; // ends the following
  draw = onFrame(() => this.render());

  /**
   * @param {HTMLElement} host
   * @param {GridOptions<Item>} options
   */
  constructor(host, { create, bind, blank, visible, layout }) {
    this.host = host;
    this.create = create;
    this.bind = bind;
    this.blank = blank;
    this.visible = visible;
    this.layout = layout;
    host.addEventListener("keydown", (event) => this.onKey(event));
    host.addEventListener("focusin", (event) => this.onFocus(event));
  }

  /** Follows the window until the signal.
   * @param {AbortSignal} signal */
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

  /** @param {number} count */
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

  /** @param {number} i */
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
    for (const card of this.cards.values()) card.isBound = false;
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
    for (const { item } of this.spare) item.element.hidden = true;
    this.visible(first, end);
    if (fast) this.settleLater();
  }

  /** The indices of the cards that a rectangle of the page touches.
   * @param {Rectangle} rectangle
   * @returns {number[]} */
  touched({ left, top, right, bottom }) {
    if (!this.pitch) return [];
    const box = this.host.getBoundingClientRect();
    const [x, y, step] = [box.left + scrollX, box.top + scrollY, this.cardWidth + this.gap];
    const rows = Math.ceil(this.count / this.columns);
    const [first, last] = spanned(top - y, bottom - y, this.pitch, this.cardHeight, rows);
    const [from, to] = spanned(left - x, right - x, step, this.cardWidth, this.columns);
    /** @type {number[]} */
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

  /** Takes the cards back that are no longer near; the one with the focus stays.
   * @param {number} first
   * @param {number} end */
  release(first, end) {
    for (const [i, card] of this.cards) {
      if (i >= first && i < end) continue;
      if (card.item.element.contains(document.activeElement) && i < this.count) continue;
      this.cards.delete(i);
      card.isBound = false;
      this.spare.push(card);
    }
  }

  /** Places the card of an index, and fills it unless the page scrolls fast.
   * @param {number} i
   * @param {boolean} isFast */
  place(i, isFast) {
    const card = this.cardAt(i);
    if (card.isBound) return;
    if (isFast) this.blank(card.item, i);
    else card.isBound = this.bind(card.item, i);
    card.item.open.tabIndex = i === this.active ? 0 : -1;
  }

  /** The card of an index, in its place in the layout of now.
   * @param {number} i */
  cardAt(i) {
    const { columns, cardWidth } = this;
    const placed = this.cards.get(i);
    if (placed?.columns === columns && placed.cardWidth === cardWidth) return placed;
    const card = placed ?? this.spare.pop() ?? this.add();
    Object.assign(card, { columns, cardWidth });
    this.cards.set(i, card);
    const { element } = card.item;
    element.hidden = false;
    const x = (i % columns) * (cardWidth + this.gap);
    element.style.transform = `translate(${x}px, ${Math.floor(i / columns) * this.pitch}px)`;
    element.dataset.index = String(i);
    return card;
  }

  /** @returns {PlacedCard<Item>} */
  add() {
    const item = this.create();
    this.host.append(item.element);
    return { item, isBound: false, columns: 0, cardWidth: 0 };
  }

  /** @param {FocusEvent} event */
  onFocus({ target }) {
    const at = target instanceof Element ? target.closest("[data-index]") : null;
    if (at instanceof HTMLElement) this.activate(Number(at.dataset.index));
  }

  /** @param {number} i */
  activate(i) {
    const previous = this.cards.get(this.active);
    if (previous) previous.item.open.tabIndex = -1;
    this.active = i;
    const card = this.cards.get(i);
    if (card) card.item.open.tabIndex = 0;
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const { target } = event;
    const isWritten = target instanceof Element && target.matches("input[type=text]");
    if (isWritten || event.altKey || event.metaKey || event.ctrlKey) return;
    const page = Math.max(1, Math.floor(innerHeight / this.pitch) - 1) * this.columns;
    /** @type {Record<string, number>} */
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

  /** Gives a card the focus where it is on the screen, without moving anything.
   * @param {number} i */
  refocus(i) {
    this.render();
    this.activate(Math.min(i, Math.max(0, this.count - 1)));
    this.cards.get(this.active)?.item.open.focus({ preventScroll: true });
  }

  /** Brings a card to the screen and the keyboard to it.
   * @param {number} i */
  focus(i) {
    const top = this.top + Math.floor(i / this.columns) * this.pitch;
    const [above, below] = [150, 90]; // what covers the edges
    if (top < scrollY + above) scrollTo(0, top - above);
    else if (top + this.cardHeight > scrollY + innerHeight - below)
      scrollTo(0, top + this.cardHeight + below - innerHeight);
    this.lastScroll.time = 0;
    this.render();
    this.activate(i);
    this.cards.get(i)?.item.open.focus({ preventScroll: true });
  }
}
