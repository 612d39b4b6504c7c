import { badInput, type RawTensor } from "./rawTensor.ts";

/** Keys under which tools put the data of all inputs as a list. */
const listKeys = ["input_data", "inputs", "data"];

/**
 * Reads a tensor from JSON: nested arrays (or a flat one) of numbers; an object with the input's name as a key; or an object such as
 * `{"input_data": [...]}` with one array an input, of which the one at `position` is meant. Throws `INPUT_MALFORMED`.
 */
export function parseJsonTensor(file: string, content: Uint8Array, input: string, position: number | undefined): RawTensor {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(content).toString("utf8"));
  } catch (cause) {
    throw badInput(file, `is not valid JSON, or is cut off (${cause instanceof Error ? cause.message : String(cause)})`, {}, cause);
  }
  const nested = Array.isArray(json) || typeof json === "number" ? json : fromObject(file, json, input, position);
  const shape: number[] = [];
  for (let level = nested; Array.isArray(level); level = level[0] as unknown) shape.push(level.length);
  const values: number[] = [];
  collect(file, nested, shape, 0, values);
  return { dtype: "float64", shape, bytes: new Uint8Array(Float64Array.from(values).buffer), decimal: true };
}

function fromObject(file: string, json: unknown, input: string, position: number | undefined): unknown {
  if (typeof json !== "object" || json === null) throw badInput(file, "must hold an array of numbers, or an object with one");
  const object = json as Record<string, unknown>;
  if (Object.hasOwn(object, input)) return object[input];
  const key = listKeys.find((name) => Object.hasOwn(object, name));
  const list = key === undefined ? undefined : object[key];
  if (!Array.isArray(list)) throw badInput(file, `has neither the input's name ${JSON.stringify(input)} nor "input_data" as a key`, { keys: Object.keys(object).slice(0, 20) });
  // A list of numbers is the tensor itself; a list of lists has one entry an input.
  if (typeof list[0] === "number") return list;
  if (list.length > 1 && position === undefined) throw badInput(file, `has data for ${list.length} inputs; name the inputs as keys, or give one file an input`);
  return list[position ?? 0];
}

function collect(file: string, value: unknown, shape: readonly number[], depth: number, values: number[]): void {
  if (depth === shape.length) {
    if (typeof value !== "number" && typeof value !== "boolean") throw badInput(file, `holds ${describe(value)} where a number should stand`);
    values.push(Number(value));
    return;
  }
  if (!Array.isArray(value) || value.length !== shape[depth]) throw badInput(file, "holds nested arrays of unequal lengths");
  for (const item of value) collect(file, item, shape, depth + 1, values);
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}
