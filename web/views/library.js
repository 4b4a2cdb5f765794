// @ts-check
/** The library: every video as a card, found by the query in the address. */

import { get } from "../data/api.js";
import { debounced, h } from "../ui/dom.js";
import { SORT, listingOf } from "../data/query.js";
import { go, href, keepHome, remembered } from "../ui/router.js";
import { store, tellChange, watchChanges } from "../data/store.js";
import { button, failed, state } from "../ui/controls.js";
import { Card } from "./card.js";
import { continueRow } from "./continue.js";
import { Grid } from "./grid.js";
import { searchBar } from "./search.js";

const PAGE = 100;
const PAGES_KEPT = 40;

/** The rows of a query, read page by page where they are looked at; forgets the pages seen longest ago. */
class Listing extends EventTarget {
  total = null;
  error = null;
  replaced = false; // whether rows that were shown are others now
  #pages = new Map();
  #loading = new Map();
  #asked = null;
  #want = debounced((first, end) => this.#load(first, end), 40);

  ask(params) {
    const key = JSON.stringify([params, store.state.directory]);
    if (key === this.#asked) return;
    this.#asked = key;
    this.params = params;
    this.error = null;
    this.total = null;
    this.replaced = true;
    this.#pages.clear();
    this.#abandon(() => true);
    this.#load(0, PAGE);
  }

  at(i) {
    return this.#pages.get(Math.floor(i / PAGE))?.rows[i % PAGE];
  }

  want(first, end) {
    this.#want(first, end);
  }

  /** What is kept may have changed: it is shown until it was read again. */
  refresh() {
    this.#abandon(() => true);
    for (const page of this.#pages.values()) page.stale = true;
    this.error = null;
    this.replaced = true;
    this.dispatchEvent(new Event("change"));
  }

  /** Every row of the query, of which a selection is made. */
  async all() {
    const rows = [];
    for (let offset = 0; offset === 0 || offset < this.total; offset += 500) {
      const page = await get("/videos", { ...this.params, detail: 1, offset, limit: 500 });
      rows.push(...page.videos);
    }
    return rows;
  }

  #abandon(isUnwanted) {
    for (const [n, control] of this.#loading) {
      if (!isUnwanted(n)) continue;
      control.abort();
      this.#loading.delete(n);
    }
  }

  #load(first, end) {
    if (this.error) return; // until somebody tries again
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
      this.total = page.total;
      this.replaced ||= this.#pages.has(n);
      this.#pages.set(n, { rows: page.videos, stale: false });
      while (this.#pages.size > PAGES_KEPT) this.#pages.delete(this.#pages.keys().next().value);
      this.error = null;
    } catch (error) {
      if (error.name === "AbortError") return;
      this.error = error;
    }
    this.#loading.delete(n);
    this.dispatchEvent(new Event("change"));
  }
}

const listing = new Listing();
const places = new Map(); // by address: how far it was scrolled, and the card with the focus
store.addEventListener("played", () => listing.refresh());

/** The address of a state, without what is the default.
 * @param {any} state */
export function addressOf({ q, sort, order }) {
  return href("library", {
    q,
    sort: sort === SORT && order === "asc" ? "" : sort,
    order: order === "asc" ? "" : order,
  });
}

