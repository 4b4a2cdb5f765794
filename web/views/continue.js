// @ts-check
/** The films that were begun and not watched to their end, the last one first. */

import { get } from "../data/api.js";
import { h, keyed } from "../ui/dom.js";
import { store } from "../data/store.js";
import { Card } from "./card.js";

const MOST = 12;

function select(card) {
  const selection = new Map(store.state.selection);
  if (card.check.checked) selection.set(card.row.path, card.row);
  else selection.delete(card.row.path);
  store.set({ selection });
}

export function continueRow(signal) {
  const made = new Map(); // the cards by the addresses of their videos
  const cards = h("ul.begun", { "aria-label": "Films that were begun" });
  const element = h("section.continue", { hidden: true }, h("h2", {}, "Continue watching"), cards);

  /** Reads which there are, and shows them. */
  async function load() {
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
    if (!page) return; // the list below says what is wrong
    keyed(
      cards,
      page.videos,
      (row) => row.url,
      (row) => {
        const card = made.get(row.url) ?? new Card({ select });
        made.set(row.url, card);
        return card.element;
      },
    );
    for (const [i, row] of page.videos.entries())
      made.get(row.url).fill(row, i, page.videos.length, store.state.selection.has(row.path));
    element.hidden = !page.videos.length;
  }

  return { element, load };
}
