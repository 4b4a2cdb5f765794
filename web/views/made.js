// @ts-check
/** What was made of a video: every kind of artifact with how it stands, and a button that makes it. */

import { make } from "../data/api.js";
import { find, h, keyed, setText } from "../ui/dom.js";
import { noteJob } from "../data/events.js";
import { ago, kindName, plural } from "../ui/format.js";
import { isActive, store } from "../data/store.js";
import { attempt, button, setLabel } from "../ui/controls.js";
import { failureText } from "./card.js";
import { isExpected, taskOf } from "./selection.js";

const AMOUNTS = {
  sprites: ({ frames }) => plural(frames.length, "tile"),
  previews: ({ segments }) => plural(segments.length, "clip"),
  scenes: ({ scenes }) => plural(scenes.length, "scene"),
  heatmaps: ({ samples }) => plural(samples.length, "sample"),
};

/** What there is of a kind, in a few words, from its record. */
function amount(kind, record) {
  if (!record) return "";
  if (record.error) return "damaged";
  try {
    return AMOUNTS[kind]?.(record) ?? ago(Date.parse(record.generated_at));
  } catch {
    return "damaged";
  }
}

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
    store.state.kinds.filter(
      (kind) => isExpected(kind) && details.artifacts[kind] !== true && !failureOf(kind),
    );

  async function start(kinds, control) {
    const force = kinds.length === 1 && details.artifacts[kinds[0]] === true;
    const job = await attempt(control, () => make(kinds.map(taskOf), [details.path], { force }));
    if (job) noteJob(job);
  }

  /** Why a kind cannot be made, as an earlier run found; undefined where nothing is known. */
  const failureOf = (kind) => details.broken.find(({ kinds }) => kinds.includes(kind));

  /** What a verification found: lines, the worst last. */
  const findings = () => [details.damaged, details.rotten].filter(Boolean);

  /** Whether a kind says that something is wrong with the video. */
  const isFaulty = (kind) => kind === "verify" && details.artifacts[kind] === true && findings().length > 0;

  /** How a kind stands, in a word or two. */
  function standing(kind) {
    const present = details.artifacts[kind];
    if (isFaulty(kind)) return "see above";
    if (kind === "verify" && present === true) return "fine";
    if (present === true) return amount(kind, details.documents[kind]);
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
    const shown = store.state.kinds.filter(taskOf);
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
