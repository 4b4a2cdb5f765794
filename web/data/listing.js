// @ts-check
/** The rows of a query, read page by page where they are looked at. */

import { get } from "./api.js";
import { store } from "./store.js";

const PAGE = 100;
const PAGES_KEPT = 40;
const AT_ONCE = 500; // rows that are read in one request where many are wanted
const SOON = 400; // milliseconds for which the rows of the query before are shown while a new one is read
const AGAIN = 1500; // milliseconds after which a server that looks for changes is asked again
const WANTED = 40; // milliseconds without another wish after which rows are read

/** Forgets the pages seen longest ago. */
export class Listing extends EventTarget {
  /** @type {number | null} */
  total = null;
  error = null;
  refreshing = false; // whether the server still looks for what may have changed
  isOther = false; // whether what is kept are still rows of the query before
  replaced = false; // whether rows that were shown are others now
  #pages = new Map();
  #loading = new Map();
  #asked = "";
  #forgetting = 0; // the timer that takes these away
  #wanting = 0;
  #again = 0; // the timer after which a server that was looking for changes is asked once more

  /** Asks for the rows of a query. With `gently` those of the one before are shown until then, if that
   * is soon. */
  ask(params, { gently = false } = {}) {
    const key = JSON.stringify([params, store.state.directory]);
    if (key === this.#asked) return;
    this.#asked = key;
    this.params = params;
    this.error = null;
    this.#abandon(() => true);
    clearTimeout(this.#forgetting);
    this.isOther = true;
    const forget = () => (this.#forget(), this.dispatchEvent(new Event("change")));
    if (gently && this.total !== null) this.#forgetting = setTimeout(forget, SOON);
    else this.#forget();
    this.#read(0);
  }

  at(i) {
    return this.#pages.get(Math.floor(i / PAGE))?.rows[i % PAGE];
  }

  /** Reads the rows of a range, unless another one is wanted meanwhile. */
  want(first, end) {
    clearTimeout(this.#wanting);
    this.#wanting = setTimeout(() => this.#load(first, end), WANTED);
  }

  /** What is kept may have changed: it is shown until it was read again. */
  refresh() {
    this.#abandon(() => true);
    for (const page of this.#pages.values()) page.stale = true;
    this.error = null;
    this.replaced = true;
    if (this.isOther) this.#read(0);
    this.dispatchEvent(new Event("change"));
  }

  /** Reads again what could not be read. */
  retry() {
    this.refresh();
    this.want(0, PAGE);
  }

  /** The rows from one index on to before another, those too that nobody looked at yet. */
  async between(from, end) {
    const rows = Array.from({ length: end - from }, (_, i) => this.at(from + i));
    for (let at = rows.indexOf(undefined); at >= 0; at = rows.indexOf(undefined, at)) {
      const limit = Math.min(AT_ONCE, rows.length - at);
      const page = await get("/videos", { ...this.params, detail: 1, offset: from + at, limit });
      rows.splice(at, limit, ...page.videos);
      if (page.videos.length < limit) break; // there are fewer by now
      at += limit;
    }
    return rows.filter(Boolean);
  }

  /** Asks once more after a while where rows may still become others. */
  #noteRefreshing({ refreshing, complete }) {
    this.refreshing = refreshing || complete === false;
    clearTimeout(this.#again);
    if (this.refreshing) this.#again = setTimeout(() => this.refresh(), AGAIN);
  }

  /** Drops the rows of the query before. */
  #forget() {
    if (!this.isOther) return;
    clearTimeout(this.#forgetting);
    this.isOther = false;
    this.total = null;
    this.replaced = true;
    this.#pages.clear();
  }

  #abandon(isUnwanted) {
    for (const [n, control] of this.#loading) {
      if (!isUnwanted(n)) continue;
      control.abort();
      this.#loading.delete(n);
    }
  }

  #load(first, end) {
    if (this.error || this.isOther) return; // until somebody tries again, or there are rows of this query
    const [from, to] = [Math.floor(first / PAGE), Math.floor(Math.max(first, end - 1) / PAGE)];
    this.#abandon((n) => n < from - 1 || n > to + 1);
    for (let n = from; n <= to; n++) {
      const page = this.#pages.get(n);
      if (page) {
        this.#pages.delete(n);
        this.#pages.set(n, page);
      }
      if ((!page || page.stale) && !this.#loading.has(n)) this.#read(n);
    }
  }

  async #read(n) {
    const control = new AbortController();
    const { signal } = control;
    this.#loading.set(n, control);
    try {
      const page = await get("/videos", { ...this.params, detail: 1, offset: n * PAGE, limit: PAGE }, signal);
      if (signal.aborted) return;
      this.#forget();
      this.total = page.total;
      this.#noteRefreshing(page);
      this.replaced ||= this.#pages.has(n);
      this.#pages.set(n, { rows: page.videos, stale: false });
      while (this.#pages.size > PAGES_KEPT) this.#pages.delete(this.#pages.keys().next().value);
      this.error = null;
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#forget();
      this.error = error;
    }
    this.#loading.delete(n);
    this.dispatchEvent(new Event("change"));
  }
}
