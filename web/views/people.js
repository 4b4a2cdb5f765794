// @ts-check
/** People by their faces: named, merged, taken apart and put right by hand, with a way back. */

import { watchChanges } from "../data/store.js";
import { address, get, isAbort, post, remove } from "../data/api.js";
import { find, h, inTurn, keyed, setText } from "../ui/dom.js";
import { run } from "../data/events.js";
import { ago, clock, message, plural } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { go, href, videoHref } from "../ui/router.js";
import { offerUndo } from "./undo.js";
import {
  attempt,
  button,
  combobox,
  completions,
  dialog,
  failed,
  keepNotesAbove,
  menu,
  state,
  toast,
} from "../ui/controls.js";

/** @import * as api from "../data/api-types.d.ts" */

/** A change of a person.
 * @typedef {api.RenamePersonIn | api.MergePeopleIn | api.MarkPersonIn | api.ReassignFaceIn} PersonChange */

const PAGE = 200;
const NAMES_SHOWN = 8; // that are suggested at a time
const LISTED = { recursive: 1 };

const personHref = ({ id }) => href("people", {}, encodeURIComponent(id));
const idOf = ({ path }) => decodeURIComponent(path);
const sameId = (one, id) => String(one.id) === String(id);
const picture = (url) => (url ? h("img", { src: address(url), alt: "", loading: "lazy" }) : icon("people"));
// A name that is being written must not be taken away by news.
const isNaming = () => Boolean(document.activeElement?.matches("input.naming"));
/** Whether the gallery found several names for somebody, or one that is not sure. */
const isUndecided = ({ label, ambiguous }) => !label && ambiguous.length > 0;
const seconds = (intervals) => intervals.reduce((sum, [from, to]) => sum + to - from, 0);

/** In how many films a person is, and for how long. */
function summary({ occurrences }) {
  const films = new Set(occurrences.map(({ video }) => video)).size;
  const length = occurrences.reduce((sum, { intervals }) => sum + seconds(intervals), 0);
  return `${plural(films, "video")} · ${clock(length)}`;
}

const nameOf = ({ label }) => label ?? "Somebody unnamed";
const named = (one, name) => (one.label ? `${one.label} named ${name}` : `${name} named`);

/** Shows whether a card is chosen. */
function mark(element, chosen) {
  element.classList.toggle("chosen", chosen);
  element.querySelector("input[type=checkbox]").checked = chosen;
}

/** The listing with every person, page by page; with `hidden` also those that were hidden. */
async function everybody(hidden, signal) {
  const params = { ...LISTED, ext: "*", limit: PAGE, hidden: hidden ? 1 : "" };
  const listing = await get("/faces/listing", params, signal);
  const { people } = listing;
  while (people.length < listing.total) {
    const more = await get("/faces/listing", { ...params, offset: people.length }, signal);
    if (!more.people.length) break;
    people.push(...more.people);
  }
  return listing;
}

/** The heading where the people are not shown yet. */
const heading = () => h("h1.hidden", {}, "People");

class People {
  constructor(main, route, signal) {
    this.signal = signal;
    this.people = [];
    this.listing = {};
    this.withHidden = false; // whether those who were hidden are shown as well
    this.chosen = new Set(); // ids
    this.id = idOf(route);
    this.place = h(".page.wide", {}, heading(), h("p.dim", { role: "status" }, "Reading …"));
    this.head = h(".head", {});
    this.list = h("ul.faces", { "aria-label": "People" });
    this.bar = this.mergeBar();
    main.append(this.place, this.bar);
    keepNotesAbove(this.bar, signal);
  }

  load = inTurn(() => this.read());

  async read() {
    try {
      this.listing = await everybody(this.withHidden, this.signal);
      this.people = this.listing.people.toSorted((a, b) => Number(isUndecided(b)) - Number(isUndecided(a)));
    } catch (error) {
      if (!isAbort(error))
        this.place.replaceChildren(
          heading(),
          failed(error, () => this.load()),
        );
      return;
    }
    if (!this.id || !isNaming()) this.render();
  }

  render() {
    const person = this.people.find((one) => sameId(one, this.id));
    if (person) this.place.replaceChildren(...this.personPage(person));
    else if (this.id) this.place.replaceChildren(this.stranger());
    else if (this.people.length) this.overview();
    else this.place.replaceChildren(heading(), this.nobody());
    this.showBar();
  }

