// @ts-check
/** A strip of the scenes of a film, each with a picture of its own. */

import { h, keyed } from "../ui/dom.js";
import { clock } from "../ui/format.js";
import { fileOf, frameInside, momentPicture } from "../data/pictures.js";
import { showTile } from "../ui/tile.js";

/** @import { Sprites } from "../data/pictures.js" */

/** @type {[width: number, height: number]} */
const TILE = [176, 99];
const MARGIN = 0.04; // seconds from the ends of a scene, where a frame may be of the next one

/** The picture of a scene: the one that `scenes --thumbs` made, else the tile of the sprites that
 * lies inside it, else a frame that the server takes out of the film. */
function scenePicture(details, scene) {
  /** @type {Sprites | null | undefined} */
  const sprites = details.documents.sprites;
  const name = scene.thumb?.split("/").at(-1);
  const stored = details.files.scenes.some(({ part }) => part === name);
  const frame = stored || !sprites ? null : frameInside(sprites.frames, scene);
  if (frame && sprites) {
    const tile = h("canvas.sprite", {});
    showTile(tile, details, sprites, frame, ...TILE);
    return tile;
  }
  const { start, end } = scene;
  const half = (end - start) / 2;
  const src = stored ? fileOf(details, "scenes", name) : momentPicture(details, start + half, half - MARGIN);
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
