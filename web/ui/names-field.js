// @ts-check
/** A field of names as chips, with completion. */

import { h, keyed } from "./dom.js";
import { names } from "./format.js";
import { attempt, button, combobox, completions } from "./controls.js";

/** What Backspace does in an empty field: the first press marks the last name, the next removes it;
 * a key that is held does nothing more. Gives {marked, removed}. */
export function backspace(shown, marked, isRepeated) {
  if (isRepeated || !shown.length) return { marked, removed: null };
  const last = shown.at(-1);
  return marked === last ? { marked: null, removed: last } : { marked: last, removed: null };
}

/** A field of names; `kind` is `tags` or `performers`, `shown` the names at first. `change({add,
 * remove})` saves and gives the names that there are then; it may refuse. */
export function namesField(heading, kind, shown, change, link) {
  const chips = h("ul.chips", {});
  const input = h("input", {
    type: "text",
    "aria-label": `Add ${heading.toLowerCase()}`,
    placeholder: "Add …",
    maxlength: "200",
  });
  const list = h("ul.options", { hidden: true });
  const status = h("span.hidden", { role: "status" });
  let marked = null; // the name that the next Backspace removes

  function chip(name) {
    const text = link ? h("a", { href: link(name) }, name) : h("span", {}, name);
    const remove = () => save({ add: [], remove: [name] });
    return h("li.chip", { dir: "auto" }, text, button(`Remove ${name}`, "close", remove, { bare: true }));
  }

  function render() {
    const update = (element, name) => element.classList.toggle("marked", name === marked);
    keyed(chips, shown, (name) => name, chip, update);
    status.textContent = marked === null ? "" : `Backspace again removes ${marked}`;
  }

  function mark(name) {
    if (name === marked) return;
    marked = name;
    render();
  }

  async function save(update) {
    const saved = await attempt(null, () => change(update));
    if (saved) shown = saved;
    marked = null;
    render();
    return Boolean(saved);
  }

  async function add(wanted) {
    if (wanted.length && (await save({ add: wanted, remove: [] }))) input.value = "";
  }

  combobox(input, list, {
    suggest: async () => {
      const known = input.value ? await completions(kind, input.value) : [];
      return known
        .filter((name) => !shown.includes(name))
        .slice(0, 8)
        .map((text) => ({ text }));
    },
    choose: (option) => add([option.text]),
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") add(names(input.value));
    if (event.key !== "Backspace" || input.value) return mark(null);
    const { marked: next, removed } = backspace(shown, marked, event.repeat);
    mark(next);
    if (removed !== null) save({ add: [], remove: [removed] });
    return undefined;
  });
  input.addEventListener("blur", () => mark(null));
  render();
  return h(".names", {}, h("h2", {}, heading), chips, status, h(".holder", {}, input, list));
}
