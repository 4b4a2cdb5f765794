// @ts-check
/** The name of a person, edited in place, and the names between which the gallery could not decide. */

import { button, combobox } from "../ui/controls.js";
import { h } from "../ui/dom.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { PeopleEditor } from "./people-editor.js" */

/** Whether a name is being written, which news must not take away. */
export const isNaming = () => Boolean(document.activeElement?.matches("input.naming"));

/** The name as a field that looks like text, with the names that it may become; leaving it saves.
 * @param {api.PersonOut} one
 * @param {PeopleEditor} editor */
export function nameField(one, editor) {
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
    if (!name || !(await editor.rename(one, name))) input.value = saved = previous;
  };
  combobox(input, list, {
    suggest: () => editor.suggestNames(one, input.value.trim()),
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

/** The names that the gallery guesses, each with a button that decides; null where there are none, or a
 * name was given.
 * @param {api.PersonOut} one
 * @param {PeopleEditor} editor */
export function guesses(one, editor) {
  if (one.label || !one.ambiguous.length) return null;
  const choice = (/** @type {string} */ name) => {
    const props = { kind: "small", "aria-label": `This is ${name}` };
    const control = button(name, "check", () => editor.name(one, name, control), props);
    return control;
  };
  return h(".guesses", {}, h("span.dim", {}, "Perhaps"), ...one.ambiguous.map(choice));
}
