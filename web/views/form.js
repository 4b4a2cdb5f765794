// @ts-check
/** A form for any task, from the JSON schema of its parameters; only what differs from the default is sent. */

import { h, setText } from "../ui/dom.js";
import { label, listed, names } from "../ui/format.js";

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
const isShared = (name) => SHARED.has(name) || name.startsWith("max_");

/** The schema of a parameter that may also be absent. */
const plain = (schema) => schema.anyOf?.find(({ type }) => type !== "null") ?? schema;

const asText = (value) => (Array.isArray(value) ? listed(value) : (value ?? "").toString());

/** A box for each name that a list may hold. */
function boxes(name, choices, chosen) {
  const box = (value) => h("input", { type: "checkbox", name, value, checked: chosen.includes(value) });
  return h(
    "fieldset.checks",
    {},
    ...choices.map((value) => h("label.check", {}, box(value), h("span", {}, value))),
  );
}

function control(name, schema, value) {
  const { type, enum: choices, items, minimum, maximum, exclusiveMinimum, pattern } = plain(schema);
  if (items?.enum) return boxes(name, items.enum, value ?? []);
  if (type === "boolean") return h("input", { type: "checkbox", name, checked: Boolean(value) });
  if (choices)
    return h(
      "select",
      { name },
      ...choices.map((choice) => h("option", { value: choice, selected: choice === value }, choice)),
    );
  if (type === "integer" || type === "number") {
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

/** What a control says, as the API takes it. */
function read(input, schema) {
  const { type, items } = plain(schema);
  if (items?.enum) return [...input.querySelectorAll("input:checked")].map(({ value }) => value);
  if (input.type === "checkbox") return input.checked;
  if (type === "array") return names(input.value);
  if (type === "integer" || type === "number") return input.value === "" ? null : Number(input.value);
  return input.value === "" && schema.anyOf ? null : input.value;
}

function field(name, schema, input, problem) {
  const { description } = schema;
  const small = description ? h("small", {}, label(description)) : null;
  if (input.type === "checkbox")
    return h("label.check", {}, input, h("span", {}, label(name), small, problem));
  if (input instanceof HTMLFieldSetElement) {
    input.prepend(h("legend", {}, label(name)));
    return h(".field", {}, input, small, problem);
  }
  return h("label.field", {}, h("span", {}, label(name)), input, small, problem);
}

/** The fields of a task; `preset` are values to begin with. */
export class TaskForm {
  constructor(task, defaults, preset = {}) {
    this.task = task;
    this.fields = Object.entries(task.params.properties).map(([name, schema]) => {
      const unchanged = defaults[name] ?? schema.default ?? null;
      const input = control(name, schema, preset[name] ?? unchanged);
      const problem = h("small.bad", { role: "alert" });
      return { name, schema, unchanged, input, problem, element: field(name, schema, input, problem) };
    });
    this.switches = task.takes.map((name) => [
      name,
      h("input", { type: "checkbox", name, checked: name === "recursive" }),
    ]);
    const names = { recursive: "Also the folders below", force: "Make again what is there already" };
    const own = this.fields.filter(({ name }) => !isShared(name));
    const shared = this.fields.filter(({ name }) => isShared(name));
    const isBox = ({ input }) => input.type === "checkbox";
    const group = (fields) => [
      h(".pair", {}, ...fields.filter((one) => !isBox(one)).map(({ element }) => element)),
      h(".checks", {}, ...fields.filter(isBox).map(({ element }) => element)),
    ];
    this.element = h(
      ".stack",
      {},
      ...group(own),
      h(
        ".checks",
        {},
        ...this.switches.map(([name, input]) => h("label.check", {}, input, h("span", {}, names[name]))),
      ),
      shared.length ? h("details", {}, h("summary", {}, "More"), ...group(shared)) : null,
    );
  }

  /** What is to be submitted: {params, recursive, force}. */
  values() {
    const params = {};
    for (const { name, schema, unchanged, input } of this.fields) {
      const value = read(input, schema);
      if (asText(value) !== asText(unchanged)) params[name] = value;
    }
    return { params, ...Object.fromEntries(this.switches.map(([name, input]) => [name, input.checked])) };
  }

  /** Shows what the server refused beside the fields; what belongs to none is given back. */
  refuse(error) {
    const rest = [];
    for (const one of this.fields) setText(one.problem, "");
    for (const { field, message } of error.fields ?? []) {
      const one = this.fields.find(({ name }) => field === `params.${name}` || field === name);
      if (one) setText(one.problem, message);
      else rest.push(`${field}: ${message}`);
    }
    const bad = this.fields.find(({ problem }) => problem.textContent);
    bad?.input.closest("details")?.setAttribute("open", "");
    bad?.input.focus();
    return bad ? rest.join("; ") : error.message;
  }
}
