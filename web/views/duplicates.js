/** Copies side by side: what differs, which one to keep and why, and safe ways to be rid of the others. */

import { address, get, make } from "../api.js";
import { h, keyed, setText } from "../dom.js";
import { noteJob, run } from "../events.js";
import { bitRate, clock, count, date, percent, plural, resolution, size } from "../format.js";
import { icon } from "../icons.js";
import { go, href, videoHref } from "../router.js";
import { store } from "../store.js";
import { attempt, button, failed, state, toast } from "../ui.js";
import { frameAt, record, showTile } from "./card.js";
import { codecName } from "./player.js";

/** What copies are compared by: [name, value, text, whether more is better]. */
const FACTS = [
  [
    "Picture",
    (one) => (one.width ?? 0) * (one.height ?? 0),
    (one) => (one.width ? `${one.width} × ${one.height}` : "unknown"),
    true,
  ],
  ["Size", (one) => one.size, (one) => size(one.size), null],
  ["Length", (one) => Math.round((one.duration ?? 0) * 10), (one) => clock(one.duration), true],
  ["Bit rate", (one) => one.bit_rate ?? 0, (one) => bitRate(one.bit_rate) || "unknown", true],
  [
    "Frame rate",
    (one) => Math.round((one.rate ?? one.fps ?? 0) * 100),
    (one) => `${Number((one.rate ?? one.fps ?? 0).toFixed(2))} fps`,
    true,
  ],
  ["Video", (one) => one.vcodec ?? "", (one) => codecName(one.vcodec) || "unknown", null],
  ["Sound", (one) => one.acodec ?? "", (one) => one.acodec?.toUpperCase() || "none", null],
  ["Changed", (one) => Math.round(one.mtime), (one) => date(one.mtime), null],
];

