// @ts-check
/** The people of a film: who they are, and when they are seen. */

import { address, get } from "../data/api.js";
import { h, keyed } from "../ui/dom.js";
import { clock, plural } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { href } from "../ui/router.js";

/** @import * as api from "../data/api-types.d.ts" */

/** A person of a film, with what they are called and the colour of their strip.
 * @typedef {api.VideoPersonOut & {name: string, colour: string}} ShownPerson */

const TURN = 137.5; // degrees between the hues of two people, the golden angle: neighbours differ

/** @param {number} i */
const colourOf = (i) => `hsl(${Math.round(i * TURN + 35) % 360} 80% 62%)`;

/** What a row of people does: plays from a time in seconds, tells where the film is, and tells who is in it.
 * @typedef {object} PresenceActions
 * @property {(seconds: number) => unknown} jump
 * @property {() => number} now
 * @property {(people: ShownPerson[]) => unknown} tell */

/** The next beginning of these intervals after a time, the first one again after the last.
 * @param {number[][]} intervals
 * @param {number} time in seconds */
export function nextAppearance(intervals, time) {
  const begins = intervals.map(([from]) => from);
  return begins.find((from) => from > time + 0.5) ?? begins[0];
}

/** A row of the people in a film, each with a button that leads to their next appearance.
 * @param {PresenceActions} actions
 * @param {AbortSignal} signal */
export function presenceRow({ jump, now, tell }, signal) {
  const element = h("ul.people-here", { "aria-label": "People", hidden: true });

  /** @param {{url: string, artifacts?: api.VideoRowOut["artifacts"]}} details of the film */
  async function show(details) {
    /** @type {api.VideoPersonOut[]} */
    let people = [];
    try {
      if (details.artifacts?.faces) ({ people } = await get(`${details.url}/faces`, {}, signal));
    } catch {
      // the people are an extra: the list of artifacts says that there are faces
    }
    if (signal.aborted) return;
    const shown = people.map((one, i) => ({ ...one, name: nameOf(one), colour: colourOf(i) }));
    element.hidden = !shown.length;
    keyed(element, shown, ({ signature, name }) => `${signature} ${name}`, item);
    tell(shown);
  }

  /** @param {ShownPerson} shown */
  function item({ person, name, picture, intervals, colour }) {
    const face = picture ? h("img", { src: address(picture), alt: "", loading: "lazy" }) : icon("people");
    const who =
      person !== null
        ? h("a", { href: href("people", {}, String(person)), dir: "auto" }, name)
        : h("span.dim", {}, name);
    const times = intervals.map(([from, to]) => `${clock(from)} to ${clock(to)}`).join(", ");
    const onclick = () => jump(nextAppearance(intervals, now()));
    const label = `${name}, next appearance`;
    const go = h(
      "button.moment",
      { type: "button", "aria-label": label, title: times, onclick },
      plural(intervals.length, "time"),
    );
    return h("li", { style: { "--person": colour } }, h("span.face", {}, face), who, go);
  }

  return { element, show };
}

/** @param {api.VideoPersonOut} person */
const nameOf = ({ label, person }) => label ?? (person !== null ? "Unnamed" : "Not grouped yet");
