// @ts-check
/** How far the library is: a bar for every kind of artifact, and a button that makes the rest. */

import { forecast, get, isAbort, make, submit } from "../data/api.js";
import { h, inTurn, keyed, latestOnly, setText, tickedValues } from "../ui/dom.js";
import { noteJob } from "../data/events.js";
import { because, count, label, percent, plural, timeText } from "../ui/format.js";
import { href } from "../ui/router.js";
import { term } from "../data/query.js";
import { allKinds, isExpected, kindName, taskOf, tasksOf, watchChanges } from "../data/store.js";
import { attempt, button, dialog, failed, state } from "../ui/controls.js";

export function mount(main, route, signal) {
  const share = h("p.big", {});
  const status = h("p.dim", { role: "status" });
  const finish = button("Finish", "run", finishDialog, { kind: "primary" });
  const faults = h("ul.faults", {});
  const bars = h("ul.coverage.panel", {});
  const page = h(
    ".page",
    {},
    h(".head", {}, h("h1", {}, "Report"), finish),
    h(".summary", {}, share, status),
    faults,
    bars,
  );
  let report = null;
  main.append(
    h(".page", {}, h(".head", {}, h("h1", {}, "Report")), h("p.dim", { role: "status" }, "Reading …")),
  );

  const missing = (kind) => report.total - report.counts[kind] - report.stale[kind];
  /** How many videos a kind cannot be made of, as earlier runs found. */
  const failures = (kind) => report.broken.filter(({ kinds }) => kinds.includes(kind)).length;
  /** How many of a kind can be made: not those that failed. */
  const toMake = (kind) => report.to_make[kind] ?? 0;

  const load = inTurn(async () => {
    try {
      report = await get("/report", { recursive: 1, ext: "*" }, signal);
    } catch (error) {
      if (!isAbort(error)) main.replaceChildren(failed(error, load));
      return undefined;
    }
    if (!report.total)
      return main.replaceChildren(
        state(
          "folder",
          "No videos here yet",
          "There is nothing to report on before there are videos.",
          button("Look again", "undo", load),
        ),
      );
    if (!page.isConnected) main.replaceChildren(page);
    return render();
  });

  function render() {
    const kinds = allKinds().filter((kind) => kind in report.counts);
    const made = kinds.filter(isExpected);
    const done = made.reduce((sum, kind) => sum + report.counts[kind], 0);
    const all = made.length * report.total;
    const rest = made.reduce((sum, kind) => sum + toMake(kind), 0);
    setText(share, percent(done / all));
    setText(
      status,
      done === all
        ? `Everything is made of all ${count(report.total)} videos.`
        : `of everything is made of ${plural(report.total, "video")}; ${plural(rest, "artifact")} can be made.`,
    );
    finish.disabled = !rest;
    const present = ["rotten", "damaged"].filter((fault) => report[fault].length);
    faults.replaceChildren(...present.map(faultItem), ...byReason().map(failureItem));
    keyed(bars, kinds, (kind) => kind, barItem, showBar);
  }

  /** How many videos have a fault, as a link to them. */
  function faultItem(fault) {
    const text = `${plural(report[fault].length, "video")} ${report[fault].length === 1 ? "is" : "are"} ${fault}`;
    return h("li", {}, h("a.link", { href: href("library", { q: `${fault}:` }) }, text));
  }

  /** Why artifacts could not be made, the most frequent reason first: {reason, videos, kinds}. */
  function byReason() {
    const reasons = new Map();
    for (const { video, reason, kinds } of report.broken) {
      const group = reasons.get(reason) ?? { reason, videos: new Set(), kinds: new Set() };
      group.videos.add(video);
      for (const kind of kinds) group.kinds.add(kind);
      reasons.set(reason, group);
    }
    return [...reasons.values()].sort((one, other) => other.videos.size - one.videos.size);
  }

  /** A reason with a link to the videos, and a button that tries them once more. */
  function failureItem({ reason, videos, kinds }) {
    const tasks = tasksOf(kinds);
    const retry = async () => {
      const job = await attempt(again, () => make(tasks, [...videos]));
      if (job) noteJob(job);
    };
    const again = button("Try again", "undo", retry, { kind: "small" });
    const link = { href: href("library", { q: term("broken", reason) }) };
    const words = [...kinds].map(kindName).join(", ");
    const text = h(
      "span.grow",
      {},
      h("a.link", link, plural(videos.size, "video")),
      ` failed, ${because(reason, videos.size === 1 ? "it" : "each")}`,
    );
    text.append(h("span.dim", {}, ` (${words})`));
    return h("li.row.between", {}, text, again);
  }

  function barItem(kind) {
    const control = taskOf(kind)
      ? button("Make", "run", () => start([kind], control), { kind: "small" })
      : h("span", {});
    return h(
      "li",
      {},
      h("a.kind", { href: href("library", { q: `has:${kind}` }) }, kindName(kind)),
      h("span.bar", { role: "img" }, h("span.fresh", {}), h("span.old", {})),
      h("span.share", {}),
      h(
        "span.links",
        {},
        h("a.link.lacking", { href: href("library", { q: `missing:${kind}` }) }),
        h("a.link.stale", { href: href("library", { q: `stale:${kind}` }) }),
        h("span.failed.bad", {}),
      ),
      control,
    );
  }

  function showBar(element, kind) {
    const { total, counts, stale } = report;
    const [bar] = element.getElementsByClassName("bar");
    bar.setAttribute(
      "aria-label",
      `${kindName(kind)}: ${counts[kind]} of ${total} made, ${stale[kind]} outdated`,
    );
    bar.children[0].style.width = `${(counts[kind] / total) * 100}%`;
    bar.children[1].style.width = `${(stale[kind] / total) * 100}%`;
    setText(element.querySelector(".share"), percent(counts[kind] / total));
    setText(element.querySelector(".lacking"), missing(kind) ? `${count(missing(kind))} missing` : "");
    setText(element.querySelector(".stale"), stale[kind] ? `${count(stale[kind])} outdated` : "");
    const control = element.lastChild;
    const failed = failures(kind);
    setText(element.querySelector(".failed"), failed ? `${count(failed)} failed` : "");
    control.hidden = !toMake(kind);
  }

  async function start(kinds, control) {
    const job = await attempt(control, () => make(tasksOf(kinds)));
    if (job) noteJob(job);
    return job;
  }

  function finishDialog() {
    const kinds = allKinds().filter((kind) => isExpected(kind) && toMake(kind));
    dialog("Make what is missing", (close) => {
      const boxes = kinds.map((kind) =>
        h(
          "label.check",
          {},
          h("input", { type: "checkbox", value: taskOf(kind), checked: true }),
          h("span", {}, kindName(kind)),
          h("span.dim", {}, plural(toMake(kind), "video")),
        ),
      );
      const go = button("Finish", "run", null, { kind: "primary", type: "submit" });
      const checks = h(".checks", { onchange: tellTime }, ...boxes);
      const time = h("p.dim", { role: "status" }, "Reckoning how long that takes …");
      const isLatest = latestOnly();

      /** Tells how long what is ticked takes, and what is missing for it. */
      async function tellTime() {
        const tasks = tickedValues(checks);
        go.disabled = !tasks.length;
        const plan = tasks.length ? await isLatest(forecast(tasks).catch(() => null)) : null;
        if (plan === undefined) return; // another choice was made meanwhile
        const needs = Object.entries(plan?.missing ?? {}).map(([task, need]) => `${label(task)}: ${need}`);
        setText(time, [plan && timeText(plan), ...needs].filter(Boolean).join(" "));
      }

      const begin = async (event) => {
        event.preventDefault();
        const tasks = tickedValues(checks);
        const job = tasks.length && (await attempt(go, () => submit("finish", { tasks, ext: ["*"] })));
        if (!job) return;
        noteJob(job);
        close();
      };
      tellTime();
      return h(
        "form",
        { onsubmit: begin },
        h(
          "p.dim",
          {},
          "Only what is missing or outdated is made, several videos at a time. It can be cancelled; what was made stays.",
        ),
        checks,
        time,
        h(".row.end", {}, go),
      );
    });
  }

  watchChanges(load, signal);
  load();
}
