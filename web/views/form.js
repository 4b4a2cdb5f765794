// @ts-check
/** A form for any task, from the JSON schema of its parameters; only what differs from the default is sent. */

import { ApiError } from "../data/api.js";
import { h, setText, tickedValues } from "../ui/dom.js";
import { label, listed, message, names } from "../ui/format.js";

/** @import * as api from "../data/api-types.d.ts" */

/** A value of a parameter.
 * @typedef {string | number | boolean | string[] | null} Value */

/** The schema of a parameter, as far as forms go by it.
 * @typedef {object} Schema
 * @property {string} [type]
 * @property {string} [description]
 * @property {Value} [default]
 * @property {string[]} [enum]
 * @property {{enum?: string[]}} [items]
 * @property {number} [minimum]
 * @property {number} [maximum]
 * @property {number} [exclusiveMinimum]
 * @property {string} [pattern]
 * @property {Schema[]} [anyOf] */

/** What a value is entered with.
 * @typedef {HTMLInputElement | HTMLSelectElement | HTMLFieldSetElement} Control */

const SHARED = new Set([
  "ext",
  "artifacts_dir",
  "workers",
  "timeout",
  "allow_codecs",
  "only",
  "dry_run",
  "seek",
]);

/** Whether a parameter is one that most tasks have.
 * @param {{name: string}} field */
const isShared = ({ name }) => SHARED.has(name) || name.startsWith("max_");

/** The schema of a parameter that may also be absent.
 * @param {Schema} schema */
const plain = (schema) => schema.anyOf?.find(({ type }) => type !== "null") ?? schema;

/** @param {Schema} schema */
const isNumber = ({ type }) => type === "integer" || type === "number";

/** @param {Value} value */
const asText = (value) => (Array.isArray(value) ? listed(value) : (value ?? "").toString());

/** @type {(control: Control) => control is HTMLInputElement} */
const isBox = (control) => control instanceof HTMLInputElement && control.type === "checkbox";

/** A box for each name that a list may hold.
 * @param {string} name
 * @param {string[]} choices
 * @param {Value} value */
function boxes(name, choices, value) {
  const chosen = Array.isArray(value) ? value : [];
  const box = (/** @type {string} */ choice) =>
    h("input", { type: "checkbox", name, value: choice, checked: chosen.includes(choice) });
  return h(
    "fieldset.checks",
    {},
    ...choices.map((choice) => h("label.check", {}, box(choice), h("span", {}, choice))),
  );
}

/** The control for a parameter, with a value to begin with.
 * @param {string} name
 * @param {Schema} schema
 * @param {Value} value
 * @returns {Control} */
function control(name, schema, value) {
  const { type, enum: choices, items, minimum, maximum, exclusiveMinimum, pattern } = plain(schema);
  if (items?.enum) return boxes(name, items.enum, value);
  if (type === "boolean") return h("input", { type: "checkbox", name, checked: Boolean(value) });
  if (choices)
    return h(
      "select",
      { name },
      ...choices.map((choice) => h("option", { value: choice, selected: choice === value }, choice)),
    );
  if (isNumber(plain(schema))) {
    return h("input", {
      type: "number",
      name,
      value: asText(value),
      min: (minimum ?? exclusiveMinimum)?.toString(),
      max: maximum?.toString(),
      step: type === "integer" ? "1" : "any",
    });
  }
  return h("input", {
    type: "text",
    name,
    value: asText(value),
    pattern,
    spellcheck: false,
    autocomplete: "off",
  });
}

/** A parameter of a task: its control, and what the server says against it. */
class Field {
  /**
   * @param {string} name
   * @param {Schema} schema
   * @param {Value} unchanged the value that it has where none is sent
   * @param {Value} value the one to begin with
   */
  constructor(name, schema, unchanged, value) {
    this.name = name;
    this.schema = schema;
    this.unchanged = unchanged;
    this.control = control(name, schema, value);
    this.problem = h("small.bad", { role: "alert" });
    this.element = this.labelled();
  }