  stranger() {
    const why = "The people were grouped again since, or this one was merged.";
    const all = h("a.button", { href: href("people") }, "All people");
    return state("people", "Nobody of that id", why, all);
  }

  nobody() {
    const look = async () => {
      toast("Looking for faces; this takes a while");
      await run("embed", { ext: ["*"], thumbnails: true });
      await run("listing", { ext: ["*"] });
      this.load();
    };
    const control = button("Find people", "run", () => attempt(control, look), { kind: "primary" });
    const how =
      "Faces are looked for in every video, then those of the same person are grouped. It happens on this machine alone.";
    return state("people", "No people yet", how, control, this.hiddenButton());
  }

  overview() {
    const { total, total_left_out: unseen, generated_at: made } = this.listing;
    const regroup = async () => {
      await run("listing", { ext: ["*"] });
      this.load();
    };
    const again = button("Group again", "merge", () => attempt(again, regroup), { kind: "quiet" });
    // A card stays while what it shows does: what is clicked or written must not go by news.
    const keyOf = (one) =>
      JSON.stringify([one.id, one.label, one.ambiguous, one.picture, one.hidden, summary(one)]);
    keyed(
      this.list,
      this.people,
      keyOf,
      (one) => this.card(one),
      (element, one) => mark(element, this.chosen.has(one.id)),
    );
    const when = made ? `grouped ${ago(Date.parse(made))}` : "";
    const left = unseen ? `${plural(unseen, "video")} left out` : "";
    const open = this.people.filter(isUndecided).length;
    const undecided = open ? `${plural(open, "guess", "guesses")} to decide` : "";
    const totals = [plural(total, "person", "people"), undecided, left, when].filter(Boolean).join(" · ");
    this.head.replaceChildren(
      h("h1", {}, "People"),
      h(".row", {}, again, this.hiddenButton(), this.undoButton()),
      h("p.dim", {}, totals),
    );
    if (this.list.parentElement !== this.place) this.place.replaceChildren(this.head, this.list);
  }

  card(one) {
    const name = nameOf(one);
    const box = h("input", {
      type: "checkbox",
      "aria-label": `Select ${name}`,
    });
    const link = { href: personHref(one), "aria-label": `${name}, ${summary(one)}` };
    const element = h(
      "li.person",
      {},
      h("a", link, h(".portrait", {}, picture(one.picture))),
      this.naming(one),
      this.guesses(one),
      h("p", {}, one.hidden ? `hidden · ${summary(one)}` : summary(one)),
      h("label.pick", {}, box),
    );
    box.addEventListener("change", () => {
      if (box.checked) this.chosen.add(one.id);
      else this.chosen.delete(one.id);
      mark(element, box.checked);
      this.showBar();
    });
    return element;
  }

  /** The name as a field that looks like text, with the names that it may become; leaving it saves. */
  naming(one) {
    const props = { type: "text", value: one.label ?? "", placeholder: "Who is this?", "aria-label": "Name" };
    const quiet = { dir: "auto", maxlength: "200", autocomplete: "off", spellcheck: false };
    const input = h("input.naming", { ...props, ...quiet });
    const list = h("ul.options", { hidden: true });
    let saved = one.label ?? "";
    const save = async () => {
      const name = input.value.trim();
      if (name === saved) return;
      const previous = saved;
      saved = name;
      if (!name || !(await this.rename(one, name))) input.value = saved = previous;
    };
    combobox(input, list, {
      suggest: () => this.knownNames(one, input.value.trim()),
      choose: ({ text }) => {
        input.value = text;
        input.blur(); // which saves
        save();
      },
    });
    input.addEventListener("change", save);
    input.addEventListener("keydown", (event) => event.key === "Enter" && input.blur());
    return h(".holder.naming-field", {}, input, list);
  }

  /** Names that begin so and may be somebody's: what the gallery guesses, those of the others here, and
   * performers of any video. */
  async knownNames(one, begin) {
    const isWanted = (name) => name !== one.label && name.toLowerCase().startsWith(begin.toLowerCase());
    const candidates = [...one.ambiguous, ...this.people.map(({ label }) => label).filter(Boolean)];
    const performers = await completions("performers", begin);
    const names = [...new Set([...candidates, ...performers])].filter(isWanted);
    const hintOf = (name) => (one.ambiguous.includes(name) ? "perhaps" : "");
    return names.slice(0, NAMES_SHOWN).map((text) => ({ text, hint: hintOf(text) }));
  }

