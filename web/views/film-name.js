// @ts-check
/** The dialog in which a film gets another path. */

import { tellChange } from "../data/store.js";
import { button, dialog } from "../ui/controls.js";
import { h, setText } from "../ui/dom.js";
import { message } from "../ui/format.js";
import { go, videoHref } from "../ui/router.js";
import { rename, tellRenamed } from "./renames.js";

/** @import * as api from "../data/api-types.d.ts" */

/** Goes to where a film is now; back where that is taken back from there.
 * @param {string} url that it had
 * @param {api.RenameOut} done */
function follow(url, done) {
  const address = videoHref(done.url);
  go(address, { replace: true });
  tellChange();
  tellRenamed([done], () => location.hash.startsWith(address) && go(videoHref(url), { replace: true }));
}

/** Asks for another path of the film that is shown.
 * @param {{path: string, url: string}} film */
export function askForName({ path, url }) {
  dialog("Rename", (close) => {
    const to = h("input", { type: "text", value: path, required: true, spellcheck: false });
    const problem = h("p.bad", { role: "alert" });
    const save = button("Rename", "edit", null, { kind: "primary", type: "submit" });
    const submit = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      try {
        const done = await rename(url, to.value);
        close();
        follow(url, done);
      } catch (error) {
        setText(problem, message(error));
      }
    };
    const hint = h("p.dim", {}, "All that was made of it goes with it.");
    const field = h("label.field", {}, h("span", {}, "Path in the library"), to);
    return h("form", { onsubmit: submit }, hint, field, problem, h(".row.end", {}, save));
  });
}
