// @ts-check
/** The copies that a job of transcoding made, by the absolute paths of them and of their originals. */

/** @import * as api from "./api-types.d.ts" */

/** @type {(folder: string, path: string) => string} */
const joined = (folder, path) => `${folder.replace(/\/$/, "")}/${path}`;

/** The absolute path of a folder as the API names it, from the first of the roots.
 * @param {string} directory
 * @param {string[]} roots */
export function folderPath(directory, roots) {
  if (directory === ".") return roots[0] ?? "";
  return directory.startsWith("/") ? directory : joined(roots[0] ?? "", directory);
}

/** The absolute path of a video of a folder.
 * @param {string} directory
 * @param {string} path
 * @param {string[]} roots */
export const videoPath = (directory, path, roots) => joined(folderPath(directory, roots), path);

/** An action of a transcode.
 * @typedef {{video: string, status: string, output?: string}} TranscodeAction */

/** The copies that a job made, each with its original: absolute paths.
 * @param {Pick<api.JobDetailsOut, "directory" | "result">} job
 * @param {string[]} roots
 * @returns {{original: string, copy: string}[]} */
export function copiesIn({ directory, result }, roots) {
  if (!result || result.dry_run) return [];
  /** @type {TranscodeAction[]} */
  const actions = result.actions ?? [];
  return actions.flatMap(({ video, status, output }) =>
    output && ["made", "skipped"].includes(status)
      ? [{ original: videoPath(directory, video, roots), copy: output }]
      : [],
  );
}
