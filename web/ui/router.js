// @ts-check
/** The address says what is seen: `#/view/path?parameters`. Paths stay percent-encoded as the server gave them. */

import { SHUFFLED, SORT } from "../data/query.js";
import { store } from "../data/store.js";

export const HOME = "library";

/** The route that an address names. */
export function parse(hash = location.hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [view, ...rest] = path.split("/");
  return { view: view || HOME, path: rest.join("/"), params: new URLSearchParams(query) };
}

/** The address of a view. */
export function href(view, params = {}, path = "") {
  const query = new URLSearchParams();
  const { directory } = store.state;
  if (directory !== ".") query.set("in", directory);
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, value);
  }
  const text = query.toString();
  return `#/${view}${path ? `/${path}` : ""}${text ? `?${text}` : ""}`;
}

/** The address of what the library shows, without what is the default.
 * @param {any} listing {q, sort, order, seed} */
export function addressOf({ q, sort, order, seed }) {
  const isUp = !order || order === "asc";
  return href(HOME, {
    q,
    sort: sort === SORT && isUp ? "" : sort,
    order: isUp ? "" : order,
    seed: sort === SHUFFLED ? seed : "",
  });
}

/** The address of a video's page, from its URL in a listing. */
export function videoHref(url, params) {
  return href("video", params, url.replace(/^\/videos\//, ""));
}

/** The address of the page of the video at an absolute path; null where no folder that is served has it. */
export function pathHref(path) {
  const { roots } = store.state;
  const root = roots.find((one) => path.startsWith(`${one.replace(/\/$/, "")}/`));
  if (root === undefined) return null;
  const parts = path.slice(root.replace(/\/$/, "").length + 1).split("/");
  const encoded = parts.map((part) => encodeURIComponent(part.toWellFormed())).join("/");
  const query = root === roots[0] ? "" : `?${new URLSearchParams({ in: root })}`;
  return `#/video/${encoded}${query}`;
}

const LIBRARY = "library"; // in sessionStorage: how it was last looked at in this tab

/** How the library was last looked at: {address, y, focused}, with an empty address where it was not. */
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

/** Notes how the library is looked at now: its address, how far it was scrolled, which card has the focus. */
export const keepLibrary = (place) => sessionStorage.setItem(LIBRARY, JSON.stringify(place));

/** @type {(route: {view: string, path: string, params: URLSearchParams}) => void} */
let changed = () => {};
let moved = false;

/** Goes back to where one was in this page, or else to an address. */
export function back(address) {
  if (moved) history.back();
  else location.hash = address;
}

/** Goes there; with `replace` the way back does not pass here again. */
export function go(address, { replace = false } = {}) {
  if (address === location.hash) return;
  if (!replace) {
    location.hash = address;
    return;
  }
  history.replaceState(history.state, "", address);
  changed(parse());
}

/** Calls with every route from now on. */
export function start(callback) {
  changed = callback;
  history.scrollRestoration = "manual";
  window.addEventListener("hashchange", () => {
    moved = true;
    callback(parse());
  });
  window.addEventListener("scroll", remember, { passive: true });
  window.addEventListener("click", save, { capture: true });
  window.addEventListener("pagehide", save);
  callback(parse());
}

let timer = 0;

/** Keeps with the entry of the history how far it was scrolled. */
function remember() {
  clearTimeout(timer);
  const here = location.hash;
  timer = setTimeout(() => location.hash === here && save(), 150);
}

const save = () => history.replaceState({ ...history.state, ...whereabouts() }, "");

let whereabouts = () => ({ y: scrollY, focused: null });

/** Lets the view tell where one is in it, {y, focused}, until the signal: that is kept with each entry of
 * the history. */
export function tellPlace(callback, signal) {
  whereabouts = callback;
  signal.addEventListener("abort", () => {
    if (whereabouts === callback) whereabouts = () => ({ y: scrollY, focused: null });
  });
}

/** Where one was in this entry of the history when it was left: {y, focused}. */
export const remembered = () => ({ y: 0, focused: null, ...history.state });
