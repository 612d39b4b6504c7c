import { decodeErrorResult, type Abi, type AbiParameter } from "viem";
import { GainsayError } from "../../protocol/errors.ts";
import type { Hex } from "../../protocol/hex.ts";
import * as generated from "./abis.ts";
import { errorMeanings } from "./errorMeanings.ts";

/** Errors of all contracts: a call of one can fail in another that it calls. */
const errorAbi: Abi = Object.values(generated)
  .flatMap((abi) => (Array.isArray(abi) ? (abi as Abi) : []))
  .filter((item) => item.type === "error");

/** Reverts that time alone mends. */
const passing = new Set(["TooSoon", "DeadlineNotPassed", "ClockStillRuns", "DisputesOpen", "WithdrawalTooEarly", "JustReopened"]);

/** What a contract reverted with. */
export interface Revert {
  /** Name of the custom error, `Error` or `Panic`; undefined if the bytes are not those of a known error. */
  name: string | undefined;
  args: Record<string, unknown>;
  data: Hex;
}

/** Reads the bytes that a call reverted with. */
export function decodeRevert(data: Hex): Revert {
  try {
    const { errorName, args, abiItem } = decodeErrorResult({ abi: errorAbi, data });
    const inputs: readonly AbiParameter[] = "inputs" in abiItem ? abiItem.inputs : [];
    const values = (args ?? []) as readonly unknown[];
    return { name: errorName, args: Object.fromEntries(values.map((value, i) => [inputs[i]?.name || `arg${i}`, value])), data };
  } catch {
    return { name: undefined, args: {}, data };
  }
}

/** The error `CONTRACT_REVERTED` with the revert's name and arguments in its details and a sentence of what it means. */
export function revertError(data: Hex): GainsayError {
  const { name, args } = decodeRevert(data);
  return new GainsayError(sentence(name, args), {
    code: "CONTRACT_REVERTED",
    retryable: name !== undefined && passing.has(name),
    details: { ...(name === undefined ? { data: data.slice(0, 74) } : { name, args }) },
  });
}

/** Whether an error is a revert of one of these names. */
export function isRevert(error: unknown, ...names: string[]): error is GainsayError {
  return error instanceof GainsayError && error.code === "CONTRACT_REVERTED" && typeof error.details["name"] === "string" && names.includes(error.details["name"]);
}

function sentence(name: string | undefined, args: Record<string, unknown>): string {
  if (name === undefined) return "The contract refused the call without saying why.";
  if (name === "Error") return `The contract refused the call: ${String(Object.values(args)[0]).slice(0, 200)}.`;
  if (name === "Panic") return `The contract refused the call: arithmetic or index fault ${String(Object.values(args)[0])}.`;
  return errorMeanings[name] ?? `The contract refused the call: ${name}.`;
}
