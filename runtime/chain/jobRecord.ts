import { encodeAbiParameters, keccak256, zeroAddress, zeroHash, type AbiParameterToPrimitiveType, type Address } from "viem";
import type { Hex } from "../../protocol/hex.ts";
import { jobsAbi } from "./abis.ts";

type CancelInputs = Extract<(typeof jobsAbi)[number], { type: "function"; name: "cancel" }>["inputs"];

/** What was agreed at a job's submission, as the contract's calls take it. The struct `Terms`. */
export type Terms = AbiParameterToPrimitiveType<CancelInputs[1]>;

/** The struct `Commitment`. */
export interface Commitment {
  traceRoot: Hex;
  outputRoot: Hex;
}

/** All that a job's digest is the hash of; without a commitment before it, and again after a conviction. */
export interface JobRecord {
  terms: Terms;
  commitment: Commitment | undefined;
}

const termsInput = jobsAbi.find((item) => item.type === "function" && item.name === "cancel") as { inputs: CancelInputs };

/** Hash of the terms, kept by the chain until the commitment. */
export function termsHash(terms: Terms): Hex {
  return keccak256(encodeAbiParameters([termsInput.inputs[1]], [terms]));
}

/** The job's digest: `JobRecord` in contracts/lib. Whoever has the hash of the terms gives it. */
export function recordDigest({ terms, commitment }: JobRecord, hash: Hex = termsHash(terms)): Hex {
  if (commitment === undefined) return hash;
  return keccak256(encodeAbiParameters([{ type: "bytes32" }, { type: "bytes32" }, { type: "bytes32" }], [hash, commitment.traceRoot, commitment.outputRoot]));
}

/** A commitment that no job has, for calls about a job that has none: the contract then says what is wrong. */
export const noCommitment: Commitment = { traceRoot: zeroHash, outputRoot: zeroHash };

/** Undefined for the zero address, which stands for nobody. */
export function addressOrNobody(address: Address): Address | undefined {
  return address === zeroAddress ? undefined : address;
}
