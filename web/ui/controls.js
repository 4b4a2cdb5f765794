// @ts-check
/** What views are made of: buttons, notes, dialogs, menus, states, and a field for names. */

import { get } from "../data/api.js";
import { h, keyed, place } from "./dom.js";
import { message } from "./format.js";
import { icon } from "./icons.js";

/** A button with an icon, or only that where `text` is the hidden name of `{ bare: true }`.
 * @param {string} text
 * @param {string} name of the icon
 * @param {((event: any) => unknown) | null} onclick
 * @param {Record<string, any>} options `bare`, `kind` (its classes), and properties of the element */
export function button(text, name, onclick, { bare = false, kind = "", ...props } = {}) {
  const content = bare ? [icon(name)] : [name && icon(name), h("span", {}, text)];
  const label = bare ? { "aria-label": text, title: text } : {};
  const classes = `button${kind ? `.${kind}` : ""}${bare ? ".bare" : ""}`;
  return h(`button.${classes}`, { type: "button", onclick, ...label, ...props }, ...content);
}

const LASTING = 4; // notes that stay: of more of them the oldest goes

/** A note that goes by itself, or stays where it is `lasting`; `action` is [text, callback, icon]. */
export function toast(text, { kind = "", action = null, seconds = 6, lasting = false } = {}) {
  const note = h(`.toast${kind ? `.${kind}` : ""}${lasting ? ".lasting" : ""}`, {}, h("span", {}, text));
  const close = () => note.remove();
  if (action) {
    const [label, callback, name = "undo"] = action;
    note.append(button(label, name, () => (close(), callback()), { kind: "quiet" }));
  }
  note.append(button("Close", "close", close, { bare: true }));
  document.querySelector(".toasts").append(note);
  if (lasting)
    [...document.querySelectorAll(".toast.lasting")].slice(0, -LASTING).forEach((old) => old.remove());
  else setTimeout(close, (action ? 2 : 1) * seconds * 1000);
  return note;
}

export const complain = (error) => toast(message(error), { kind: "bad", seconds: 12 });

/** Runs what a control asks for: it waits meanwhile, and what is refused is told. */
export async function attempt(control, work) {
  if (control) control.disabled = true;
  try {
    return await work();
  } catch (error) {
    if (error.name !== "AbortError") complain(error);
    return undefined;
  } finally {
    if (control) control.disabled = false;
  }
}

/** What is shown where there is nothing: why, and what to do next. */
export function state(name, heading, text, ...actions) {
  return h(".state", {}, icon(name), h("h2", {}, heading), h("p", {}, text), h(".row", {}, ...actions));
}

/** The state of a view that could not be read. */
export function failed(error, again) {
  if (error.status === 401)
    return state(
      "key",
      "Locked",
      "Without its token this library shows nothing.",
      button("Give the token", "key", () => location.reload(), { kind: "primary" }),
    );
  const isServerGone = error.status === 0;
  const missing = error.status === 404 || error.status === 405;
  const heading = isServerGone ? "The server is gone" : missing ? "Not there" : "That did not work";
  const hint = isServerGone
    ? "Start it again with python index.py serve; this page comes back by itself."
    : message(error);
  return state("warn", heading, hint, button("Try again", "undo", again));
}

let dialogs = 0;

/** A dialog; `build(close)` gives its content. Resolves to what it was closed with. */
export function dialog(heading, build, { wide = false } = {}) {
  return new Promise((resolve) => {
    let result;
    const id = `dialog-${++dialogs}`;
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
    const box = h(`dialog${wide ? ".wide" : ""}`, { "aria-labelledby": id }, head);
    box.append(...[build(close)].flat());
    box.addEventListener("close", () => {
      box.remove();
      resolve(result);
    });
    box.addEventListener("click", (event) => event.target === box && close());
    document.body.append(box);
    box.showModal();
    box.querySelector("[autofocus], input, select, textarea")?.focus();
  });
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
  panel.addEventListener("beforetoggle", (event) => {
    const opens = event.newState === "open";
    opener.setAttribute("aria-expanded", String(opens));
    if (!opens) return;
    panel.replaceChildren(h("p.dim", {}, "Reading …")); // for one that has to
    fill(panel, () => panel.hidePopover());
  });
  panel.addEventListener("toggle", (event) => {
    if (event.newState !== "open") return;
    place(panel, opener.getBoundingClientRect());
    panel.querySelector("input, button, a")?.focus();
  });
  return h(".holder", {}, opener, panel);
}

/** Buttons of a menu of which one is chosen: `options` are [value, text], `take(value)` is called. */
export const choices = (options, chosen, take) =>
  options.map(([value, text]) =>
    h(
      "button.choice",
      { type: "button", "aria-pressed": String(value === chosen), onclick: () => take(value) },
      icon("check"),
      h("span", {}, text),
    ),
  );

/** Lets arrow keys choose among the options of a list below an input (ARIA's combobox). */
export function combobox(input, list, { suggest, choose }) {
  let options = [];
  let at = -1;
  let asked = 0;
  list.id ||= `list-${Math.random().toString(36).slice(2)}`;
  for (const [name, value] of [
    ["role", "combobox"],
    ["aria-autocomplete", "list"],
    ["aria-controls", list.id],
    ["aria-expanded", "false"],
    ["autocomplete", "off"],
  ]) {
    input.setAttribute(name, value);
  }
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Suggestions");

  const keyOf = ({ key, group = "", text }) => key ?? `${group}:${text}`;

  function show(found) {
    const marked = at >= 0 ? keyOf(options[at]) : null; // a late answer takes no choice away
    options = found;
    at = options.findIndex((option) => keyOf(option) === marked);
    list.hidden = !options.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    keyed(list, options, keyOf, (option) => {
      const hint = option.hint ? h("span.dim", {}, option.hint) : null;
      return h(
        "li",
        { role: "option", id: `${list.id}-${Math.random().toString(36).slice(2)}` },
        option.icon && icon(option.icon),
        h("span", { dir: "auto" }, option.text),
        hint,
      );
    });
    mark();
  }

  function mark() {
    [...list.children].forEach((child, i) => child.setAttribute("aria-selected", String(i === at)));
    input.setAttribute("aria-activedescendant", list.children[at]?.id ?? "");
    list.children[at]?.scrollIntoView({ block: "nearest" });
  }

  async function update() {
    const call = ++asked;
    const found = await suggest(input);
    if (call === asked && document.activeElement === input) show(found);
  }

  function take(i) {
    asked++;
    const option = options[i];
    show([]);
    choose(option);
  }

  input.addEventListener("input", update);
  input.addEventListener("focus", update);
  input.addEventListener("blur", () => (asked++, show([])));
  list.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    const i = [...list.children].indexOf(event.target.closest("li"));
    if (i >= 0) take(i);
  });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && options.length) {
      event.preventDefault();
      at = (at + step + options.length + 1) % (options.length + 1);
      if (at === options.length) at = -1;
      mark();
    } else if ((event.key === "Enter" || (event.key === "Tab" && at >= 0)) && at >= 0) {
      event.preventDefault();
      event.stopImmediatePropagation();
      take(at);
    } else if (event.key === "Escape" && options.length) {
      event.preventDefault();
      event.stopImmediatePropagation();
      asked++;
      show([]);
    }
  });
}

/** Completions of a name: kind is `tags` or `performers`. */
export async function completions(kind, prefix) {
  try {
    const found = await get("/videos/suggest", { prefix: `${kind.slice(0, -1)}:${prefix}`, recursive: 1 });
    return found[kind];
  } catch {
    return []; // without completions one can still type
  }
}
