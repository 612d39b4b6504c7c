import path from "node:path";
import { network } from "hardhat";
import { createPublicClient, createWalletClient, custom, decodeErrorResult, getAddress, parseEventLogs, type Abi, type Address, type BaseError, type Hex } from "viem";
import { hardhat } from "viem/chains";
import { expect } from "vitest";
import { disputesAbi, jobsAbi, modelsAbi, stakesAbi } from "../../../runtime/chain/abis.ts";
import { deployContracts } from "../../../runtime/chain/deploy.ts";
import { noCommitment } from "../../../runtime/chain/jobRecord.ts";
import { createRecords, lacksRecord, withRecord } from "./records.ts";
import type { DeploymentConfig } from "../../../runtime/chain/deploymentConfig.ts";
import { readArtifact } from "../../../runtime/chain/readArtifact.ts";

export const root = path.resolve(import.meta.dirname, "../../..");
export const artifactsDir = path.join(root, "artifacts");

export const abis = { stakes: stakesAbi, models: modelsAbi, jobs: jobsAbi, disputes: disputesAbi } as const;
export type Name = keyof typeof abis;
const anyAbi: Abi = Object.values(abis).flat() as unknown as Abi;

/** Round numbers, so that a wrong sum is seen at a glance. */
export const testConfig: DeploymentConfig = {
  withdrawalDelay: 1000,
  limits: { minClaimWindow: 10, maxClaimWindow: 10_000, minDeliveryWindow: 10, maxDeliveryWindow: 10_000, minChallengeWindow: 10, maxChallengeWindow: 10_000, minCollateral: 1000n, rewardCap: 1_000_000n, maxLifetime: 100_000, collateralPerFee: 1 },
  rules: { bond: 77n, clock: 300, extension: 100, demandBond: 110n, maxDemands: 3, sealAge: 5 },
};

export const roles = ["deployer", "requester", "executor", "second", "challenger", "rival", "stranger"] as const;
export type Role = (typeof roles)[number];

export interface Call {
  from: Role;
  value?: bigint;
  /** Timestamp of the block that holds the transaction. */
  at?: bigint;
}

/** A call that reverted: the custom error's name and arguments, as the contracts' ABIs decode them. */
export class Reverted extends Error {
  readonly args: readonly unknown[];

  constructor(name: string, args: readonly unknown[]) {
    super(name);
    this.name = name;
    this.args = args;
  }
}

export type World = Awaited<ReturnType<typeof createWorld>>;

/** What somebody has to spend in a world that pays in a token. */
const purse = 10n ** 12n;

/**
 * A chain in this process with all contracts, the judge being scripted. With `inToken` they pay in a token, of which everybody has some
 * and lets the contracts take it: the value of a call is then what the contract takes.
 */