export function mount(main, route, signal) {
  const said = h("p.dim", { role: "status" });
  const list = h("div.groups", {});
  const threshold = h("input", {
    type: "number",
    min: "0.5",
    max: "1",
    step: "0.01",
    value: route.params.get("threshold") ?? "0.92",
    "aria-label": "How similar, from 0 to 1",
  });
  const deep = h("input", { type: "checkbox", checked: route.params.get("deep") === "1" });
  const undo = button("Undo the last", "undo", () => takeBack(undo), { kind: "quiet" });
  const form = h(
    "form.row",
    { onsubmit: ask },
    h("label.row", {}, h("span.dim", {}, "Similar from"), threshold),
    h("label.row", {}, deep, "mirrored and cut copies, too"),
    button("Find", "search", null, { type: "submit" }),
  );
  const page = h(
    ".page.wide",
    {},
    h(".head", {}, h("h1", {}, "Duplicates"), h(".row", {}, form, undo), said),
    list,
  );
  main.append(page);

  function ask(event) {
    event.preventDefault();
    go(
      href("duplicates", {
        threshold: threshold.value === "0.92" ? "" : threshold.value,
        deep: deep.checked ? 1 : "",
      }),
      { replace: true },
    );
    load();
  }

  async function load() {
    if (!list.children.length) setText(said, "Comparing …");
    let found;
    try {
      found = await get(
        "/phash/duplicates",
        { recursive: 1, ext: "*", threshold: threshold.value, deep: deep.checked ? 1 : "", limit: 200 },
        signal,
      );
    } catch (error) {
      if (error.name !== "AbortError") list.replaceChildren(failed(error, load));
      return;
    }
    setText(
      said,
      found.total_groups
        ? `${plural(found.total_groups, "group")} among ${plural(found.total, "video")}. Nothing is deleted: what goes to the trash can be had back.`
        : "",
    );
    render(found);
  }

  function render(found) {
    list.querySelector(".state")?.remove();
    const hint = found.without_hash ? [{ hint: true, count: found.without_hash }] : [];
    const keyOf = (group) =>
      group.hint ? `hint ${group.count}` : JSON.stringify([group.keeper, group.matches]);
    keyed(list, [...hint, ...found.groups], keyOf, (group) =>
      group.hint ? unhashed(group.count) : groupItem(group, found.videos),
    );
    if (!found.groups.length)
      list.append(
        state(
          "duplicates",
          "No duplicates",
          found.total
            ? `Each of the ${count(found.total)} videos with a fingerprint shows something of its own.`
            : "Videos are compared by their fingerprints, and none has one yet.",
        ),
      );
  }

  function unhashed(n) {
    const control = button(
      "Make them",
      "run",
      () => attempt(control, async () => noteJob(await make(["phash"]))),
      { kind: "small" },
    );
    return h(
      ".panel.row.between",
      {},
      h("span", {}, `${plural(n, "video")} without a fingerprint cannot be compared.`),
      control,
    );
  }

  /** A group; which copy is kept can be chosen otherwise before anything is done. */
  function groupItem(group, videos) {
    const names = [group.keeper, ...group.matches];
    const facts = Object.fromEntries(
      names.map((name) => [name, { path: name, ...videos[name], ...group.details[name] }]),
    );
    let keeper = group.keeper;
    const why = h("p", {});
    const items = names.map((name) => copyItem(facts[name]));
    const all = button(
      names.length > 2 ? "Trash the others" : "Trash the other",
      "trash",
      () =>
        trash(
          names.filter((name) => name !== keeper),
          all,
        ),
      { kind: "danger" },
    );
    const box = h(
      `section.panel.group${names.length > 2 ? ".many" : ""}`,
      { "aria-label": `Copies of ${group.keeper}` },
      h(".row.between", {}, why, all),
      h(".copies", {}, ...items.map(({ element }) => element)),
    );

    function show() {
      why.replaceChildren(
        h("strong", {}, keeper === group.keeper ? "Keep: " : "Keep what you chose: "),
        keeper === group.keeper ? group.reason : keeper,
      );
      for (const item of items) item.show(facts[keeper]);
    }

    function copyItem(one) {
      const picture = h(
        ".thumb",
        {},
        icon("film"),
        one.picture ? h("img", { src: address(one.picture), alt: "", loading: "lazy" }) : null,
        h(".sprite", { hidden: true }),
        h("span.badge", {}, resolution(one.width, one.height)),
        h("span.time", {}, clock(one.duration)),
      );
      const mark = h("span.mark-keep", {});
      const rows = FACTS.map(([name, , text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text(one))));
      const keep = button("Keep this", "check", () => ((keeper = one.path), show()), { kind: "small" });
      const no = button("Not a match", "close", () => ignore(one.path, no), { kind: "small" });
      const gone = button("Trash", "trash", () => trash([one.path], gone), { kind: "small.danger" });
      const link = h("a", { href: videoHref(one.url ?? ""), dir: "auto", title: one.path }, one.path);
      const element = h(
        "article.copy",
        {},
        picture,
        h(".row.between", {}, link, mark),
        h("dl", {}, ...rows),
        h(".row", {}, keep, no, gone),
      );
      picture.addEventListener("pointermove", (event) => scrub(event, picture));
      picture.addEventListener("pointerleave", () =>
        items.forEach(({ element }) => (element.querySelector(".sprite").hidden = true)),
      );
      return {
        element,
        one,
        picture,
        show(kept) {
          const isKept = kept === one;
          element.classList.toggle("kept", isKept);
          setText(
            mark,
            isKept
              ? "keep"
              : one.similarity
                ? percent(one.similarity) + (one.kind === "exact" ? ", the same bytes" : "")
                : "",
          );
          FACTS.forEach(
            ([, value, , more], i) => (rows[i].className = verdict(value(one), value(kept), more)),
          );
          for (const control of [keep, no, gone]) control.hidden = isKept;
        },
      };
    }

    /** Moving over one picture scrubs all of the group to the same share. */
    function scrub(event, picture) {
      const at = picture.getBoundingClientRect();
      const share = Math.max(0, Math.min(1, (event.clientX - at.left) / at.width));
      items.forEach(async ({ one, picture: other }) => {
        const sprites = await record({ ...one, artifacts: { sprites: true } }, "sprites");
        if (sprites?.frames?.length)
          showTile(
            other.querySelector(".sprite"),
            one,
            sprites,
            frameAt(sprites, share * one.duration),
            other.clientWidth,
            other.clientHeight,
          );
      });
    }

    async function trash(only, control) {
      const params = {
        apply: "trash",
        only,
        ext: ["*"],
        threshold: Number(threshold.value),
        deep: deep.checked,
        limit: 0,
      };
      if (keeper !== group.keeper) params.keep = [keeper];
      const done = await attempt(control, () => run("dupes", params));
      if (!done) return;
      const left = (done.result?.applied ?? []).filter(({ action }) => action === "left");
      if (left.length) toast(`${left[0].video} was left: ${left[0].reason}`, { kind: "bad" });
      else
        toast(`${plural(only.length, "video")} moved to the trash`, {
          action: ["Undo", () => takeBack(null)],
        });
      load();
    }

    async function ignore(name, control) {
      if (await attempt(control, () => run("dupes", { ignore: [keeper, name], ext: ["*"] }))) load();
    }

    show();
    return box;
  }

  async function takeBack(control) {
    const done = await attempt(control, () => run("dupes", { undo: true }));
    if (done) toast("Taken back");
    load();
  }

  store.watch(["version", "directory"], load, signal);
  load();
}

/** How a fact stands beside that of the kept one. */
function verdict(mine, kept, more) {
  if (mine === kept) return "";
  if (more === null || typeof mine === "string") return "differs";
  return mine > kept === more ? "differs better" : "differs worse";
}
