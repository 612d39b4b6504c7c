import { encodeAbiParameters, keccak256, zeroAddress, type Hex } from "viem";
import { witnessAbi } from "../../../protocol/program/abi.ts";
import type { Call, Role, World } from "./createWorld.ts";
import { makeWitness, type TestProgram, type TestTrace } from "./program.ts";

export const inputRoot: Hex = `0x${"1a".repeat(32)}`;
export const fee = 5000n;
export const collateral = 10_000n;
export const noBytes = "0x" as Hex;
export const noSeal: Hex = `0x${"00".repeat(32)}`;

/** A submission that every deployment of these tests accepts. */
export function submission(program: TestProgram, changes: Record<string, unknown> = {}) {
  return { programRoot: program.root, inputRoot, collateral, claimWindow: 1000, deliveryWindow: 500, challengeWindow: 200, expiry: 0n, consumer: zeroAddress, callbackGas: 0, input: noBytes, ...changes };
}

export async function register(world: World, program: TestProgram) {
  return world.send("models", "register", [program.header, `0x${"bb".repeat(32)}`, "bundle://test"], { from: "deployer" });
}

export async function submit(world: World, program: TestProgram, changes: Record<string, unknown> = {}, value = fee): Promise<bigint> {
  const sent = await world.send("jobs", "submit", [submission(program, changes)], { from: "requester", value });
  return sent.event("Submitted")?.jobId as bigint;
}

export function commitArgs(jobId: bigint, program: TestProgram, trace: TestTrace) {
  return [jobId, program.header, trace.root, trace.outputRoots, trace.outputProofs] as const;
}

export async function commit(world: World, jobId: bigint, program: TestProgram, trace: TestTrace, from: Role = "executor") {
  return world.send("jobs", "commit", commitArgs(jobId, program, trace), { from });
}

/** A job with a commitment by `from`, whose stake is deposited on the way. */
export async function committedJob(world: World, program: TestProgram, trace: TestTrace, from: Role = "executor"): Promise<bigint> {
  const jobId = await submit(world, program);
  await world.send("stakes", "deposit", [], { from, value: collateral });
  await world.send("jobs", "claim", [jobId], { from });
  await commit(world, jobId, program, trace, from);
  return jobId;
}

export async function open(world: World, jobId: bigint, seal: Hex = noSeal, call: Partial<Call> = {}, attempt = 1): Promise<bigint> {
  const sent = await world.send("disputes", "open", [jobId, attempt, seal], { from: "challenger", value: world.config.rules.bond, ...call });
  return sent.event("Opened")?.disputeId as bigint;
}

/** What names the commitment that stands on a job. */
export const digestOf = async (world: World, jobId: bigint): Promise<Hex> => (await world.read<{ digest: Hex }>("jobs", "getJob", [jobId])).digest;

/** Lets a seal get its age. */
export const ripen = (world: World) => world.time.increase(world.config.rules.sealAge);

export const salt: Hex = `0x${"5a".repeat(32)}`;

/** The seal of docs/protocol.md §6. */
export function sealOf(challenger: Hex, witness: ReturnType<typeof makeWitness>, with_: Hex = salt): Hex {
  const witnessHash = keccak256(encodeAbiParameters(witnessAbi, [witness]));
  return keccak256(encodeAbiParameters([{ type: "address" }, { type: "bytes32" }, { type: "bytes32" }], [challenger, with_, witnessHash]));
}
