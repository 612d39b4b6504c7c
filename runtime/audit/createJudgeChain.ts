import { createHardhatRuntimeEnvironment } from "hardhat/hre";
import { createPublicClient, createWalletClient, custom, decodeFunctionResult, encodeFunctionData, type Abi, type Address, type Hex, type PublicClient } from "viem";
import { GainsayError } from "../../protocol/errors.ts";
import { witnessToAbi } from "../../protocol/program/codec.ts";
import type { Claim, Verdict, Witness } from "../../protocol/program/types.ts";
import { revertData } from "../chain/chainError.ts";
import { deployJudge } from "../chain/deploy.ts";
import { readArtifact } from "../chain/readArtifact.ts";
import { revertError } from "../chain/revertError.ts";
import { artifactsFolder, packageRoot } from "../devnet/packageRoot.ts";
import { transactionGas } from "./transactionGas.ts";

/** What the contracts decided, and what a transaction that asks them costs. */
export interface JudgedOnChain {
  verdict: Verdict;
  /** Gas of a transaction to the judge: base fee, calldata and execution; see `createJudgeChain`. */
  gas: number;
  /** Bytes of the transaction's calldata. */
  calldataBytes: number;
}

/** The judge's contracts on an EVM of their own, in this process. */
export interface JudgeChain {
  /** Address of `Judge`. */
  readonly address: Address;
  /** JSON-RPC of the chain, for whoever wants to send it something else. */
  request(call: { method: string; params?: unknown[] }): Promise<unknown>;
  /** Calldata of `judge(claim, witness)`. */
  encode(claim: Claim, witness: Witness): Hex;
  /**
   * Lets the contracts decide. May be called many times at once: the EVM works beside the event loop, one call after another.
   * Throws `CONTRACT_REVERTED` for a malformed witness, with the name of the custom error in its details.
   */
  judge(claim: Claim, witness: Witness): Promise<JudgedOnChain>;
  close(): Promise<void>;
}

/** Far above what one transaction may have, so that a verdict that is too dear still gets a price. */
const CALL_GAS = 4_000_000_000n;
const METER: Address = "0x00000000000000000000000000000000000a0d17";
/** What the meter itself spends between its two readings: its own pushes, and the first touch of the judge's account (EIP-2929). */
const METER_GAS = 15 + 2_600;

/**
 * Starts an EVM in this process (Hardhat's, without a node and without any of the user's chains) and deploys the judge on it.
 *
 * A verdict costs one `eth_call`, through a meter that reads the gas left before and after it calls the judge with the very bytes
 * of the transaction. What lies between is the execution gas of the judge's frame, memory and all; the base fee and the
 * calldata's price are added by the rules of EIP-2028 and EIP-7623. The sum is to the unit what the receipt of a transaction
 * straight to the judge says, without the many executions of `eth_estimateGas`.
 *
 * Throws `ARTIFACT_MISSING` if the contracts are not compiled, `DEPLOYMENT_FAILED`, `EVM_FAILED`.
 */
export async function createJudgeChain(options: { artifactsDir?: string } = {}): Promise<JudgeChain> {
  const artifactsDir = options.artifactsDir ?? artifactsFolder();
  const { abi } = await readArtifact(artifactsDir, "contracts/judge/Judge.sol");
  const hardhat = await createHardhatRuntimeEnvironment(
    { networks: { judge: { type: "edr-simulated", chainId: 31_337, blockGasLimit: CALL_GAS, transactionGasCap: false } } },
    {},
    packageRoot(),
  );
  const connection = await hardhat.network.create("judge");
  const { provider } = connection;
  try {
    const transport = custom({ request: (call: { method: string; params?: unknown }) => provider.request(call as { method: string; params?: unknown[] }) }, { retryCount: 0 });
    const publicClient = createPublicClient({ transport, cacheTime: 0, pollingInterval: 20 }) as PublicClient;
    const [from] = (await provider.request({ method: "eth_accounts" })) as Address[];
    const walletClient = createWalletClient({ account: from as Address, transport });
    const address = await deployJudge(async (source, args = []) => {
      const artifact = await readArtifact(artifactsDir, source);
      const hash = await walletClient.deployContract({ ...artifact, args, chain: null });
      const { contractAddress, status } = await publicClient.waitForTransactionReceipt({ hash });
      if (status !== "success" || !contractAddress) throw new GainsayError("A contract of the judge could not be deployed; compile the contracts again.", { code: "DEPLOYMENT_FAILED", details: { source } });
      return contractAddress;
    });
    await provider.request({ method: "hardhat_setCode", params: [METER, meterCode(address)] });

    const encode = (claim: Claim, witness: Witness): Hex => encodeFunctionData({ abi, functionName: "judge", args: [claim, witnessToAbi(witness)] });
    return {
      address,
      request: (call) => provider.request(call as { method: string; params?: unknown[] }),
      encode,
      async judge(claim, witness) {
        const data = encode(claim, witness);
        const answer = await provider
          .request({ method: "eth_call", params: [{ from, to: METER, data, gas: `0x${CALL_GAS.toString(16)}` }, "latest"] })
          .catch((error: unknown) => {
            throw callError(error);
          });
        return readAnswer(abi, answer as Hex, data);
      },
      close: () => connection.close(),
    };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/**
 * A contract that passes its calldata on to the judge and returns one word, the gas between two readings of GAS, and then what the
 * judge returned; a revert of the judge is passed on.
 */
function meterCode(judge: Address): Hex {
  const copyCalldata = "365f5f37"; // calldatacopy(0, 0, calldatasize)
  const meteredCall = `5a5f5f365f73${judge.slice(2)}5afa5a`; // gas; staticcall(gas, judge, 0, calldatasize, 0, 0); gas
  const storeGas = "82035f52"; // mstore(0, first − second)
  const copyReturned = "3d5f60203e"; // returndatacopy(32, 0, returndatasize)
  const passRevertOn = "6031573d6020fd"; // if success goto 0x31; revert(32, returndatasize)
  const giveBack = "5b3d6020015ff3"; // 0x31: return(0, returndatasize + 32)
  return `0x${copyCalldata}${meteredCall}${storeGas}${copyReturned}${passRevertOn}${giveBack}`;
}

function readAnswer(abi: Abi, answer: Hex, data: Hex): JudgedOnChain {
  const execution = Number(BigInt(answer.slice(0, 66))) - METER_GAS;
  const verdict = decodeFunctionResult({ abi, functionName: "judge", data: `0x${answer.slice(66)}` }) as Verdict;
  const calldata = Buffer.from(data.slice(2), "hex");
  return { verdict, gas: transactionGas(calldata, execution), calldataBytes: calldata.length };
}

function callError(error: unknown): GainsayError {
  const data = revertData(error);
  if (data !== undefined) return revertError(data);
  return new GainsayError("The EVM that judges failed to answer; the verdict is not known.", { code: "EVM_FAILED", cause: error });
}
