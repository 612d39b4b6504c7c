import { getContractAddress, isAddressEqual, zeroAddress, type Account, type Address, type Chain, type Hex, type PublicClient, type Transport, type WalletClient } from "viem";
import { GainsayError } from "../../protocol/errors.ts";
import { CONTRACTS_VERSION, type Deployment } from "../config/deployment.ts";
import { chainError } from "./chainError.ts";
import type { DeploymentConfig } from "./deploymentConfig.ts";
import { readArtifact } from "./readArtifact.ts";

export interface DeployOptions {
  /** Pays for the deployment and has no rights afterwards. It must send nothing else meanwhile. */
  walletClient: WalletClient<Transport, Chain | undefined, Account>;
  publicClient: PublicClient;
  /** The compiler's output folder. */
  artifactsDir: string;
  config: DeploymentConfig;
  /** ERC-20 token in which everything is paid; ether without it. */
  token?: Address | undefined;
  /** A judge that stands already; without it the project's own is deployed. */
  judge?: Address;
}

/**
 * Deploys all contracts and tells where they stand; writes nothing anywhere.
 * The contracts name each other as immutables, so the addresses of the later ones are computed from the deployer's nonce
 * (EIP-161 CREATE); their constructors refuse a wiring that does not close. Throws `DEPLOYMENT_FAILED` naming the contract.
 */
export async function deployContracts(options: DeployOptions): Promise<Deployment> {
  const { walletClient, publicClient, config } = options;
  const from = walletClient.account.address;
  const chainId = await publicClient.getChainId();
  let nonce = await publicClient.getTransactionCount({ address: from, blockTag: "pending" });
  let firstBlock: bigint | undefined;

  const create = async (source: string, args: readonly unknown[] = []): Promise<Address> => {
    const { abi, bytecode } = await readArtifact(options.artifactsDir, source);
    const expected = getContractAddress({ from, nonce: BigInt(nonce) });
    const transaction = { abi, bytecode, args, nonce, account: walletClient.account, chain: walletClient.chain ?? null };
    const hash: Hex = await walletClient.deployContract(transaction).catch((cause: unknown) => {
      throw failed(source, cause);
    });
    const receipt = await publicClient.waitForTransactionReceipt({ hash });
    if (receipt.status !== "success" || !receipt.contractAddress || !isAddressEqual(receipt.contractAddress, expected)) throw failed(source);
    nonce++;
    firstBlock ??= receipt.blockNumber;
    return expected;
  };

  const judge = options.judge ?? (await deployJudge(create));
  const next = (offset: number): Address => getContractAddress({ from, nonce: BigInt(nonce + offset) });
  const expected = { jobs: next(2), disputes: next(3) };
  const stakes = await create("contracts/Stakes.sol", [expected.jobs, config.withdrawalDelay, options.token ?? zeroAddress]);
  const models = await create("contracts/Models.sol");
  const jobs = await create("contracts/Jobs.sol", [stakes, models, expected.disputes, config.limits]);
  const disputes = await create("contracts/Disputes.sol", [jobs, models, stakes, judge, config.rules]);
  return { version: CONTRACTS_VERSION, chainId, contracts: { stakes, models, jobs, disputes, judge }, ...(options.token === undefined ? {} : { token: options.token }), block: firstBlock ?? 0n };
}

/** Judges of the step kinds, in the order in which the constructor of `Judge` takes them. */
const kindJudges = ["Contraction", "IntegerContraction", "Map", "Reduction", "Sum", "Normalisation", "Gather", "Movement", "HalfContraction"] as const;

/** The judge of this version of the protocol: an entry that dispatches to one contract a step kind, or two (EIP-170). */
export async function deployJudge(create: (source: string, args?: readonly unknown[]) => Promise<Address>): Promise<Address> {
  const evaluator = await create("contracts/judge/Expression.sol");
  const kinds: Address[] = [];
  for (const kind of kindJudges) kinds.push(await create(`contracts/judge/${kind}Judge.sol`, [evaluator]));
  return create("contracts/judge/Judge.sol", [kinds]);
}

/** What was deployed before it is of no use, and nothing depends on it. */
function failed(source: string, cause?: unknown): GainsayError {
  const reason = cause === undefined ? undefined : chainError(cause);
  return new GainsayError(`A contract could not be deployed${reason === undefined ? "; try again" : `: ${reason.message.replace(/\.$/, "")}`}.`, {
    code: "DEPLOYMENT_FAILED",
    details: { source, ...(reason === undefined ? {} : { reason: reason.code, ...reason.details }) },
    retryable: reason?.code !== "CONTRACT_REVERTED",
  });
}