export async function createWorld(config: DeploymentConfig = testConfig, hardfork?: string, inToken = false) {
  const connection = await network.create({ override: { allowBlocksWithSameTimestamp: true, ...(hardfork === undefined ? {} : { hardfork }) } });
  const transport = custom(connection.provider, { retryCount: 0 });
  const publicClient = createPublicClient({ chain: hardhat, transport, pollingInterval: 1, cacheTime: 0 });
  const addresses = await createWalletClient({ chain: hardhat, transport }).getAddresses();
  const address = Object.fromEntries(roles.map((role, i) => [role, addresses[i]])) as Record<Role, Address>;
  const walletClient = createWalletClient({ account: address.deployer, chain: hardhat, transport });
  const scripted = await readArtifact(artifactsDir, "test/contracts/helpers/ScriptedJudge.sol");
  const judgeHash = await walletClient.deployContract({ abi: scripted.abi, bytecode: scripted.bytecode });
  const judge = (await publicClient.getTransactionReceipt({ hash: judgeHash })).contractAddress as Address;
  const token = inToken ? await createToken() : undefined;
  const deployment = await deployContracts({ walletClient, publicClient, artifactsDir, config, judge, token: token?.address });
  const at = deployment.contracts;
  if (token !== undefined) for (const role of roles) for (const spender of [at.stakes, at.jobs, at.disputes]) await walletClient.writeContract({ ...token, account: address[role], functionName: "approve", args: [spender, 2n ** 256n - 1n] });
  const errors: Abi = [...anyAbi, ...scripted.abi, ...(token?.abi ?? [])].filter((item) => item.type === "error");

  async function createToken(): Promise<{ address: Address; abi: Abi }> {
    const { abi, bytecode } = await readArtifact(artifactsDir, "test/contracts/helpers/TestToken.sol");
    const hash = await walletClient.deployContract({ abi, bytecode });
    const made = { address: (await publicClient.getTransactionReceipt({ hash })).contractAddress as Address, abi };
    for (const role of roles) await walletClient.writeContract({ ...made, functionName: "mint", args: [address[role], purse] });
    return made;
  }

  /** What an account has of the asset in which this world pays. */
  async function balanceOf(account: Address): Promise<bigint> {
    return token === undefined ? publicClient.getBalance({ address: account }) : ((await publicClient.readContract({ ...token, functionName: "balanceOf", args: [account] })) as bigint);
  }

  function asReverted(error: BaseError): never {
    const data = revertData(error);
    if (data === undefined) throw error;
    const decoded = decodeErrorResult({ abi: errors, data });
    throw new Reverted(decoded.errorName, decoded.args ?? []);
  }

  const records = createRecords();
  const state = (id: unknown) => read<JobState>("jobs", "getJob", [id]).catch(() => undefined);

  /** Digest of the commitment that a dispute is against, while it stands. */
  async function digestOf(disputeId: unknown): Promise<Hex> {
    const found = await dispute(disputeId as bigint);
    const job = await state(found.jobId);
    return job?.status === jobStatus.committed && job.attempt === found.attempt ? job.digest : noCommitment.traceRoot;
  }

  /**
   * What a test leaves out because it follows: the fee, the record of the job, that a disputed commitment has been unfolded, and what a move
   * of a dispute is about. An opening may name its commitment by the attempt.
   */
  async function complete(contract: unknown, functionName: string, args: readonly unknown[], value: bigint): Promise<readonly unknown[]> {
    if (contract === "stakes" && functionName === "deposit" && args.length === 0) return [value];
    if (contract === "stakes" && functionName === "settle" && args.length === 2) return [...args, value];
    if (contract === "stakes" && functionName === "credit" && args.length === 1) return [args[0], value];
    if (contract === "jobs" && functionName === "submit") return [{ fee: value, ...(args[0] as object) }];
    if (lacksRecord(contract, functionName, args)) return withRecord(functionName, args, records.find((await state(args[0]))?.digest));
    if (contract === "disputes" && (functionName === "open" || functionName === "openBlock" || functionName === "demand")) {
      const job = await state(args[0]);
      if (job?.status === jobStatus.committed && !job.unfolded) await send("jobs", "unfold", [args[0]], { from: "stranger", at: BigInt(await connection.networkHelpers.time.latest()) });
      if (typeof args[1] === "number") return [args[0], job?.status === jobStatus.committed && job.attempt === args[1] ? job.digest : noCommitment.traceRoot, ...args.slice(2)];
    }
    if (contract === "disputes" && functionName === "expand" && args.length === 3) {
      const { position } = await dispute(args[0] as bigint);
      return [args[0], args[1], await digestOf(args[0]), position.blockIndex, args[2]];
    }
    if (contract === "disputes" && functionName === "concede" && args.length === 1) return [args[0], (await dispute(args[0] as bigint)).turn, await digestOf(args[0])];
    if (contract === "disputes" && functionName === "demandNext" && args.length === 7) return [args[0], args[1], await digestOf(args[0]), ...args.slice(2)];
    return args;
  }

  /** Sends a transaction; returns gas and the events of all contracts, or throws `Reverted`. */
  async function send(contract: Name | { address: Address; abi: Abi }, functionName: string, given: readonly unknown[], call: Call): Promise<Sent> {
    const args = await complete(contract, functionName, given, call.value ?? 0n);
    // Blocks may share a second here, so that what a test leaves out takes no time; each call it makes takes one, as on a chain.
    await connection.networkHelpers.time.setNextBlockTimestamp(call.at ?? BigInt(await connection.networkHelpers.time.latest()) + 1n);
    const target = typeof contract === "string" ? { address: at[contract], abi: abis[contract] as Abi } : contract;
    const hash = await walletClient
      .writeContract({ ...target, functionName, args, account: address[call.from], value: token === undefined ? (call.value ?? 0n) : 0n, gas: 16_000_000n })
      .catch(asReverted);
    const receipt = await publicClient.getTransactionReceipt({ hash });
    const events = parseEventLogs({ abi: anyAbi, logs: receipt.logs }) as unknown as Sent["events"];
    records.see(events);
    return { gas: receipt.gasUsed, events, event: (name: string) => events.find((event) => event.eventName === name)?.args };
  }

  /** Deploys a contract from the deployer's account; throws `Reverted`. */
  async function create(abi: Abi, bytecode: Hex, args: readonly unknown[]): Promise<Address> {
    const hash = await walletClient.deployContract({ abi, bytecode, args, gas: 16_000_000n }).catch(asReverted);
    return getAddress((await publicClient.getTransactionReceipt({ hash })).contractAddress as Address);
  }

  async function read<T>(contract: Name, functionName: string, args: readonly unknown[] = []): Promise<T> {
    return (await publicClient.readContract({ address: at[contract], abi: abis[contract] as Abi, functionName, args }).catch(asReverted)) as T;
  }

  const account = (role: Role) => read<{ free: bigint; locked: bigint; pending: bigint; availableAt: bigint; credits: bigint }>("stakes", "getAccount", [address[role]]);
  /** What storage and events tell of a job together. */
  async function job(id: bigint): Promise<JobView> {
    const stored = await read<JobState>("jobs", "getJob", [id]);
    const { terms, commitment = noCommitment } = records.find(stored.digest);
    const { status, attempt, missed, openDisputes, deadline, executor } = stored;
    const { callbackGas: _, consumer: __, ...asked } = terms;
    return { ...asked, ...commitment, status, attempt, missed, openDisputes, deadline, executor };
  }
  const dispute = (id: bigint) => read<DisputeView>("disputes", "getDispute", [id]);

  /** Every contract holds exactly what it owes, to the wei. */
  async function expectSolvent(): Promise<void> {
    let owed = 0n;
    for (const role of roles) {
      const { free, locked, pending, credits } = await account(role);
      owed += free + locked + pending + credits;
    }
    let escrow = 0n;
    let locked = 0n;
    for (let id = 1n; id <= (await read<bigint>("jobs", "jobCount")); id++) {
      const { status, fee, collateral } = await job(id);
      if (status >= 1 && status <= 3) escrow += fee;
      if (status === 2 || status === 3) locked += collateral;
    }
    let bonds = 0n;
    for (let id = 1n; id <= (await read<bigint>("disputes", "disputeCount")); id++) {
      const { phase, bond } = await dispute(id);
      if (phase !== phases.ended) bonds += bond;
    }
    // In a token what is burnt stays a credit of the address that nobody has.
    owed += (await read<{ credits: bigint }>("stakes", "getAccount", [await read("stakes", "BURN_ADDRESS")])).credits;
    const balances = await Promise.all([at.stakes, at.jobs, at.disputes, at.models].map(balanceOf));
    expect(balances).toEqual([owed, escrow, bonds, 0n]);
    const lockedInStakes = (await Promise.all(roles.map(account))).reduce((sum, entry) => sum + entry.locked, 0n);
    expect(lockedInStakes).toBe(locked);
  }

  return { connection, publicClient, walletClient, address, deployment, judge: { address: judge, abi: scripted.abi }, config, time: connection.networkHelpers.time, snapshot: () => connection.networkHelpers.takeSnapshot(), send, create, read, abis, token, balanceOf, records, account, job, dispute, expectSolvent };
}

