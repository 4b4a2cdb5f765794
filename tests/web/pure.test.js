/** The cases of pure.js under node's own test runner: node --test tests/web/ */

import assert from "node:assert/strict";
import { test } from "node:test";
import { pureCases } from "./pure.js";

for (const [name, value, expected] of await pureCases((path) => import(`../../web/${path}.js`))) {
  test(name, () => assert.deepEqual(value, expected));
}