  /** The names between which the gallery could not decide, each with a button that does; null where
   * there are none, or a name was given. */
  guesses(one) {
    if (one.label || !one.ambiguous.length) return null;
    const choice = (name) => {
      const control = button(
        name,
        "check",
        () => this.act(one, { action: "rename", name }, named(one, name), control),
        {
          kind: "small",
          "aria-label": `This is ${name}`,
        },
      );
      return control;
    };
    return h(".guesses", {}, h("span.dim", {}, "Perhaps"), ...one.ambiguous.map(choice));
  }

  /** Names a person, and offers to merge those who share a name. */
  async rename(one, name) {
    const isSame = ({ id, label }) => id !== one.id && label?.toLowerCase() === name.toLowerCase();
    const namesake = this.people.find(isSame);
    if (!(await this.act(one, { action: "rename", name }, named(one, name)))) return false;
    const merge = () => this.act(namesake, { action: "merge", ids: [one.id] }, `${name} merged with another`);
    if (namesake) toast(`There is another ${name}`, { action: ["Merge them", merge, "merge"] });
    return true;
  }

  /** Makes one change of a person, and offers to take it back.
   * @param {api.PersonOut} one
   * @param {PersonChange} change
   * @param {string} words what was done
   * @param {HTMLButtonElement | null} [control]
   * @returns {Promise<boolean>} whether the server did */
  async act(one, change, words, control = null) {
    const path = `/faces/people/${encodeURIComponent(one.id)}`;
    const done = await attempt(control, () => post(path, change, LISTED));
    if (!done) return false;
    const doubt = done.warning ? `, but ${done.warning}` : "";
    offerUndo(words + doubt, [["/faces/undo", { change: done.change }]], { kinds: ["faces"] });
    await this.load();
    return true;
  }

  async undo() {
    if (await attempt(null, () => post("/faces/undo", {}, LISTED))) toast("Taken back");
    this.load();
  }

  /** Shows those who were hidden, too, or no more. */
  hiddenButton() {
    const flip = () => {
      this.withHidden = !this.withHidden;
      return this.load();
    };
    const props = { kind: "quiet", "aria-pressed": String(this.withHidden) };
    return button(this.withHidden ? "Without the hidden" : "Show the hidden", "hide", flip, props);
  }

  undoButton() {
    return button("Undo the last", "undo", () => this.undo(), { kind: "quiet" });
  }

  mergeBar() {
    const clear = () => {
      this.chosen = new Set();
      this.render();
    };
    const merge = button("Merge", "merge", () => this.mergeChosen(merge).then((done) => done && clear()), {
      kind: "primary",
    });
    const none = button("Clear the selection", "close", clear, { bare: true });
    const props = { role: "region", "aria-label": "Selected people", hidden: true };
    return h(".selection", props, h("strong", { role: "status" }), merge, none);
  }

  /** Makes one of those who are chosen, under the name that one of them has. */
  mergeChosen(control) {
    const chosen = this.people.filter((one) => this.chosen.has(one.id));
    const [first, ...rest] = chosen.sort((a, b) => Number(Boolean(b.label)) - Number(Boolean(a.label)));
    const words = `${plural(chosen.length, "person", "people")} merged`;
    return this.act(first, { action: "merge", ids: rest.map((one) => one.id) }, words, control);
  }

  showBar() {
    this.chosen = new Set([...this.chosen].filter((id) => this.people.some((one) => one.id === id)));
    this.bar.hidden = !this.chosen.size || Boolean(this.id);
    document.body.classList.toggle("selecting", !this.bar.hidden);
    setText(find(this.bar, "strong"), `${this.chosen.size} selected`);
    find(this.bar, ".primary").toggleAttribute("disabled", this.chosen.size < 2);
  }

  personPage(one) {
    const others = this.people.filter((other) => other.id !== one.id);
    const all = { href: href("people"), "aria-label": "All people", title: "All people" };
    const hand = one.named_by_hand ? " · named by hand" : "";
    const head = h(
      ".who-is",
      {},
      h("a.button.quiet.bare", all, icon("back")),
      h(".portrait", {}, picture(one.picture)),
      h(
        ".column",
        {},
        h("h1.hidden", {}, one.label ?? "Somebody"),
        this.naming(one),
        this.guesses(one),
        h("p.dim", {}, summary(one) + hand),
        this.actions(one, others),
      ),
    );
    const faces = one.occurrences.map((face) => this.faceItem(one, face, others));
    return [head, h("ul.times", { "aria-label": "Videos" }, ...faces)];
  }

