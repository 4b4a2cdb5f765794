// @ts-check
/** A rectangle that is drawn with the mouse, over a page that scrolls along at its edges. */

import { h, setStyle } from "./dom.js";

const SLIP = 8; // pixels the mouse may move before it draws
const EDGE = 64; // pixels from an edge of the window where the page scrolls
const FASTEST = 30; // pixels per frame
const TAKEN = "input, button, select, textarea, label, summary, [popover], dialog"; // they are clicked

/** A point of the page, in pixels.
 * @typedef {{x: number, y: number}} Point */

/** A rectangle of the page, in pixels.
 * @typedef {{left: number, top: number, right: number, bottom: number}} Rectangle */

/** What a lasso does: whether one may begin where the mouse is, what happens as it changes, when it is done,
 * and when Escape took it back.
 * @typedef {object} LassoActions
 * @property {(event: PointerEvent) => boolean} mayBegin
 * @property {(rectangle: Rectangle, event: PointerEvent) => unknown} grow
 * @property {() => unknown} end
 * @property {() => unknown} cancel */

/** The rectangle between two points.
 * @param {Point} one
 * @param {Point} other
 * @returns {Rectangle} */
export const between = (one, other) => ({
  left: Math.min(one.x, other.x),
  top: Math.min(one.y, other.y),
  right: Math.max(one.x, other.x),
  bottom: Math.max(one.y, other.y),
});

/** How far the page scrolls in a frame for a mouse at a height of the window: negative for upwards.
 * @type {(y: number, height: number) => number} */
export function scrollStep(y, height) {
  const beyond = y < EDGE ? y - EDGE : Math.max(0, y - height + EDGE);
  return Math.round((Math.max(-EDGE, Math.min(EDGE, beyond)) / EDGE) * FASTEST);
}

/** Where the mouse of an event is on the page.
 * @param {PointerEvent} event
 * @returns {Point} */
const pointOf = ({ clientX, clientY }) => ({
  x: Math.max(0, Math.min(document.documentElement.scrollWidth, clientX + scrollX)),
  y: Math.max(0, Math.min(document.documentElement.scrollHeight, clientY + scrollY)),
});

/** Keeps the click that ends the drawing from opening what is there. */
function swallowClick() {
  const swallow = (/** @type {Event} */ event) => {
    event.preventDefault();
    event.stopPropagation();
  };
  window.addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => window.removeEventListener("click", swallow, { capture: true }));
}

class Lasso {
  /** @type {Point | null} */
  #start = null; // where the button went down
  /** @type {PointerEvent | null} */
  #latest = null; // the last event of the mouse
  #box = h(".lasso", { "aria-hidden": "true" });

  /**
   * @param {HTMLElement} area
   * @param {LassoActions} actions
   * @param {AbortSignal} signal
   */
  constructor(area, actions, signal) {
    this.area = area;
    this.actions = actions;
    area.addEventListener("pointerdown", (event) => this.onPress(event), { signal });
    area.addEventListener("pointermove", (event) => this.onMove(event), { signal });
    area.addEventListener("pointerup", (event) => this.onRelease(event), { signal });
    area.addEventListener("pointercancel", () => this.stop() && actions.end(), { signal });
    area.addEventListener("dragstart", (event) => this.#start && event.preventDefault(), { signal });
    window.addEventListener("keydown", (event) => this.onKey(event), { signal, capture: true });
    signal.addEventListener("abort", () => this.stop());
  }

  get isDrawn() {
    return this.#box.isConnected;
  }

  /** @param {PointerEvent} event */
  onPress(event) {
    const { pointerType, button, target } = event;
    if (pointerType !== "mouse" || button !== 0) return;
    if (!(target instanceof Element) || target.closest(TAKEN) || !this.actions.mayBegin(event)) return;
    this.#start = pointOf(event);
    this.#latest = event;
  }

  /** @param {PointerEvent} event */
  onMove(event) {
    if (!this.#start) return;
    this.#latest = event;
    const { x, y } = pointOf(event);
    const isFar = Math.hypot(x - this.#start.x, y - this.#start.y) > SLIP;
    if (!this.isDrawn && isFar && this.actions.mayBegin(event)) this.begin(event);
  }

  /** @param {PointerEvent} event */
  begin(event) {
    document.body.append(this.#box);
    document.body.classList.add("drawing");
    getSelection()?.removeAllRanges();
    this.area.setPointerCapture(event.pointerId);
    requestAnimationFrame(() => this.draw());
  }

  draw() {
    if (!this.isDrawn || !this.#start || !this.#latest) return;
    const step = scrollStep(this.#latest.clientY, innerHeight);
    if (step) scrollBy({ top: step, behavior: "instant" });
    const rectangle = between(this.#start, pointOf(this.#latest));
    const { left, top, right, bottom } = rectangle;
    const [width, height] = [`${right - left}px`, `${bottom - top}px`];
    setStyle(this.#box, { left: `${left}px`, top: `${top}px`, width, height });
    this.actions.grow(rectangle, this.#latest);
    requestAnimationFrame(() => this.draw());
  }

  /** @param {PointerEvent} event */
  onRelease(event) {
    // No frame may have come since the mouse moved.
    if (this.isDrawn && this.#start) this.actions.grow(between(this.#start, pointOf(event)), event);
    if (!this.stop()) return;
    swallowClick();
    this.actions.end();
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.key !== "Escape" || !this.isDrawn) return;
    event.stopPropagation();
    this.stop();
    this.actions.cancel();
  }

  /** Takes the rectangle away; whether there was one. */
  stop() {
    const wasDrawn = this.isDrawn;
    this.#box.remove();
    document.body.classList.remove("drawing");
    this.#start = null;
    return wasDrawn;
  }
}

/** Lets the mouse draw rectangles over an area until the signal. Fingers scroll as ever.
 * @param {HTMLElement} area
 * @param {LassoActions} actions
 * @param {AbortSignal} signal */
export const lasso = (area, actions, signal) => new Lasso(area, actions, signal);
