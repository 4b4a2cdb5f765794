// @ts-check
/** The rows of a query, read page by page where they are looked at. */

import { get, isAbort } from "./api.js";
import { store } from "./store.js";

/** @import * as api from "./api-types.d.ts" */
/** @import { Params } from "./api.js" */

const PAGE = 100;
const PAGES_KEPT = 40;
const AT_ONCE = 500; // rows that are read in one request where many are wanted
const PREVIOUS_SHOWN = 400; // milliseconds for which the rows of the previous query stay while a new one is read
const REFRESH_AFTER = 1500; // milliseconds after which a server that looks for changes is asked again
const REQUEST_AFTER = 40; // milliseconds without another request after which rows are read

/** @typedef {{rows: api.VideoRowOut[], stale: boolean}} Page */

/** The rows of one query at a time; tells `change` when they are others. Of many pages those that were shown
 * longest ago are forgotten. */
export class Listing extends EventTarget {
  /** @type {number | null} */
  total = null;
  /** @type {unknown} */
  error = null; // that the last request failed with
  refreshing = false; // whether the server still looks for what may have changed
  isPrevious = false; // whether the rows are still those of the previous query
  replaced = false; // whether rows that were shown are others now
  /** @type {Params} */
  #params = {};
  /** @type {Map<number, Page>} */
  #pages = new Map(); // by their number, the one that was shown last at the end
  /** @type {Map<number, AbortController>} */
  #loading = new Map(); // requests of pages, by their number
  #query = ""; // what the rows are of, or will be
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #forgetTimer; // until the rows of the previous query go
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #requestTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #refreshTimer;

  /** Asks for the rows of a query.
   * @param {Params} params
   * @param {{gently?: boolean}} [options] `gently`: the rows of the previous query stay until the answer is
   *   there, unless that takes long */
  ask(params, { gently = false } = {}) {
    const query = JSON.stringify([params, store.state.directory]);
    if (query === this.#query) return;
    this.#query = query;
    this.#params = params;
    this.error = null;
    this.#abandon(() => true);
    clearTimeout(this.#forgetTimer);
    this.isPrevious = true;
    const forget = () => (this.#forget(), this.dispatchEvent(new Event("change")));
    if (gently && this.total !== null) this.#forgetTimer = setTimeout(forget, PREVIOUS_SHOWN);
    else this.#forget();
    this.#read(0);
  }

  /** The row at an index; undefined where it was not read yet.
   * @param {number} i
   * @returns {api.VideoRowOut | undefined} */
  at(i) {
    return this.#pages.get(Math.floor(i / PAGE))?.rows[i % PAGE];
  }

  /** Reads the rows of a range, unless another range is requested at once.
   * @param {number} first
   * @param {number} end the index behind the last one */
  request(first, end) {
    clearTimeout(this.#requestTimer);
    this.#requestTimer = setTimeout(() => this.#load(first, end), REQUEST_AFTER);
  }

  /** Reads again what may have changed; the rows stay until the answer is there. */
  refresh() {
    this.#abandon(() => true);
    for (const page of this.#pages.values()) page.stale = true;
    this.error = null;
    this.replaced = true;
    if (this.isPrevious) this.#read(0);
    this.dispatchEvent(new Event("change"));
  }

  /** Reads again what could not be read. */
  retry() {
    this.refresh();
    this.request(0, PAGE);
  }

  /** The rows of a range; those that were not read yet are.
   * @param {number} from
   * @param {number} end the index behind the last one
   * @returns {Promise<api.VideoRowOut[]>} fewer where the library has fewer by now */
  async between(from, end) {
    const rows = Array.from({ length: end - from }, (_, i) => this.at(from + i));
    for (let at = rows.indexOf(undefined); at >= 0; at = rows.indexOf(undefined, at)) {
      const limit = Math.min(AT_ONCE, rows.length - at);
      const page = await get("/videos", { ...this.#params, detail: 1, offset: from + at, limit });
      rows.splice(at, limit, ...page.videos);
      if (page.videos.length < limit) break;
      at += limit;
    }
    return rows.filter((row) => row !== undefined);
  }

  /** Asks once more after a while where the rows may still become others.
   * @param {api.VideosOut} page */
  #noteRefreshing({ refreshing, complete }) {
    this.refreshing = refreshing || complete === false;
    clearTimeout(this.#refreshTimer);
    if (this.refreshing) this.#refreshTimer = setTimeout(() => this.refresh(), REFRESH_AFTER);
  }

  /** Drops the rows of the previous query. */
  #forget() {
    if (!this.isPrevious) return;
    clearTimeout(this.#forgetTimer);
    this.isPrevious = false;
    this.total = null;
    this.replaced = true;
    this.#pages.clear();
  }

  /** Gives up the requests of pages that are not needed any more.
   * @param {(number: number) => boolean} isUnwanted */
  #abandon(isUnwanted) {
    for (const [n, control] of this.#loading) {
      if (!isUnwanted(n)) continue;
      control.abort();
      this.#loading.delete(n);
    }
  }

  /** Reads the pages of a range that are missing or stale.
   * @param {number} first
   * @param {number} end */
  #load(first, end) {
    if (this.error || this.isPrevious) return; // until somebody tries again, or there are rows of this query
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

  /** @param {number} n the number of a page */
  async #read(n) {
    const control = new AbortController();
    const { signal } = control;
    this.#loading.set(n, control);
    try {
      const range = { detail: 1, offset: n * PAGE, limit: PAGE };
      const page = await get("/videos", { ...this.#params, ...range }, signal);
      if (signal.aborted) return;
      this.#forget();
      this.total = page.total;
      this.#noteRefreshing(page);
      this.replaced ||= this.#pages.has(n);
      this.#pages.set(n, { rows: page.videos, stale: false });
      this.#trim();
      this.error = null;
    } catch (error) {
      if (isAbort(error)) return;
      this.#forget();
      this.error = error;
    }
    this.#loading.delete(n);
    this.dispatchEvent(new Event("change"));
  }

  /** Forgets the pages that were shown longest ago. */
  #trim() {
    const oldest = [...this.#pages.keys()].slice(0, Math.max(0, this.#pages.size - PAGES_KEPT));
    for (const n of oldest) this.#pages.delete(n);
  }
}