  actions(one, others) {
    const leave = (to, options) => (done) => done && go(to, options);
    const join = (other) =>
      this.act(other, { action: "merge", ids: [one.id] }, `${nameOf(one)} merged with ${nameOf(other)}`).then(
        leave(personHref(other), { replace: true }),
      );
    /** @type {api.MarkPersonIn} */
    const flip = one.hidden ? { action: "show" } : { action: "hide" };
    const word = one.hidden ? "shown again" : "hidden";
    const turn = () => this.act(one, flip, `${nameOf(one)} ${word}`, hide).then(leave(href("people")));
    const apart = () => this.act(one, { action: "split" }, `${nameOf(one)} split`, split);
    const hide = button(one.hidden ? "Show again" : "Hide", "hide", turn);
    const split = button("Split", "split", apart, {
      title: "Those whose faces look least alike become people of their own",
    });
    const forget = button("Forget", "trash", () => this.forgetDialog(one), { kind: "danger" });
    const merge = this.choosePerson("Merge into …", "merge", others, join);
    return h(".row", {}, merge, split, hide, forget, this.undoButton());
  }

  faceItem(one, face, others) {
    const { video, url, signature, intervals } = face;
    const at = (when) => videoHref(url, { t: Math.floor(when * 10) / 10 });
    const length = Math.max(1, ...intervals.map(([, end]) => end));
    const spans = intervals.map(([from, end]) => {
      const width = `${Math.max(0.5, ((end - from) / length) * 100)}%`;
      return h("span", { style: { left: `${(from / length) * 100}%`, width } });
    });
    const moments = intervals
      .slice(0, 12)
      .map(([from, end]) => h("a.link", { href: at(from) }, `${clock(from)}–${clock(end)}`));
    const moved = `A face of ${nameOf(one)} given to`;
    const move = (other) =>
      this.act(
        one,
        { action: "reassign", signature, to: other?.id ?? "new" },
        `${moved} ${other ? nameOf(other) : "somebody new"}`,
      );
    const film = h("a.film", { href: at(intervals[0]?.[0] ?? 0), dir: "auto" }, video);
    return h(
      "li.panel",
      {},
      h(".face", {}, picture(face.picture)),
      h("div", {}, film, h(".moments", {}, ...moments)),
      h(".row", {}, this.choosePerson("Not this person", "close", others, move, true)),
      h(".spans", {}, ...spans),
    );
  }

  /** A menu of the other people; null stands for somebody new. */
  choosePerson(text, name, others, choose, withNew = false) {
    const fill = (panel, close) => {
      const choice = (other, words) => {
        const face = h(".face", {}, other ? picture(other.picture) : icon("plus"));
        const take = () => (close(), choose(other));
        return h("button.choice", { type: "button", onclick: take }, face, h("span", { dir: "auto" }, words));
      };
      const options = others.slice(0, 200).map((one) => choice(one, one.label ?? `Unnamed, ${summary(one)}`));
      panel.replaceChildren(...(withNew ? [choice(null, "Somebody else")] : []), ...options);
    };
    return menu(text, name, fill, { kind: "small" });
  }

  forgetDialog(one) {
    dialog(`Forget ${one.label ?? "this person"}?`, (close) => {
      const problem = h("p.bad", { role: "alert" });
      const forget = async () => {
        try {
          await remove(`/faces/people/${encodeURIComponent(one.id)}`, LISTED);
          close();
          go(href("people"));
          this.load();
        } catch (error) {
          setText(problem, message(error));
        }
      };
      const what =
        "What was measured of this face is removed from every video's record for good. The videos stay as they are.";
      const cancel = button("Cancel", "close", () => close(), { kind: "quiet" });
      return [
        h("p.dim", {}, what),
        problem,
        h(".row.end", {}, cancel, button("Forget", "trash", forget, { kind: "danger" })),
      ];
    });
  }
}

export function mount(main, route, signal) {
  const view = new People(main, route, signal);
  watchChanges(() => isNaming() || view.load(), signal, { kinds: ["faces"] });
  signal.addEventListener("abort", () => document.body.classList.remove("selecting"));
  view.load();
  return (next) => {
    view.id = idOf(next);
    scrollTo(0, 0);
    view.render();
  };
}
