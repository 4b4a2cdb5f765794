// @ts-check
/** Selecting videos in a grid: one by one, in ranges, with a lasso, or all that a query finds. */

import { store } from "../data/store.js";
import { attempt } from "../ui/controls.js";
import { lasso } from "../ui/lasso.js";

/** The selection with some rows more, or with them taken away. */
function changed(selection, rows, isAdded) {
  const after = new Map(selection);
  for (const row of rows) {
    if (isAdded) after.set(row.path, row);
    else after.delete(row.path);
  }
  return after;
}

const select = (selection) => store.set({ selection });

/** How the cards of a grid, which `grid()` gives, are selected until the signal; `listing` has the rows. Gives `choose`
 * for the index of a card whose box was clicked, whether it is ticked now, and whether that ends a range; and
 * `all`. */
export function selecting({ main, grid, listing }, signal) {
  let anchor = -1; // where a range begins
  let selectedBefore = new Map(); // what was selected when the lasso began
  let drawn = []; // the indices in it
  let takesAway = false; // whether the lasso takes videos out of the selection

  async function choose(i, isAdded, isRange) {
    const [from, to] = isRange && anchor >= 0 ? [Math.min(anchor, i), Math.max(anchor, i)] : [i, i];
    anchor = i;
    const rows = await attempt(null, () => listing.between(from, to + 1));
    if (rows) select(changed(store.state.selection, rows, isAdded));
  }

  const readRows = () => drawn.map((i) => listing.at(i)).filter(Boolean);

  function grow(area, { ctrlKey, metaKey }) {
    const indices = grid().touched(area);
    const isTaken = ctrlKey || metaKey;
    if (String(indices) === String(drawn) && isTaken === takesAway) return;
    drawn = indices;
    takesAway = isTaken;
    select(changed(selectedBefore, readRows(), !takesAway));
  }

  /** Adds what was passed too fast to be read. */
  async function end() {
    const isAdded = !takesAway;
    if (readRows().length < drawn.length) {
      const rows = await attempt(null, () => listing.between(drawn[0], drawn.at(-1) + 1));
      const own = new Set(drawn.map((i) => i - drawn[0]));
      if (rows)
        select(
          changed(
            selectedBefore,
            rows.filter((_, i) => own.has(i)),
            isAdded,
          ),
        );
    }
    [anchor, drawn] = [drawn.at(-1) ?? anchor, []];
  }

  function cancel() {
    drawn = [];
    select(selectedBefore);
  }

  function mayBegin({ target }) {
    if (target.closest(".toolbar, .offer, .continue, .spoken, .playing")) return false;
    if (!drawn.length) selectedBefore = store.state.selection;
    return true;
  }

  async function all() {
    const rows = await listing.between(0, listing.total ?? 0);
    select(changed(new Map(), rows, true));
  }

  lasso(main, { mayBegin, grow, end, cancel }, signal);
  return { choose, all };
}
