// `node scripts/bench/batchGas.ts [--json]`: gas that claiming, committing and finalizing cost a job, by how many jobs share a transaction.
import { pathToFileURL } from "node:url";
import { createHardhatRuntimeEnvironment } from "hardhat/hre";
import { createPublicClient, createWalletClient, custom, encodeFunctionData, parseEther, parseEventLogs, toHex, zeroAddress, zeroHash, type Address, type Hex, type PublicClient, type TransactionReceipt } from "viem";
import { hardhat } from "viem/chains";
import { jobsAbi, modelsAbi, stakesAbi } from "../../runtime/chain/abis.ts";
import { deployContracts } from "../../runtime/chain/deploy.ts";
import { deploymentConfigs } from "../../runtime/chain/deploymentConfig.ts";
import type { Terms } from "../../runtime/chain/jobRecord.ts";
import { artifactsFolder, packageRoot } from "../../runtime/devnet/packageRoot.ts";
import { listRoot } from "../../protocol/trees/listTree.ts";
import { buildTree, pathProof } from "../../protocol/trees/merkle.ts";

/** Gas a job, base fee and calldata included. */
export interface BatchGas {
  /** Jobs in one transaction; one is sent by itself, without a batch. */
  size: number;
  claim: number;
  commit: number;
  finalize: number;
  total: number;
}

export const batchSizes = [1, 2, 4, 8, 16, 32] as const;

/** A program of eight posted tensors and one output; what they are does not matter to the gas of a job. */
const TENSORS = 8;
const fee = parseEther("0.01");
const collateral = parseEther("0.1");
const windows = { claimWindow: 86_400, deliveryWindow: 86_400, challengeWindow: 60 };

/** Plays jobs of one executor on a chain in this process, in batches of each size, and reads what they cost from the receipts. */
export async function batchGas(sizes: readonly number[] = batchSizes): Promise<BatchGas[]> {
  const environment = await createHardhatRuntimeEnvironment({ networks: { measured: { type: "edr-simulated", chainId: hardhat.id } } }, {}, packageRoot());
  const connection = await environment.network.create("measured");
  try {
    const { provider } = connection;
    const transport = custom({ request: (call: { method: string; params?: unknown }) => provider.request(call as { method: string; params?: unknown[] }) }, { retryCount: 0 });
    const publicClient = createPublicClient({ chain: hardhat, transport, cacheTime: 0, pollingInterval: 20 }) as PublicClient;
    const [account] = (await provider.request({ method: "eth_accounts" })) as [Address];
    const walletClient = createWalletClient({ account, chain: hardhat, transport });
    // No job here is disputed, so no judge is asked.
    const { contracts } = await deployContracts({ walletClient, publicClient, artifactsDir: artifactsFolder(), config: deploymentConfigs.devnet, judge: zeroAddress });

    const send = async (to: Address, data: Hex, value = 0n): Promise<TransactionReceipt> =>
      publicClient.waitForTransactionReceipt({ hash: await walletClient.sendTransaction({ to, data, value }) });
    const header = { version: 1, graph: zeroHash, inputs: zeroHash, stepsRoot: zeroHash, blocksRoot: zeroHash, stepCount: TENSORS, blockCount: 1, inputCount: 1, traceCount: TENSORS, outputs: [TENSORS - 1] };
    const registered = await send(contracts.models, encodeFunctionData({ abi: modelsAbi, functionName: "register", args: [header, zeroHash, ""] }));
    const [model] = parseEventLogs({ abi: modelsAbi, eventName: "Registered", logs: registered.logs });
    const programRoot = model?.args.programRoot ?? zeroHash;
    const jobs = 1 + sizes.reduce((sum, size) => sum + size, 0);
    const stake = collateral * BigInt(jobs);
    await send(contracts.stakes, encodeFunctionData({ abi: stakesAbi, functionName: "deposit", args: [stake] }), stake);

    const roots = Uint8Array.from({ length: TENSORS * 32 }, (_, i) => (i * 89 + 7) & 255);
    const output = roots.subarray(-32);
    const commitment = { traceRoot: toHex(listRoot("trace", roots)), outputRoot: toHex(listRoot("outputs", output)) };
    const proof = pathProof(buildTree(roots), TENSORS - 1).map((sibling) => toHex(sibling));
    const submit = async (): Promise<[bigint, Terms]> => {
      const submission = { programRoot, inputRoot: commitment.traceRoot, fee, collateral, ...windows, expiry: 0n, consumer: zeroAddress, callbackGas: 0, input: "0x" } as const;
      const receipt = await send(contracts.jobs, encodeFunctionData({ abi: jobsAbi, functionName: "submit", args: [submission] }), fee);
      const [event] = parseEventLogs({ abi: jobsAbi, eventName: "Submitted", logs: receipt.logs });
      if (event === undefined) throw new Error("the submission told nothing");
      return [event.args.jobId, event.args.terms];
    };

    const gasOf = async (calls: readonly Hex[]): Promise<number> => {
      const [first] = calls as [Hex];
      const { gasUsed, logs } = await send(contracts.jobs, calls.length === 1 ? first : encodeFunctionData({ abi: jobsAbi, functionName: "batch", args: [calls] }));
      if (parseEventLogs({ abi: jobsAbi, eventName: "CallFailed", logs }).length > 0) throw new Error("a call of the batch failed");
      return Math.round(Number(gasUsed) / calls.length);
    };
    const measure = async (size: number): Promise<BatchGas> => {
      const submitted: [bigint, Terms][] = [];
      for (let i = 0; i < size; i++) submitted.push(await submit());
      const claim = await gasOf(submitted.map((args) => encodeFunctionData({ abi: jobsAbi, functionName: "claim", args })));
      const commit = await gasOf(submitted.map((args) => encodeFunctionData({ abi: jobsAbi, functionName: "commit", args: [...args, header, commitment.traceRoot, [toHex(output)], [proof]] })));
      await provider.request({ method: "evm_increaseTime", params: [windows.challengeWindow + 1] });
      const finalize = await gasOf(submitted.map((args) => encodeFunctionData({ abi: jobsAbi, functionName: "finalize", args: [...args, commitment] })));
      return { size, claim, commit, finalize, total: claim + commit + finalize };
    };
    // Accounts that have been here before: first-time costs are not those of a job.
    await measure(1);
    const measured: BatchGas[] = [];
    for (const size of sizes) measured.push(await measure(size));
    return measured;
  } finally {
    await connection.close();
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const measured = await batchGas();
  if (process.argv.includes("--json")) console.log(JSON.stringify(measured));
  else console.table(measured);
}
