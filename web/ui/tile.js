// @ts-check
/** Tiles of sprite sheets, drawn as a thumbnail would be. */

import { fileOf } from "../data/pictures.js";

/** @import { Pictured, SpriteFrame, Sprites } from "../data/pictures.js" */

const SHEETS_KEPT = 60;

/** @type {Map<string, Promise<HTMLImageElement | null>>} */
const sheets = new Map(); // those that were shown last, by their addresses

/** A sprite sheet, once it can be drawn; null where it cannot be had.
 * @param {string} url */
function sheetOf(url) {
  const stored = sheets.get(url);
  if (stored) return stored;
  const picture = new Image();
  picture.src = url;
  const sheet = picture
    .decode()
    .then(() => picture)
    .catch(() => (sheets.delete(url), null));
  sheets.set(url, sheet);
  if (sheets.size > SHEETS_KEPT) sheets.delete([...sheets.keys()][0]);
  return sheet;
}

/** Shows one tile of a sprite sheet on a canvas in a width and height, as a thumbnail would be.
 *
 * It is drawn: a background would be asked of the server again, and be empty until that answers.
 * @param {HTMLCanvasElement} canvas
 * @param {Pictured} row
 * @param {Sprites} sprites
 * @param {SpriteFrame} frame
 * @param {number} width in pixels of the page
 * @param {number} height
 */
export async function showTile(canvas, row, sprites, frame, width, height) {
  const url = fileOf(row, "sprites", sprites.sheets[frame.sheet]);
  const tile = `${frame.sheet}:${frame.x}:${frame.y}`;
  canvas.dataset.tile = tile;
  const sheet = await sheetOf(url);
  if (!sheet || canvas.dataset.tile !== tile) return;
  const { width: wide, height: tall } = sprites.tile;
  const scale = wide >= tall ? Math.max(width / wide, height / tall) : Math.min(width / wide, height / tall);
  canvas.width = Math.round(wide * scale * devicePixelRatio);
  canvas.height = Math.round(tall * scale * devicePixelRatio);
  const brush = canvas.getContext("2d");
  brush?.drawImage(sheet, frame.x, frame.y, wide, tall, 0, 0, canvas.width, canvas.height);
  Object.assign(canvas.style, {
    width: `${wide * scale}px`,
    height: `${tall * scale}px`,
    marginLeft: `${(width - wide * scale) / 2}px`,
    marginTop: `${(height - tall * scale) / 2}px`,
  });
  canvas.dataset.time = String(frame.time);
  canvas.hidden = false;
}