export function mount(main, route, signal) {
  const list = h("ul.grid", { "aria-label": "Videos" });
  const place = h(".place", {});
  const search = searchBar(({ replace = false, ...wanted }) => {
    const address = addressOf(wanted);
    places.delete(address);
    go(address, { replace });
  });
  const spoken = h(".spoken", {}); // the fold of what is said, once there are words to look for
  let hits = null;
  let selecting = null; // the bar of what can be done with a selection, once there is one
  const begun = continueRow(signal);
  let anchor = -1; // where a range of selected ones begins
  const grid = new Grid(list, {
    create: () => new Card({ select: choose }),
    bind(card, i) {
      const row = listing.at(i);
      if (row) card.fill(row, i, listing.total, store.state.selection.has(row.path));
      else card.clear(i);
      return Boolean(row);
    },
    blank: (card, i) => card.clear(i),
    visible: (first, end) => listing.want(first, end),
  });

  function choose(card, range) {
    const i = Number(card.element.dataset.index);
    const selection = new Map(store.state.selection);
    const wanted = card.check.checked;
    const [from, to] = range && anchor >= 0 ? [Math.min(anchor, i), Math.max(anchor, i)] : [i, i];
    for (let n = from; n <= to; n++) {
      const row = listing.at(n);
      if (row && wanted) selection.set(row.path, row);
      else if (row) selection.delete(row.path);
    }
    anchor = i;
    store.set({ selection });
  }

  main.append(
    h("h1.hidden", {}, "Library"),
    h(".toolbar", {}, search.form, search.filters, search.problem, search.chips),
    spoken,
    begun.element,
    list,
    place,
  );
  grid.follow(signal);
  listing.addEventListener("change", render, { signal });
  listing.addEventListener("change", tellShown, { signal, once: true });
  watchChanges(reread, signal);
  store.watch(["selection"], onSelection, signal);
  store.watch(["roots"], render, signal);
  document.addEventListener("keydown", onKey, { signal });

  let wanted = listingOf(route.params);
  let address = location.hash;
  let y = 0; // where to scroll, and which card gets the focus, once the list is there
  let focused = null;
  const leave = () => keepPlace();
  window.addEventListener("click", leave, { capture: true, signal });
  signal.addEventListener("abort", leave);

  /** Notes where one is, for the way back. */
  function keepPlace() {
    const isHere = location.hash === address;
    const at = places.get(address) ?? { y: 0 };
    places.set(address, { y: isHere ? scrollY : at.y, focused: grid.active });
  }

  /** Asks again for what may have changed. */
  function reread() {
    ask();
    listing.refresh();
    showHits(true);
    showBegun();
  }

  function ask() {
    const { q, sort, order } = wanted;
    listing.ask({ q, sort, order, recursive: 1, ext: "*" });
  }

  /** Looks for the words of a query in what is said. */
  async function showHits(again = false) {
    const { q } = wanted;
    if (!q && !hits) return;
    const { subtitleHits } = await import("./subtitle-hits.js");
    if (!hits) {
      hits = subtitleHits(render);
      spoken.append(hits.fold);
    }
    if (q === wanted.q) hits.show(q, again);
  }

  /** The bar of what can be done with a selection. */
  function selectionTools() {
    selecting ??= import("./selection.js").then(({ selectionBar }) => {
      const bar = selectionBar(listing, signal);
      if (!signal.aborted) main.append(bar.element);
      return bar;
    });
    return selecting;
  }

  function onSelection({ selection }) {
    grid.refresh();
    if (selection.size) selectionTools();
  }

  /** Tells that the first screen is there with its pictures, whatever else waits for that. */
  async function tellShown() {
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame); // cards are drawn in the next one
    const pictures = [...main.querySelectorAll(".card img[src]")];
    await Promise.allSettled(pictures.map((picture) => picture.decode()));
    store.dispatchEvent(new Event("shown"));
  }

  /** What was begun stands in front of the whole library, not of what a query finds. */
  function showBegun() {
    if (wanted.q) begun.element.hidden = true;
    else begun.load();
  }

  function update(route) {
    wanted = listingOf(route.params);
    showBegun();
    address = location.hash;
    keepHome(address);
    y = remembered() || (places.get(address)?.y ?? 0);
    focused = places.get(address)?.focused ?? null;
    search.show(wanted);
    showHits();
    ask();
    if (listing.total === null || !y) scrollTo(0, 0);
    render();
  }

  function render() {
    const { error } = listing;
    const mistake = error?.status === 422 ? error.message.replace(/^q: /, "") : "";
    search.refuse(mistake);
    search.tell(error ? null : listing.total);
    place.replaceChildren(
      ...(error && !mistake
        ? [failed(error, () => (listing.refresh(), listing.want(0, PAGE)))]
        : emptiness()),
    );
    list.hidden = Boolean(error) && listing.total === null;
    grid.setCount(mistake ? 0 : (listing.total ?? 24));
    if (listing.replaced) grid.refresh();
    else grid.draw();
    listing.replaced = false;
    list.classList.toggle("waiting", listing.total === null);
    if (listing.total !== null) restorePlace();
  }

  /** Goes to where one was, and to the card that had the focus, unless something has it now. */
  function restorePlace() {
    if (y) scrollTo(0, y);
    if (focused !== null && document.activeElement === document.body) grid.refocus(focused);
    [y, focused] = [0, null];
  }

  function emptiness() {
    if (listing.total !== 0) return [];
    if (hits?.total) {
      hits.fold.open = true;
      return [];
    }
    if (wanted.q)
      return [
        state(
          "search",
          "Nothing is like that",
          "No video fits this query.",
          button("Show all", "close", () => go(href("library"))),
        ),
      ];
    return [
      state(
        "folder",
        "No videos here yet",
        `Put some into ${store.state.roots.join(" or ") || "the folder"}, and come back.`,
        button("Look again", "undo", () => tellChange()),
      ),
    ];
  }

  function onKey(event) {
    if (event.target.closest("input, textarea, select, dialog[open]")) return;
    if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      selectionTools().then((bar) => bar.selectAll());
    } else if (event.key === "/") {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape" && store.state.selection.size) store.set({ selection: new Map() });
  }

  update(route);
  onSelection(store.state);
  return update;
}
