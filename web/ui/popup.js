// @ts-check
/** A menu that opens where it was asked for: beside a button, or where the mouse is. */

import { h, place } from "./dom.js";
import { icon } from "./icons.js";

/** @import { Anchor } from "./dom.js" */

/** Shows choices beside a rectangle of the window until one is taken, Escape is pressed or something else is
 * clicked; arrow keys walk among them.
 * @param {string} label what the choices are about
 * @param {Anchor} anchor
 * @param {[text: string, icon: string, callback: () => unknown][]} choices */
export function popup(label, anchor, choices) {
  const items = choices.map(([text, name, callback]) => {
    const onclick = () => {
      panel.hidePopover();
      callback();
    };
    const props = { type: "button", role: "menuitem", tabindex: "-1", onclick };
    return h("button.choice.act", props, icon(name), h("span", {}, text));
  });
  const panel = h(".menu", { popover: "auto", role: "menu", "aria-label": label }, ...items);
  panel.addEventListener("keydown", (event) => {
    const focused = [...panel.children].indexOf(document.activeElement ?? panel);
    /** @type {Record<string, number>} */
    const targets = { ArrowDown: focused + 1, ArrowUp: focused - 1, Home: 0, End: -1 };
    const target = targets[event.key];
    if (["Tab", "Escape"].includes(event.key)) panel.hidePopover();
    if (event.key === "Escape") event.stopPropagation(); // what was selected stays
    if (target === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    items.at(target % items.length)?.focus();
  });
  panel.addEventListener("toggle", (event) => event.newState === "closed" && panel.remove());
  document.body.append(panel);
  panel.showPopover();
  place(panel, anchor);
  items[0].focus({ preventScroll: true });
}
