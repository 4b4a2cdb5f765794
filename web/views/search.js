// @ts-check
/** The search box with the query language, its suggestions, and filters that only edit its text. */

import { get } from "../data/api.js";
import { debounced, h, keyed, setText } from "../ui/dom.js";
import { count, kindName } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { has, parts, term, terms, toggle, without } from "../data/query.js";
import { store } from "../data/store.js";
import { button, combobox, menu } from "../ui/controls.js";

const TYPING = 150; // milliseconds without a key after which what was typed is looked for

const SORTS = [
  ["title", "Name", "asc"],
  ["name", "Folder", "asc"],
  ["added", "Newest", "desc"],
  ["added", "Oldest", "asc"],
  ["duration", "Longest", "desc"],
  ["duration", "Shortest", "asc"],
  ["rating", "Best rated", "desc"],
  ["played", "Last played", "desc"],
  ["size", "Largest", "desc"],
  ["size", "Smallest", "asc"],
];

/** What could stand in the place of a term that is being written. */
async function suggestions(text) {
  const { negated, field } = parts(text);
  if (!text.replace("-", "")) return [];
  const found = await get("/videos/suggest", { prefix: text, recursive: 1 }).catch(() => null);
  if (!found) return []; // without them one can still type
  const minus = negated ? "-" : "";
  const named = (field, names, hint) => names.map((name) => ({ text: minus + term(field, name), hint }));
  const words = found.words.map((word) => ({
    text: minus + word,
    hint: field ? "" : "field",
    open: word.endsWith(":"),
  }));
  return [
    ...words,
    ...named("tag", found.tags, "tag"),
    ...named("performer", found.performers, "performer"),
  ].slice(0, 10);
}

/** The term at the caret, and what stands around it. */
function atCaret(input) {
  const caret = input.selectionStart ?? input.value.length;
  const found = terms(input.value).find(({ start, end }) => start < caret && caret <= end);
  return found ?? { text: "", start: caret, end: caret };
}

