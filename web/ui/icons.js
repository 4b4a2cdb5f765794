// @ts-check
/** Line icons, 24 units wide. */

/** @type {Record<string, string>} */
const PATHS = {
  library: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
  people:
    "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c.4-3.6 3-5.5 6.500-5.500s6.100 1.900 6.500 5.500M16 4.500a3.300 3.300 0 0 1 0 6.300M17.500 14.800c2.400.6 3.700 2.400 4 5.200",
  duplicates: "M8 8h12v12H8zM16 8V4H4v12h4",
  jobs: "M4 12h3l2.500-7 5 14 2.500-7h3",
  report: "M4 20V10M10 20V4M16 20v-7M21 20H3",
  search: "M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM15.500 15.500 20 20",
  close: "M6 6l12 12M18 6 6 18",
  check: "M5 12.500l4.500 4.500L19 7.500",
  down: "M6 9l6 6 6-6",
  up: "M6 15l6-6 6 6",
  sort: "M4 7h16M7 12h10M10 17h4",
  filter: "M4 5h16l-6.500 7.500V19l-3-1.500v-5z",
  bookmark: "M7 4h10v16l-5-4-5 4z",
  shuffle:
    "M4 7h3c5 0 5 10 10 10h3M17 14l3 3-3 3M4 17h3c2 0 3.200-1.600 4.200-3.400M12.800 10.400C13.800 8.600 15 7 17 7h3M17 4l3 3-3 3",
  list: "M4 6h2M9 6h11M4 12h2M9 12h11M4 18h2M9 18h11",
  plus: "M12 5v14M5 12h14",
  star: "M12 3.500l2.600 5.400 5.900.8-4.300 4.100 1.050 5.900L12 16.900l-5.250 2.800 1.050-5.900-4.300-4.100 5.900-.8z",
  heart:
    "M12 20.500C5 15.500 3 12.300 3 9a4.500 4.500 0 0 1 9-1 4.500 4.500 0 0 1 9 1c0 3.300-2 6.500-9 11.500z",
  tag: "M4 4h8l8 8-8 8-8-8zM8.500 8.500h.01",
  run: "M7 5l12 7-12 7z",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2",
  moon: "M20 14.500A8 8 0 0 1 9.500 4a8 8 0 1 0 10.500 10.500z",
  back: "M19 12H5M11 6l-6 6 6 6",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
  undo: "M8 5L4 9l4 4M4 9h10a6 6 0 0 1 0 12H9",
  merge: "M6 4v5c0 4 6 3 6 7v4M18 4v5c0 4-6 3-6 7",
  split: "M12 4v5c0 4-6 4-6 11M12 9c0 4 6 4 6 11",
  hide: "M3 12s3.500-6 9-6 9 6 9 6-3.500 6-9 6-9-6-9-6zM4 20 20 4",
  warn: "M12 4l9 16H3zM12 10v4M12 17h.01",
  folder: "M3 6h6l2 2h10v11H3z",
  film: "M3 5h18v14H3zM7 5v14M17 5v14M3 9.700h4M3 14.300h4M17 9.700h4M17 14.300h4",
  key: "M8 15a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 11h9v4M17 11v3",
  keyboard: "M3 7h18v11H3zM7 11h.01M11 11h.01M15 11h.01M8 14.500h8",
  previous: "M7 5v14M19 5L9 12l10 7z",
  next: "M17 5v14M5 5l10 7-10 7z",
  theatre: "M2.500 6h19v12h-19zM6 21h12",
  flag: "M6 21V4h12l-2.500 4.500L18 13H6",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  more: "M5 12h.01M12 12h.01M19 12h.01",
};

const SVG = "http://www.w3.org/2000/svg";

/** An icon, which says nothing to screen readers.
 * @param {string} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
