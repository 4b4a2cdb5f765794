// @ts-check
/** What was made of a video: every kind of artifact with how it stands, and a button that makes it. */

import { make } from "../data/api.js";
import { find, h, keyed, setText } from "../ui/dom.js";
import { noteJob } from "../data/events.js";
import { amount } from "../ui/format.js";
import { allKinds, isActive, isExpected, kindName, store, taskOf, tasksOf } from "../data/store.js";
import { attempt, button, setLabel } from "../ui/controls.js";
import { failureText } from "./card.js";

export function madePanel(signal) {
  let details = null;
  const list = h("ul.artifacts", {});
  const faults = h("ul.faults", {});
  const all = button("Make all that is missing", "run", () => start(missing(), all), { kind: "small" });
  const head = h(".row.between", {}, h("h2", {}, "Made of it"), all);
  const element = h("section.panel", { "aria-label": "Artifacts" }, head, faults, list);
  store.watch(["jobs"], () => details && render(), signal);

  /** The kinds that are not there and can be made. */
  const missing = () =>
    allKinds().filter((kind) => isExpected(kind) && details.artifacts[kind] !== true && !failureOf(kind));

  async function start(kinds, control) {
    const force = kinds.length === 1 && details.artifacts[kinds[0]] === true;
    const job = await attempt(control, () => make(tasksOf(kinds), [details.path], { force }));
    if (job) noteJob(job);
  }

  /** Why a kind cannot be made, as an earlier run found; undefined where nothing is known. */
  const failureOf = (kind) => details.broken.find(({ kinds }) => kinds.includes(kind));

  /** What a verification found: lines, the worst last. */
  const findings = () => [details.damaged, details.rotten].filter(Boolean);

  const findsFaults = (kind) => store.state.kinds[kind].finds_faults;

  /** Whether a kind says that something is wrong with the video. */
  const isFaulty = (kind) => findsFaults(kind) && details.artifacts[kind] === true && findings().length > 0;

  /** How a kind stands, in a word or two. */
  function standing(kind) {
    const present = details.artifacts[kind];
    if (isFaulty(kind)) return "see above";
    if (findsFaults(kind) && present === true) return "fine";
    if (present === true) return amount(store.state.kinds[kind], details.documents[kind]);
    if (failureOf(kind)) return "failed";
    return present ? "outdated" : "";
  }

  const isWorkedOn = () =>
    [...store.state.jobs.values()].some((job) => isActive(job) && job.current === details.path);

  function item(kind) {
    const control = button("Make", "run", () => start([kind], control), { kind: "small" });
    return h("li", {}, h("span.dot", {}), h("span", {}, kindName(kind)), h("span.dim.word", {}), control);
  }

  /** Why kinds could not be made, and a button that tries once more: the file may be whole by now. */
  function failureItem(failure) {
    const again = button("Try again", "undo", () => start(failure.kinds, again), { kind: "small" });
    return h("li.row.between", {}, h("span.grow", {}, failureText(failure)), again);
  }

  function render() {
    const working = isWorkedOn();
    const shown = allKinds().filter(taskOf);
    all.hidden = !missing().length;
    const lines = findings().map((line) => h("li", {}, line));
    const items = [...lines, ...details.broken.map(failureItem)];
    faults.hidden = !items.length;
    faults.replaceChildren(...items);
    keyed(
      list,
      shown,
      (kind) => kind,
      item,
      (row, kind) => {
        const present = details.artifacts[kind];
        row.dataset.state = isFaulty(kind) ? "faulty" : present === true ? "fresh" : present || "missing";
        setText(find(row, ".word"), working && present !== true ? "working …" : standing(kind));
        const control = find(row, "button");
        setLabel(control, present === true ? "Again" : "Make");
        control.hidden = Boolean(failureOf(kind)); // it would fail again: the file is at fault
      },
    );
  }

  function show(now) {
    details = now;
    render();
  }

  return { element, show };
}
