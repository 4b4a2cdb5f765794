// @ts-check
/** The tree of folders beside the library, or over it as a drawer where there is little room (ARIA's tree). */

import { get } from "../data/api.js";
import { findAll, h, keyed, setText } from "../ui/dom.js";
import { count } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { button, failed } from "../ui/controls.js";

const PAGE = 500; // folders that are read at a time

/** The folders in one, by its path. */
async function foldersIn(path) {
  const folders = [];
  let page;
  do {
    page = await get("/folders", { below: path, depth: 1, offset: folders.length, limit: PAGE, ext: "*" });
    folders.push(...page.tree);
  } while (page.tree.length && folders.length < page.count);
  return { page, folders };
}

/** The paths of the folders that one is in, from the outside. */
const above = (path) => path.split("/").map((_, i, names) => names.slice(0, i).join("/"));

/** The tree; `go(path)` is called with the folder that is chosen, "" for all of them. Its `show(path)`
 * marks one and opens those that it is in, `read()` reads all again. */
export function folderTree({ go, close }) {
  const root = h("ul.tree", { role: "tree", "aria-label": "Folders" });
  const problem = h("div", {});
  const head = h(
    ".row.between",
    {},
    h("h2", {}, "Folders"),
    button("Close the folders", "close", close, { bare: true }),
  );
  const element = h("nav.folders-in", { "aria-label": "Folders" }, head, root, problem);
  const children = new Map(); // of the folders that were opened, by path
  const opened = new Set([""]);
  let current = "";
  let active = ""; // the one that the keyboard is at
  root.addEventListener("keydown", onKey);

  async function read() {
    try {
      const paths = [...opened];
      const answers = await Promise.all(paths.map(foldersIn));
      for (const [i, path] of paths.entries()) children.set(path, answers[i].folders);
      const { page } = answers[0];
      problem.replaceChildren();
      keyed(root, [{ ...page, path: "", name: "All videos" }], (folder) => folder.path, item, fill);
      mark();
    } catch (error) {
      problem.replaceChildren(failed(error, read));
    }
  }

  function item({ path }) {
    const twist = h(
      "span.twist",
      { onclick: (event) => (event.stopPropagation(), flip(path)) },
      icon("down"),
    );
    const label = h("span.name", { dir: "auto" });
    const row = h(
      ".folder-row",
      { onclick: () => choose(path) },
      twist,
      icon("folder"),
      label,
      h("span.dim.count", {}),
    );
    return h("li", { role: "treeitem", tabindex: "-1", dataset: { path } }, row);
  }

  function fill(element, folder) {
    const { path, name, total } = folder;
    setText(element.querySelector(".name"), name);
    setText(element.querySelector(".count"), count(total));
    element.setAttribute("aria-label", `${name}, ${count(total)}`);
    element.classList.toggle("leaf", !folder.folders || path === "");
    const isOpen = opened.has(path);
    if (folder.folders) element.setAttribute("aria-expanded", String(isOpen));
    else element.removeAttribute("aria-expanded");
    let group = element.querySelector(":scope > ul");
    if (!group) element.append((group = h("ul", { role: "group" })));
    group.hidden = !isOpen;
    if (isOpen) keyed(group, children.get(path) ?? [], (child) => child.path, item, fill);
  }

  async function flip(path, isWanted = !opened.has(path)) {
    if (path === "") return;
    if (isWanted) opened.add(path);
    else opened.delete(path);
    if (!isWanted && active.startsWith(`${path}/`)) active = path;
    await read();
  }

  function choose(path) {
    active = path;
    mark();
    go(path);
  }

  /** What can be walked through, from top to bottom. */
  const shownItems = () => findAll(root, "[role=treeitem]").filter((item) => !item.closest("ul[hidden]"));

  function mark() {
    const items = shownItems();
    if (!items.some((one) => one.dataset.path === active)) active = "";
    for (const one of items) {
      one.tabIndex = one.dataset.path === active ? 0 : -1;
      one.setAttribute("aria-selected", String(one.dataset.path === current));
    }
  }

  /** Brings the keyboard to an item of the tree.
   * @param {Element | null | undefined} item */
  function focus(item) {
    if (!(item instanceof HTMLElement)) return;
    active = item.dataset.path ?? "";
    mark();
    item.focus();
    item.firstElementChild?.scrollIntoView({ block: "nearest" });
  }

  function onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const items = shownItems();
    const at = items.findIndex((one) => one.dataset.path === active);
    const element = items[at];
    const expanded = element?.getAttribute("aria-expanded");
    const keys = {
      ArrowDown: () => focus(items[at + 1]),
      ArrowUp: () => focus(items[at - 1]),
      Home: () => focus(items[0]),
      End: () => focus(items.at(-1)),
      ArrowRight: () => (expanded === "false" ? flip(active, true) : expanded && focus(items[at + 1])),
      ArrowLeft: () =>
        expanded === "true" && active
          ? flip(active, false)
          : focus(element?.parentElement?.closest("[role=treeitem]")),
      Enter: () => choose(active),
      " ": () => choose(active),
    };
    const begins = (one) =>
      one.querySelector(".name").textContent.toLowerCase().startsWith(event.key.toLowerCase());
    if (Object.hasOwn(keys, event.key)) keys[event.key]();
    else if (event.key.length === 1) focus([...items.slice(at + 1), ...items.slice(0, at)].find(begins));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  async function show(path) {
    const isOther = path !== current || !root.children.length;
    current = path;
    if (!isOther) return;
    active = path;
    for (const folder of above(path)) opened.add(folder);
    await read();
  }

  return { element, show, read, focus: () => focus(shownItems().find((one) => one.tabIndex === 0)) };
}

/** Shows the tree in an element: beside the library, or where that is narrow as a drawer over it. `current()`
 * is the folder that is looked at. */
export function folderPanel(side, { go, current, opener, wide, isOpen, signal }) {
  const tree = folderTree({
    go: (path) => {
      if (!wide.matches) hide();
      go(path);
    },
    close: () => (hide(), opener.focus()),
  });
  side.replaceChildren(tree.element);

  function hide() {
    if (side.matches(":popover-open")) side.hidePopover();
    else side.hidden = true;
    tell();
  }

  async function open() {
    side.hidden = false;
    side.popover = wide.matches ? null : "auto";
    if (!wide.matches) side.showPopover();
    tell();
    await tree.show(current());
  }

  /** Tells whether the tree is there; what stands beside the library stays for the next time. */
  function tell() {
    const isShown = !side.hidden && (side.popover === null || side.matches(":popover-open"));
    opener.setAttribute("aria-expanded", String(isShown));
    if (wide.matches) isOpen(isShown);
  }

  const onWide = () => (hide(), (side.popover = null));
  wide.addEventListener("change", onWide, { signal });
  side.addEventListener("toggle", tell);

  async function toggle() {
    const isShown = opener.getAttribute("aria-expanded") === "true";
    if (isShown) return hide();
    await open();
    return tree.focus();
  }

  return {
    open,
    toggle,
    show: () => side.hidden || tree.show(current()),
    read: () => side.hidden || tree.read(),
  };
}
