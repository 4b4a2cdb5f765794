// @ts-check
/** The one client of the server: JSON both ways, problems as errors, the token where there is one. */

import { store } from "./store.js";

/** @import * as api from "./api-types.d.ts" */

const KEY = "token";

/** What the server refused (RFC 9457), or status 0 where it did not answer at all. */
export class ApiError extends Error {
  constructor(status, detail, fields = []) {
    super(detail);
    this.status = status;
    this.fields = fields;
  }
}

let asking = null; // for a token, at most once at a time
let refused = false; // to give one: the views have a button for whoever wants to after all
let ask = async () => false;

/** How a token is asked for: a function that resolves to whether there is one now. */
export function onLocked(callback) {
  ask = callback;
}

function unlock() {
  asking ??= ask()
    .then((given) => ((refused = !given), given))
    .finally(() => (asking = null));
  return asking;
}

const known = () => sessionStorage.getItem(KEY);

/** The address of an endpoint in the folder that is looked at; `path` is encoded already. */
export function address(path, params = {}) {
  const query = new URLSearchParams();
  const { directory } = store.state;
  if (directory !== ".") query.set("directory", directory);
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, value);
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** @typedef {{params?: object, body?: unknown, signal?: AbortSignal, keepalive?: boolean}} RequestOptions */

/** @type {(method: string, path: string, options?: RequestOptions) => Promise<Response>} */
const request = async (method, path, { params, body, signal, keepalive } = {}) => {
  /** @type {Record<string, string>} */
  const headers = {};
  const token = known();
  if (token) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(address(path, params), {
      method,
      headers,
      signal,
      keepalive, // lets it be answered after the page was left
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    store.set({ online: false });
    throw new ApiError(0, "The server does not answer. Is it still running?");
  }
  store.set({ online: true });
  return response;
};

async function failure(response) {
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    problem = { detail: `The server answered ${response.status} ${response.statusText}` };
  }
  return new ApiError(response.status, String(problem.detail ?? problem.title), problem.errors ?? []);
}

async function call(method, path, options) {
  const token = known();
  let response = await request(method, path, options);
  const locked = response.status === 401 && !refused;
  if (locked && (known() !== token || (await unlock()))) response = await request(method, path, options);
  if (!response.ok) throw await failure(response);
  return response.status === 204 ? null : response.json();
}

/**
 * @template {string} Path
 * @param {Path} path
 * @param {object} [params]
 * @param {AbortSignal} [signal]
 * @returns {Promise<api.Answer<Path, api.GetAnswers, api.GetOfVideo>>}
 */
export const get = (path, params, signal) => call("GET", path, { params, signal });

/**
 * @template {string} Path
 * @param {Path} path
 * @param {unknown} [body]
 * @param {object} [params]
 * @returns {Promise<api.Answer<Path, api.PostAnswers, api.PostOfVideo>>}
 */
export const post = (path, body, params) => call("POST", path, { body, params });

/**
 * @template {string} Path
 * @param {Path} path
 * @param {unknown} body
 * @returns {Promise<api.Answer<Path, api.PutAnswers, api.PutOfVideo>>}
 */
export const put = (path, body) => call("PUT", path, { body });

/**
 * @template {string} Path
 * @param {Path} path
 * @param {unknown} body
 * @param {RequestOptions} [options]
 * @returns {Promise<api.Answer<Path, api.PatchAnswers, api.PatchOfVideo>>}
 */
export const patch = (path, body, options) => call("PATCH", path, { body, ...options });

/**
 * @template {string} Path
 * @param {Path} path
 * @param {object} [params]
 * @returns {Promise<api.Answer<Path, api.DeleteAnswers, api.DeleteOfVideo>>}
 */
export const remove = (path, params) => call("DELETE", path, { params });

/** Trades the token for a cookie, which pictures and films need, and keeps it for this tab. */
export async function signIn(token) {
  const response = await request("POST", "/session", { body: { token } });
  if (!response.ok) throw await failure(response);
  sessionStorage.setItem(KEY, token);
}

/** Runs work on every item, a few at a time; gives what was refused as [item, error].
 * @param {(done: number, total: number) => void} progress */
export async function each(items, work, progress = () => {}, atOnce = 4) {
  const failed = [];
  let next = 0;
  let done = 0;
  async function worker() {
    while (next < items.length) {
      const item = items[next++];
      try {
        await work(item);
      } catch (error) {
        failed.push([item, error]);
      }
      progress(++done, items.length);
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return failed;
}

/** Submits a job on the folder that is looked at. */
export function submit(task, params = {}, options = {}) {
  const { directory } = store.state;
  return post("/jobs", { task, directory, recursive: true, params, ...options });
}

/** Submits a job that makes artifacts of some videos, whatever type of file they are; those that are
 * named are tried even where that failed before. */
export function make(tasks, only, options = {}) {
  return submit("batch", { tasks, ext: ["*"], ...(only ? { only } : {}) }, options);
}

/** What `finish` would make of these tasks now, and how long that takes. */
export const forecast = (tasks, signal) =>
  get("/forecast", { recursive: 1, ext: "*", tasks: tasks.join(",") }, signal);
