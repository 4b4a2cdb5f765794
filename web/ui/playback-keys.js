// @ts-check
/** The keys of a player, as they are usual on the web. */

const FIELDS = "input:not([type=checkbox]), textarea, select, dialog"; // they take every key
const MENUS = "[role=menu], [role=menuitemradio]";
const PRESSED = `button, a, summary, input, [role=button], ${MENUS}`; // they take the space bar
const MOVED = `media-volume-range, [role=slider], ${MENUS}`; // and these arrows

/** What a key does: the name of an action, and what it is called with.
 * @typedef {[name: string, argument?: string | number]} KeyAction */

/** @type {Record<string, KeyAction>} */
const FIXED = {
  " ": ["toggle"],
  k: ["toggle"],
  j: ["seekBy", -10],
  l: ["seekBy", 10],
  ArrowLeft: ["seekBy", -5],
  ArrowRight: ["seekBy", 5],
  ",": ["step", -1],
  ".": ["step", 1],
  m: ["mute"],
  f: ["fullscreen"],
  c: ["captions"],
  t: ["theatre"],
  h: ["favourite"],
  "<": ["speedBy", -0.25],
  ">": ["speedBy", 0.25],
  b: ["scene", -1],
  n: ["scene", 1],
  P: ["neighbour", "previous"],
  N: ["neighbour", "next"],
  Delete: ["remove"],
  Escape: ["leave"],
};
/** @type {Record<string, KeyAction>} */
const VOLUME = { ArrowUp: ["volumeBy", 0.05], ArrowDown: ["volumeBy", -0.05] };

/** The key that was pressed, whether Caps Lock is on or not.
 * @param {Pick<KeyboardEvent, "key" | "shiftKey">} event */
export function keyOf({ key, shiftKey }) {
  if (key.length > 1) return key;
  return shiftKey ? key.toUpperCase() : key.toLowerCase();
}

/** What a key does; null for nothing.
 * @param {string} key
 * @param {boolean} [inPlayer] whether the focus is in the player, where arrows up and down set the volume in
 *   place of scrolling
 * @returns {KeyAction | null} */
export function actionOf(key, inPlayer = false) {
  if (/^[0-9]$/.test(key)) return ["seekTo", Number(key) / 10];
  if (inPlayer && Object.hasOwn(VOLUME, key)) return VOLUME[key];
  return Object.hasOwn(FIXED, key) ? FIXED[key] : null;
}

/** A time a little inside of the frame before or after the one that is shown at a time.
 * @param {number} time in seconds
 * @param {number} direction -1 or 1
 * @param {number} fps */
export function frameStep(time, direction, fps) {
  const frame = Math.floor(time * fps + 0.05) + direction;
  return Math.max(0, (frame + 0.1) / fps);
}

/** Whether a key is for what has the focus.
 * @param {KeyboardEvent} event */
function isTaken({ key, target }) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest(FIELDS) || target.isContentEditable) return true;
  const taker = key === " " ? PRESSED : key.startsWith("Arrow") ? MOVED : key === "Escape" ? MENUS : null;
  return taker !== null && Boolean(target.closest(taker));
}

/** Lets keys act on a player until the signal, wherever the focus is but in fields.
 * @param {HTMLElement} player
 * @param {Record<string, (argument: any) => unknown>} actions a function for every name of `actionOf`
 * @param {AbortSignal} signal */
export function listenToKeys(player, actions, signal) {
  /** @param {KeyboardEvent} event */
  const listener = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return;
    const inPlayer = event.target instanceof Node && player.contains(event.target);
    const action = actionOf(keyOf(event), inPlayer);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    const [name, argument] = action;
    actions[name](argument);
  };
  document.addEventListener("keydown", listener, { signal, capture: true }); // before the film's own keys
}
