// @ts-check
/** A menu that opens where it was asked for: beside a button, or where the mouse is. */

import { h, place } from "./dom.js";
import { icon } from "./icons.js";

/** Shows choices [text, icon, callback] beside a rectangle of the window until one is taken, Escape is
 * pressed or something else is clicked; arrow keys walk among them.
 * @param {string} label what the choices are about
 * @param {{left: number, top: number, bottom: number}} at
 * @param {[string, string, () => unknown][]} choices */
export function popup(label, at, choices) {
  const items = choices.map(([text, name, callback]) => {
    const onclick = () => (panel.hidePopover(), callback());
    const props = { type: "button", role: "menuitem", tabindex: "-1", onclick };
    return h("button.choice.act", props, icon(name), h("span", {}, text));
  });
  const panel = h(".menu", { popover: "auto", role: "menu", "aria-label": label }, ...items);
  panel.addEventListener("keydown", (event) => {
    const at = items.indexOf(/** @type {any} */ (document.activeElement));
    const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
    const to = steps[event.key];
    if (["Tab", "Escape"].includes(event.key)) panel.hidePopover();
    if (event.key === "Escape") event.stopPropagation(); // what was selected stays
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    items.at(to % items.length).focus();
  });
  panel.addEventListener("toggle", (event) => event.newState === "closed" && panel.remove());
  document.body.append(panel);
  panel.showPopover();
  place(panel, at);
  items[0].focus({ preventScroll: true });
}
