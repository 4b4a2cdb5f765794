/** Ways to a moment of a film: its scenes, its people, and what is said. All call `jump(seconds)`. */

import { address, get } from "../data/api.js";
import { h, keyed } from "../ui/dom.js";
import { clock } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { href } from "../ui/router.js";
import { fileOf, frameInside, momentPicture } from "../data/pictures.js";
import { showTile } from "./card.js";

const TILE = [176, 99];
const MARGIN = 0.04; // seconds from the ends of a scene, where a frame may be of the next one

/** The picture of a scene: the one that `scenes --thumbs` made, else the tile of the sprites that
 * lies inside it, else a frame that the server takes out of the film. */
function scenePicture(details, scene) {
  const { sprites } = details.documents;
  const name = scene.thumb?.split("/").at(-1);
  const stored = details.files.scenes.some(({ part }) => part === name);
  const frame = stored ? null : frameInside(sprites?.frames ?? [], scene);
  if (frame) {
    const tile = h("canvas.sprite", {});
    showTile(tile, details, sprites, frame, ...TILE);
    return tile;
  }
  const { start, end } = scene;
  const half = (end - start) / 2;
  const src = stored
    ? fileOf(details, "scenes", name)
    : momentPicture(details, start + half, half - MARGIN);
  return h("img", { alt: "", loading: "lazy", src, onerror: ({ target }) => (target.hidden = true) });
}

/** A strip of the scenes, each with a picture of its own. */
export function sceneStrip(jump) {
  const element = h("ul.strip", { "aria-label": "Scenes", hidden: true });

  function item(details, scene) {
    const at = clock(scene.start);
    const props = { type: "button", "aria-label": `Scene at ${at}`, onclick: () => jump(scene.start) };
    const shot = h(".shot", {}, scenePicture(details, scene));
    return h("li", {}, h("button", props, shot, h("span", {}, at)));
  }

  function show(details) {
    const scenes = details.documents.scenes?.scenes ?? [];
    const { scenes: made, sprites } = details.versions;
    element.hidden = scenes.length < 2;
    keyed(
      element,
      element.hidden ? [] : scenes,
      ({ start, end }) => `${start} ${end} ${made} ${sprites}`,
      (scene) => item(details, scene),
    );
  }

  return { element, show };
}

/** A line of time for every person in the film. */
export function peopleLanes(jump, signal) {
  const element = h("section.lanes", { "aria-label": "People", hidden: true });

  async function show(details, length) {
    let people = [];
    try {
      if (details.artifacts.faces) ({ people } = await get(`${details.url}/faces`, {}, signal));
    } catch {
      // the people are an extra: the list of artifacts says that there are faces
    }
    element.hidden = !people.length;
    keyed(
      element,
      people,
      ({ signature }) => signature,
      (one) => lane(one, length || 1, jump),
    );
  }

  return { element, show };
}

function lane({ person, label, picture, intervals }, length, jump) {
  const known = person !== null && person !== undefined;
  const name = label ?? (known ? "Unnamed" : "Not grouped yet");
  const face = picture ? h("img", { src: address(picture), alt: "", loading: "lazy" }) : icon("people");
  const who = known
    ? h("a", { href: href("people", {}, encodeURIComponent(person)), dir: "auto" }, name)
    : h("span.dim", {}, name);
  const spans = intervals.map(([from, to]) => {
    const left = `${(from / length) * 100}%`;
    const width = `${(Math.max(to - from, 0.2) / length) * 100}%`;
    const said = `${name}, ${clock(from)} to ${clock(to)}`;
    return h("button", {
      type: "button",
      "aria-label": said,
      title: said,
      style: { left, width },
      onclick: () => jump(from),
    });
  });
  return h(".lane", {}, h(".who", {}, h(".face", {}, face), who), h(".spans", {}, ...spans));
}

/** The lines of the first track of subtitles that the player has. */
export function transcript(video, jump) {
  const list = h("ol", {});
  const element = h(
    "section.transcript",
    { "aria-label": "Subtitles", hidden: true },
    h("h2", {}, "What is said"),
    list,
  );

  function line({ startTime, text }) {
    const content = [h("span.dim", {}, clock(startTime)), h("span", { dir: "auto" }, text)];
    return h("li", {}, h("button", { type: "button", onclick: () => jump(startTime) }, ...content));
  }

  function show() {
    const track = video.querySelector("track");
    element.hidden = !track;
    if (!track) return;
    if (track.track.mode === "disabled") track.track.mode = "hidden"; // else it is never read
    const fill = () => list.replaceChildren(...[...(track.track.cues ?? [])].map(line));
    track.addEventListener("load", fill);
    fill();
  }

  return { element, show };
}
