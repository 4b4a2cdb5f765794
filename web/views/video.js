/** One video: the film, its time, its people, what is known of it, and what was made of it. */

import { get, post } from "../data/api.js";
import { tellChange, watchChanges } from "../data/changes.js";
import { changeTags, isChange } from "../data/tags.js";
import { h, inTurn, setText } from "../ui/dom.js";
import { clock, message, size, title } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { term } from "../data/query.js";
import { back as returnTo, go, home, href, videoHref } from "../ui/router.js";
import { namesField } from "../ui/names-field.js";
import { button, dialog, failed } from "../ui/controls.js";
import { factsPanel } from "./facts.js";
import { madePanel } from "./made.js";
import { peopleLanes, sceneStrip, transcript } from "./moments.js";
import { noteField, ratingField, watchedField } from "./opinion.js";
import { Player } from "./player.js";
import { Resume } from "./resume.js";
import { rename, tellRenamed } from "./renames.js";
import { changeWords, offerUndo } from "./tag-undo.js";
import { Timeline } from "./timeline.js";

const GONE = "There is no such video any more: it was moved, renamed or deleted.";
const FIELDS = "input, textarea, select, dialog"; // they take every key
const PRESSED = "button, a, summary"; // and these only the keys that press them

/** Tags, performers, rating and note of a video, edited in place. */
function tagsPanel(video, signal) {
  const { url } = video;
  const element = h("section.panel.stack", { "aria-label": "Tags" });

  function field(heading, kind, add, remove, names) {
    const link = (name) => href("library", { q: term(kind.slice(0, -1), name) });
    const save = async (change) => {
      const { after, undo } = await changeTags(url, { [add]: change.add, [remove]: change.remove });
      if (isChange(undo)) offerUndo(changeWords(change), [[video, undo]]);
      tellChange({ videos: [video.path], kinds: ["tags"] });
      return after[kind];
    };
    return namesField(heading, kind, names, save, link);
  }

  const isWriting = () => element.contains(document.activeElement);

  async function show() {
    if (isWriting()) return;
    try {
      const { tags, performers, rating, note } = await get(`${url}/tags`, {}, signal);
      if (isWriting()) return; // since it was asked
      element.replaceChildren(
        field("Tags", "tags", "add", "remove", tags),
        field("Performers", "performers", "performers_add", "performers_remove", performers),
        ratingField(rating, async (value) => (await post(`${url}/tags`, { rating: value })).rating ?? null),
        noteField(note, async (value) => (await post(`${url}/tags`, { note: value })).note ?? null),
        watchedField(url, signal),
      );
    } catch (error) {
      if (error.name !== "AbortError") element.replaceChildren(h("p.bad", {}, message(error)));
    }
  }

  return { element, show };
}

/** The path of a video as jobs name it; null where its bytes are no text. */
function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}

function renameDialog({ path, url }) {
  dialog("Rename", (close) => {
    const to = h("input", { type: "text", value: path, required: true, spellcheck: false });
    const wrong = h("p.bad", { role: "alert" });
    const save = button("Rename", "edit", null, { kind: "primary", type: "submit" });
    const submit = async (event) => {
      event.preventDefault();
      try {
        const done = await rename(url, to.value);
        close();
        go(videoHref(done.url), { replace: true });
        tellChange();
        const isHere = () => location.hash.startsWith(videoHref(done.url));
        tellRenamed([done], () => isHere() && go(videoHref(url), { replace: true }));
      } catch (error) {
        setText(wrong, message(error));
      }
    };
    const hint = h("p.dim", {}, "All that was made of it goes with it.");
    const field = h("label.field", {}, h("span", {}, "Path in the library"), to);
    return h("form", { onsubmit: submit }, hint, field, wrong, h(".row.end", {}, save));
  });
}

