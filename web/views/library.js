// @ts-check
/** The library: every video as a card, found by the query in the address. */

import { statusOf } from "../data/api.js";
import { Listing } from "../data/listing.js";
import { h, once, takesKeys } from "../ui/dom.js";
import { folderOf, inFolder, listingOf } from "../data/query.js";
import { message } from "../ui/format.js";
import { addressOf, go, href, keepLibrary, lastLibrary, remembered, tellPlace } from "../ui/router.js";
import { BEGUN, UNOFFERED, store, tellChange, watchChanges } from "../data/store.js";
import { button, choices, failed, menu, state } from "../ui/controls.js";
import { Card } from "./card.js";
import { Grid, cardLayout, pictureWidth } from "./grid.js";
import { SearchBar } from "./search.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { State } from "../data/store.js" */
/** @import { Place, Route } from "../ui/router.js" */
/** @import { CardSize, GridOptions } from "./grid.js" */
/** @import { VideoItem } from "./selecting.js" */
/** @import { SubtitleHits } from "./subtitle-hits.js" */

/** How videos are shown: as cards of a size, or as a list.
 * @typedef {CardSize | "list"} Appearance */

/** @typedef {typeof import("./list.js")} ListModule */

/** Videos that are shown: the element, the grid in it, and what tells how they are sorted.
 * @typedef {{element: HTMLElement, grid: Grid<Card>, show: (sorted: {sort: string, order: string}, total: number | null) => void} | ReturnType<ListModule["videoList"]>}
 *   ShownVideos */

const listing = new Listing();
const firstScreen = new Promise((resolve) => store.listen("shown", resolve, { once: true }));

const APPEARANCE = "appearance"; // in localStorage: how videos are shown
const FOLDERS = "folders"; // the same: "open" where the tree of them stands beside the library
const WIDE = matchMedia("(min-width: 900px)"); // where there is room for that
/** @type {[Appearance, string][]} */
const APPEARANCES = [
  ["small", "Small pictures"],
  ["medium", "Medium pictures"],
  ["large", "Large pictures"],
  ["list", "List"],
];

/** The address of what is shown, which the first visit has without it. */
const currentAddress = () => location.hash || href("library");

/** Whether a row has neither picture nor metadata.
 * @param {api.VideoRowOut | undefined} row */
const isBare = (row) => row !== undefined && !row.artifacts?.thumbs && !row.artifacts?.metadata;
const FIRST = 24; // videos that are looked at for that

/** How videos are shown in this browser. */
function appearance() {
  const kept = localStorage.getItem(APPEARANCE);
  return APPEARANCES.map(([name]) => name).find((name) => name === kept) ?? "medium";
}

/** Options of a grid that shows the rows of the listing.
 * @template {VideoItem} Item
 * @param {Pick<GridOptions<Item>, "create" | "layout">} options
 * @returns {GridOptions<Item>} */
const rowsInto = (options) => ({
  ...options,
  bind(item, i) {
    const row = listing.at(i);
    if (row) item.fill(row, i, listing.total, store.state.selection.has(row.path));
    else item.clear(i);
    return Boolean(row);
  },
  blank: (item, i) => item.clear(i),
  visible: (first, end) => listing.request(first, end),
});

// Also while another view is shown: the rows are kept for the way back.
store.listen("played", () => listing.refresh());
watchChanges(() => listing.refresh());

/** Shows the library until the signal; gives what shows another query.
 * @param {HTMLElement} main
 * @param {Route} route
 * @param {AbortSignal} signal */
