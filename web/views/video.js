/** One video: the film, its time, its people, what is known of it, and what was made of it. */

import { address, get, make, post } from "../api.js";
import { h, keyed, setText } from "../dom.js";
import { isActive, noteJob } from "../events.js";
import { ago, bitRate, clock, count, date, kindName, message, plural, size, title } from "../format.js";
import { term } from "../query.js";
import { back as returnTo, go, href, videoHref } from "../router.js";
import { icon } from "../icons.js";
import { store } from "../store.js";
import { attempt, button, dialog, failed, namesField } from "../ui.js";
import { frameAt, showTile } from "./card.js";
import { Player, codecName } from "./player.js";
import { taskOf } from "./selection.js";
import { Timeline } from "./timeline.js";

const SCENE_TILE = [176, 99];

/** What ffprobe knows as [name, text] for people. */
function facts(details) {
  const { metadata } = details.documents;
  const streams = metadata?.streams ?? [];
  const [film] = streams.filter(
    (stream) => stream.codec_type === "video" && !stream.disposition?.attached_pic,
  );
  const sounds = streams.filter((stream) => stream.codec_type === "audio");
  const texts = streams.filter((stream) => stream.codec_type === "subtitle");
  const made = metadata?.format?.tags?.creation_time;
  const rows = [
    ["Length", clock(details.duration)],
    [
      "Picture",
      details.width
        ? `${details.width} × ${details.height}${details.fps ? `, ${Number(details.fps.toFixed(2))} fps` : ""}`
        : "",
    ],
    [
      "Video",
      [
        codecName(details.vcodec),
        film?.profile,
        /hlg|2084|b67/.test(film?.color_transfer ?? "") ? "HDR" : "",
        film?.pix_fmt,
      ]
        .filter(Boolean)
        .join(" · "),
    ],
    [
      "Sound",
      sounds
        .map((stream) =>
          [
            stream.codec_name?.toUpperCase(),
            stream.channel_layout ?? plural(stream.channels ?? 0, "channel"),
            stream.sample_rate && `${stream.sample_rate / 1000} kHz`,
            language(stream),
          ]
            .filter(Boolean)
            .join(" · "),
        )
        .join("\n") || (metadata ? "none" : ""),
    ],
    [
      "Text",
      texts.map((stream) => [stream.codec_name, language(stream)].filter(Boolean).join(" · ")).join("\n"),
    ],
    ["Bit rate", bitRate(details.bit_rate ?? Number(metadata?.format?.bit_rate ?? 0))],
    ["Size", `${size(details.size)} (${count(details.size)} bytes)`],
    ["Container", metadata?.format?.format_long_name ?? ""],
    ["Changed", date(details.mtime)],
    ["Recorded", made ? date(Date.parse(made) / 1000) : ""],
    ["Folder", details.path.split("/").slice(0, -1).join(" / ")],
  ];
  return rows.filter(([, text]) => text);
}

const language = (stream) =>
  stream.tags?.language && stream.tags.language !== "und" ? stream.tags.language : "";

