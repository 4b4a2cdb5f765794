// @ts-check
/** The films that were begun and not watched to their end, the last one first. */

import { get } from "../data/api.js";
import { h, keyed } from "../ui/dom.js";
import { BEGUN, store } from "../data/store.js";
import { Card } from "./card.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { SelectVideo } from "./selecting.js" */

const MOST = 12;

/** @type {api.VideoRowOut[]} */
let rows = []; // those that were read last, in any folder

/** @type {SelectVideo} */
function select({ row, check }) {
  if (!row) return;
  const selection = new Map(store.state.selection);
  if (check.checked) selection.set(row.path, row);
  else selection.delete(row.path);
  store.set({ selection });
}

/** Fills a section with them. `load()` reads which there are, and gives how many.
 * @param {HTMLElement} section
 * @param {AbortSignal} signal */
export function continueRow(section, signal) {
  /** @type {Map<string, Card>} */
  const made = new Map(); // the cards by the addresses of their videos
  const cards = h("ul.begun", { "aria-label": "Films that were begun" });
  section.append(h("h2", {}, "Continue watching"), cards);

  /** @param {string} url */
  function cardOf(url) {
    const card = made.get(url) ?? new Card({ select });
    made.set(url, card);
    return card;
  }

  function draw() {
    keyed(
      cards,
      rows,
      (row) => row.url,
      (row) => cardOf(row.url).element,
    );
    for (const [i, row] of rows.entries())
      cardOf(row.url).fill(row, i, rows.length, store.state.selection.has(row.path));
  }

  async function load() {
    draw();
    const params = {
      q: "progress:",
      sort: "played",
      order: "desc",
      recursive: 1,
      ext: "*",
      detail: 1,
      limit: MOST,
    };
    const page = await get("/videos", params, signal).catch(() => null);
    if (page) rows = page.videos; // else the list below says what is wrong
    localStorage.setItem(BEGUN, String(rows.length));
    draw();
    return rows.length;
  }

  return { load };
}