export async function mount(main, route, signal) {
  const asked = appearance();
  const chosen = asked === "list" ? await import("./list.js") : asked;
  if (signal.aborted) return undefined;
  const place = h(".place", {});
  const search = new SearchBar((query, replace) => go(addressOf(query), { replace }));
  const spoken = h(".spoken", {}); // the fold of what is said, once there are words to look for
  /** @type {SubtitleHits | undefined} */
  let hits;
  const begun = h("section.continue", { hidden: true });
  const offer = h("section.panel.offer", { "aria-label": "First steps", hidden: true });
  const offering = once(async () => (await import("./first-run.js")).firstRun(offer, signal)); // what fills that
  let offered = ""; // the folder for which that was decided last
  const videos = h(".videos", {});
  /** @type {ShownVideos} */
  let shown = shownIn(chosen);

  /** The videos as cards of a size, or as a list.
   * @param {CardSize | ListModule} way
   * @returns {ShownVideos} */
  function shownIn(way) {
    return typeof way === "string" ? cardsShown(way) : listShown(way);
  }

  /** @param {CardSize} size */
  function cardsShown(size) {
    const element = h("ul.grid", { "aria-label": "Videos" });
    const create = () => new Card({ select: choose, width: pictureWidth(size) });
    const grid = new Grid(element, rowsInto({ create, layout: cardLayout(size) }));
    return { element, grid, show: () => {} };
  }

  /** @param {ListModule} listModule */
  function listShown({ videoList }) {
    return videoList({
      select: choose,
      sort: (sort, order) => search.sort(sort, order),
      grid: (host, options) => new Grid(host, rowsInto(options)),
    });
  }

  /** Shows the videos in another way, the same ones on the screen.
   * @param {Appearance} name */
  async function present(name) {
    localStorage.setItem(APPEARANCE, name);
    const next = shownIn(name === "list" ? await import("./list.js") : name);
    if (signal.aborted) return;
    const { first } = shown.grid;
    shown.grid.leave();
    shown = next;
    videos.replaceChildren(next.element);
    next.grid.follow(signal);
    render();
    if (first) next.grid.scrollToCard(first);
  }

  function appearanceMenu() {
    const fill = (/** @type {HTMLElement} */ panel, /** @type {() => void} */ close) =>
      panel.replaceChildren(...choices(APPEARANCES, appearance(), (name) => (close(), present(name))));
    return menu("View", "library", fill);
  }

  /** What selects videos, {choose, all}, after the first screen. */
  const selectingTools = once(async () => {
    const { selecting } = await import("./selecting.js");
    return selecting({ main, listing, grid: () => shown.grid }, signal);
  });
  /** Selects what a box was ticked for; news that come meanwhile may fill the card again.
   * @type {(item: VideoItem, isRange: boolean) => Promise<void>} */
  async function choose({ element, check }, isRange) {
    const [i, isChosen] = [Number(element.dataset.index), check.checked];
    (await selectingTools()).choose(i, isChosen, isRange);
  }
  const all = async () => (await selectingTools()).all();
  firstScreen.then(selectingTools);

  const side = h("aside.folders", { hidden: !(WIDE.matches && localStorage.getItem(FOLDERS) === "open") });
  /** @type {Promise<ReturnType<typeof import("./folders.js").folderPanel>> | null} */
  let folders = null; // what shows the tree of them in there, once it is wanted
  const opener = button("Folders", "folder", async () => (await folderTools()).toggle(), {
    kind: "folders-opener",
    "aria-expanded": String(!side.hidden),
  });
  if (!side.hidden) firstScreen.then(folderTools).then((tools) => tools.open());

  /** What shows the tree of folders. */
  function folderTools() {
    folders ??= import("./folders.js").then(({ folderPanel }) =>
      folderPanel(side, {
        go: (path) => search.set(inFolder(query.q, path)),
        current: () => folderOf(query.q),
        noteOpen: (open) => localStorage.setItem(FOLDERS, open ? "open" : ""),
        opener,
        wide: WIDE,
        signal,
      }),
    );
    return folders;
  }

  const toolbar = h(".toolbar", {}, opener, search.form, search.filters, search.problem, search.chips);
  const height = new ResizeObserver(() => main.style.setProperty("--toolbar", `${toolbar.offsetHeight}px`));
  height.observe(toolbar); // below which the headings of the list stay
  signal.addEventListener("abort", () => height.disconnect());

  const shelf = h(".shelf", {}, side, h(".shelf-in", {}, spoken, offer, begun, videos, place));
  main.append(h("h1.hidden", {}, "Library"), toolbar, shelf);
  search.filters.append(appearanceMenu());
  videos.append(shown.element);
  shown.grid.follow(signal);
  listing.addEventListener("change", render, { signal });
  listing.addEventListener("change", tellShown, { signal, once: true });
  watchChanges(reread, signal);
  store.watch(["selection"], onSelection, signal);
  store.watch(["roots"], render, signal);
  store.watch(["kinds"], () => shown.grid.refresh(), signal); // cards name them
  document.addEventListener("keydown", onKey, { signal });

  let query = listingOf(route.params);
  let address = "";
  let y = 0; // where to scroll, and which card gets the focus, once the list is there
  /** @type {Place["focused"]} */
  let focused = null;
  const whereabouts = () => ({ y: scrollY, focused: shown.grid.focused });
  const leave = () => currentAddress() === address && keepLibrary({ address, ...whereabouts() });
  tellPlace(whereabouts, signal);
  window.addEventListener("click", leave, { capture: true, signal });
  window.addEventListener("pagehide", leave, { signal });

  /** Asks again for what may have changed. */
  function reread() {
    ask(false);
    showHits(true);
    showBegun();
    folders?.then((tools) => tools.read());
  }

  /** @param {boolean} gently */
  function ask(gently) {
    listing.ask({ ...query, recursive: 1, ext: "*" }, { gently });
  }

  /** Looks for the words of a query in what is said. */
  async function showHits(again = false) {
    const { q } = query;
    if (!q && !hits) return;
    const { subtitleHits } = await import("./subtitle-hits.js");
    if (!hits) {
      hits = subtitleHits(render);
      spoken.append(hits.fold);
    }
    if (q === query.q) hits.show(q, again);
  }

  /** The bar of what can be done with a selection, once there is one. */
  const selectionTools = once(async () => {
    const { selectionBar } = await import("./selection.js");
    const bar = selectionBar(all, () => shown.grid.refocus(shown.grid.active), signal);
    if (!signal.aborted) main.append(bar.element);
    return bar;
  });

  /** @param {State} state */
  function onSelection({ selection }) {
    shown.grid.refresh();
    if (selection.size) selectionTools();
  }

  /** Tells that the first screen is there with its pictures, whatever else waits for that. */
  async function tellShown() {
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame); // cards are drawn in the next one
    const images = /** @type {NodeListOf<HTMLImageElement>} */ (main.querySelectorAll(".card img[src]"));
    const pictures = [...images];
    await Promise.allSettled(pictures.map((picture) => picture.decode()));
    store.tell("shown", null);
  }

  const begunRow = once(async () => (await import("./continue.js")).continueRow(begun, signal));

  /** What was begun stands in front of the whole library, not of what a query finds. Its place is kept
   * where there was something to show the last time: the first screen comes without it. */
  async function showBegun() {
    begun.hidden = Boolean(query.q) || !Number(localStorage.getItem(BEGUN));
    if (query.q) return;
    await firstScreen;
    const films = await (await begunRow()).load();
    begun.hidden = Boolean(query.q) || !films;
  }

  /** Offers to make pictures where none of the first videos has any. Its place is there as soon as the
   * list is: nothing moves when it has been filled. */
  async function showOffer() {
    const { directory } = store.state;
    if (query.q || !listing.total || listing.isPrevious || offered === directory) return;
    offered = directory;
    const first = Array.from({ length: Math.min(listing.total, FIRST) }, (_, i) => listing.at(i));
    offer.hidden = sessionStorage.getItem(UNOFFERED) === directory || !first.every(isBare);
    if (offer.hidden) return;
    (await offering()).show();
  }

  /** @param {Route} route */
  function update(route) {
    query = listingOf(route.params);
    showBegun();
    const isFirst = !address; // who comes from another view does not see what was looked for before
    address = currentAddress();
    const [entry, library] = [remembered(), lastLibrary()];
    const previous = library.address === address ? library : { y: 0, focused: null };
    y = entry.y || previous.y;
    focused = entry.focused ?? previous.focused;
    keepLibrary({ address, y, focused });
    search.show(query);
    showHits();
    folders?.then((tools) => tools.show());
    ask(!isFirst);
    if (listing.total === null || !y) scrollTo(0, 0);
    render();
  }

  function render() {
    const { error } = listing;
    const mistake = statusOf(error) === 422 ? message(error).replace(/^q: /, "") : "";
    search.refuse(mistake);
    search.tell(error ? null : listing.total, listing.refreshing);
    place.replaceChildren(...(error && !mistake ? [failed(error, () => listing.retry())] : emptiness()));
    const { element, grid } = shown;
    element.hidden = Boolean(error) && listing.total === null;
    shown.show(query, listing.total);
    grid.setCount(mistake ? 0 : (listing.total ?? 24));
    if (listing.replaced) grid.refresh();
    else grid.draw();
    listing.replaced = false;
    element.classList.toggle("waiting", listing.total === null);
    element.ariaBusy = String(listing.total === null || listing.isPrevious);
    showOffer(); // before one is where one was: it stands above
    if (listing.total !== null && !listing.isPrevious) restorePlace();
  }

  /** Goes to where one was, and to the card that had the focus, unless something has it now. */
  function restorePlace() {
    if (y) scrollTo(0, y);
    if (focused !== null && document.activeElement === document.body) shown.grid.refocus(focused);
    [y, focused] = [0, null];
  }

  function emptiness() {
    if (listing.total !== 0) return [];
    if (hits?.total) {
      hits.fold.open = true;
      return [];
    }
    if (query.q)
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

  /** Deletes what is selected, else the video that the keyboard is at, after a question. */
  async function remove() {
    const { selection } = store.state;
    const row = shown.grid.focused === null ? null : listing.at(shown.grid.focused);
    const rows = selection.size
      ? [...selection.values()]
      : [row].filter((one) => one !== null && one !== undefined);
    const { deleteVideos } = await import("./deletion.js");
    if (rows.length && !signal.aborted) deleteVideos(rows);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (takesKeys(event.target)) return;
    const isCommand = event.ctrlKey || event.metaKey;
    if (event.key === "Delete" || (event.key === "Backspace" && isCommand)) {
      if (!event.repeat) remove();
    } else if (event.key === "a" && isCommand) {
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
