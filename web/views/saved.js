// @ts-check
/** Searches that were saved under a name: opened, saved, renamed, taken away, each with the way back. */

import { get, put, remove } from "../data/api.js";
import { findAll, h, keyed } from "../ui/dom.js";
import { addressOf } from "../ui/router.js";
import { attempt, button, toast } from "../ui/controls.js";

const LONGEST = 100; // characters of a name

const pathOf = (name) => `/searches/${encodeURIComponent(name)}`;

/** The order of a listing as it is stored. */
const ordered = ({ q, sort, order, seed }) => ({ q, sort, order, seed: Number(seed) || 0 });
const fieldsOf = ({ name, ...search }) => search;

const isSame = (one, other) => addressOf(one) === addressOf(other);

/** The panel of saved searches. Its `show(listing)` reads them, and offers to save what is shown now. */
export function savedPanel({ close }) {
  let listing = { q: "", sort: "", order: "", seed: "" };
  const list = h("ul.saved", { "aria-label": "Saved searches" });
  const nothing = h("p.dim", {}, "No search was saved yet.");
  const name = h("input", {
    type: "text",
    required: true,
    maxlength: String(LONGEST),
    "aria-label": "Name",
    autocomplete: "off",
  });
  const submit = async (event) => {
    event.preventDefault();
    await save(name.value.trim(), listing);
  };
  const form = h(
    "form.save-search",
    { onsubmit: submit },
    h("h2", {}, "Save this search"),
    h(".row", {}, name, button("Save", "check", null, { kind: "primary", type: "submit" })),
  );
  const element = h(".saved-in", {}, list, nothing, form);

  /** Takes a change back: what was there before is put again, or there was nothing. */
  const restore = (name, previous) =>
    previous ? put(pathOf(name), fieldsOf(previous)) : remove(pathOf(name));

  /** Tells what was done, with a button that takes it back. */
  function offerUndo(words, undo) {
    toast(words, { action: ["Undo", () => attempt(null, undo).then(read)] });
  }

  async function save(name, search) {
    const saved = await attempt(null, () => put(pathOf(name), ordered(search)));
    if (!saved) return;
    close();
    const words = saved.previous ? `“${name}” is now this search` : `Saved as “${name}”`;
    offerUndo(words, () => restore(name, saved.previous));
  }

  async function forget(search) {
    const forgotten = await attempt(null, () => remove(pathOf(search.name)));
    if (!forgotten) return;
    await read();
    (findAll(list, "a, button")[0] ?? name).focus();
    offerUndo(`“${search.name}” is gone`, () => restore(search.name, search));
  }

  async function rename(search, to) {
    if (!to || to === search.name) {
      draw();
      return;
    }
    const moved = await attempt(null, async () => {
      const saved = await put(pathOf(to), fieldsOf(search));
      await remove(pathOf(search.name));
      return saved;
    });
    await read();
    if (!moved) return;
    offerUndo(`“${search.name}” is now called “${to}”`, async () => {
      await restore(search.name, search);
      await restore(to, moved.previous);
    });
  }

  let searches = [];

  async function read() {
    const answer = await attempt(null, () => get("/searches"));
    searches = answer?.searches ?? searches;
    draw();
  }

  function draw() {
    list.replaceChildren(); // a name that was being edited is shown again
    keyed(list, searches, (search) => search.name, item);
    nothing.hidden = searches.length > 0;
    const isKnown = searches.some((search) => isSame(search, listing));
    form.hidden = isKnown || isSame(listing, { q: "", sort: "title", order: "asc" });
    if (!nothing.hidden && form.hidden)
      nothing.textContent = "Search or filter first: what is found can be kept here.";
  }

  function item(search) {
    const isShown = isSame(search, listing);
    const link = {
      href: addressOf(search),
      onclick: () => close(),
      ...(isShown ? { "aria-current": "true" } : {}),
    };
    const words = [search.q, search.sort === "title" ? "" : `by ${search.sort}`].filter(Boolean).join(" · ");
    const row = h(
      "li",
      {},
      h("a.saved-link", link, h("span", { dir: "auto" }, search.name), h("span.dim", { dir: "auto" }, words)),
      button(`Rename ${search.name}`, "edit", () => edit(row, search), { bare: true }),
      button(`Delete ${search.name}`, "trash", () => forget(search), { bare: true }),
    );
    return row;
  }

  /** Lets the name of one be written in its place. */
  function edit(row, search) {
    const input = h("input", {
      type: "text",
      required: true,
      maxlength: String(LONGEST),
      "aria-label": `New name of ${search.name}`,
    });
    input.value = search.name;
    const onsubmit = (event) => (event.preventDefault(), rename(search, input.value.trim()));
    const onkeydown = (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault(); // the panel stays
      draw();
    };
    row.replaceChildren(
      h(
        "form.row",
        { onsubmit, onkeydown },
        input,
        button("Save the name", "check", null, { bare: true, type: "submit" }),
      ),
    );
    input.select();
    input.focus();
  }

  async function show(shown) {
    listing = shown;
    name.value = shown.q.slice(0, LONGEST).trim();
    form.hidden = true;
    await read();
  }

  return { element, show };
}