/** Whether a query can be looked for while its last term is still being written. */
export function isSearchable(query) {
  const last = terms(query).at(-1)?.text ?? "";
  return !last.includes(":") && (last.match(/"/g) ?? []).length % 2 === 0;
}

/** Search, filters and sort; `change({q, sort, order, replace})` is called with every choice, with
 * `replace` where it takes the place of what was typed before. */
export function searchBar(change) {
  const input = h("input", {
    type: "search",
    name: "q",
    placeholder: "Search: words, tag:night, duration:>10m, missing:subtitles …",
    "aria-label": "Search",
    spellcheck: false,
    maxlength: "2000",
  });
  const list = h("ul.options", { hidden: true });
  const chips = h("ul.chips", { "aria-label": "Filters" });
  const total = h("span.total", { role: "status" });
  const problem = h("p.bad", { role: "alert", id: "search-problem" });
  let current = { q: "", sort: "title", order: "asc" };

  let writing = false; // since the last search: an address that comes late must not take it away
  let typed = false; // whether the address has what was typed so far, and not yet finished
  const set = (q) => {
    const replace = typed;
    [writing, typed] = [false, false];
    searchTyped.cancel();
    change({ ...current, q, replace });
  };
  const searchTyped = debounced(() => {
    const q = input.value.trim();
    if (!writing || q === current.q || !isSearchable(q)) return;
    const replace = typed;
    [writing, typed] = [false, true];
    change({ ...current, q, replace });
  }, TYPING);
  const clear = button("Clear the search", "close", () => (set(""), input.focus()), {
    bare: true,
    hidden: true,
  });
  const showClear = () => (clear.hidden = !input.value);
  input.addEventListener("input", () => {
    writing = true;
    showClear();
    searchTyped();
  });
  input.addEventListener("blur", () => (typed = false));

  combobox(input, list, {
    suggest: () => suggestions(atCaret(input).text),
    choose: ({ text, open }) => {
      const { start, end } = atCaret(input);
      const before = input.value.slice(0, start) + text;
      input.value = `${before}${open ? "" : " "}${input.value.slice(end).trimStart()}`;
      input.setSelectionRange(before.length + !open, before.length + !open);
      if (open) input.dispatchEvent(new Event("input"));
      else set(input.value.trim());
    },
  });

  const form = h(
    "form.search",
    { role: "search", onsubmit: (event) => (event.preventDefault(), set(input.value.trim())) },
    icon("search"),
    input,
    total,
    clear,
    list,
  );
  input.addEventListener("search", () => input.value || set(""));

  const filters = h(
    ".row.filters",
    {},
    namesMenu("Tags", "tag", "tags"),
    namesMenu("People", "people", "performers"),
    kindsMenu(),
    sortMenu(),
    selecting(),
  );

  const sorted = filters.querySelector(".sorted span");

  function namesMenu(heading, name, kind) {
    const field = kind === "tags" ? "tag" : "performer";
    return menu(heading, name, async (panel) => {
      const found = await get("/tags/summary", { recursive: 1 }).catch(() => null);
      const names = found?.[kind] ?? [];
      if (!names.length)
        return panel.replaceChildren(h("p.dim", {}, found ? `No ${kind} yet.` : "They could not be read."));
      return panel.replaceChildren(
        ...names.slice(0, 200).map(({ name, count: n }) => choice(term(field, name), name, count(n))),
      );
    });
  }

  function kindsMenu() {
    return menu("Missing", "warn", async (panel) => {
      await store.until(({ kinds }) => kinds.length);
      panel.replaceChildren(
        ...store.state.kinds.map((kind) => choice(term("missing", kind), kindName(kind), kind)),
      );
    });
  }

  function choice(wanted, text, hint) {
    const pressed = has(current.q, wanted);
    const flip = (event) => {
      const q = toggle(current.q, wanted);
      event.currentTarget.setAttribute("aria-pressed", String(has(q, wanted)));
      set(q);
    };
    return h(
      "button.choice",
      { type: "button", "aria-pressed": String(pressed), onclick: flip },
      icon("check"),
      h("span", { dir: "auto" }, text),
      h("span.dim", {}, hint),
    );
  }

  function sortMenu() {
    return menu(
      "Sort",
      "sort",
      (panel, close) => {
        panel.replaceChildren(
          ...SORTS.map(([sort, text, order]) => {
            const pressed = sort === current.sort && order === current.order;
            const take = () => (close(), change({ ...current, sort, order }));
            return h(
              "button.choice",
              { type: "button", "aria-pressed": String(pressed), onclick: take },
              icon("check"),
              h("span", {}, text),
            );
          }),
        );
      },
      { kind: "sorted" },
    );
  }

  /** For fingers, which cannot hover: lets the boxes of all cards be seen. */
  function selecting() {
    const flip = () => {
      const on = document.body.classList.toggle("selecting");
      if (!on) store.set({ selection: new Map() });
    };
    return button("Select", "check", flip, { kind: "touch" });
  }

  /** Shows a state that came from elsewhere: the address, a chip. */
  function show(state) {
    current = state;
    setText(
      sorted,
      SORTS.find(([sort, , order]) => sort === state.sort && order === state.order)?.[1] ?? "Sort",
    );
    const isWriting = writing && document.activeElement === input;
    if (!isWriting && input.value.trim() !== state.q) input.value = state.q;
    showClear();
    const fields = terms(state.q).filter(({ text }) => parts(text).field);
    keyed(
      chips,
      fields,
      ({ text }) => text,
      ({ text }) => {
        const removal = button(`Remove ${text}`, "close", () => set(without(current.q, text)), {
          bare: true,
        });
        return h("li.chip", {}, h("span", { dir: "auto" }, text), removal);
      },
    );
  }

  function refuse(text) {
    problem.textContent = text;
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    input.setAttribute("aria-describedby", text ? problem.id : "");
  }

  return { form, filters, chips, problem, total, show, refuse, focus: () => input.focus() };
}
