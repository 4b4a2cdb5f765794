// @ts-check
/** Elements from data: what users wrote only ever becomes text, never markup. And when what events ask for is
 * done: one at a time, once, after a pause. */

/** What an element may contain, also in lists; null, undefined and false stand for nothing.
 * @typedef {Node | string | null | undefined | false} Content
 * @typedef {Content | (Content | Content[])[]} Child */

/** The element that a tag such as `input.naming` stands for; without a name it is a div.
 * @template {string} Tag
 * @typedef {Tag extends `${infer Name}.${string}` ? ElementOf<Name>
 *   : Tag extends "" ? HTMLDivElement
 *   : Tag extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[Tag] : HTMLElement} ElementOf */

/** A rectangle of the window, as far as a menu beside it needs it; in pixels.
 * @typedef {{left: number, top: number, bottom: number}} Anchor */

/** An element: `on…` are listeners, `dataset` and `style` objects, true and false toggle attributes.
 * @template {string} Tag
 * @param {Tag} tag its name and classes, with dots between them
 * @param {Record<string, any>} [props]
 * @param {...Child} children
 * @returns {ElementOf<Tag>} */
export function h(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name || "div");
  if (classes.length) element.className = classes.join(" ");
  assign(element, props);
  element.append(...nodes(children));
  return /** @type {ElementOf<Tag>} */ (element);
}

/** What an element is given as children: without those that stand for nothing.
 * @type {(children: Child[]) => (Node | string)[]} */
export const nodes = (children) =>
  children.flatMap((child) => {
    if (Array.isArray(child)) return nodes(child);
    return child === null || child === undefined || child === false ? [] : [child];
  });

/**
 * @param {HTMLElement & Record<string, any>} element
 * @param {Record<string, any>} props
 */
function assign(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "style") setStyle(element, value);
    else if (name in element && typeof value !== "string" && name !== "list")
      Object.assign(element, { [name]: value });
    else if (name === "value") Object.assign(element, { value });
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
}

/** Sets styles through the object model, which a strict policy allows where attributes are refused.
 * @param {HTMLElement} element
 * @param {Record<string, string | null>} styles */
export function setStyle(element, styles) {
  for (const [name, value] of Object.entries(styles)) element.style.setProperty(name, value);
}

/** The first element of a selector, which has to be there.
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {HTMLElement} */
export function find(parent, selector) {
  const element = parent.querySelector(selector);
  if (!(element instanceof HTMLElement)) throw new Error(`no ${selector} in the page`);
  return element;
}

/** All elements of a selector.
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {HTMLElement[]} */
export const findAll = (parent, selector) =>
  [...parent.querySelectorAll(selector)].filter((element) => element instanceof HTMLElement);

/** The values of the boxes in a form that are ticked.
 * @param {ParentNode} form
 * @returns {string[]} */
export const tickedValues = (form) =>
  findAll(form, "input:checked").flatMap((box) => (box instanceof HTMLInputElement ? [box.value] : []));

/** Whether keys are for the target of an event: a field that one writes in, or a dialog.
 * @param {EventTarget | null} target */
export const takesKeys = (target) =>
  target instanceof Element &&
  target.closest("input:not([type=checkbox]), textarea, select, dialog[open]") !== null;

/** Makes the children of a parent those of the items, keeping an element as long as its key stays.
 * @template Item
 * @template {HTMLElement} Made
 * @param {Element} parent
 * @param {Iterable<Item>} items
 * @param {(item: Item) => string | number} keyOf
 * @param {(item: Item) => Made} create
 * @param {(element: Made, item: Item) => unknown} [update] called for each, new or kept */
export function keyed(parent, items, keyOf, create, update = () => {}) {
  const children = /** @type {Made[]} */ ([...parent.children]);
  const unused = new Map(children.map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    const element = unused.get(key) ?? create(item);
    unused.delete(key);
    element.dataset.key = key;
    update(element, item);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  for (const element of unused.values()) element.remove();
}

/** Sets a text only where it differs: no layout for what stays.
 * @param {Node} element
 * @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A function that draws with the next picture of the screen, once however often it was called.
 * @param {() => unknown} draw
 * @returns {() => void} */
export function onFrame(draw) {
  let isPending = false;
  const onNext = () => {
    isPending = false;
    draw();
  };
  return () => {
    if (!isPending) requestAnimationFrame(onNext);
    isPending = true;
  };
}

/** Shows a panel below a rectangle of the window, or above it where there is no room.
 * @param {HTMLElement} panel
 * @param {Anchor} anchor */
export function place(panel, anchor) {
  const left = Math.max(8, Math.min(anchor.left, innerWidth - panel.offsetWidth - 8));
  const below = anchor.bottom + GAP;
  const fits = below + panel.offsetHeight < innerHeight - 8;
  panel.style.left = `${left}px`;
  panel.style.top = `${fits ? below : Math.max(8, anchor.top - panel.offsetHeight - GAP)}px`;
}

const GAP = 6; // pixels between a panel and what it is about

/** Calls `show` with a rectangle of the window where a menu about an element is asked for: by the mouse, or
 * by a key. With Shift the browser shows its own.
 * @param {HTMLElement} element
 * @param {(anchor: Anchor) => unknown} show */
export function listenForMenu(element, show) {
  element.addEventListener("contextmenu", (event) => {
    if (event.shiftKey && event.button === 2) return;
    event.preventDefault();
    const { clientX: x, clientY: y, target } = event;
    if (event.button === 2) show({ left: x, top: y, bottom: y });
    else if (target instanceof Element) show(target.getBoundingClientRect());
  });
}

/** Work that runs one at a time: who asks while it does gets what a run begun after that gives.
 * @template Result
 * @param {() => Promise<Result> | Result} work
 * @returns {() => Promise<Result>} */
export function inTurn(work) {
  /** @type {Promise<any>} */
  let run = Promise.resolve();
  let isQueued = false;
  const begin = () => {
    isQueued = false;
    return work();
  };
  return () => {
    if (!isQueued) run = run.then(begin, begin);
    isQueued = true;
    return run;
  };
}

/** A function that calls back when it was not called again for a time; `cancel()` takes the calls back.
 * @template {unknown[]} Args
 * @param {(...args: Args) => unknown} callback
 * @param {number} milliseconds */
export function debounced(callback, milliseconds) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @param {Args} args */
  const call = (...args) => {
    clearTimeout(timer);
    timer = setTimeout(callback, milliseconds, ...args);
  };
  return Object.assign(call, { cancel: () => clearTimeout(timer) });
}

/** A function that gives what `load` promised the first time, and loads again after that failed.
 * @template Result
 * @param {() => Promise<Result>} load
 * @returns {() => Promise<Result>} */
export function once(load) {
  /** @type {Promise<Result> | null} */
  let promise = null;
  /** @type {(error: unknown) => never} */
  const forget = (error) => {
    promise = null;
    throw error;
  };
  return () => (promise ??= load().catch(forget));
}

/** A guard for answers that may come in another order than they were asked for: it gives what a promise
 * does, and undefined where it was called again meanwhile. After `cancel()` no answer counts any more. */
export function latestOnly() {
  let calls = 0;
  /**
   * @template Result
   * @param {Promise<Result> | Result} promise
   * @returns {Promise<Result | undefined>}
   */
  const guard = async (promise) => {
    const call = ++calls;
    const answer = await promise;
    return call === calls ? answer : undefined;
  };
  return Object.assign(guard, { cancel: () => void calls++ });
}
