// @ts-check
/** What views are made of: buttons, notes, dialogs, menus, states, and a field for names. */

import { get, isAbort, statusOf } from "../data/api.js";
import { find, h, keyed, latestOnly, nodes, place, setText } from "./dom.js";
import { message } from "./format.js";
import { icon } from "./icons.js";

/** @import { Child } from "./dom.js" */

/** What waits while its work is done.
 * @typedef {{disabled: boolean}} Disableable */

/** A button with an icon.
 * @param {string} text
 * @param {string} name of the icon, "" for none
 * @param {((event: MouseEvent & {currentTarget: HTMLButtonElement}) => unknown) | null} onclick
 * @param {Record<string, any>} options `bare`: the icon alone, with the text as its name; `kind`: classes; and
 *   properties of the element
 * @returns {HTMLButtonElement} */
export function button(text, name, onclick, { bare = false, kind = "", ...props } = {}) {
  const content = bare ? [icon(name)] : [name && icon(name), h("span", {}, text)];
  const label = bare ? { "aria-label": text, title: text } : {};
  const classes = `button${kind ? `.${kind}` : ""}${bare ? ".bare" : ""}`;
  return h(`button.${classes}`, { type: "button", onclick, ...label, ...props }, ...content);
}

/** Gives a button another text.
 * @param {HTMLElement} control
 * @param {string} text */
export const setLabel = (control, text) => setText(find(control, "span"), text);

/** Where notes stand: in the dialog that is open, which covers all else and lets nothing of it be used. */
function placeNotes() {
  const notes = find(document, ".toasts");
  const host = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  if (notes.parentElement !== host) host.append(notes);
  return notes;
}

const CLEARANCE = 10; // pixels between a bar at the bottom and the notes above it

/** Keeps notes above a bar at the bottom, however many rows that has, as long as it is shown.
 * @param {HTMLElement} bar
 * @param {AbortSignal} signal */
export function keepNotesAbove(bar, signal) {
  const tell = () => {
    const height = bar.offsetHeight;
    document.body.style.setProperty("--bar", `${height && height + CLEARANCE}px`);
  };
  const sizes = new ResizeObserver(tell);
  sizes.observe(bar);
  signal.addEventListener("abort", () => {
    sizes.disconnect();
    document.body.style.removeProperty("--bar");
  });
}

const LASTING = 4; // notes that stay: of more of them the oldest goes

/** What a note offers to do: text, callback, icon.
 * @typedef {[string, () => unknown, string?]} NoteAction */

/** A note that goes by itself after a while, or stays where it is `lasting`.
 * @param {string} text
 * @param {{kind?: string, action?: NoteAction | null, seconds?: number, lasting?: boolean}} [options] */
export function toast(text, { kind = "", action = null, seconds = 6, lasting = false } = {}) {
  const note = h(`.toast${kind ? `.${kind}` : ""}${lasting ? ".lasting" : ""}`, {}, h("span", {}, text));
  const close = () => note.remove();
  if (action) {
    const [label, callback, name = "undo"] = action;
    const act = () => {
      close();
      callback();
    };
    note.append(button(label, name, act, { kind: "quiet" }));
  }
  note.append(button("Close", "close", close, { bare: true }));
  placeNotes().append(note);
  if (lasting)
    [...document.querySelectorAll(".toast.lasting")].slice(0, -LASTING).forEach((old) => old.remove());
  else setTimeout(close, (action ? 2 : 1) * seconds * 1000);
  return note;
}

/** Shows a note about an error.
 * @param {unknown} error */
export const complain = (error) => toast(message(error), { kind: "bad", seconds: 12 });

/** Runs what a control asks for: it waits meanwhile, and an error is shown as a note.
 * @template Result
 * @param {Disableable | null} control
 * @param {() => Promise<Result> | Result} work
 * @returns {Promise<Result | undefined>} undefined where it failed */
export async function attempt(control, work) {
  if (control) control.disabled = true;
  try {
    return await work();
  } catch (error) {
    if (!isAbort(error)) complain(error);
    return undefined;
  } finally {
    if (control) control.disabled = false;
  }
}

/** What is shown where there is nothing: why, and what to do next.
 * @param {string} name of the icon
 * @param {string} heading
 * @param {string} text
 * @param {...Child} actions */
export function state(name, heading, text, ...actions) {
  return h(".state", {}, icon(name), h("h2", {}, heading), h("p", {}, text), h(".row", {}, ...actions));
}

