// Compares answers with openapi.yaml: each must be of a status, a media type and a schema that is
// described. Usage: contract.mjs OPENAPI SAMPLES [--all]; a sample is a JSON line {method, target,
// status, type, body, headers}. With --all, each operation must occur.
import fs from "node:fs";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import {parse} from "yaml";

const [openapiFile, samplesFile, all] = process.argv.slice(2);
const api = parse(fs.readFileSync(openapiFile, "utf8"));
const ajv = new Ajv2020({strict: true, strictTypes: false, allErrors: true, allowUnionTypes: true});
addFormats(ajv);
for (const name of ["openapi", "info", "servers", "security", "tags", "paths", "components"]) ajv.addKeyword(name);
ajv.addSchema({...api, $id: "loa"});

const resolve = (node) => {
  while (node?.$ref) node = node.$ref.slice(2).split("/").reduce((at, key) => at[key], api);
  return node;
};
const pointer = (parts) => "#/" + parts.map((part) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"))).join("/");

// A path without names comes before one with them.
const paths = Object.keys(api.paths).sort((a, b) => (a.match(/\{/g) ?? []).length - (b.match(/\{/g) ?? []).length);
const pathOf = (target) => paths.find((path) =>
  new RegExp("^" + path.replaceAll(".", "\\.").replaceAll(/\{[^}]+\}/g, "[^/]+") + "$").test(target.split("?")[0]));

const faults = [];
const seen = new Set();
const statuses = new Set();

function check(sample) {
  const what = `${sample.method} ${sample.target} ${sample.status}`;
  const path = pathOf(sample.target);
  const operation = path && api.paths[path][sample.method.toLowerCase()];
  const is = (schema, value) => {
    const validate = ajv.getSchema("loa" + schema) ?? ajv.compile({$ref: "loa" + schema});
    return validate(value) ? "" : ajv.errorsText(validate.errors);
  };
  if (!operation) {
    // What is not described is 404 or 405, and a problem.
    if (![404, 405].includes(sample.status)) faults.push(`${what}: not described`);
    const wrong = is("#/components/schemas/Problem", JSON.parse(sample.body));
    if (wrong) faults.push(`${what}: ${wrong}`);
    return;
  }
  seen.add(operation.operationId);
  statuses.add(`${operation.operationId} ${sample.status}`);
  const response = resolve(operation.responses[sample.status]);
  if (!response) return faults.push(`${what}: this status is not described`);
  for (const header of sample.headers ?? [])
    if (!Object.keys(response.headers ?? {}).some((name) => name.toLowerCase() === header.toLowerCase()))
      faults.push(`${what}: the header ${header} is not described`);
  if (!response.content) return sample.body && faults.push(`${what}: a body where none is described`);
  const type = sample.type.split(";")[0];
  if (type === "application/problem+json" && !response.content[type] && response.content["text/plain"]) return;
  if (!response.content[type]) return faults.push(`${what}: the type ${type} is not described`);
  if (!type.endsWith("json")) return;
  const schema = response.content[type].schema.$ref ??
    pointer(["paths", path, sample.method.toLowerCase(), "responses", String(sample.status), "content", type, "schema"]);
  const wrong = is(schema, JSON.parse(sample.body));
  if (wrong) faults.push(`${what}: ${wrong}\n  ${sample.body.slice(0, 400)}`);
}

const samples = fs.readFileSync(samplesFile, "utf8").trim().split("\n").map((line) => JSON.parse(line));
samples.forEach(check);
if (all) {
  for (const path of paths)
    for (const [method, operation] of Object.entries(api.paths[path]))
      if (operation.operationId && !seen.has(operation.operationId)) faults.push(`${method} ${path}: never asked`);
}
for (const fault of faults) console.error(fault);
console.log(`${samples.length} answers, ${seen.size} operations, ${statuses.size} kinds of answer: ${faults.length} faults`);
process.exit(faults.length ? 1 : 0);