interface Sent {
  gas: bigint;
  events: { eventName: string; args: Record<string, unknown> }[];
  event(name: string): Record<string, unknown> | undefined;
}

/** What storage holds of a job. */
interface JobState {
  status: number;
  attempt: number;
  missed: number;
  deadline: bigint;
  recordBlock: number;
  executor: Address;
  digest: Hex;
  unfolded: boolean;
  openDisputes: number;
}

export interface JobView {
  status: number;
  attempt: number;
  missed: number;
  openDisputes: number;
  deadline: bigint;
  requester: Address;
  executor: Address;
  programRoot: Hex;
  inputRoot: Hex;
  traceRoot: Hex;
  outputRoot: Hex;
  fee: bigint;
  collateral: bigint;
  claimWindow: number;
  deliveryWindow: number;
  challengeWindow: number;
  expiry: bigint;
}

export interface DisputeView {
  jobId: bigint;
  attempt: number;
  phase: number;
  outcome: number;
  turn: number;
  turnStart: bigint;
  deadline: bigint;
  challengerClock: number;
  defenderClock: number;
  challenger: Address;
  demands: number;
  bond: bigint;
  seal: Hex;
  sealedAt: bigint;
  position: { node: Hex; atRoot: boolean; levels: number; index: bigint; source: number; tensor: number; stepIndex: number; byteLength: bigint; leaves: bigint; blockIndex: number; innerCount: number; innerRoot: Hex };
}

export const jobStatus = { none: 0, open: 1, claimed: 2, committed: 3, final: 4, cancelled: 5 } as const;
export const phases = { none: 0, sealed: 1, reveal: 2, choose: 3, revealChunk: 4, refute: 5, answer: 6, demand: 7, expand: 8, expanded: 9, ended: 10 } as const;
export const outcomes = { none: 0, challengerWon: 1, defenderWon: 2, void: 3 } as const;

/** Expects the call to revert with this custom error; `args`, where given, are its arguments. */
export async function expectRevert(call: Promise<unknown>, name: string, args?: readonly unknown[]): Promise<void> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Reverted)) throw error ?? new Error(`expected ${name}, but the call succeeded`);
  expect(error.name).toBe(name);
  if (args !== undefined) expect(error.args).toEqual(args);
}

export function revertData(error: BaseError): Hex | undefined {
  const dataOf = (cause: unknown): unknown => {
    const { raw, data } = cause as { raw?: Hex; data?: Hex | { data?: Hex } };
    return raw ?? (typeof data === "object" ? data.data : data);
  };
  const found = error.walk((cause) => typeof dataOf(cause) === "string");
  return found === null ? undefined : (dataOf(found) as Hex);
}
