// @ts-check
/** Links from a film to the copies that transcodes made of it, and from a copy to its original. */

import { isActive, store } from "../data/store.js";
import { madeCopies, videoPath } from "../data/transcodes.js";
import { h, keyed } from "../ui/dom.js";
import { pathHref } from "../ui/router.js";

/** A list of such links, which is read anew when a transcode ends. */
export function copyLinks(signal) {
  const element = h("ul.copy-links", { "aria-label": "Copies", hidden: true });
  let details = null;
  let active = 0; // transcodes that have not ended

  async function show(shown) {
    details = shown;
    const { directory, roots } = store.state;
    const path = videoPath(directory, details.path, roots);
    const pairs = await madeCopies(signal);
    if (signal.aborted || details !== shown) return;
    const links = pairs.flatMap(({ original, copy }) => [
      ...(original === path ? [{ words: "A copy of it: ", path: copy }] : []),
      ...(copy === path ? [{ words: "A copy of ", path: original }] : []),
    ]);
    const there = [...new Map(links.map((one) => [one.path, one])).values()].filter((one) =>
      pathHref(one.path),
    );
    element.hidden = !there.length;
    keyed(element, there, (one) => one.path, item);
  }

  const item = ({ words, path }) =>
    h(
      "li",
      {},
      words,
      h("a.link", { href: pathHref(path), title: path, dir: "auto" }, path.split("/").at(-1)),
    );

  function onJobs({ jobs }) {
    const now = [...jobs.values()].filter((job) => job.task === "transcode" && isActive(job)).length;
    const hasOneEnded = now < active;
    active = now;
    if (hasOneEnded && details) show(details);
  }

  store.watch(["jobs"], onJobs, signal);
  onJobs(store.state);
  return { element, show };
}
