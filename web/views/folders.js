// @ts-check
/** The tree of folders beside the library, or over it as a drawer where there is little room (ARIA's tree). */

import { get } from "../data/api.js";
import { find, findAll, h, keyed, setText } from "../ui/dom.js";
import { count } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { button, failed } from "../ui/controls.js";

/** @import * as api from "../data/api-types.d.ts" */

const PAGE = 500; // folders that are read at a time
const ITEM = "[role=treeitem]";

/** The folders in one, by its path, and what is told of that one.
 * @param {string} path */
async function foldersIn(path) {
  /** @type {api.FolderOut[]} */
  const folders = [];
  /** @type {api.FoldersOut} */
  let page;
  do {
    page = await get("/folders", { below: path, depth: 1, offset: folders.length, limit: PAGE, ext: "*" });
    folders.push(...page.tree);
  } while (page.tree.length && folders.length < page.count);
  return { page, folders };
}

/** The paths of the folders that one is in, from the outside.
 * @param {string} path */
const above = (path) => path.split("/").map((_, i, names) => names.slice(0, i).join("/"));

/** The tree: folders that were opened, the one that is looked at, and the one that the keyboard is at. */
class FolderTree {
  #root = h("ul.tree", { role: "tree", "aria-label": "Folders" });
  #problem = h("div", {});
  /** @type {Map<string, api.FolderOut[]>} */
  #children = new Map(); // of the folders that were opened, by path
  #opened = new Set([""]);
  #current = "";
  #active = "";

