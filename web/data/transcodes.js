// @ts-check
/** The copies that a job of transcoding made, by the absolute paths of them and of their originals. */

const joined = (folder, path) => `${folder.replace(/\/$/, "")}/${path}`;

/** The absolute path of a folder as the API names it, from the first of the roots. */
export function folderPath(directory, roots) {
  if (directory === ".") return roots[0] ?? "";
  return directory.startsWith("/") ? directory : joined(roots[0] ?? "", directory);
}

/** The absolute path of a video of a folder. */
export const videoPath = (directory, path, roots) => joined(folderPath(directory, roots), path);

/** The copies in the result of a job, as [{original, copy}], absolute paths. */
export function copiesIn({ directory, result }, roots) {
  if (!result || result.dry_run) return [];
  return (result.actions ?? [])
    .filter(({ output, status }) => output && ["made", "skipped"].includes(status))
    .map(({ video, output }) => ({ original: videoPath(directory, video, roots), copy: output }));
}