/** What is shown in place of a view that could not be read.
 * @param {unknown} error
 * @param {() => unknown} retry */
export function failed(error, retry) {
  const status = statusOf(error);
  if (status === 401)
    return state(
      "key",
      "Locked",
      "Without its token this library shows nothing.",
      button("Give the token", "key", () => location.reload(), { kind: "primary" }),
    );
  const isServerGone = status === 0;
  const isMissing = status === 404 || status === 405;
  const heading = isServerGone ? "The server is gone" : isMissing ? "Not there" : "That did not work";
  const hint = isServerGone
    ? "Start it again with python index.py serve; this page comes back by itself."
    : message(error);
  return state("warn", heading, hint, button("Try again", "undo", retry));
}

let dialogs = 0;

/** A dialog.
 * @param {string} heading
 * @param {(close: (result?: unknown) => void) => Child} build gives its content
 * @param {{wide?: boolean}} [options]
 * @returns {Promise<unknown>} what it was closed with */
export function dialog(heading, build, { wide = false } = {}) {
  return new Promise((resolve) => {
    /** @type {unknown} */
    let result;
    const id = `dialog-${++dialogs}`;
    /** @param {unknown} [value] */
    const close = (value) => {
      result = value;
      box.close();
    };
    const head = h(
      ".row.between",
      {},
      h("h2", { id }, heading),
      button("Close", "close", () => close(), { bare: true }),
    );
    const props = { "aria-labelledby": id };
    const box = wide ? h("dialog.wide", props, head) : h("dialog", props, head);
    box.append(...nodes([build(close)]));
    box.addEventListener("close", () => {
      if (box.querySelector(".toasts")) placeNotes();
      box.remove();
      resolve(result);
    });
    box.addEventListener("click", (event) => event.target === box && close());
    document.body.append(box);
    box.showModal();
    focusFirst(box, "[autofocus], input, select, textarea");
  });
}

/** Gives the first element of a selector that can have it the focus.
 * @type {(parent: HTMLElement, selector: string) => void} */
function focusFirst(parent, selector) {
  for (const element of parent.querySelectorAll(selector)) {
    if (element instanceof HTMLElement) element.focus(); // does nothing where it is hidden
    if (element === document.activeElement) return;
  }
}

/** A button that opens a small panel below itself; `fill(panel, close)` is called at every opening.
 * @param {string} text
 * @param {string} name of the icon
 * @param {(panel: HTMLElement, close: () => void) => unknown} fill
 * @param {Record<string, any>} options those of `button`, and `panel`, a class of the panel */
export function menu(text, name, fill, { panel: panelKind = "", ...options } = {}) {
  const panel = h(`.menu${panelKind ? `.${panelKind}` : ""}`, { popover: "auto" });
  const opener = button(text, name, () => panel.togglePopover(), {
    "aria-haspopup": "true",
    "aria-expanded": "false",
    ...options,
  });
  /** @type {unknown} */
  let filled = null; // a promise where the content has to be read first
  panel.addEventListener("beforetoggle", (event) => {
    const opens = event.newState === "open";
    opener.setAttribute("aria-expanded", String(opens));
    if (!opens) return;
    panel.replaceChildren(h("p.dim", {}, "Reading …")); // for one that has to
    filled = fill(panel, () => panel.hidePopover());
  });
  panel.addEventListener("toggle", async (event) => {
    if (event.newState !== "open") return;
    place(panel, opener.getBoundingClientRect());
    await filled;
    if (!panel.matches(":popover-open")) return;
    place(panel, opener.getBoundingClientRect()); // it may be larger now
    focusFirst(panel, "input, button, a");
  });
  return h(".holder", {}, opener, panel);
}

/** Buttons of a menu of which one is chosen.
 * @template Value
 * @param {[Value, string][]} options each with its text
 * @param {Value | null} chosen
 * @param {(value: Value) => unknown} take */
export const choices = (options, chosen, take) =>
  options.map(([value, text]) =>
    h(
      "button.choice",
      { type: "button", "aria-pressed": String(value === chosen), onclick: () => take(value) },
      icon("check"),
      h("span", {}, text),
    ),
  );

/** An entry of the list below an input: what it says, and what it becomes in the input is up to the view.
 * @typedef {{text: string, key?: string, group?: string, hint?: string | null, icon?: string}} Suggestion */

let lists = 0;

/** An input with a list of suggestions below it, among which arrow keys choose (ARIA's combobox).
 * @template {Suggestion} Option */
