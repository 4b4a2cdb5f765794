// @ts-check
/** The page: its frame, its routes, and what stands above all views - theme, token, server, jobs. */

import { ApiError, get, onLocked, signIn, statusOf } from "./data/api.js";
import { find, h, keyed, setText, takesKeys } from "./ui/dom.js";
import { baseName, count, label, message, plural } from "./ui/format.js";
import { icon } from "./ui/icons.js";
import { HOME, home, href, start } from "./ui/router.js";
import { isActive, store, tellChange } from "./data/store.js";
import { button, dialog, failed, toast } from "./ui/controls.js";

/** @import * as api from "./data/api-types.d.ts" */
/** @import { Route } from "./ui/router.js" */

/** What shows another route of the same view; false where it has to be mounted anew.
 * @typedef {(route: Route) => unknown} UpdateView */

/** What shows a route in an element until the signal; gives what shows another one, if the view can.
 * @typedef {(main: HTMLElement, route: Route, signal: AbortSignal) =>
 *   Promise<UpdateView | void> | UpdateView | void} MountView */

/** The views: name in addresses, heading, and what reads the module.
 * @type {[string, string, () => Promise<{mount: MountView}>][]} */
const VIEWS = [
  ["library", "Library", () => import("./views/library.js")],
  ["people", "People", () => import("./views/people.js")],
  ["duplicates", "Duplicates", () => import("./views/duplicates.js")],
  ["jobs", "Jobs", () => import("./views/jobs.js")],
  ["report", "Report", () => import("./views/report.js")],
  ["video", "", () => import("./views/video.js")],
];

/** @type {(() => Promise<unknown>)[]} */
const LATER = [
  ...VIEWS.map(([, , load]) => load),
  () => import("./views/continue.js"),
  () => import("./views/filters.js"),
  () => import("./views/folders.js"),
  () => import("./views/list.js"),
  () => import("./views/saved.js"),
  () => import("./views/selection.js"),
  () => import("./views/subtitle-hits.js"),
  () => import("./views/suggestions.js"),
  () => import("./views/keys.js"),
  () => import("./views/card-menu.js"),
];

const main = find(document, "#main");
/** @type {PromiseWithResolvers<void>} */
const answered = Promise.withResolvers(); // by the first view, or there is nothing to show yet
/** @type {Promise<void> | null} */
let configuring = null;

/** A view that is shown, and what ends it.
 * @typedef {{view: string, leave: AbortController, update: UpdateView | null}} ShownView */

/** @type {ShownView} */
let current = { view: "", leave: new AbortController(), update: null };

/** Shows a route: within the same view by its own update, else by mounting another.
 * @param {Route} route */
async function show(route) {
  const [name, heading, load] = VIEWS.find(([view]) => view === route.view) ?? VIEWS[0];
  look(route.params.get("in") ?? ".");
  markNavigation(name);
  const update = current.view === name ? current.update : null;
  if (update && update(route) !== false) return undefined;
  current.leave.abort();
  const leave = new AbortController();
  /** @type {ShownView} */
  const shown = { view: name, leave, update: null };
  current = shown;
  let module;
  try {
    [module] = await Promise.all([load(), name === "library" || configured()]);
  } catch (error) {
    if (leave.signal.aborted) return undefined;
    answered.resolve();
    const problem = error instanceof ApiError ? error : new ApiError(0, message(error));
    main.replaceChildren(failed(problem, () => location.reload()));
    store.watch(["online"], ({ online }) => online && location.reload(), leave.signal);
    if (error !== problem) followJobs(); // finds out whether the server is there
    return undefined;
  }
  if (leave.signal.aborted) return undefined;
  if (heading) document.title = `${heading} · Video library`;
  document.body.dataset.view = name;
  main.replaceChildren();
  shown.update = (await module.mount(main, route, leave.signal)) || null;
  if (name !== "library") answered.resolve();
  return undefined;
}

/** @returns {NodeListOf<HTMLAnchorElement>} */
const viewLinks = () => document.querySelectorAll("nav.views a");

