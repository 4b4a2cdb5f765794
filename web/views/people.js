// @ts-check
/** People by their faces: named, merged, taken apart and put right by hand, with a way back. */

import { watchChanges } from "../data/store.js";
import { isAbort } from "../data/api.js";
import { find, h, inTurn, keyed, setText } from "../ui/dom.js";
import { run } from "../data/events.js";
import { ago, plural } from "../ui/format.js";
import { href } from "../ui/router.js";
import { attempt, button, failed, keepNotesAbove, state, toast } from "../ui/controls.js";
import { PeopleEditor } from "./people-editor.js";
import { faceOf, isUndecided, nameOf, personHref, summary } from "./person.js";
import { guesses, isNaming, nameField } from "./person-name.js";
import { personPage, undoButton } from "./person-page.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { Route } from "../ui/router.js" */

/** @param {Route} route */
const idOf = ({ path }) => decodeURIComponent(path);

/** What the card of a person shows: it stays while that does, for what is clicked or written must not go
 * by news.
 * @param {api.PersonOut} one */
const keyOf = (one) =>
  JSON.stringify([one.id, one.label, one.ambiguous, one.picture, one.hidden, summary(one)]);

/** Shows whether a card is chosen.
 * @type {(element: HTMLElement, isChosen: boolean) => void} */
function mark(element, isChosen) {
  element.classList.toggle("chosen", isChosen);
  const box = element.querySelector("input[type=checkbox]");
  if (box instanceof HTMLInputElement) box.checked = isChosen;
}

/** The heading where the people are not shown yet. */
const heading = () => h("h1.hidden", {}, "People");

/** What is shown in place of somebody who is not there. */
function stranger() {
  const why = "The people were grouped again since, or this one was merged.";
  return state("people", "Nobody of that id", why, h("a.button", { href: href("people") }, "All people"));
}

/** How many people there are, and how far that can be relied on.
 * @param {api.PeopleOut} listing */
