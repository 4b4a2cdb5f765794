// @ts-check
/** Videos as a list: a row for each with its facts in columns, whose headings sort. */

import { cardPicture } from "../data/pictures.js";
import { h, listenForMenu, setText } from "../ui/dom.js";
import {
  clock,
  codecName,
  day,
  faultOf,
  folderPathOf,
  percent,
  resolution,
  size,
  title,
} from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { videoHref } from "../ui/router.js";
import { setFavourite } from "./favourite.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { Anchor } from "../ui/dom.js" */
/** @import { Grid, GridLayout } from "./grid.js" */
/** @import { SelectVideo } from "./selecting.js" */

const ROW = 56; // pixels, the height of a row
const PICTURE = 192; // and the width of its picture

/** An order of the API; "" for none.
 * @typedef {NonNullable<api.SavedSearchIn["sort"]> | ""} Order */

/** The heading of a column: its class, its text, the order that it asks for, and the direction that comes first.
 * @typedef {{name: string, heading: string, order: Order, first: "asc" | "desc"}} Heading */

/** A column, and what stands in it.
 * @typedef {Heading & {text: (row: api.VideoRowOut) => string}} Column */

/** @type {(name: string, heading: string, order: Order, text: Column["text"]) => Column} */
const column = (name, heading, order, text) => ({ name, heading, order, first: "desc", text });

/** The columns behind the name. */
const COLUMNS = [
  column("length", "Length", "duration", (row) => clock(row.duration)),
  column("size", "Size", "size", (row) => size(row.size)),
  column("resolution", "Resolution", "height", (row) => resolution(row.width, row.height)),
  column("codec", "Codec", "", (row) => codecName(row.vcodec)),
  column("added", "Added", "added", (row) => day(row.mtime)),
  column("rating", "Rating", "rating", (row) => opinionText(row)),
  column("seen", "Watched", "played", (row) => watchedText(row.playback)),
];
const BRIEF = ["length", "resolution", "size"]; // the columns whose texts are a line where there is little room

/** @type {Heading[]} */
const HEADINGS = [{ name: "title-cell", heading: "Name", order: "title", first: "asc" }, ...COLUMNS];

/** What one thinks of a video: whether it is a favourite, and its rating.
 * @param {api.VideoRowOut} row */
function opinionText({ favourite, rating }) {
  return [favourite && "♥", rating && `★ ${rating}`].filter(Boolean).join(" ");
}

/** Whether a video was watched, or how far.
 * @param {api.VideoRowOut["playback"]} playback */
function watchedText(playback) {
  if (playback?.watched) return "Watched";
  return playback?.progress ? percent(playback.progress) : "";
}

/** A row that a Grid places; it has what a card has. */
class Row {
  /** @type {api.VideoRowOut | null} */
  row = null;
  image = h("img", {
    alt: "",
    decoding: "async",
    draggable: "false",
    hidden: true,
    onerror: () => (this.image.hidden = true),
  });
  name = h("span.name", { dir: "auto" });
  folder = h("span.dim", { dir: "auto" });
  brief = h("span.dim.brief", {}); // the facts in a line, where there is no room for columns
  open = h(
    "a.open",
    { draggable: "false" },
    h(".thumb", {}, icon("film"), this.image),
    h("span.words", {}, this.name, this.folder, this.brief),
  );
  check = h("input", {
    type: "checkbox",
    tabindex: "-1",
    onclick: (/** @type {MouseEvent} */ event) => this.select(this, event.shiftKey),
  });
  cells = COLUMNS.map(({ name }) => h(`span.${name}`, { role: "cell" }));
  element = h(
    ".video-row",
    { role: "row" },
    h("span.pick-cell", { role: "cell" }, this.check),
    h("span.title-cell", { role: "cell" }, this.open),
    ...this.cells,
  );

  /** @param {SelectVideo} select */
  constructor(select) {
    this.select = select;
    listenForMenu(this.element, (at) => this.showMenu(at));
    this.open.addEventListener("click", (event) => !this.row && event.preventDefault());
    this.open.addEventListener("keydown", (event) => this.onKey(event));
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (!this.row) return;
    if (event.key === "h" && !event.repeat) setFavourite(this.row, !this.row.favourite);
    if (event.key !== " ") return;
    event.preventDefault();
    this.check.checked = !this.check.checked;
    this.select(this, event.shiftKey);
  }

