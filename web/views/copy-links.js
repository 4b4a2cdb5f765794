// @ts-check
/** Links from a film to the copies that transcodes made of it, and from a copy to its original. */

import { get } from "../data/api.js";
import { isActive, store } from "../data/store.js";
import { h, keyed } from "../ui/dom.js";
import { baseName } from "../ui/format.js";
import { pathHref } from "../ui/router.js";

/** @import { State } from "../data/store.js" */

/** A list of such links, which is read anew when a transcode ends.
 * @param {AbortSignal} signal */
export function copyLinks(signal) {
  const element = h("ul.copy-links", { "aria-label": "Copies", hidden: true });
  let url = "";
  let active = 0; // transcodes that have not ended

  /** @param {{url: string}} details of the film */
  async function show(details) {
    url = details.url;
    const answer = await get(`${url}/copies`, {}, signal).catch(() => null);
    if (!answer || signal.aborted || details.url !== url) return; // the film is there without
    const links = [
      ...(answer.original ? [{ words: "A copy of ", path: answer.original }] : []),
      ...answer.copies.map((path) => ({ words: "A copy of it: ", path })),
    ];
    element.hidden = !links.length;
    keyed(element, links, ({ path }) => path, item);
  }

  /** @param {{words: string, path: string}} link */
  const item = ({ words, path }) =>
    h("li", {}, words, h("a.link", { href: pathHref(path), title: path, dir: "auto" }, baseName(path)));

  /** @param {Pick<State, "jobs">} state */
  function onJobs({ jobs }) {
    const now = [...jobs.values()].filter((job) => job.task === "transcode" && isActive(job)).length;
    const hasOneEnded = now < active;
    active = now;
    if (hasOneEnded && url) show({ url });
  }

  store.watch(["jobs"], onJobs, signal);
  onJobs(store.state);
  return { element, show };
}