class Combobox {
  /** @type {Option[]} */
  #options = [];
  #marked = -1; // the index of the option that Enter takes
  #latest = latestOnly();

  /**
   * @param {HTMLInputElement} input
   * @param {HTMLElement} list
   * @param {() => Promise<Option[]> | Option[]} suggest gives what fits the input
   * @param {(option: Option) => unknown} choose
   */
  constructor(input, list, suggest, choose) {
    this.input = input;
    this.list = list;
    this.suggest = suggest;
    this.choose = choose;
    list.id ||= `list-${++lists}`;
    const attributes = {
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-controls": list.id,
      "aria-expanded": "false",
      autocomplete: "off",
    };
    for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value);
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Suggestions");
    for (const name of ["input", "focus"]) input.addEventListener(name, () => this.update());
    input.addEventListener("blur", () => this.close());
    input.addEventListener("keydown", (event) => this.onKey(event));
    list.addEventListener("pointerdown", (event) => this.onPress(event));
  }

  async update() {
    const options = await this.#latest(this.suggest());
    if (options && document.activeElement === this.input) this.show(options);
  }

  /** Shows no suggestions, nor those that are still asked for. */
  close() {
    this.#latest.cancel();
    this.show([]);
  }

  /** @param {Option[]} options */
  show(options) {
    const marked = this.#options[this.#marked];
    const key = marked && keyOf(marked);
    this.#options = options;
    this.#marked = options.findIndex((option) => keyOf(option) === key); // a late answer takes no choice away
    this.list.hidden = !options.length;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    keyed(
      this.list,
      options,
      (option) => keyOf(option),
      (option) => this.item(option),
    );
    this.mark();
  }

  /** @param {Option} option */
  item({ icon: name, text, hint }) {
    const words = h("span", { dir: "auto" }, text);
    return h("li", { role: "option" }, name && icon(name), words, hint && h("span.dim", {}, hint));
  }

  /** Shows which option is marked. */
  mark() {
    const items = [...this.list.children];
    for (const [i, item] of items.entries()) {
      item.id = `${this.list.id}-${i}`;
      item.setAttribute("aria-selected", String(i === this.#marked));
    }
    const marked = items[this.#marked];
    this.input.setAttribute("aria-activedescendant", marked?.id ?? "");
    marked?.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} i */
  take(i) {
    const option = this.#options[i];
    this.close();
    this.choose(option);
  }

  /** @param {PointerEvent} event */
  onPress(event) {
    event.preventDefault();
    const item = event.target instanceof Element ? event.target.closest("li") : null;
    const i = item ? [...this.list.children].indexOf(item) : -1;
    if (i >= 0) this.take(i);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.isComposing || !this.#options.length) return;
    const isMarked = this.#marked >= 0;
    if (event.key === "ArrowDown") this.#move(1);
    else if (event.key === "ArrowUp") this.#move(-1);
    else if (isMarked && ["Enter", "Tab"].includes(event.key)) {
      event.stopImmediatePropagation();
      this.take(this.#marked);
    } else if (event.key === "Escape") {
      event.stopImmediatePropagation();
      this.close();
    } else return;
    event.preventDefault();
  }

  /** Marks another option; in front of the first and behind the last one none is marked.
   * @param {number} step */
  #move(step) {
    const places = this.#options.length + 1;
    const next = (this.#marked + step + places) % places;
    this.#marked = next === places - 1 ? -1 : next;
    this.mark();
  }
}

/** @type {(option: Suggestion) => string} */
const keyOf = ({ key, group = "", text }) => key ?? `${group}:${text}`;

/** Suggests what an input may become in a list below it.
 * @template {Suggestion} Option
 * @param {HTMLInputElement} input
 * @param {HTMLElement} list
 * @param {{suggest: () => Promise<Option[]> | Option[], choose: (option: Option) => unknown}} options */
export const combobox = (input, list, { suggest, choose }) => new Combobox(input, list, suggest, choose);

/** Names that begin with a prefix; none where they cannot be read, for one can type without.
 * @param {"tags" | "performers"} kind
 * @param {string} prefix
 * @returns {Promise<string[]>} */
export async function completions(kind, prefix) {
  try {
    const params = { prefix: `${kind.slice(0, -1)}:${prefix}`, recursive: 1 };
    const suggestions = await get("/videos/suggest", params);
    return suggestions[kind];
  } catch {
    return [];
  }
}