  /** The control with its label and what is to be known of it. */
  labelled() {
    const { control, name, problem } = this;
    const { description } = this.schema;
    const small = description ? h("small", {}, label(description)) : null;
    if (isBox(control)) return h("label.check", {}, control, h("span", {}, label(name), small, problem));
    if (control instanceof HTMLFieldSetElement) {
      control.prepend(h("legend", {}, label(name)));
      return h(".field", {}, control, small, problem);
    }
    return h("label.field", {}, h("span", {}, label(name)), control, small, problem);
  }

  /** What the control says, as the API takes it.
   * @returns {Value} */
  get value() {
    const { control, schema } = this;
    const { type } = plain(schema);
    if (control instanceof HTMLFieldSetElement) return tickedValues(control);
    if (isBox(control)) return control.checked;
    if (type === "array") return names(control.value);
    if (isNumber(plain(schema))) return control.value === "" ? null : Number(control.value);
    return control.value === "" && schema.anyOf ? null : control.value;
  }

  get isChanged() {
    return asText(this.value) !== asText(this.unchanged);
  }
}

/** Fields with those that are boxes at the end.
 * @param {Field[]} fields */
function group(fields) {
  const elements = (/** @type {Field[]} */ some) => some.map(({ element }) => element);
  return [
    h(".pair", {}, ...elements(fields.filter(({ control }) => !isBox(control)))),
    h(".checks", {}, ...elements(fields.filter(({ control }) => isBox(control)))),
  ];
}

const SWITCHES = { recursive: "Also the folders below", force: "Make again what is there already" };

/** The fields of a task. */
export class TaskForm {
  /**
   * @param {api.TaskOut} task
   * @param {Record<string, Value>} defaults those that this server was configured with
   * @param {Record<string, Value>} [preset] values to begin with
   */
  constructor(task, defaults, preset = {}) {
    /** @type {Record<string, Schema>} */
    const schemas = task.params.properties;
    this.fields = Object.entries(schemas).map(([name, schema]) => {
      const unchanged = defaults[name] ?? schema.default ?? null;
      return new Field(name, schema, unchanged, preset[name] ?? unchanged);
    });
    this.switches = task.takes.map((name) => ({
      name,
      box: h("input", { type: "checkbox", name, checked: name === "recursive" }),
    }));
    const shared = this.fields.filter(isShared);
    this.element = h(
      ".stack",
      {},
      ...group(this.fields.filter((field) => !isShared(field))),
      h(
        ".checks",
        {},
        ...this.switches.map(({ name, box }) => h("label.check", {}, box, h("span", {}, SWITCHES[name]))),
      ),
      shared.length ? h("details", {}, h("summary", {}, "More"), ...group(shared)) : null,
    );
  }

  /** What is to be submitted.
   * @returns {Pick<api.JobIn, "params" | "recursive" | "force">} */
  values() {
    const changed = this.fields.filter((field) => field.isChanged);
    return {
      params: Object.fromEntries(changed.map(({ name, value }) => [name, value])),
      ...Object.fromEntries(this.switches.map(({ name, box }) => [name, box.checked])),
    };
  }

  /** Shows what the server refused beside the fields; what belongs to none is given back.
   * @param {unknown} error
   * @returns {string} */
  refuse(error) {
    const rest = [];
    for (const { problem } of this.fields) setText(problem, "");
    for (const refused of error instanceof ApiError ? error.fields : []) {
      const field = this.fields.find(
        ({ name }) => refused.field === `params.${name}` || refused.field === name,
      );
      if (field) setText(field.problem, refused.message);
      else rest.push(`${refused.field}: ${refused.message}`);
    }
    const bad = this.fields.find(({ problem }) => problem.textContent);
    bad?.control.closest("details")?.setAttribute("open", "");
    bad?.control.focus();
    return bad ? rest.join("; ") : message(error);
  }
}
