import type { Address } from "viem";
import { GainsayError } from "../../protocol/errors.ts";
import type { Hex } from "../../protocol/hex.ts";
import { ETHER, formatAmount } from "../assets/asset.ts";
import { chainError, isInsufficientFunds } from "./chainError.ts";
import { encodeCall, type ContractCall } from "./contracts.ts";
import type { Chain } from "./createChain.ts";

/** The most gas one Ethereum transaction may have (EIP-7825). */
export const MAX_TRANSACTION_GAS = 16_777_216n;

/** wei a gas unit (EIP-1559). */
export interface Fees {
  maxFeePerGas: bigint;
  maxPriorityFeePerGas: bigint;
}

export interface PreparedCall {
  to: Address;
  data: Hex;
  value: bigint;
  gas: bigint;
  fees: Fees;
}

/**
 * Simulates a call on the newest block and settles its gas and fees.
 * @throws GainsayError `CONTRACT_REVERTED`, `CHAIN_NO_FUNDS`, `CHAIN_GAS_LIMIT`, `CHAIN_FEE_TOO_HIGH`, `CHAIN_UNREACHABLE`, `CHAIN_FAILED`.
 */
export async function prepareCall(chain: Chain, from: Address, call: ContractCall, feeLimit: bigint): Promise<PreparedCall> {
  const transaction = { account: from, to: call.address, data: encodeCall(call), value: call.value };
  try {
    const balance = await chain.client.getBalance({ address: from });
    if (balance < call.value) throw noFunds(from, balance, call.value);
    // A simulation on its own, because an estimate reports some reverts as a plain lack of gas.
    if (call.isTried !== true) await chain.client.call({ ...transaction, gas: MAX_TRANSACTION_GAS });
    const estimate = await chain.client.estimateGas(transaction);
    if (estimate > MAX_TRANSACTION_GAS) throw gasLimit(call, estimate);
    const fees = await currentFees(chain, feeLimit);
    // The state may move between the estimate and the inclusion; what is not used is not paid.
    const wanted = (estimate * 5n) / 4n + 10_000n;
    const gas = wanted > MAX_TRANSACTION_GAS ? MAX_TRANSACTION_GAS : wanted;
    const needed = call.value + gas * fees.maxFeePerGas;
    if (balance < needed) throw noFunds(from, balance, needed);
    return { to: call.address, data: transaction.data, value: call.value, gas, fees };
  } catch (error) {
    if (!(error instanceof GainsayError) && isInsufficientFunds(error)) throw noFunds(from, undefined, call.value);
    throw chainError(error);
  }
}

/** Fees that stay sufficient while the base fee doubles, or `CHAIN_FEE_TOO_HIGH`. */
export async function currentFees(chain: Chain, feeLimit: bigint): Promise<Fees> {
  const block = await chain.client.getBlock({ blockTag: "latest" });
  const maxPriorityFeePerGas = await chain.client.estimateMaxPriorityFeePerGas();
  return limitFees({ maxFeePerGas: 2n * (block.baseFeePerGas ?? 0n) + maxPriorityFeePerGas, maxPriorityFeePerGas }, (block.baseFeePerGas ?? 0n) + maxPriorityFeePerGas, feeLimit);
}

/** What a replacement must offer at least: nodes ask for 10 % more in both parts, here 25 %, and not less than the market's. */
export function raiseFees(previous: Fees, market: Fees, feeLimit: bigint): Fees {
  const raise = (wei: bigint): bigint => (wei * 5n) / 4n + 1n;
  const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
  const raised = {
    maxFeePerGas: larger(raise(previous.maxFeePerGas), market.maxFeePerGas),
    maxPriorityFeePerGas: larger(raise(previous.maxPriorityFeePerGas), market.maxPriorityFeePerGas),
  };
  return limitFees(raised, raise(previous.maxFeePerGas), feeLimit);
}

function limitFees(fees: Fees, least: bigint, limit: bigint): Fees {
  if (least > limit) {
    throw new GainsayError("The chain's fees are above the limit that is set; wait, or raise the limit.", {
      code: "CHAIN_FEE_TOO_HIGH",
      retryable: true,
      details: { neededWeiPerGas: least, limitWeiPerGas: limit },
    });
  }
  return fees.maxFeePerGas <= limit ? fees : { ...fees, maxFeePerGas: limit };
}

function noFunds(account: Address, balance: bigint | undefined, needed: bigint): GainsayError {
  const short = balance === undefined ? "" : `: it has ${formatAmount(balance, ETHER)} and needs ${formatAmount(needed, ETHER)}`;
  return new GainsayError(`The account ${account} has too little money for the transaction${short}. Send it some and try again.`, {
    code: "CHAIN_NO_FUNDS",
    kind: "usage",
    details: { account, balance, needed },
  });
}

function gasLimit(call: ContractCall, gas: bigint): GainsayError {
  return new GainsayError("The call needs more gas than one transaction may have.", { code: "CHAIN_GAS_LIMIT", details: { call: call.functionName, gas, limit: MAX_TRANSACTION_GAS } });
}