function totals({ total, total_left_out: unseen, generated_at: made, people }) {
  const open = people.filter(isUndecided).length;
  return [
    plural(total, "person", "people"),
    open && `${plural(open, "guess", "guesses")} to decide`,
    unseen && `${plural(unseen, "video")} left out`,
    made && `grouped ${ago(Date.parse(made))}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

/** The people who are chosen to become one, and the bar that says so. */
class MergeBar {
  /** @type {Set<number>} */
  ids = new Set();
  merge = button("Merge", "merge", () => this.mergeChosen(), { kind: "primary" });
  element = h(
    ".selection",
    { role: "region", "aria-label": "Selected people", hidden: true },
    h("strong", { role: "status" }),
    this.merge,
    button("Clear the selection", "close", () => this.clear(), { bare: true }),
  );

  /**
   * @param {PeopleEditor} editor
   * @param {() => unknown} cleared called when nobody is chosen any more
   */
  constructor(editor, cleared) {
    this.editor = editor;
    this.cleared = cleared;
  }

  clear() {
    this.ids.clear();
    this.cleared();
  }

  get chosen() {
    return this.editor.people.filter(({ id }) => this.ids.has(id));
  }

  async mergeChosen() {
    if (await this.editor.mergeAll(this.chosen, this.merge)) this.clear();
  }

  /** Shows how many are chosen, of those who are still there.
   * @param {boolean} isWanted whether there is anything to choose from */
  show(isWanted) {
    this.ids = new Set(this.chosen.map(({ id }) => id));
    this.element.hidden = !this.ids.size || !isWanted;
    document.body.classList.toggle("selecting", !this.element.hidden);
    setText(find(this.element, "strong"), `${this.ids.size} selected`);
    this.merge.disabled = this.ids.size < 2;
  }
}

class PeopleView {
  /** @type {api.PeopleOut | null} */
  listing = null; // until it was read
  load = inTurn(() => this.read());
  editor = new PeopleEditor(this.load);
  bar = new MergeBar(this.editor, () => this.render());
  place = h(".page.wide", {}, heading(), h("p.dim", { role: "status" }, "Reading …"));
  head = h(".head", {});
  list = h("ul.faces", { "aria-label": "People" });

  /**
   * @param {HTMLElement} main
   * @param {Route} route
   * @param {AbortSignal} signal
   */
  constructor(main, route, signal) {
    this.signal = signal;
    this.id = idOf(route); // of the person whose page is shown; "" for all of them
    main.append(this.place, this.bar.element);
    keepNotesAbove(this.bar.element, signal);
  }

  async read() {
    try {
      this.listing = await this.editor.read(this.signal);
    } catch (error) {
      if (!isAbort(error)) this.place.replaceChildren(heading(), failed(error, this.load));
      return;
    }
    if (!this.id || !isNaming()) this.render();
  }

  /** @param {Route} route */
  update(route) {
    this.id = idOf(route);
    scrollTo(0, 0);
    this.render();
  }

  render() {
    const { editor, id, listing } = this;
    const person = editor.people.find((one) => String(one.id) === id);
    if (person) this.place.replaceChildren(...personPage(person, editor));
    else if (id) this.place.replaceChildren(stranger());
    else if (listing && editor.people.length) this.overview(listing);
    else this.place.replaceChildren(heading(), this.nobody());
    this.showBar();
  }

  showBar() {
    this.bar.show(!this.id);
  }

  nobody() {
    const look = async () => {
      toast("Looking for faces; this takes a while");
      await run("embed", { ext: ["*"], thumbnails: true });
      await this.regroup();
    };
    const control = button("Find people", "run", () => attempt(control, look), { kind: "primary" });
    const how =
      "Faces are looked for in every video, then those of the same person are grouped. It happens on this machine alone.";
    return state("people", "No people yet", how, control, this.hiddenButton());
  }

  async regroup() {
    await run("listing", { ext: ["*"] });
    this.load();
  }

  /** Shows all people.
   * @param {api.PeopleOut} listing */
  overview(listing) {
    const again = button("Group again", "merge", () => attempt(again, () => this.regroup()), {
      kind: "quiet",
    });
    keyed(
      this.list,
      this.editor.people,
      keyOf,
      (one) => this.card(one),
      (element, one) => mark(element, this.bar.ids.has(one.id)),
    );
    this.head.replaceChildren(
      h("h1", {}, "People"),
      h(".row", {}, again, this.hiddenButton(), undoButton(this.editor)),
      h("p.dim", {}, totals(listing)),
    );
    if (this.list.parentElement !== this.place) this.place.replaceChildren(this.head, this.list);
  }

  /** @param {api.PersonOut} one */
  card(one) {
    const link = { href: personHref(one), "aria-label": `${nameOf(one)}, ${summary(one)}` };
    const box = h("input", { type: "checkbox", "aria-label": `Select ${nameOf(one)}` });
    const element = h(
      "li.person",
      {},
      h("a", link, h(".portrait", {}, faceOf(one.picture))),
      nameField(one, this.editor),
      guesses(one, this.editor),
      h("p", {}, one.hidden ? `hidden · ${summary(one)}` : summary(one)),
      h("label.pick", {}, box),
    );
    box.addEventListener("change", () => {
      if (box.checked) this.bar.ids.add(one.id);
      else this.bar.ids.delete(one.id);
      mark(element, box.checked);
      this.showBar();
    });
    return element;
  }

  /** Shows those who were hidden, too, or no more. */
  hiddenButton() {
    const { withHidden } = this.editor;
    const flip = () => {
      this.editor.withHidden = !withHidden;
      return this.load();
    };
    const props = { kind: "quiet", "aria-pressed": String(withHidden) };
    return button(withHidden ? "Without the hidden" : "Show the hidden", "hide", flip, props);
  }
}

/**
 * @param {HTMLElement} main
 * @param {Route} route
 * @param {AbortSignal} signal
 */
export function mount(main, route, signal) {
  const view = new PeopleView(main, route, signal);
  watchChanges(() => isNaming() || view.load(), signal, { kinds: ["faces"] });
  signal.addEventListener("abort", () => document.body.classList.remove("selecting"));
  view.load();
  return (/** @type {Route} */ next) => view.update(next);
}
