import { z } from "zod";
import { GainsayError } from "../errors.ts";
import { fromHex, toHex, type Hex } from "../hex.ts";
import { programRoot } from "../program/codec.ts";
import type { ProgramHeader } from "../program/types.ts";
import { listRoot } from "../trees/listTree.ts";
import { tensorRoot } from "../trees/tensorTree.ts";

const bytes32 = z.string().regex(/^0x[0-9a-f]{64}$/) as unknown as z.ZodType<Hex, z.ZodTypeDef, string>;
const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/) as unknown as z.ZodType<Hex, z.ZodTypeDef, string>;
const count = z.number().int().nonnegative();

const tensorSchema = z.object({ name: z.string(), dtype: count, shape: z.array(count), root: bytes32 }).strict();

export const receiptSchema = z.object({
  format: z.literal("gainsay.receipt.1"),
  chainId: count,
  jobs: address,
  jobId: z.string().regex(/^[0-9]+$/),
  attempt: count,
  executor: address,
  committedIn: bytes32,
  finalizedIn: bytes32,
  programRoot: bytes32,
  header: z.object({
    version: count,
    graph: bytes32,
    inputs: bytes32,
    stepsRoot: bytes32,
    blocksRoot: bytes32,
    stepCount: count,
    blockCount: count,
    inputCount: count,
    traceCount: count,
    outputs: z.array(count),
  }).strict(),
  inputRoot: bytes32,
  traceRoot: bytes32,
  outputRoot: bytes32,
  inputs: z.array(tensorSchema).min(1),
  /** Committed bytes of each output, in base64, beside its root. */
  outputs: z.array(tensorSchema.extend({ bytes: z.string().base64() })).min(1),
}).strict();

/**
 * A portable statement: this program, on this input, gave this output, by this executor, in this transaction of this chain.
 * What its hashes bind is checked by `checkReceipt`; that the chain says the same has to be asked of the chain.
 */
export type Receipt = z.infer<typeof receiptSchema>;

/** Reads a receipt; throws `RECEIPT_MALFORMED` with the first field that is wrong. */
export function parseReceipt(text: string): Receipt {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new GainsayError("The receipt is not JSON.", { code: "RECEIPT_MALFORMED", kind: "usage", cause });
  }
  const parsed = receiptSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new GainsayError(`The receipt is malformed at "${issue?.path.join(".") || "top level"}": ${issue?.message ?? "unknown"}.`, { code: "RECEIPT_MALFORMED", kind: "usage" });
}

/** What a receipt's hashes must satisfy, each with its outcome. A receipt is consistent if all hold. */
export interface ReceiptCheck {
  name: string;
  holds: boolean;
}

/** Recomputes every hash that the receipt's own content determines. */
export function checkReceipt(receipt: Receipt): ReceiptCheck[] {
  const { header } = receipt;
  return [
    { name: "the header hashes to the program root", holds: programRoot(header as ProgramHeader) === receipt.programRoot },
    { name: "the inputs hash to the input root", holds: rootOf("inputs", receipt.inputs) === receipt.inputRoot && header.inputCount === receipt.inputs.length },
    { name: "the outputs hash to the output root", holds: rootOf("outputs", receipt.outputs) === receipt.outputRoot && header.outputs.length === receipt.outputs.length },
    ...receipt.outputs.map(({ name, root, bytes }) => ({ name: `the bytes of output "${name}" hash to its root`, holds: matches(bytes, root) })),
  ];
}

function rootOf(domain: "inputs" | "outputs", tensors: readonly { root: Hex }[]): Hex {
  return toHex(listRoot(domain, new Uint8Array(Buffer.concat(tensors.map(({ root }) => fromHex(root))))));
}

function matches(base64: string, root: Hex): boolean {
  const bytes = new Uint8Array(Buffer.from(base64, "base64"));
  return bytes.length > 0 && toHex(tensorRoot(bytes)) === root;
}