export function mount(main, route, signal) {
  let details = null;
  let length = 0;
  const heading = h("h1", { dir: "auto" });
  const line = h("p.dim", {});
  const timeline = new Timeline((time) => player.seek(time));
  const player = new Player({ time: (time) => timeline.at(time), ready: measure });
  const people = h("section.lanes", { "aria-label": "People" });
  const scenes = h("ul.strip", { "aria-label": "Scenes" });
  const transcript = h("section.transcript", { "aria-label": "Subtitles" });
  const tags = h("section.panel.stack", { "aria-label": "Tags" });
  const artifacts = h("ul.artifacts", {});
  const metadata = h("dl.facts-list", {});
  const makeAll = button("Make all that is missing", "run", () => start(missing(), makeAll), {
    kind: "small",
  });
  const rename = button("Rename", "edit", renameDialog, { bare: true });
  const back = h(
    "a.button.quiet.bare",
    { href: href("library"), "aria-label": "Back to the library", title: "Back", onclick: goBack },
    icon("back"),
  );
  const left = h(".column", {}, player.element, timeline.element, people, scenes, transcript);
  const right = h(
    ".column",
    {},
    tags,
    h(
      "section.panel",
      { "aria-label": "Artifacts" },
      h(".row.between", {}, h("h2", {}, "Made of it"), makeAll),
      artifacts,
    ),
    h("section.panel", { "aria-label": "Details" }, h("h2", {}, "Details"), metadata),
  );
  const whole = h(".video", {}, h(".title", {}, back, h(".grow", {}, heading, line), rename), left, right);
  const url = `/videos/${route.path}`;
  main.append(whole);
  signal.addEventListener("abort", () => player.stop());
  document.addEventListener("keydown", onKey, { signal });
  store.watch(["version"], load, signal);
  store.watch(["jobs"], renderArtifacts, signal);

  function goBack(event) {
    event.preventDefault();
    returnTo(href("library"));
  }

  async function load() {
    try {
      details = await get(url, {}, signal);
    } catch (error) {
      if (error.name !== "AbortError")
        main.replaceChildren(
          error.status === 404
            ? failed(new Error("There is no such video any more: it was moved, renamed or deleted."), load)
            : failed(error, () => (main.replaceChildren(whole), load())),
        );
      return;
    }
    document.title = `${title(details.name)} · Video library`;
    setText(heading, title(details.name));
    heading.title = details.path;
    setText(
      line,
      [
        clock(details.duration),
        details.width && `${details.width}×${details.height}`,
        size(details.size),
        details.path.split("/").slice(0, -1).join(" / "),
      ]
        .filter(Boolean)
        .join(" · "),
    );
    player.show(details);
    measure();
    renderTags();
    renderArtifacts();
    renderScenes();
    renderTranscript();
    metadata.replaceChildren(
      ...facts(details).flatMap(([name, text]) => [h("dt", {}, name), h("dd", { dir: "auto" }, text)]),
    );
    loadPeople();
  }

  /** The length is the film's own once that is known, and the timeline follows. */
  function measure() {
    if (!details) return;
    const own = player.video.duration;
    length = Number.isFinite(own) && own > 0 ? own : (details.duration ?? 0);
    timeline.show(details, details.documents, length);
    timeline.at(player.video.currentTime || 0);
  }

  function renderTags() {
    const known = { tags: details.tags, performers: details.performers };
    const fill = (names) => {
      const field = (heading, kind, added, removed, one) =>
        namesField(
          heading,
          kind,
          names[kind] ?? [],
          async ({ add, remove }) => {
            const saved = await post(`${url}/tags`, { [added]: add, [removed]: remove });
            return saved[kind];
          },
          (name) => href("library", { q: term(one, name) }),
        );
      tags.replaceChildren(
        field("Tags", "tags", "add", "remove", "tag"),
        field("Performers", "performers", "performers_add", "performers_remove", "performer"),
      );
    };
    if (tags.contains(document.activeElement)) return;
    if (known.tags) fill(known);
    else
      get(`${url}/tags`, {}, signal)
        .then(fill)
        .catch(
          (error) => error.name !== "AbortError" && tags.replaceChildren(h("p.bad", {}, message(error))),
        );
  }

  const missing = () => store.state.kinds.filter((kind) => taskOf(kind) && details.artifacts[kind] !== true);

  async function start(kinds, control) {
    const force = kinds.length === 1 && details.artifacts[kinds[0]] === true;
    const job = await attempt(control, () => make(kinds.map(taskOf), [details.path], { force }));
    if (job) noteJob(job);
  }

  function renderArtifacts() {
    if (!details) return;
    const busy = [...store.state.jobs.values()].some(
      (job) => isActive(job) && (job.current === details.path || job.current === details.name),
    );
    makeAll.hidden = !missing().length;
    keyed(
      artifacts,
      store.state.kinds.filter((kind) => kind !== "tags"),
      (kind) => kind,
      (kind) => {
        const control = button("Make", "run", () => start([kind], control), { kind: "small" });
        return h("li", {}, h("span.dot", {}), h("span", {}, kindName(kind)), h("span.dim.word", {}), control);
      },
      (element, kind) => {
        const present = details.artifacts[kind];
        element.dataset.state = present === true ? "fresh" : present || "missing";
        setText(
          element.querySelector(".word"),
          busy && present !== true
            ? "working …"
            : ({ true: said(kind), stale: "outdated", false: "" }[String(present)] ?? ""),
        );
        setText(element.querySelector("button span"), present === true ? "Again" : "Make");
      },
    );
  }

  /** What there is of a kind, in a few words. */
  function said(kind) {
    const { [kind]: document } = details.documents;
    const amount = {
      sprites: () => plural(document.frames.length, "tile"),
      previews: () => plural(document.segments.length, "clip"),
      scenes: () => plural(document.scenes.length, "scene"),
      heatmaps: () => plural(document.samples.length, "sample"),
    }[kind];
    try {
      return document && amount
        ? amount()
        : document?.generated_at
          ? ago(Date.parse(document.generated_at))
          : "";
    } catch {
      return document?.error ? "damaged" : "";
    }
  }

  function renderScenes() {
    const { scenes: document, sprites } = details.documents;
    const found = document?.scenes ?? [];
    scenes.hidden = found.length < 2;
    keyed(
      scenes,
      scenes.hidden ? [] : found,
      ({ start }) => start,
      ({ start, end }) => {
        const tile = h(".sprite", {});
        if (sprites?.frames?.length)
          showTile(tile, details, sprites, frameAt(sprites, (start + end) / 2), ...SCENE_TILE);
        return h(
          "li",
          {},
          h(
            "button",
            {
              type: "button",
              "aria-label": `Scene at ${clock(start)}`,
              dataset: { time: start },
              onclick: () => player.jump(start),
            },
            h(".shot", {}, tile),
            h("span", {}, clock(start)),
          ),
        );
      },
    );
  }

  function renderTranscript() {
    const element = player.video.querySelector("track");
    transcript.hidden = !element;
    if (!element) return;
    const { track } = element;
    track.mode = track.mode === "disabled" ? "hidden" : track.mode;
    const fill = () =>
      transcript.replaceChildren(
        h("h2", {}, "What is said"),
        h(
          "ol",
          {},
          ...[...(track.cues ?? [])].map((cue) =>
            h(
              "li",
              {},
              h(
                "button",
                { type: "button", onclick: () => player.jump(cue.startTime) },
                h("span.dim", {}, clock(cue.startTime)),
                h("span", { dir: "auto" }, cue.text),
              ),
            ),
          ),
        ),
      );
    element.addEventListener("load", fill);
    fill();
  }

  async function loadPeople() {
    people.hidden = true;
    if (!details.artifacts.faces) return;
    let found;
    try {
      found = (await get(`${url}/faces`, {}, signal)).people;
    } catch {
      return; // the people are an extra: the list of artifacts says that there are faces
    }
    people.hidden = !found.length;
    keyed(
      people,
      found,
      ({ signature }) => signature,
      (one) => {
        const face = one.picture
          ? h("img", { src: address(one.picture), alt: "", loading: "lazy" })
          : icon("people");
        const known = one.person !== null && one.person !== undefined;
        const name = one.label ?? (known ? "Unnamed" : "Not grouped yet");
        const link = known
          ? h("a", { href: href("people", {}, encodeURIComponent(one.person)), dir: "auto" }, name)
          : h("span.dim", {}, name);
        const spans = one.intervals.map(([from, to]) =>
          h("button", {
            type: "button",
            "aria-label": `${name}, ${clock(from)} to ${clock(to)}`,
            title: `${clock(from)} – ${clock(to)}`,
            style: {
              left: `${(from / (length || 1)) * 100}%`,
              width: `${(Math.max(to - from, 0.2) / (length || 1)) * 100}%`,
            },
            onclick: () => player.jump(from),
          }),
        );
        return h(".lane", {}, h(".who", {}, h(".face", {}, face), link), h(".spans", {}, ...spans));
      },
    );
  }

  function renameDialog() {
    dialog("Rename", (close) => {
      const to = h("input", { type: "text", value: details.path, required: true, spellcheck: false });
      const wrong = h("p.bad", { role: "alert" });
      const save = button("Rename", "edit", null, { kind: "primary", type: "submit" });
      const submit = async (event) => {
        event.preventDefault();
        try {
          const done = await post(`${url}/rename`, { to: to.value, dry_run: false });
          close();
          store.touch();
          go(videoHref(`/videos/${done.to.split("/").map(encodeURIComponent).join("/")}`), { replace: true });
        } catch (error) {
          setText(wrong, message(error));
        }
      };
      return h(
        "form",
        { onsubmit: submit },
        h("p.dim", {}, "All that was made of it goes with it."),
        h("label.field", {}, h("span", {}, "Path in the library"), to),
        wrong,
        h(".row.end", {}, save),
      );
    });
  }

  function onKey(event) {
    if (
      event.target.closest("input, textarea, select, dialog, button, a, video") ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey
    )
      return;
    const { video } = player;
    const starts = (details?.documents.scenes?.scenes ?? []).map(({ start }) => start);
    const acts = {
      " ": () => (video.paused ? player.jump(video.currentTime) : video.pause()),
      ArrowLeft: () => player.seek(Math.max(0, video.currentTime - 5)),
      ArrowRight: () => player.seek(video.currentTime + 5),
      n: () => player.seek(starts.find((time) => time > video.currentTime + 0.1) ?? video.currentTime),
      b: () => player.seek(starts.findLast((time) => time < video.currentTime - 1) ?? 0),
      f: () => (document.fullscreenElement ? document.exitFullscreen() : video.requestFullscreen()),
      Escape: () => returnTo(href("library")),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  const at = Number(route.params.get("t"));
  if (at > 0) player.seek(at);
  load();
  return (next) => {
    if (`/videos/${next.path}` === url) player.seek(Number(next.params.get("t") ?? 0));
    else location.reload();
  };
}