/** What keys do, whatever has the focus, but fields. */
function keysOf(player, scenes) {
  const { video } = player;
  return {
    " ": () => (video.paused ? player.jump(video.currentTime) : video.pause()),
    ArrowLeft: () => player.seek(Math.max(0, video.currentTime - 5)),
    ArrowRight: () => player.seek(video.currentTime + 5),
    n: () => player.seek(scenes().find((time) => time > video.currentTime + 0.1) ?? video.currentTime),
    b: () => player.seek(scenes().findLast((time) => time < video.currentTime - 1) ?? 0),
    f: () => (document.fullscreenElement ? document.exitFullscreen() : video.requestFullscreen()),
    Escape: () => returnTo(home()),
  };
}

export function mount(main, route, signal) {
  const url = `/videos/${route.path}`;
  const path = decoded(route.path);
  let details = null;
  const timeline = new Timeline((time) => player.seek(time));
  const player = new Player({ time: (time) => timeline.at(time), ready: measure });
  const resume = new Resume(player, url, signal);
  const jump = (time) => player.jump(time);
  const [people, scenes] = [peopleLanes(jump, signal), sceneStrip(jump)];
  const [lines, tags] = [transcript(player.video, jump), tagsPanel({ url, path }, signal)];
  const [made, facts] = [madePanel(signal), factsPanel()];
  const heading = h("h1", { dir: "auto" });
  const line = h("p.dim", {});
  const other = button("Rename", "edit", () => renameDialog(details), { bare: true, disabled: true });
  const whole = layout();
  const keys = keysOf(player, () => (details?.documents.scenes?.scenes ?? []).map(({ start }) => start));

  function layout() {
    const goBack = (event) => (event.preventDefault(), returnTo(home()));
    const back = {
      href: home(),
      "aria-label": "Back to the library",
      title: "Back",
      onclick: goBack,
    };
    return h(
      ".video",
      {},
      h(".title", {}, h("a.button.quiet.bare", back, icon("back")), h(".grow", {}, heading, line), other),
      h(".column", {}, player.element, timeline.element, people.element, scenes.element, lines.element),
      h(".column", {}, tags.element, made.element, facts.element),
    );
  }

  const load = inTurn(async () => {
    try {
      details = await get(url, {}, signal);
    } catch (error) {
      if (error.name !== "AbortError")
        main.replaceChildren(failed(error.status === 404 ? new Error(GONE) : error, load));
      return;
    }
    if (!whole.isConnected) main.replaceChildren(whole);
    other.disabled = false;
    showHead();
    player.show(details);
    const length = measure();
    for (const part of [scenes, lines, tags, made, facts]) part.show(details);
    people.show(details, length);
  });

  function showHead() {
    const folder = details.path.split("/").slice(0, -1).join(" / ");
    const picture = details.width && `${details.width}×${details.height}`;
    document.title = `${title(details.name)} · Video library`;
    setText(heading, title(details.name));
    heading.title = details.path;
    setText(line, [clock(details.duration), picture, size(details.size), folder].filter(Boolean).join(" · "));
  }

  /** The length is the film's own once that is known, and the timeline follows. */
  function measure() {
    if (!details) return 0;
    const own = player.video.duration;
    const length = Number.isFinite(own) && own > 0 ? own : (details.duration ?? 0);
    timeline.show(details, details.documents, length);
    timeline.at(player.video.currentTime || 0);
    return length;
  }

  function onKey(event) {
    const { key, target } = event;
    if (!keys[key] || event.ctrlKey || event.metaKey || event.altKey || target.closest(FIELDS)) return;
    if (key === " " && target.closest(PRESSED)) return;
    event.preventDefault();
    keys[key]();
  }

  /** Stays at another time of the same video, which is what a link may ask for. */
  function update({ path, params }) {
    if (path !== route.path) return false;
    if (params.get("t")) player.seek(Number(params.get("t")));
    else resume.open();
    return true;
  }

  main.append(whole);
  signal.addEventListener("abort", () => player.stop());
  document.addEventListener("keydown", onKey, { signal, capture: true }); // before the film's own keys
  watchChanges(load, signal, { video: () => path });
  update(route);
  load();
  return update;
}
