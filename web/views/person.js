// @ts-check
/** One person in words and pictures. */

import { address } from "../data/api.js";
import { h } from "../ui/dom.js";
import { clock, plural } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { href } from "../ui/router.js";

/** @import * as api from "../data/api-types.d.ts" */

/** The address of a person's page.
 * @param {Pick<api.PersonOut, "id">} one */
export const personHref = ({ id }) => href("people", {}, String(id));

/** @param {Pick<api.PersonOut, "label">} one */
export const nameOf = ({ label }) => label ?? "Somebody unnamed";

/** Whether the gallery found several names for somebody, or one that is not sure.
 * @param {api.PersonOut} one */
export const isUndecided = ({ label, ambiguous }) => !label && ambiguous.length > 0;

/** A picture of a face, or what stands for one.
 * @param {string | null} url */
export const faceOf = (url) =>
  url ? h("img", { src: address(url), alt: "", loading: "lazy" }) : icon("people");

/** @param {number[][]} intervals */
const seconds = (intervals) => intervals.reduce((sum, [from, to]) => sum + to - from, 0);

/** In how many films a person is, and for how long.
 * @param {api.PersonOut} one */
export function summary({ occurrences }) {
  const films = new Set(occurrences.map(({ video }) => video)).size;
  const length = occurrences.reduce((sum, { intervals }) => sum + seconds(intervals), 0);
  return `${plural(films, "video")} · ${clock(length)}`;
}
