import type { Address } from "viem";
import type { ExecutionTensors } from "../../protocol/dispute/stepOperands.ts";
import { GainsayError } from "../../protocol/errors.ts";
import { depthOf } from "../../protocol/trees/merkle.ts";
import { CHUNK_BYTES } from "../../protocol/trees/tensorTree.ts";
import type { Program } from "../../protocol/program/types.ts";
import { ETHER, formatAmount } from "../assets/asset.ts";
import { getTokenBalance } from "../chain/approvePayment.ts";
import { chainError } from "../chain/chainError.ts";
import type { Chain } from "../chain/createChain.ts";
import { getAsset } from "../chain/reads/getAsset.ts";
import { getBalance } from "../chain/reads/getBalance.ts";
import { tensorByteLength } from "../inference/tensorTypes.ts";
import { dearestAnswer, witnessGas } from "./answerCost.ts";

/** Gas of unfolding a commitment, opening a dispute, sealing, and ending it: test/contracts/gas.json, with a margin. */
const OPENING_GAS = 160_000 + 190_000 + 70_000 + 110_000;
/** Gas of a choice, and of one that names a step. */
const CHOICE_GAS = 65_000;
const NAMING_GAS = 200_000;
/** Levels of a tree that one reveal goes down: `Disputes.LEVELS_PER_REVEAL`. */
const LEVELS_PER_REVEAL = 4;

/** What a dispute takes at most, to its end: bonds in the deployment's asset, and gas. */
export interface DisputeCost {
  bonds: bigint;
  gas: number;
}

/** Gas of a refutation by this witness, opening included. */
export function refutationGas(witnessBytes: number): number {
  return OPENING_GAS + witnessGas(witnessBytes);
}

/** Gas of the longest bisection of a program: down the trace, down its largest tensor, and the dearest witness at the end. */
export function bisectionGas(program: Program, tensors: ExecutionTensors): number {
  const rounds = (leaves: number): number => Math.max(1, Math.ceil(depthOf(leaves) / LEVELS_PER_REVEAL));
  const largest = Math.max(...program.steps.map(({ result }) => tensorByteLength(result.dtype, result.shape)));
  const choices = rounds(program.header.traceCount) + rounds(Math.max(1, Math.ceil(largest / CHUNK_BYTES)));
  return OPENING_GAS + NAMING_GAS + choices * CHOICE_GAS + dearestAnswer(program, tensors);
}

/** Gas of a walk of so many demands. */
export function walkGas(demands: number): number {
  return OPENING_GAS + demands * NAMING_GAS;
}

/**
 * Makes sure that an account can pay for a dispute to its end at today's fees doubled: one that has to be given up halfway loses its
 * bonds to a cheat. Throws `DISPUTE_UNFUNDED`.
 */
export async function checkDisputeFunds(chain: Chain, account: Address, { bonds, gas }: DisputeCost): Promise<void> {
  const { token } = chain.deployment;
  const [ether, tokens, price] = await Promise.all([getBalance(chain, account), getTokenBalance(chain, account), gasPrice(chain)]);
  const forGas = BigInt(gas) * price;
  const needed = token === undefined ? forGas + bonds : forGas;
  const details = { account, balance: ether, needed, bonds, gas, weiPerGas: price, ...(token === undefined ? {} : { token, tokenBalance: tokens }) };
  const short = (what: string): GainsayError =>
    new GainsayError(`No dispute is opened, because the account ${account} could not pay for it to its end: ${what}. Send it more.`, { code: "DISPUTE_UNFUNDED", retryable: true, details });
  if (token !== undefined && tokens < bonds) {
    const asset = await getAsset(chain);
    throw short(`the bonds take ${formatAmount(bonds, asset)}, and it has ${formatAmount(tokens, asset)}`);
  }
  if (ether < needed) throw short(`${token === undefined ? "bonds and gas take" : "gas takes"} up to ${formatAmount(needed, ETHER)}, and it has ${formatAmount(ether, ETHER)}`);
}

/** wei a gas unit, with room for the base fee to double. */
async function gasPrice(chain: Chain): Promise<bigint> {
  try {
    const [block, tip] = await Promise.all([chain.client.getBlock({ blockTag: "latest" }), chain.client.estimateMaxPriorityFeePerGas()]);
    return 2n * (block.baseFeePerGas ?? 0n) + tip;
  } catch (error) {
    throw chainError(error);
  }
}