  /**
   * @param {(path: string) => unknown} go called with the folder that is chosen, "" for all of them
   * @param {() => unknown} close
   */
  constructor(go, close) {
    this.go = go;
    const closer = button("Close the folders", "close", close, { bare: true });
    const head = h(".row.between", {}, h("h2", {}, "Folders"), closer);
    this.element = h("nav.folders-in", { "aria-label": "Folders" }, head, this.#root, this.#problem);
    this.#root.addEventListener("keydown", (event) => this.onKey(event));
  }

  /** Marks a folder, and opens those that it is in.
   * @param {string} path */
  async show(path) {
    const isOther = path !== this.#current || !this.#root.children.length;
    this.#current = path;
    if (!isOther) return;
    this.#active = path;
    for (const folder of above(path)) this.#opened.add(folder);
    await this.read();
  }

  /** Reads all folders that are shown again. */
  async read() {
    try {
      const paths = [...this.#opened];
      const answers = await Promise.all(paths.map(foldersIn));
      for (const [i, path] of paths.entries()) this.#children.set(path, answers[i].folders);
      const { page } = answers[0];
      this.#problem.replaceChildren();
      this.fillGroup(this.#root, [{ ...page, path: "", name: "All videos" }]);
      this.mark();
    } catch (error) {
      this.#problem.replaceChildren(failed(error, () => this.read()));
    }
  }

  /** @type {(group: HTMLElement, folders: api.FolderOut[]) => void} */
  fillGroup(group, folders) {
    keyed(
      group,
      folders,
      ({ path }) => path,
      (folder) => this.item(folder),
      (element, folder) => this.fill(element, folder),
    );
  }

  /** @param {api.FolderOut} folder */
  item({ path }) {
    const flip = (/** @type {MouseEvent} */ event) => {
      event.stopPropagation();
      this.flip(path);
    };
    const row = h(
      ".folder-row",
      { onclick: () => this.choose(path) },
      h("span.twist", { onclick: flip }, icon("down")),
      icon("folder"),
      h("span.name", { dir: "auto" }),
      h("span.dim.count", {}),
    );
    const group = h("ul", { role: "group" });
    return h("li", { role: "treeitem", tabindex: "-1", dataset: { path } }, row, group);
  }

  /** @type {(element: HTMLElement, folder: api.FolderOut) => void} */
  fill(element, { path, name, total, folders }) {
    setText(find(element, ".name"), name);
    setText(find(element, ".count"), count(total));
    element.setAttribute("aria-label", `${name}, ${count(total)}`);
    element.classList.toggle("leaf", !folders || path === "");
    const isOpen = this.#opened.has(path);
    if (folders) element.setAttribute("aria-expanded", String(isOpen));
    else element.removeAttribute("aria-expanded");
    const group = find(element, ":scope > ul");
    group.hidden = !isOpen;
    if (isOpen) this.fillGroup(group, this.#children.get(path) ?? []);
  }

  /** Opens a folder, or closes it.
   * @param {string} path
   * @param {boolean} [isWanted] the other of what it is by default */
  async flip(path, isWanted = !this.#opened.has(path)) {
    if (path === "") return;
    if (isWanted) this.#opened.add(path);
    else this.#opened.delete(path);
    if (!isWanted && this.#active.startsWith(`${path}/`)) this.#active = path;
    await this.read();
  }

  /** @param {string} path */
  choose(path) {
    this.#active = path;
    this.mark();
    this.go(path);
  }

  /** What can be walked through, from top to bottom. */
  get shownItems() {
    return findAll(this.#root, ITEM).filter((item) => !item.closest("ul[hidden]"));
  }

  /** Shows which folder is looked at, and lets the keyboard reach the one that it is at. */
  mark() {
    const items = this.shownItems;
    if (!items.some((item) => item.dataset.path === this.#active)) this.#active = "";
    for (const item of items) {
      item.tabIndex = item.dataset.path === this.#active ? 0 : -1;
      item.setAttribute("aria-selected", String(item.dataset.path === this.#current));
    }
  }

  /** Brings the keyboard to an item of the tree.
   * @param {Element | null | undefined} item the one that it was at by default */
  focus(item = this.shownItems.find(({ tabIndex }) => tabIndex === 0)) {
    if (!(item instanceof HTMLElement)) return;
    this.#active = item.dataset.path ?? "";
    this.mark();
    item.focus();
    item.firstElementChild?.scrollIntoView({ block: "nearest" });
  }

  /** Walks through the tree, or to the next folder whose name begins with a letter.
   * @param {KeyboardEvent} event */
  onKey(event) {
    const { key } = event;
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const walk = this.walks[key];
    if (walk) walk();
    else if (key.length === 1) this.focusNamed(key.toLowerCase());
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** What keys do, where the keyboard is now.
   * @returns {Partial<Record<string, () => unknown>>} */
  get walks() {
    const items = this.shownItems;
    const at = items.findIndex((item) => item.dataset.path === this.#active);
    const to = (/** @type {number} */ i) => this.focus(items[i] ?? null);
    const expanded = items[at]?.getAttribute("aria-expanded");
    const choose = () => this.choose(this.#active);
    return {
      ArrowDown: () => to(at + 1),
      ArrowUp: () => to(at - 1),
      Home: () => to(0),
      End: () => to(items.length - 1),
      ArrowRight: () => (expanded === "false" ? this.flip(this.#active, true) : expanded && to(at + 1)),
      ArrowLeft: () => {
        const isOpen = expanded === "true" && this.#active;
        return isOpen ? this.flip(this.#active, false) : this.focus(parentItem(items[at]));
      },
      Enter: choose,
      " ": choose,
    };
  }

  /** Goes to the next folder whose name begins with some letters, from the first one again after the last.
   * @param {string} beginning in small letters */
  focusNamed(beginning) {
    const items = this.shownItems;
    const at = items.findIndex((item) => item.dataset.path === this.#active);
    const name = (/** @type {HTMLElement} */ item) => find(item, ".name").textContent ?? "";
    const others = [...items.slice(at + 1), ...items.slice(0, at)];
    this.focus(others.find((item) => name(item).toLowerCase().startsWith(beginning)) ?? null);
  }
}

/** The item of the folder that another is in; null for the outermost.
 * @param {HTMLElement | undefined} item */
const parentItem = (item) => item?.parentElement?.closest(ITEM) ?? null;

/** What the panel of folders is given: what it calls with the folder that is chosen, which one is looked at,
 * the button that opens it, whether there is room beside the library, and what notes that it stands there.
 * @typedef {object} FolderPanelOptions
 * @property {(path: string) => unknown} go
 * @property {() => string} current
 * @property {HTMLElement} opener
 * @property {MediaQueryList} wide
 * @property {(isOpen: boolean) => unknown} noteOpen
 * @property {AbortSignal} signal */

/** Shows the tree in an element: beside the library, or where that is narrow as a drawer over it. */
class FolderPanel {
  /**
   * @param {HTMLElement} side
   * @param {FolderPanelOptions} options
   */
  constructor(side, { go, current, opener, wide, noteOpen, signal }) {
    this.side = side;
    this.current = current;
    this.opener = opener;
    this.wide = wide;
    this.noteOpen = noteOpen;
    const choose = (/** @type {string} */ path) => {
      if (!wide.matches) this.hide();
      go(path);
    };
    const close = () => {
      this.hide();
      opener.focus();
    };
    this.tree = new FolderTree(choose, close);
    side.replaceChildren(this.tree.element);
    const onWide = () => {
      this.hide();
      side.popover = null;
    };
    wide.addEventListener("change", onWide, { signal });
    side.addEventListener("toggle", () => this.tell());
  }

  hide() {
    if (this.side.matches(":popover-open")) this.side.hidePopover();
    else this.side.hidden = true;
    this.tell();
  }

  async open() {
    const { side, wide } = this;
    side.hidden = false;
    side.popover = wide.matches ? null : "auto";
    if (!wide.matches) side.showPopover();
    this.tell();
    await this.tree.show(this.current());
  }

  /** Tells whether the tree is there; what stands beside the library stays for the next time. */
  tell() {
    const { side } = this;
    const isShown = !side.hidden && (side.popover === null || side.matches(":popover-open"));
    this.opener.setAttribute("aria-expanded", String(isShown));
    if (this.wide.matches) this.noteOpen(isShown);
  }

  async toggle() {
    if (this.opener.getAttribute("aria-expanded") === "true") {
      this.hide();
      return;
    }
    await this.open();
    this.tree.focus();
  }

  /** Marks the folder that is looked at now. */
  show() {
    if (!this.side.hidden) this.tree.show(this.current());
  }

  /** Reads again which folders there are. */
  read() {
    if (!this.side.hidden) this.tree.read();
  }
}

/** Shows the tree of folders in an element.
 * @param {HTMLElement} side
 * @param {FolderPanelOptions} options */
export const folderPanel = (side, options) => new FolderPanel(side, options);
