// @ts-check
/** The copies that transcodes of this server made, by the absolute paths of them and of their originals. */

import { get } from "./api.js";
import { hasEnded, store } from "./store.js";

const read = new Map(); // the pairs of each job by its id: a result that is there stays as it is

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

/** The copies of all transcodes that have ended. */
export async function madeCopies(signal) {
  const { jobs, roots } = store.state;
  const ended = [...jobs.values()].filter((job) => job.task === "transcode" && hasEnded(job));
  for (const { id } of ended) {
    if (read.has(id)) continue;
    const job = await get(`/jobs/${id}`, {}, signal).catch(() => null);
    if (job) read.set(id, copiesIn(job, roots));
  }
  return ended.flatMap(({ id }) => read.get(id) ?? []);
}