/** @param {string} name of the view that is shown */
function markNavigation(name) {
  for (const link of viewLinks()) {
    if (link.dataset.view === "library") link.href = name === "library" ? href("library") : home();
    const isCurrent = link.dataset.view === name || (name === "video" && link.dataset.view === "library");
    if (isCurrent) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function frame() {
  const links = VIEWS.filter(([, heading]) => heading).map(([view, heading]) =>
    h("a", { href: href(view), dataset: { view } }, icon(view), h("span", {}, heading)),
  );
  const mark = h("a.mark", { href: href("library"), "aria-label": "Video library" }, icon("run"));
  const nav = h("nav.views", { "aria-label": "Views" }, ...links);
  find(document, ".top").append(
    mark,
    nav,
    h("span.gap"),
    rootMenu(),
    jobsIndicator(),
    button("Last changes", "undo", showLastChanges, { bare: true }),
    button("Keys", "keyboard", showKeyList, { bare: true, kind: "pointer" }),
    themeButton(),
  );
  document.body.append(offlineBar());
}

/** Looks at another folder; nothing that was selected is in it.
 * @param {string} directory */
function look(directory) {
  if (directory === store.state.directory) return;
  store.set({ directory, selection: new Map() });
}

/** Which of the served folders is looked at, where there are several. */
function rootMenu() {
  const go = () => {
    look(choice.value);
    location.hash = href("library");
  };
  const choice = h("select.roots", { "aria-label": "Folder", hidden: true, onchange: go });
  store.watch(["roots", "directory"], ({ roots, directory }) => {
    choice.hidden = roots.length < 2;
    keyed(
      choice,
      roots,
      (root) => root,
      (root) => h("option", { value: root }, baseName(root) || root),
    );
    choice.value = directory === "." ? roots[0] : directory;
    for (const link of viewLinks()) link.href = href(link.dataset.view ?? HOME);
  });
  return choice;
}

function jobsIndicator() {
  const text = h("span", {});
  const ring = h("span.ring", {});
  const link = h("a.indicator", { href: href("jobs"), hidden: true }, ring, text);
  store.watch(["jobs"], ({ jobs }) => {
    const active = [...jobs.values()].filter(isActive);
    const total = active.reduce((sum, job) => sum + job.progress_total, 0);
    const done = active.reduce((sum, job) => sum + job.progress_current + (job.percent ?? 0) / 100, 0);
    const share = total ? Math.min(1, done / total) : 0;
    link.hidden = !active.length;
    ring.style.setProperty("--share", share.toFixed(3));
    setText(text, `${plural(active.length, "job")} · ${Math.floor(share * 100)}%`);
  });
  return link;
}

function themeButton() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () =>
    (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  const flip = button(
    "Light or dark",
    "sun",
    () => {
      const theme = isDark() ? "light" : "dark";
      document.documentElement.dataset.theme = theme;
      localStorage.setItem("theme", theme);
      draw();
    },
    { bare: true },
  );
  const draw = () => flip.replaceChildren(icon(isDark() ? "sun" : "moon"));
  dark.addEventListener("change", draw);
  draw();
  return flip;
}

async function showKeyList() {
  const { showKeys } = await import("./views/keys.js");
  showKeys();
}

async function showLastChanges() {
  const { showChanges } = await import("./views/undo.js");
  showChanges();
}

async function undoLast() {
  const { undoTheLast } = await import("./views/undo.js");
  undoTheLast();
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (takesKeys(event.target)) return;
  if (event.key === "?") showKeyList();
  else if (event.key === "z" && (event.ctrlKey || event.metaKey) && !event.repeat) undoLast();
}

function offlineBar() {
  const bar = h(".offline", { role: "alert", hidden: true });
  store.watch(["online"], ({ online }) => {
    bar.hidden = online;
    setText(bar, online ? "" : "The server does not answer. Start it again; this page goes on by itself.");
    if (online) tellChange();
  });
  return bar;
}

/** Asks for the token until it is right or the dialog is closed; whether there is one now. */
async function askToken() {
  answered.resolve();
  const isSignedIn = await dialog("This library has a token", (close) => {
    const input = h("input", {
      type: "password",
      autocomplete: "current-password",
      "aria-label": "Token",
      required: true,
    });
    const problem = h("p.bad", { role: "alert" });
    const submit = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      try {
        await signIn(input.value.trim());
        close(true);
      } catch (error) {
        setText(
          problem,
          statusOf(error) === 401
            ? "That is not the token. It was given to serve with --token."
            : message(error),
        );
        input.select();
      }
    };
    const hint = h("p.dim", {}, "Give the token that the server was started with (--token, or VIDEO_TOKEN).");
    return h(
      "form",
      { onsubmit: submit },
      hint,
      input,
      problem,
      h(".row", {}, button("Open", "key", null, { kind: "primary", type: "submit" })),
    );
  });
  return isSignedIn === true;
}

/** What all views but the library wait for: it can show its first screen without. */
const configured = () => (configuring ??= configure());

async function configure() {
  const { roots, kind_details: kinds } = await get("/config");
  store.set({ roots, kinds });
}

function begin() {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  frame();
  document.addEventListener("keydown", onKey);
  onLocked(askToken);
  store.listen("shown", () => answered.resolve(), { once: true });
  start(show);
  answered.promise.then(goOn);
}

/** What the first screen does without: where folders are, what jobs do, and the other views, to be
 * there when the server is not. */
function goOn() {
  configured().catch(() => store.watch(["online"], ({ online }) => online && location.reload()));
  const followUnlessLocked = (/** @type {unknown} */ error) => {
    if (statusOf(error) !== 401) followJobs();
  };
  configured().then(followJobs, followUnlessLocked);
  setTimeout(() => LATER.forEach((load) => load().catch(() => {})), 500);
}

async function followJobs() {
  try {
    const { follow } = await import("./data/events.js");
    follow();
  } catch {
    store.set({ online: false });
    reloadOnceThere();
  }
}

/** Parts of the page are read when they are wanted; where that fails, the server is gone. */
addEventListener("unhandledrejection", (event) => {
  if (!/dynamically imported module|Importing a module script/.test(event.reason?.message)) return;
  event.preventDefault();
  store.set({ online: false });
});

/** Begins anew as soon as the server is there: it was gone before all of the page had come. */
function reloadOnceThere() {
  get("/health").then(
    () => location.reload(),
    () => setTimeout(reloadOnceThere, 1000),
  );
}

/** How a job ended, in words.
 * @param {api.JobOut} job */
function endText({ status, failed, error }) {
  if (status === "error") return error;
  if (status === "cancelled") return "cancelled";
  return failed ? `${count(failed)} failed` : "done";
}

store.listen("ended", async (job) => {
  const { isTold } = await import("./data/events.js");
  if (!(await isTold(job))) return;
  const kind = job.status === "error" || job.failed ? "bad" : "";
  toast(`${label(job.task)}: ${endText(job)}`, { kind });
});

begin();
