// @ts-check
/** A strip of the scenes of a film, each with a picture of its own. */

import { h, keyed } from "../ui/dom.js";
import { clock } from "../ui/format.js";
import { fileOf, frameInside, momentPicture } from "../data/pictures.js";
import { spritesIn } from "../data/records.js";
import { showTile } from "../ui/tile.js";

/** @import * as api from "../data/api-types.d.ts" */
/** @import { Documents, Scene } from "../data/records.js" */

/** @type {[width: number, height: number]} */
const TILE = [176, 99];
const MARGIN = 0.04; // seconds from the ends of a scene, where a frame may be of the next one

/** The picture of a scene: the one that `scenes --thumbs` made, else the tile of the sprites that
 * lies inside it, else a frame that the server takes out of the film.
 * @param {api.VideoDetailsOut} details
 * @param {Scene} scene */
function scenePicture(details, scene) {
  const sprites = spritesIn(details.documents);
  const name = scene.thumb?.split("/").at(-1);
  const stored = details.files.scenes.some(({ part }) => part === name);
  const frame = stored ? null : frameInside(sprites?.frames ?? [], scene);
  if (sprites && frame) {
    const tile = h("canvas.sprite", {});
    showTile(tile, details, sprites, frame, ...TILE);
    return tile;
  }
  const { start, end } = scene;
  const half = (end - start) / 2;
  const src = stored ? fileOf(details, "scenes", name) : momentPicture(details, start + half, half - MARGIN);
  const image = h("img", { alt: "", loading: "lazy", src, onerror: () => (image.hidden = true) });
  return image;
}

/** A strip of the scenes, each with a picture of its own.
 * @param {(seconds: number) => unknown} jump plays from a time */
export function sceneStrip(jump) {
  const element = h("ul.strip", { "aria-label": "Scenes", hidden: true });

  /** @type {(details: api.VideoDetailsOut, scene: Scene) => HTMLElement} */
  function item(details, scene) {
    const at = clock(scene.start);
    const props = { type: "button", "aria-label": `Scene at ${at}`, onclick: () => jump(scene.start) };
    const shot = h(".shot", {}, scenePicture(details, scene));
    return h("li", {}, h("button", props, shot, h("span", {}, at)));
  }

  /** @param {api.VideoDetailsOut} details */
  function show(details) {
    /** @type {Documents} */
    const documents = details.documents;
    const scenes = documents.scenes?.scenes ?? [];
    const { scenes: made, sprites } = details.versions ?? {};
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