  /** @param {Anchor} at */
  async showMenu(at) {
    const { showCardMenu } = await import("./card-menu.js");
    if (this.row && this.element.isConnected) showCardMenu(this.row, at);
  }

  /** @param {number} i */
  clear(i) {
    this.row = null;
    this.place(i);
    this.element.classList.add("blank");
    this.open.removeAttribute("href");
    this.image.hidden = true;
    this.image.removeAttribute("src");
  }

  /** @type {(row: api.VideoRowOut, i: number, total: number | null, isSelected: boolean) => void} */
  fill(row, i, _total, isSelected) {
    this.row = row;
    this.place(i);
    this.element.classList.remove("blank");
    this.open.href = videoHref(row.url);
    const picture = cardPicture(row, PICTURE);
    if ((this.image.getAttribute("src") ?? "") !== picture) {
      if (picture) this.image.src = picture;
      else this.image.removeAttribute("src");
      this.image.hidden = !picture;
    }
    setText(this.name, title(row.name));
    this.name.title = row.path;
    const { why } = faultOf(row);
    setText(this.folder, why || folderPathOf(row.path));
    this.folder.classList.toggle("bad", Boolean(why));
    this.folder.title = why;
    for (const [n, { text }] of COLUMNS.entries()) setText(this.cells[n], text(row));
    const brief = BRIEF.map((name) => COLUMNS.find((one) => one.name === name)?.text(row));
    setText(this.brief, brief.filter(Boolean).join(" · "));
    this.check.checked = isSelected;
    this.check.setAttribute("aria-label", `Select ${row.name}`);
    this.element.classList.toggle("chosen", isSelected);
  }

  /** @param {number} i */
  place(i) {
    this.element.setAttribute("aria-rowindex", String(i + 2)); // the first has the headings
    this.element.classList.toggle("odd", i % 2 === 1);
  }
}

/** @type {(width: number) => GridLayout} */
const layout = (width) => ({ columns: 1, gap: 0, cardWidth: width, cardHeight: ROW });

/** How rows are made, and where they stand.
 * @typedef {{create: () => Row, layout: (width: number) => GridLayout}} RowOptions */

/** What a list asks of the library: to select, to sort, and to make the grid that fills it.
 * @typedef {object} ListActions
 * @property {SelectVideo} select
 * @property {(order: Order, direction: string) => unknown} sort
 * @property {(host: HTMLElement, options: RowOptions) => Grid<Row>} grid */

/** The rows below their headings. */
class VideoList {
  #sorted = { sort: "", order: "" };
  #host = h(".rows", { role: "rowgroup" });
  #headings = HEADINGS.map((heading) => this.#heading(heading));
  element = h(
    ".list",
    { role: "table", "aria-label": "Videos" },
    h(
      "div",
      { role: "rowgroup" },
      h(
        ".list-head",
        { role: "row", "aria-rowindex": "1" },
        h("span.pick-cell", { role: "columnheader" }, h("span.hidden", {}, "Selected")),
        ...this.#headings,
      ),
    ),
    this.#host,
  );

  /** @param {ListActions} actions */
  constructor({ select, sort, grid }) {
    this.sort = sort;
    this.grid = grid(this.#host, { create: () => new Row(select), layout });
  }

  /** @param {Heading} heading */
  #heading({ name, heading, order, first }) {
    const flip = () => {
      const { sort: sorted, order: direction } = this.#sorted;
      this.sort(order, sorted !== order ? first : direction === "asc" ? "desc" : "asc");
    };
    const content = order
      ? h("button", { type: "button", onclick: flip }, h("span", {}, heading), icon("down"))
      : heading;
    return h(`span.${name}`, { role: "columnheader" }, content);
  }

  /** Marks the heading by which the rows are sorted, and tells how many there are.
   * @param {{sort: string, order: string}} sorted
   * @param {number | null} total */
  show(sorted, total) {
    this.#sorted = sorted;
    this.element.setAttribute("aria-rowcount", String(total === null ? -1 : total + 1));
    for (const [n, { order }] of HEADINGS.entries()) {
      const cell = this.#headings[n];
      if (order && order === sorted.sort)
        cell.setAttribute("aria-sort", sorted.order === "asc" ? "ascending" : "descending");
      else cell.removeAttribute("aria-sort");
    }
  }
}

/** The list: its element, the grid in it, and `show`, which tells how it is sorted.
 * @param {ListActions} actions */
export const videoList = (actions) => new VideoList(actions);
