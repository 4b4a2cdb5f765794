// @ts-check
/** The address says what is seen: `#/view/path?parameters`. Paths stay percent-encoded as the server gave them. */

import { queryOf } from "../data/api.js";
import { SHUFFLED, SORT } from "../data/query.js";
import { store } from "../data/store.js";

/** @import { Params } from "../data/api.js" */

/** What an address names: a view, the rest of its path, and parameters.
 * @typedef {{view: string, path: string, params: URLSearchParams}} Route */

/** Where one is in a view: how far it is scrolled, in pixels, and the index of the card that has the focus.
 * @typedef {{y: number, focused: number | null}} Place */

export const HOME = "library";

/** The route that an address names.
 * @param {string} [hash]
 * @returns {Route} */
export function parse(hash = location.hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [view, ...rest] = path.split("/");
  return { view: view || HOME, path: rest.join("/"), params: new URLSearchParams(query) };
}

/** The address of a view.
 * @param {string} view
 * @param {Params} [params]
 * @param {string} [path] percent-encoded */
export function href(view, params = {}, path = "") {
  const { directory } = store.state;
  const query = queryOf(params, { in: directory === "." ? "" : directory });
  return `#/${view}${path ? `/${path}` : ""}${query}`;
}

/** The address of what the library shows, without what is the default.
 * @param {{q: string, sort: string, order: string, seed?: string | number}} query */
export function addressOf({ q, sort, order, seed }) {
  const isUp = !order || order === "asc";
  return href(HOME, {
    q,
    sort: sort === SORT && isUp ? "" : sort,
    order: isUp ? "" : order,
    seed: sort === SHUFFLED ? seed : "",
  });
}

/** The address of a video's page.
 * @param {string} url of the video in the API
 * @param {Params} [params] */
export function videoHref(url, params) {
  return href("video", params, url.replace(/^\/videos\//, ""));
}

/** The address of the page of the video at an absolute path; null where no folder that is served has it.
 * @param {string} path
 * @returns {string | null} */
export function pathHref(path) {
  const { roots } = store.state;
  const root = roots.find((one) => path.startsWith(`${one.replace(/\/$/, "")}/`));
  if (root === undefined) return null;
  const inRoot = path.slice(root.replace(/\/$/, "").length + 1);
  return `#/video/${encodedPath(inRoot)}${queryOf({ in: root === roots[0] ? "" : root })}`;
}

/** The path of a video in its library, percent-encoded as the API and addresses take it.
 * @param {string} path */
export const encodedPath = (path) =>
  path
    .split("/")
    .map((part) => encodeURIComponent(part.toWellFormed()))
    .join("/");

const LIBRARY = "library"; // in sessionStorage: how it was last looked at in this tab

/** How the library was last looked at; with an empty address where it was not.
 * @returns {Place & {address: string}} */
export function lastLibrary() {
  const nothing = { address: "", y: 0, focused: null };
  try {
    return { ...nothing, ...JSON.parse(sessionStorage.getItem(LIBRARY) ?? "{}") };
  } catch {
    return nothing; // another version of the page has written it
  }
}

/** The address of the library with the query and order that this folder was last looked at with. */
export function home() {
  const { address } = lastLibrary();
  const isOfFolder = (parse(address).params.get("in") ?? ".") === store.state.directory;
  return address && isOfFolder ? address : href(HOME);
}

/** Notes how the library is looked at now.
 * @param {Place & {address: string}} place */
export const keepLibrary = (place) => sessionStorage.setItem(LIBRARY, JSON.stringify(place));

/** @type {(route: Route) => void} */
let onRoute = () => {};
let hasMoved = false; // whether the page was left for another address since it was opened

/** Goes back to where one was in this page, or else to an address.
 * @param {string} address */
export function back(address) {
  if (hasMoved) history.back();
  else location.hash = address;
}

/** Goes to an address; with `replace` the way back does not pass the current one again.
 * @param {string} address
 * @param {{replace?: boolean}} [options] */
export function go(address, { replace = false } = {}) {
  if (address === location.hash) return;
  if (!replace) {
    location.hash = address;
    return;
  }
  history.replaceState(history.state, "", address);
  onRoute(parse());
}

/** Calls with every route from now on.
 * @param {(route: Route) => void} callback */
export function start(callback) {
  onRoute = callback;
  history.scrollRestoration = "manual";
  window.addEventListener("hashchange", () => {
    hasMoved = true;
    callback(parse());
  });
  window.addEventListener("scroll", remember, { passive: true });
  window.addEventListener("click", save, { capture: true });
  window.addEventListener("pagehide", save);
  callback(parse());
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** Stores the place with the entry of the history, once the scrolling ends. */
function remember() {
  clearTimeout(timer);
  const { hash } = location;
  timer = setTimeout(() => location.hash === hash && save(), 150);
}

const save = () => history.replaceState({ ...history.state, ...currentPlace() }, "");

/** @returns {Place} */
const scrolledPlace = () => ({ y: scrollY, focused: null });

let currentPlace = scrolledPlace;

/** Lets the view tell where one is in it until the signal: that is stored with each entry of the history.
 * @param {() => Place} callback
 * @param {AbortSignal} signal */
export function tellPlace(callback, signal) {
  currentPlace = callback;
  signal.addEventListener("abort", () => {
    if (currentPlace === callback) currentPlace = scrolledPlace;
  });
}

/** Where one was in this entry of the history when it was left.
 * @returns {Place} */
export const remembered = () => ({ y: 0, focused: null, ...history.state });
