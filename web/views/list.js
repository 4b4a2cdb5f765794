// @ts-check
/** Videos as a list: a row for each with its facts in columns, whose headings sort. */

import { cardPicture } from "../data/pictures.js";
import { h, listenForMenu, setText } from "../ui/dom.js";
import { clock, codecName, day, folderPathOf, percent, resolution, size, title } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { videoHref } from "../ui/router.js";
import { setFavourite } from "./favourite.js";
import { faultOf } from "./card.js";

/** @import * as api from "../data/api-types.d.ts" */

const ROW = 56; // pixels, the height of a row
const PICTURE = 192; // and the width of its picture

/** The heading of a column: class, text, order in the API, the direction that comes first.
 * @typedef {[string, string, api.SavedSearchIn["sort"] | "", string]} Heading */

/** The columns behind the name: [class, heading, its order in the API, the direction that comes first, text of a row].
 * @type {[string, string, api.SavedSearchIn["sort"] | "", string, (row: api.VideoRowOut) => string][]} */
const COLUMNS = [
  ["length", "Length", "duration", "desc", (row) => clock(row.duration)],
  ["size", "Size", "size", "desc", (row) => size(row.size)],
  ["resolution", "Resolution", "height", "desc", (row) => resolution(row.width, row.height)],
  ["codec", "Codec", "", "", (row) => codecName(row.vcodec)],
  ["added", "Added", "added", "desc", (row) => day(row.mtime)],
  ["rating", "Rating", "rating", "desc", (row) => opinionText(row)],
  ["seen", "Watched", "played", "desc", (row) => watchedText(row.playback)],
];

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
  constructor(select) {
    this.row = null;
    this.image = h("img", {
      alt: "",
      decoding: "async",
      draggable: "false",
      hidden: true,
      onerror: () => (this.image.hidden = true),
    });
    this.name = h("span.name", { dir: "auto" });
    this.folder = h("span.dim", { dir: "auto" });
    this.brief = h("span.dim.brief", {}); // the facts in a line, where there is no room for columns
    this.open = h(
      "a.open",
      { draggable: "false" },
      h(".thumb", {}, icon("film"), this.image),
      h("span.words", {}, this.name, this.folder, this.brief),
    );
    this.check = h("input", {
      type: "checkbox",
      tabindex: "-1",
      onclick: (event) => select(this, event.shiftKey),
    });
    this.cells = COLUMNS.map(([name]) => h(`span.${name}`, { role: "cell" }));
    this.element = h(
      ".video-row",
      { role: "row" },
      h("span.pick-cell", { role: "cell" }, this.check),
      h("span.title-cell", { role: "cell" }, this.open),
      ...this.cells,
    );
    listenForMenu(this.element, (at) => this.showMenu(at));
    this.open.addEventListener("click", (event) => !this.row && event.preventDefault());
    this.open.addEventListener("keydown", (event) => {
      if (event.key === "h" && !event.repeat && this.row) setFavourite(this.row, !this.row.favourite);
      if (event.key !== " " || !this.row) return;
      event.preventDefault();
      this.check.checked = !this.check.checked;
      select(this, event.shiftKey);
    });
  }

  async showMenu(at) {
    const { showCardMenu } = await import("./card-menu.js");
    if (this.row && this.element.isConnected) showCardMenu(this.row, at);
  }

  clear(i) {
    this.row = null;
    this.place(i);
    this.element.classList.add("blank");
    this.open.removeAttribute("href");
    this.image.hidden = true;
    this.image.removeAttribute("src");
  }

  fill(row, i, _total, chosen) {
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
    const texts = COLUMNS.map(([, , , , text]) => text(row));
    for (const [n, text] of texts.entries()) setText(this.cells[n], text);
    const brief = ["length", "resolution", "size"].map(
      (name) => texts[COLUMNS.findIndex(([one]) => one === name)],
    );
    setText(this.brief, brief.filter(Boolean).join(" · "));
    this.check.checked = chosen;
    this.check.setAttribute("aria-label", `Select ${row.name}`);
    this.element.classList.toggle("chosen", chosen);
  }

  place(i) {
    this.element.setAttribute("aria-rowindex", String(i + 2)); // the first has the headings
    this.element.classList.toggle("odd", i % 2 === 1);
  }
}

const layout = (width) => ({ columns: 1, gap: 0, cardWidth: width, cardHeight: ROW });

/** The list: {element, grid, show}. `sort(sort, order)` is called with what a heading asks for, `grid(host,
 * options)` makes the Grid that fills it. */
export function videoList({ select, sort, grid }) {
  let shown = { sort: "", order: "" };
  /** @type {Heading[]} */
  const headings = [
    ["title-cell", "Name", "title", "asc"],
    ...COLUMNS.map(([name, text, order, first]) => /** @type {Heading} */ ([name, text, order, first])),
  ];
  const cells = headings.map(([name, text, order, first]) => {
    const flip = () => sort(order, shown.sort !== order ? first : shown.order === "asc" ? "desc" : "asc");
    const content = order
      ? h("button", { type: "button", onclick: flip }, h("span", {}, text), icon("down"))
      : text;
    return h(`span.${name}`, { role: "columnheader" }, content);
  });
  const head = h(
    ".list-head",
    { role: "row", "aria-rowindex": "1" },
    h("span.pick-cell", { role: "columnheader" }, h("span.hidden", {}, "Selected")),
    ...cells,
  );
  const host = h(".rows", { role: "rowgroup" });
  const element = h(
    ".list",
    { role: "table", "aria-label": "Videos" },
    h("div", { role: "rowgroup" }, head),
    host,
  );

  /** Marks the heading by which the rows are sorted, and tells how many there are. */
  function show(query, total) {
    shown = query;
    element.setAttribute("aria-rowcount", String(total === null ? -1 : total + 1));
    for (const [n, [, , order]] of headings.entries()) {
      const isSorted = order && order === query.sort;
      if (isSorted) cells[n].setAttribute("aria-sort", query.order === "asc" ? "ascending" : "descending");
      else cells[n].removeAttribute("aria-sort");
    }
  }

  return { element, grid: grid(host, { create: () => new Row(select), layout }), show };
}
