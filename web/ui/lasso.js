// @ts-check
/** A rectangle that is drawn with the mouse, over a page that scrolls along at its edges. */

import { h, setStyle } from "./dom.js";

const SLIP = 8; // pixels the mouse may move before it draws
const EDGE = 64; // pixels from an edge of the window where the page scrolls
const FASTEST = 30; // pixels per frame
const TAKEN = "input, button, select, textarea, label, summary, [popover], dialog"; // they are clicked

/** The rectangle between two points of the page. */
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

/** Lets the mouse draw rectangles over an area until the signal. `mayBegin(event)` says whether one
 * may begin there; `grow(rectangle, event)` is called as it changes, in pixels of the page, `end()`
 * when it is done and `cancel()` when Escape took it back. Fingers scroll as ever. */
export function lasso(area, { mayBegin, grow, end, cancel }, signal) {
  const box = h(".lasso", { "aria-hidden": "true" });
  let start = null; // where the button went down, in pixels of the page
  let last = null; // the last event of the mouse
  const isDrawn = () => box.isConnected;

  const pointOf = ({ clientX, clientY }) => ({
    x: Math.max(0, Math.min(document.documentElement.scrollWidth, clientX + scrollX)),
    y: Math.max(0, Math.min(document.documentElement.scrollHeight, clientY + scrollY)),
  });

  function begin() {
    document.body.append(box);
    document.body.classList.add("drawing");
    getSelection()?.removeAllRanges();
    area.setPointerCapture(last.pointerId);
    requestAnimationFrame(draw);
  }

  function draw() {
    if (!isDrawn()) return;
    const step = scrollStep(last.clientY, innerHeight);
    if (step) scrollBy({ top: step, behavior: "instant" });
    const { left, top, right, bottom } = between(start, pointOf(last));
    const [width, height] = [`${right - left}px`, `${bottom - top}px`];
    setStyle(box, { left: `${left}px`, top: `${top}px`, width, height });
    grow({ left, top, right, bottom }, last);
    requestAnimationFrame(draw);
  }

  function stop() {
    const was = isDrawn();
    box.remove();
    document.body.classList.remove("drawing");
    start = null;
    return was;
  }

  /** Keeps the click that ends the drawing from opening what is there. */
  function swallowClick() {
    const swallow = (event) => (event.preventDefault(), event.stopPropagation());
    window.addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => window.removeEventListener("click", swallow, { capture: true }));
  }

  const on = (target, name, listener, options = {}) =>
    target.addEventListener(name, listener, { signal, ...options });
  on(area, "pointerdown", (event) => {
    const isMouse = event.pointerType === "mouse" && event.button === 0;
    if (!isMouse || event.target.closest(TAKEN) || !mayBegin(event)) return;
    start = pointOf(event);
    last = event;
  });
  on(area, "pointermove", (event) => {
    if (!start) return;
    last = event;
    const at = pointOf(event);
    const isFar = Math.hypot(at.x - start.x, at.y - start.y) > SLIP;
    if (!isDrawn() && isFar && mayBegin(event)) begin();
  });
  on(area, "pointerup", (event) => {
    if (isDrawn()) grow(between(start, pointOf(event)), event); // no frame may have come since it moved
    if (!stop()) return;
    swallowClick();
    end();
  });
  on(area, "pointercancel", () => stop() && end());
  on(area, "dragstart", (event) => start && event.preventDefault());
  const onKey = (event) => {
    if (event.key !== "Escape" || !isDrawn()) return;
    event.stopPropagation();
    stop();
    cancel();
  };
  on(window, "keydown", onKey, { capture: true });
  signal.addEventListener("abort", stop);
}
