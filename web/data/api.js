// @ts-check
/** The one client of the server: JSON both ways, problems as errors, the token where there is one. */

import { store } from "./store.js";

/** @import * as api from "./api-types.d.ts" */

const KEY = "token";

/** What the server refused (RFC 9457), or status 0 where it did not answer at all. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   * @param {api.FieldErrorOut[]} [fields] which parameters of the request were refused
   */
  constructor(status, detail, fields = []) {
    super(detail);
    this.status = status;
    this.fields = fields;
  }
}

/** @type {Promise<boolean> | null} */
let unlocking = null; // one question for the token at a time
let isTokenRefused = false; // by the user; the views have a button that asks again
let askToken = async () => false;

/** Sets how the user is asked for the token.
 * @param {() => Promise<boolean>} callback resolves to whether there is a token now */
export function onLocked(callback) {
  askToken = callback;
}

function unlock() {
  unlocking ??= askToken()
    .then((hasToken) => {
      isTokenRefused = !hasToken;
      return hasToken;
    })
    .finally(() => (unlocking = null));
  return unlocking;
}

const storedToken = () => sessionStorage.getItem(KEY);

/** Parameters of a query; those without a value are left out.
 * @typedef {Record<string, string | number | boolean | null | undefined>} Params */

/** The parameters that have a value, as the query of an address.
 * @param {Params} params
 * @param {Params} [more] parameters that stand in front of them
 * @returns {string} with its question mark, or empty */
export function queryOf(params, more = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...more, ...params })) {
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  }
  return query.size ? `?${query}` : "";
}

/** The address of an endpoint in the current folder.
 * @param {string} path percent-encoded
 * @param {Params} [params] */
export function address(path, params = {}) {
  const { directory } = store.state;
  return path + queryOf(params, { directory: directory === "." ? "" : directory });
}

/** @typedef {{params?: Params, body?: unknown, signal?: AbortSignal, keepalive?: boolean}} RequestOptions */

/** Whether a request was not refused but given up by the page itself.
 * @param {unknown} error */
export const isAbort = (error) => error instanceof Error && error.name === "AbortError";

/** The status of the server's answer that an error is about; undefined for any other error.
 * @param {unknown} error */
export const statusOf = (error) => (error instanceof ApiError ? error.status : undefined);

/** @type {(method: string, path: string, options?: RequestOptions) => Promise<Response>} */
const request = async (method, path, { params, body, signal, keepalive } = {}) => {
  /** @type {Record<string, string>} */
  const headers = {};
  const token = storedToken();
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
    if (isAbort(error)) throw error;
    store.set({ online: false });
    throw new ApiError(0, "The server does not answer. Is it still running?");
  }
  store.set({ online: true });
  return response;
};

/** The error that a refused request fails with.
 * @param {Response} response */
async function failure(response) {
  /** @type {Partial<api.ProblemOut>} */
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    problem = { detail: `The server answered ${response.status} ${response.statusText}` };
  }
  return new ApiError(response.status, String(problem.detail ?? problem.title), problem.errors ?? []);
}

/** The answer to a request, from JSON; asks for the token where one is missing.
 * @type {(method: string, path: string, options?: RequestOptions) => Promise<any>} */
async function call(method, path, options) {
  const token = storedToken();
  let response = await request(method, path, options);
  const isLocked = response.status === 401 && !isTokenRefused;
  const isUnlocked = isLocked && (storedToken() !== token || (await unlock()));
  if (isUnlocked) response = await request(method, path, options);
  if (!response.ok) throw await failure(response);
  return response.status === 204 ? null : response.json();
}

/**
 * @template {string} Path
 * @param {Path} path
 * @param {Params} [params]
 * @param {AbortSignal} [signal]
 * @returns {Promise<api.Answer<Path, api.GetAnswers, api.GetOfVideo>>}
 */
export const get = (path, params, signal) => call("GET", path, { params, signal });

/**
 * @template {string} Path
 * @param {Path} path
 * @param {unknown} [body]
 * @param {Params} [params]
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
 * @param {Params} [params]
 * @returns {Promise<api.Answer<Path, api.DeleteAnswers, api.DeleteOfVideo>>}
 */
export const remove = (path, params) => call("DELETE", path, { params });

/** Trades the token for a cookie, which pictures and films need, and keeps it for this tab.
 * @param {string} token */
export async function signIn(token) {
  const response = await request("POST", "/session", { body: { token } });
  if (!response.ok) throw await failure(response);
  sessionStorage.setItem(KEY, token);
}

/** Runs work on every item, a few at a time.
 * @template Item
 * @param {Item[]} items
 * @param {(item: Item) => Promise<unknown>} work
 * @param {(done: number, total: number) => void} [progress]
 * @param {number} [atOnce]
 * @returns {Promise<[Item, unknown][]>} the items for which it failed, each with its error */
export async function each(items, work, progress = () => {}, atOnce = 4) {
  /** @type {[Item, unknown][]} */
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

/** Submits a job on the current folder.
 * @param {string} task
 * @param {Record<string, unknown>} [params]
 * @param {Partial<api.JobIn>} [options] */
export function submit(task, params = {}, options = {}) {
  const { directory } = store.state;
  return post("/jobs", { task, directory, recursive: true, params, ...options });
}

/** Submits a job that makes artifacts of videos of every type.
 * @param {string[]} tasks
 * @param {string[]} [only] paths of videos, which are tried even where an earlier run failed; all by default
 * @param {Partial<api.JobIn>} [options] */
export function make(tasks, only, options = {}) {
  return submit("batch", { tasks, ext: ["*"], ...(only ? { only } : {}) }, options);
}

/** What `finish` would make with these tasks now, and how long that takes.
 * @param {string[]} tasks
 * @param {AbortSignal} [signal] */
export const forecast = (tasks, signal) =>
  get("/forecast", { recursive: 1, ext: "*", tasks: tasks.join(",") }, signal);
