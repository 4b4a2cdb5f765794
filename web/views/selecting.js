// @ts-check
/** Selecting videos in a grid: one by one, in ranges, with a lasso, or all that a query finds. */

import { store } from "../data/store.js";
import { attempt } from "../ui/controls.js";
import { lasso } from "../ui/lasso.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { Listing } from "../data/listing.js" */
/** @import { Rectangle } from "../ui/lasso.js" */
/** @import { Grid, GridItem } from "./grid.js" */

/** What shows a video in a grid: a card, or a row of the list.
 * @typedef {object} VideoItem
 * @property {HTMLElement} element
 * @property {HTMLAnchorElement} open the link to the video
 * @property {HTMLInputElement} check
 * @property {api.VideoRowOut | null} row
 * @property {(row: api.VideoRowOut, i: number, total: number | null, isSelected: boolean) => unknown} fill
 * @property {(i: number) => unknown} clear makes it only a place that a row will take */

/** Called when the box of a video was ticked, or taken back; with a range where that was wanted.
 * @typedef {(item: VideoItem, isRange: boolean) => unknown} SelectVideo */

/** Rows by path. @typedef {Map<string, api.VideoRowOut>} Selection */

const TAKEN = ".toolbar, .offer, .continue, .spoken, .playing"; // no lasso begins there

/** The selection with some rows more, or with them taken away.
 * @type {(selection: Selection, rows: api.VideoRowOut[], isAdded: boolean) => Selection} */
function changed(selection, rows, isAdded) {
  const after = new Map(selection);
  for (const row of rows) {
    if (isAdded) after.set(row.path, row);
    else after.delete(row.path);
  }
  return after;
}

/** @param {Selection} selection */
const select = (selection) => store.set({ selection });

/** What the lasso does to the selection while it is drawn, and when that is done. */
class LassoSelection {
  /** @type {Selection} */
  #before = new Map(); // what was selected when the lasso began
  /** @type {number[]} */
  #drawn = []; // the indices in it
  #takesAway = false; // whether it takes videos out of the selection

  /**
   * @param {Listing} listing has the rows
   * @param {() => Pick<Grid<GridItem>, "touched">} grid gives the one that is shown
   */
  constructor(listing, grid) {
    this.listing = listing;
    this.grid = grid;
  }

  /** @param {PointerEvent} event */
  mayBegin({ target }) {
    if (!(target instanceof Element) || target.closest(TAKEN)) return false;
    if (!this.#drawn.length) this.#before = store.state.selection;
    return true;
  }

  /** @type {(area: Rectangle, event: PointerEvent) => void} */
  grow(area, { ctrlKey, metaKey }) {
    const indices = this.grid().touched(area);
    const takesAway = ctrlKey || metaKey;
    if (String(indices) === String(this.#drawn) && takesAway === this.#takesAway) return;
    this.#drawn = indices;
    this.#takesAway = takesAway;
    select(changed(this.#before, this.#readRows(), !takesAway));
  }

  /** The rows in it, as far as they were read. */
  #readRows() {
    return this.#drawn.map((i) => this.listing.at(i)).filter((row) => row !== undefined);
  }

  /** Adds what was passed too fast to be read; gives the last index in it, undefined where it is empty. */
  async end() {
    const [before, drawn, isAdded] = [this.#before, this.#drawn, !this.#takesAway];
    const [first, last] = [drawn[0], drawn.at(-1)];
    if (last !== undefined && this.#readRows().length < drawn.length) {
      const rows = await attempt(null, () => this.listing.between(first, last + 1));
      const own = new Set(drawn.map((i) => i - first));
      const passed = rows?.filter((_, i) => own.has(i));
      if (passed) select(changed(before, passed, isAdded));
    }
    this.#drawn = [];
    return last;
  }

  cancel() {
    this.#drawn = [];
    select(this.#before);
  }
}

/** What is selected from: where it is shown, the grid that is shown now, and the rows.
 * @typedef {{main: HTMLElement, grid: () => Pick<Grid<GridItem>, "touched">, listing: Listing}} SelectedFrom */

/** Lets the cards of a grid be selected until the signal. Gives `choose`, for the index of a card whose box was
 * clicked, whether it is ticked now, and whether that ends a range; and `all`.
 * @param {SelectedFrom} from
 * @param {AbortSignal} signal */
export function selecting({ main, grid, listing }, signal) {
  let anchor = -1; // where a range begins
  const drawing = new LassoSelection(listing, grid);

  /** @type {(i: number, isAdded: boolean, isRange: boolean) => Promise<void>} */
  async function choose(i, isAdded, isRange) {
    const [from, to] = isRange && anchor >= 0 ? [Math.min(anchor, i), Math.max(anchor, i)] : [i, i];
    anchor = i;
    const rows = await attempt(null, () => listing.between(from, to + 1));
    if (rows) select(changed(store.state.selection, rows, isAdded));
  }

  async function all() {
    const rows = await listing.between(0, listing.total ?? 0);
    select(changed(new Map(), rows, true));
  }

  const actions = {
    mayBegin: (/** @type {PointerEvent} */ event) => drawing.mayBegin(event),
    grow: (/** @type {Rectangle} */ area, /** @type {PointerEvent} */ event) => drawing.grow(area, event),
    end: async () => {
      anchor = (await drawing.end()) ?? anchor;
    },
    cancel: () => drawing.cancel(),
  };
  lasso(main, actions, signal);
  return { choose, all };
}
