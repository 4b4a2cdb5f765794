// @ts-check
/** Elements from data. What users wrote only ever becomes text, never markup. */

/** An element: `on…` are listeners, `dataset` and `style` objects, true and false toggle attributes. */
export function h(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name || "div");
  if (classes.length) element.className = classes.join(" ");
  assign(element, props);
  element.append(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

function assign(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "style") setStyle(element, value);
    else if (name in element && typeof value !== "string" && name !== "list") element[name] = value;
    else if (name === "value") element.value = value;
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
}

/** Styles through the object model, which a strict policy allows where attributes are refused. */
export function setStyle(element, styles) {
  for (const [name, value] of Object.entries(styles)) element.style.setProperty(name, value);
}

/** Whether keys are for what has the focus: a field that one writes in, or a dialog. */
export const takesKeys = (element) =>
  Boolean(element.closest("input:not([type=checkbox]), textarea, select, dialog[open]"));

/** Makes the children of a parent those of the items, keeping an element as long as its key stays.
 * @param {(element: any, item: any) => void} update called for each, new or kept */
export function keyed(parent, items, keyOf, create, update = () => {}) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let element = known.get(key);
    known.delete(key);
    if (!element) {
      element = create(item);
      element.dataset.key = key;
    }
    update(element, item);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  for (const element of known.values()) element.remove();
}

/** Sets a text only where it differs: no layout for what stays. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Calls once per picture on the screen, however often it was asked. */
export function onFrame(callback) {
  let isAsked = false;
  const draw = () => ((isAsked = false), callback());
  return () => {
    if (!isAsked) requestAnimationFrame(draw);
    isAsked = true;
  };
}

/** Work that runs one at a time: who asks while it does gets what a run begun after that gives. */
export function inTurn(work) {
  let last = Promise.resolve();
  let waits = false;
  const begin = () => ((waits = false), work());
  return () => {
    if (!waits) last = last.then(begin, begin);
    waits = true;
    return last;
  };
}

/** Calls when it was not asked again for some milliseconds; `cancel()` takes the asking back. */
export function debounced(callback, milliseconds) {
  let timer = 0;
  const ask = (...args) => {
    clearTimeout(timer);
    timer = setTimeout(callback, milliseconds, ...args);
  };
  return Object.assign(ask, { cancel: () => clearTimeout(timer) });
}

/** A function that gives what `load` promised the first time, and asks again after that failed. */
export function once(load) {
  let promise = null;
  const forget = (error) => {
    promise = null;
    throw error;
  };
  return () => (promise ??= load().catch(forget));
}

/** A guard for answers that may come in another order: it gives what a promise does, and undefined
 * where it was called again meanwhile. */
export function latestOnly() {
  let calls = 0;
  return async (promise) => {
    const call = ++calls;
    const answer = await promise;
    return call === calls ? answer : undefined;
  };
}

/** Calls `show(at)` with a rectangle of the window where a menu about an element is asked for: by the
 * mouse, or by a key. With Shift the browser shows its own. */
export function listenForMenu(element, show) {
  element.addEventListener("contextmenu", (event) => {
    if (event.shiftKey && event.button === 2) return;
    event.preventDefault();
    const { clientX: x, clientY: y } = event;
    show(event.button === 2 ? { left: x, top: y, bottom: y } : event.target.getBoundingClientRect());
  });
}

const GAP = 6; // pixels between the menu and what it is about

/** Puts a panel below a rectangle of the window, or above it where there is no room. */
export function place(panel, at) {
  const left = Math.max(8, Math.min(at.left, innerWidth - panel.offsetWidth - 8));
  const below = at.bottom + GAP;
  const fits = below + panel.offsetHeight < innerHeight - 8;
  panel.style.left = `${left}px`;
  panel.style.top = `${fits ? below : Math.max(8, at.top - panel.offsetHeight - GAP)}px`;
}
