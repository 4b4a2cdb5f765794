/** People by their faces: named, merged, taken apart and put right by hand, with a way back. */

import { address, get, post, remove } from "../api.js";
import { h, keyed, setText } from "../dom.js";
import { run } from "../events.js";
import { ago, clock, message, plural } from "../format.js";
import { icon } from "../icons.js";
import { go, href, videoHref } from "../router.js";
import { store } from "../store.js";
import { attempt, button, dialog, failed, menu, state, toast } from "../ui.js";

const PAGE = 200;
const LISTED = { recursive: 1 };

const personHref = ({ id }) => href("people", {}, encodeURIComponent(id));
const seconds = (intervals) => intervals.reduce((sum, [from, to]) => sum + to - from, 0);
const picture = (url) => (url ? h("img", { src: address(url), alt: "", loading: "lazy" }) : icon("people"));

/** In how many films a person is, and for how long. */
function summary({ occurrences }) {
  const films = new Set(occurrences.map(({ video }) => video)).size;
  return `${plural(films, "video")} · ${clock(occurrences.reduce((sum, { intervals }) => sum + seconds(intervals), 0))}`;
}

export function mount(main, route, signal) {
  let people = [];
  let told = {};
  let chosen = new Set();
  let id = idOf(route);
  const place = h(".page.wide", {});
  const bar = mergeBar();
  main.append(place, bar);
  store.watch(["version", "directory"], () => isNaming() || load(), signal);

  /** Whether a name is being written, which news must not take away. */
  const isNaming = () => document.activeElement.matches("input.naming");

  async function load() {
    if (!place.children.length) place.append(h("p.dim", { role: "status" }, "Reading …"));
    try {
      told = await get("/faces/listing", { ...LISTED, ext: "*", limit: PAGE }, signal);
      people = told.people;
      while (people.length < told.total) {
        const more = await get(
          "/faces/listing",
          { ...LISTED, ext: "*", offset: people.length, limit: PAGE },
          signal,
        );
        if (!more.people.length) break;
        people = [...people, ...more.people];
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error.status === 404) people = [];
      else return place.replaceChildren(failed(error, load));
    }
    render();
  }

  function render() {
    const person = people.find((one) => sameId(one, id));
    if (id && person) place.replaceChildren(...personPage(person));
    else if (id)
      place.replaceChildren(
        state(
          "people",
          "Nobody of that id",
          "The people were grouped again since, or this one was merged.",
          h("a.button", { href: href("people") }, "All people"),
        ),
      );
    else if (!people.length) place.replaceChildren(h("h1.hidden", {}, "People"), nobody());
    else place.replaceChildren(...overview());
    showBar();
  }

  function nobody() {
    const control = button(
      "Find people",
      "run",
      () =>
        attempt(control, async () => {
          toast("Looking for faces; this takes a while");
          await run("embed", { ext: ["*"], thumbnails: true });
          await run("listing", { ext: ["*"] });
          load();
        }),
      { kind: "primary" },
    );
    return state(
      "people",
      "No people yet",
      "Faces are looked for in every video, then those of the same person are grouped. It happens on this machine alone.",
      control,
    );
  }

  function overview() {
    const again = button(
      "Group again",
      "merge",
      () => attempt(again, async () => (await run("listing", { ext: ["*"] }), load())),
      { kind: "quiet" },
    );
    const when = told.generated_at ? `grouped ${ago(Date.parse(told.generated_at))}` : "";
    const unseen = told.total_left_out ? `${plural(told.total_left_out, "video")} left out` : "";
    const list = h("ul.faces", { "aria-label": "People" });
    keyed(list, people, (one) => one.id, card);
    return [
      h(
        ".head",
        {},
        h("h1", {}, "People"),
        h(".row", {}, again, undoButton()),
        h("p.dim", {}, [plural(told.total, "person", "people"), unseen, when].filter(Boolean).join(" · ")),
      ),
      list,
    ];
  }

  function card(one) {
    const box = h("input", {
      type: "checkbox",
      "aria-label": `Select ${one.label ?? "this person"}`,
      checked: chosen.has(one.id),
    });
    const element = h(
      "li.person",
      {},
      h(
        "a",
        { href: personHref(one), "aria-label": `${one.label ?? "Somebody unnamed"}, ${summary(one)}` },
        h(".portrait", {}, picture(one.picture)),
      ),
      naming(one),
      h("p", {}, summary(one)),
      h("label.pick", {}, box),
    );
    element.classList.toggle("chosen", chosen.has(one.id));
    box.addEventListener("change", () => {
      if (box.checked) chosen.add(one.id);
      else chosen.delete(one.id);
      element.classList.toggle("chosen", box.checked);
      showBar();
    });
    return element;
  }

  /** The name as a field that looks like text; leaving it saves. */
  function naming(one) {
    const input = h("input.naming", {
      type: "text",
      value: one.label ?? "",
      placeholder: "Who is this?",
      "aria-label": "Name",
      dir: "auto",
      maxlength: "200",
      autocomplete: "off",
      spellcheck: false,
    });
    const save = async () => {
      const name = input.value.trim();
      if (!name || name === one.label) return (input.value = one.label ?? "");
      const namesake = people.find(
        (other) => other.id !== one.id && other.label?.toLowerCase() === name.toLowerCase(),
      );
      if (!(await act(one, { action: "rename", name }))) return (input.value = one.label ?? "");
      if (namesake)
        toast(`There is another ${name}`, {
          action: ["Merge them", () => act(namesake, { action: "merge", ids: [one.id] }, "Merged"), "merge"],
        });
      return undefined;
    };
    input.addEventListener("change", save);
    input.addEventListener("keydown", (event) => event.key === "Enter" && input.blur());
    return input;
  }

  /** One change of a person, with the way back. */
  async function act(one, change, said = "Saved", control = null) {
    const done = await attempt(
      control,
      async () => (await post(`/faces/people/${encodeURIComponent(one.id)}`, change, LISTED)) ?? true,
    );
    if (!done) return false;
    toast(said, { action: ["Undo", undo] });
    await load();
    return true;
  }

  async function undo() {
    const done = await attempt(null, async () => (await post("/faces/undo", {}, LISTED)) ?? true);
    if (done) toast("Taken back");
    load();
  }

  const undoButton = () => button("Undo the last", "undo", undo, { kind: "quiet" });

  function mergeBar() {
    const text = h("strong", { role: "status" });
    const merge = button(
      "Merge",
      "merge",
      async () => {
        const [first, ...rest] = people
          .filter((one) => chosen.has(one.id))
          .sort((a, b) => Boolean(b.label) - Boolean(a.label));
        if (
          await act(
            first,
            { action: "merge", ids: rest.map((one) => one.id) },
            `${plural(rest.length + 1, "person", "people")} merged`,
            merge,
          )
        )
          clear();
      },
      { kind: "primary" },
    );
    const clear = () => ((chosen = new Set()), render());
    return h(
      ".selection",
      { role: "region", "aria-label": "Selected people", hidden: true },
      text,
      merge,
      button("Clear the selection", "close", clear, { bare: true }),
    );
  }

  function showBar() {
    chosen = new Set([...chosen].filter((key) => people.some((one) => sameId(one, key))));
    bar.hidden = !chosen.size || Boolean(id);
    document.body.classList.toggle("selecting", !bar.hidden);
    setText(bar.querySelector("strong"), `${chosen.size} selected`);
    bar.querySelector(".primary").disabled = chosen.size < 2;
  }

  function personPage(one) {
    const others = people.filter((other) => other.id !== one.id);
    const back = h(
      "a.button.quiet.bare",
      { href: href("people"), "aria-label": "All people", title: "All people" },
      icon("back"),
    );
    const merge = choosePerson("Merge into …", "merge", others, (other) =>
      act(other, { action: "merge", ids: [one.id] }, "Merged").then(
        (done) => done && go(personHref(other), { replace: true }),
      ),
    );
    const split = button("Split", "split", () => act(one, { action: "split" }, "Split", split), {
      title: "Every face becomes a person of its own",
    });
    const hide = button("Hide", "hide", () =>
      act(one, { action: "hide" }, "Hidden", hide).then((done) => done && go(href("people"))),
    );
    const forget = button("Forget", "trash", () => forgetDialog(one), { kind: "danger" });
    const list = h(
      "ul.times",
      { "aria-label": "Videos" },
      ...one.occurrences.map((face) => faceItem(one, face, others)),
    );
    return [
      h(
        ".who-is",
        {},
        back,
        h(".portrait", {}, picture(one.picture)),
        h(
          ".column",
          {},
          h("h1.hidden", {}, one.label ?? "Somebody"),
          naming(one),
          h(
            "p.dim",
            {},
            [summary(one), one.named_by_hand ? "named by hand" : ""].filter(Boolean).join(" · "),
          ),
          h(".row", {}, merge, split, hide, forget, undoButton()),
        ),
      ),
      list,
    ];
  }

  function faceItem(one, face, others) {
    const to = (when) => videoHref(face.url, { t: Math.floor(when * 10) / 10 });
    const last = Math.max(1, ...face.intervals.map(([, end]) => end));
    const spans = face.intervals.map(([from, end]) =>
      h("span", {
        style: { left: `${(from / last) * 100}%`, width: `${Math.max(0.5, ((end - from) / last) * 100)}%` },
      }),
    );
    const moments = face.intervals
      .slice(0, 12)
      .map(([from, end]) => h("a.link", { href: to(from) }, `${clock(from)}–${clock(end)}`));
    const wrong = choosePerson(
      "Not this person",
      "close",
      others,
      (other) => act(one, { action: "reassign", signature: face.signature, to: other?.id ?? "new" }, "Moved"),
      true,
    );
    return h(
      "li.panel",
      {},
      h(".face", {}, picture(face.picture)),
      h(
        "div",
        {},
        h("a.film", { href: to(face.intervals[0]?.[0] ?? 0), dir: "auto" }, face.video),
        h(".moments", {}, ...moments),
      ),
      h(".row", {}, wrong),
      h(".spans", {}, ...spans),
    );
  }

  /** A menu of the other people; null stands for somebody new. */
  function choosePerson(text, name, others, choose, withNew = false) {
    return menu(
      text,
      name,
      (panel, close) => {
        const choice = (other, said) =>
          h(
            "button.choice",
            { type: "button", onclick: () => (close(), choose(other)) },
            h(".face", {}, other ? picture(other.picture) : icon("plus")),
            h("span", { dir: "auto" }, said),
          );
        panel.replaceChildren(
          ...(withNew ? [choice(null, "Somebody else")] : []),
          ...others.slice(0, 200).map((other) => choice(other, other.label ?? `Unnamed, ${summary(other)}`)),
        );
      },
      { kind: "small" },
    );
  }

  function forgetDialog(one) {
    dialog(`Forget ${one.label ?? "this person"}?`, (close) => {
      const wrong = h("p.bad", { role: "alert" });
      const yes = button(
        "Forget",
        "trash",
        async () => {
          try {
            await remove(`/faces/people/${encodeURIComponent(one.id)}`, LISTED);
            close();
            go(href("people"));
            load();
          } catch (error) {
            setText(wrong, message(error));
          }
        },
        { kind: "danger" },
      );
      return [
        h(
          "p.dim",
          {},
          "What was measured of this face is removed from every video's record. The videos stay as they are.",
        ),
        wrong,
        h(".row.end", {}, yes),
      ];
    });
  }

  signal.addEventListener("abort", () => document.body.classList.remove("selecting"));
  load();
  return (next) => {
    id = idOf(next);
    scrollTo(0, 0);
    render();
  };
}

const idOf = ({ path }) => decodeURIComponent(path);
const sameId = (one, id) => String(one.id) === String(id);
