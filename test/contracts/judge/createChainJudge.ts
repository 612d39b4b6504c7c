import path from "node:path";
import { network } from "hardhat";
import { decodeErrorResult, decodeFunctionResult, encodeDeployData, encodeFunctionData, type Abi, type Hex } from "viem";
import { witnessToAbi } from "../../../protocol/program/codec.ts";
import type { Claim, Verdict, Witness } from "../../../protocol/program/types.ts";
import { deployJudge } from "../../../runtime/chain/deploy.ts";
import { readArtifact } from "../../../runtime/chain/readArtifact.ts";

const artifactsDir = path.resolve(import.meta.dirname, "../../../artifacts");

/** What the contracts say: a verdict, or the name of the custom error (empty if the call reverted without data). */
export type ChainAnswer = { verdict: Verdict } | { error: string };

export type ChainJudge = Awaited<ReturnType<typeof createChainJudge>>;

/** The judge's contracts on a chain in this process. */
export async function createChainJudge() {
  const connection = await network.create();
  const provider = connection.provider;
  const [from] = (await provider.request({ method: "eth_accounts" })) as Hex[];
  const errors: Abi[number][] = [];

  async function deploy(source: string, args: readonly unknown[] = []): Promise<{ address: Hex; abi: Abi }> {
    const { abi, bytecode } = await readArtifact(artifactsDir, source);
    errors.push(...abi.filter((item) => item.type === "error"));
    const hash = await provider.request({ method: "eth_sendTransaction", params: [{ from, data: encodeDeployData({ abi, bytecode, args }) }] });
    const receipt = (await provider.request({ method: "eth_getTransactionReceipt", params: [hash] })) as { contractAddress: Hex };
    return { address: receipt.contractAddress, abi };
  }

  const deployed = new Map<string, Awaited<ReturnType<typeof deploy>>>();
  await deployJudge(async (source, args) => {
    const contract = await deploy(source, args);
    deployed.set(source, contract);
    return contract.address;
  });
  const judge = deployed.get("contracts/judge/Judge.sol") as Awaited<ReturnType<typeof deploy>>;

  const encode = (claim: Claim, witness: Witness): Hex => encodeFunctionData({ abi: judge.abi, functionName: "judge", args: [claim, witnessToAbi(witness)] });

  async function call(data: Hex): Promise<ChainAnswer> {
    try {
      const result = (await provider.request({ method: "eth_call", params: [{ from, to: judge.address, data, gas: "0xf00000" }, "latest"] })) as Hex;
      return { verdict: decodeFunctionResult({ abi: judge.abi, functionName: "judge", data: result }) as Verdict };
    } catch (error) {
      return { error: errorName(error, errors) };
    }
  }

  return {
    provider,
    from: from as Hex,
    address: judge.address,
    encode,
    call,
    judge: (claim: Claim, witness: Witness) => call(encode(claim, witness)),
    close: () => connection.close(),
  };
}

function errorName(error: unknown, abi: Abi): string {
  const data = (error as { data?: Hex | { data?: Hex } }).data;
  const hex = typeof data === "object" ? data.data : data;
  if (hex === undefined) throw error;
  if (hex === "0x") return "";
  return decodeErrorResult({ abi, data: hex }).errorName;
}
