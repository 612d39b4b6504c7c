import { GainsayError } from "../../protocol/errors.ts";
import { dtypeName, tensorByteLength } from "./tensorTypes.ts";
import type { SessionInfo, TensorBytes, ValueInfo } from "./types.ts";

/**
 * The inputs of a session in its order, after checking that each is there, has the wanted type and shape, and as many bytes as
 * that needs. Throws `INPUT_MISMATCH` with a sentence about the first that does not fit.
 */
export function checkFeeds(session: SessionInfo, inputs: Readonly<Record<string, TensorBytes>>): TensorBytes[] {
  const feeds = session.inputs.map((info) => checkFeed(info, Object.hasOwn(inputs, info.name) ? inputs[info.name] : undefined));
  const given = Object.keys(inputs);
  if (given.length === feeds.length) return feeds;
  const wanted = session.inputs.map(({ name }) => name);
  throw mismatch(given.find((name) => !wanted.includes(name)) as string, `is not an input of the model; its inputs are ${wanted.join(", ") || "none"}`);
}

function checkFeed(info: ValueInfo, tensor: TensorBytes | undefined): TensorBytes {
  if (tensor === undefined) throw mismatch(info.name, "is missing");
  if (tensor.dtype !== info.dtype) throw mismatch(info.name, `must be ${dtypeName(info.dtype)}, not ${dtypeName(tensor.dtype)}`);
  if (!shapeFits(info, tensor.shape)) throw mismatch(info.name, `must have the shape [${info.shape.join(", ")}], not [${tensor.shape.join(", ")}]`);
  const bytes = tensorByteLength(tensor.dtype, tensor.shape);
  if (tensor.bytes.length !== bytes) throw mismatch(info.name, `must have ${bytes} bytes for its shape, not ${tensor.bytes.length}`);
  return tensor;
}

function shapeFits(info: ValueInfo, shape: readonly number[]): boolean {
  return (
    info.shape.length === shape.length &&
    shape.every((size, k) => Number.isSafeInteger(size) && size >= 0 && (typeof info.shape[k] === "string" || info.shape[k] === size))
  );
}

function mismatch(name: string, what: string): GainsayError {
  return new GainsayError(`The input ${JSON.stringify(name)} ${what}.`, { code: "INPUT_MISMATCH", kind: "usage", details: { input: name } });
}
