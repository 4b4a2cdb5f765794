// @ts-check
/** Duplicates: groups of copies, and safe ways to be rid of all but one. */

import { tasksOf, watchChanges } from "../data/store.js";
import { get, isAbort, make } from "../data/api.js";
import { h, inTurn, keyed, setText } from "../ui/dom.js";
import { noteJob, run } from "../data/events.js";
import { count, plural } from "../ui/format.js";
import { go, href } from "../ui/router.js";
import { attempt, button, failed, state, toast } from "../ui/controls.js";
import { copiesGroup } from "./copies.js";
import { offerUndo } from "./undo.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { Disableable } from "../ui/controls.js" */
/** @import { Route } from "../ui/router.js" */

const THRESHOLD = "0.92";
const LIMIT = 200; // groups

/** The view where nothing is alike.
 * @param {number} total videos with a fingerprint */
function unique(total) {
  const why = total
    ? `Each of the ${count(total)} videos with a fingerprint shows something of its own.`
    : "Videos are compared by their fingerprints, and none has one yet.";
  return state("duplicates", "No duplicates", why);
}

/** Tells of so many videos that cannot be compared yet.
 * @param {number} videos */
function unhashed(videos) {
  const start = async () => noteJob(await make(tasksOf(["phash"])));
  const control = button("Make them", "run", () => attempt(control, start), { kind: "small" });
  const text = `${plural(videos, "video")} without a fingerprint cannot be compared.`;
  return h(".panel.row.between", {}, h("span", {}, text), control);
}

/** Has two videos shown as alike no more.
 * @param {string} keeper
 * @param {string} path
 * @param {Disableable} control */
async function ignore(keeper, path, control) {
  const pair = [keeper, path];
  if (!(await attempt(control, () => run("dupes", { ignore: pair, ext: ["*"] })))) return;
  const back = () => attempt(null, () => run("dupes", { unignore: pair, ext: ["*"] }));
  toast(`${path} is not shown as a match any more`, { action: ["Undo", back] });
}

/** Tells what went to the trash, and offers it back: that, and not what went there before.
 * @param {string[]} videos */
async function tellTrashed(videos) {
  const { deletions } = await get("/trash").catch(() => ({ deletions: [] }));
  const deletion = deletions.find((one) => one.videos.includes(videos[0]));
  /** @type {[string, object][]} */
  const requests = deletion ? [[`/trash/${deletion.id}/undo`, {}]] : [];
  offerUndo(`${plural(videos.length, "video")} moved to the trash`, requests);
}

/** @param {Disableable} control */
async function takeBack(control) {
  if (await attempt(control, () => run("dupes", { undo: true }))) toast("Taken back");
}

/**
 * @param {HTMLElement} main
 * @param {Route} route
 * @param {AbortSignal} signal */
export function mount(main, route, signal) {
  const { params } = route;
  const status = h("p.dim", { role: "status" });
  const list = h(".groups", {});
  const bounds = { type: "number", min: "0.5", max: "1", step: "0.01" };
  const value = params.get("threshold") ?? THRESHOLD;
  const threshold = h("input", { ...bounds, value, "aria-label": "How similar, from 0 to 1" });
  const deep = h("input", { type: "checkbox", checked: params.get("deep") === "1" });
  const undo = button("Undo the last", "undo", () => takeBack(undo), { kind: "quiet" });
  const form = h(
    "form.row",
    { onsubmit: ask },
    h("label.row", {}, h("span.dim", {}, "Similar from"), threshold),
    h("label.row", {}, deep, "mirrored and cut copies, too"),
    button("Find", "search", null, { type: "submit" }),
  );
  main.append(
    h(".page.wide", {}, h(".head", {}, h("h1", {}, "Duplicates"), h(".row", {}, form, undo), status), list),
  );

  /** @param {SubmitEvent} event */
  function ask(event) {
    event.preventDefault();
    const other = threshold.value === THRESHOLD ? "" : threshold.value;
    go(href("duplicates", { threshold: other, deep: deep.checked ? 1 : "" }), { replace: true });
    load();
  }

  const load = inTurn(async () => {
    if (!list.children.length) setText(status, "Comparing …");
    const criteria = { threshold: threshold.value, deep: deep.checked ? 1 : "", limit: LIMIT };
    try {
      render(await get("/phash/duplicates", { recursive: 1, ext: "*", ...criteria }, signal));
    } catch (error) {
      if (!isAbort(error)) list.replaceChildren(failed(error, load));
    }
  });

  /** @param {api.DuplicatesOut} duplicates */
  function render(duplicates) {
    const { groups, total, total_groups: all, without_hash: unknown, videos } = duplicates;
    const many = `${plural(all, "group")} among ${plural(total, "video")}.`;
    setText(status, all ? `${many} Nothing is deleted: what goes to the trash can be had back.` : "");
    list.querySelector(".state")?.remove();
    /** @type {(api.DuplicateGroupOut | number)[]} */
    const rows = unknown ? [unknown, ...groups] : groups;
    keyed(list, rows, JSON.stringify, (row) =>
      typeof row === "number" ? unhashed(row) : copiesGroup(row, videos, { trash, ignore }),
    );
    if (!groups.length) list.append(unique(total));
  }

  /** Moves copies to the trash; `keeper` is the one to keep where another was proposed.
   * @param {string[]} only
   * @param {string | null} keeper
   * @param {Disableable} control */
  async function trash(only, keeper, control) {
    const criteria = { threshold: Number(threshold.value), deep: deep.checked, ext: ["*"], limit: 0 };
    const keep = keeper ? { keep: [keeper] } : {};
    const done = await attempt(control, () => run("dupes", { apply: "trash", only, ...keep, ...criteria }));
    if (!done) return;
    /** @type {{action: string, video: string, reason: string}[]} */
    const applied = done.result.applied;
    const left = applied.find(({ action }) => action === "left");
    if (left) toast(`${left.video} was left: ${left.reason}`, { kind: "bad" });
    else await tellTrashed(only);
  }

  watchChanges(load, signal, { kinds: ["phash", "metadata", "thumbs"] });
  load();
}
