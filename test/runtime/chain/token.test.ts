import { createWalletClient, getAddress, http, type Address } from "viem";
import { afterAll, beforeAll, expect, it } from "vitest";
import { approvalsFor, getTokenBalance } from "../../../runtime/chain/approvePayment.ts";
import { collectCredits } from "../../../runtime/chain/calls/collectCredits.ts";
import { depositStake } from "../../../runtime/chain/calls/depositStake.ts";
import { contractCall } from "../../../runtime/chain/contracts.ts";
import type { Chain } from "../../../runtime/chain/createChain.ts";
import { createSender, type Sender } from "../../../runtime/chain/createSender.ts";
import { deployContracts } from "../../../runtime/chain/deploy.ts";
import { deploymentConfigs } from "../../../runtime/chain/deploymentConfig.ts";
import { readArtifact } from "../../../runtime/chain/readArtifact.ts";
import { getStakeAccount } from "../../../runtime/chain/reads/getStakeAccount.ts";
import { artifactsFolder } from "../../../runtime/devnet/packageRoot.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { startLocalChain, type LocalChain } from "./localChain.ts";

let local: LocalChain;
let chain: Chain;
let sender: Sender;
let token: Address;
beforeAll(async () => {
  local = await startLocalChain();
  const account = await local.account();
  const walletClient = createWalletClient({ account, transport: http(local.devnet.rpcUrl) });
  const publicClient = local.chain.client;
  const { abi, bytecode } = await readArtifact(artifactsFolder(), "test/contracts/helpers/TestToken.sol");
  const created = await publicClient.waitForTransactionReceipt({ hash: await walletClient.deployContract({ abi, bytecode, chain: null }) });
  token = getAddress(created.contractAddress as Address);
  await publicClient.waitForTransactionReceipt({ hash: await walletClient.writeContract({ address: token, abi, functionName: "mint", args: [account.address, 1000n], chain: null }) });
  const { judge } = local.devnet.deployment.contracts;
  const deployment = await deployContracts({ walletClient, publicClient, artifactsDir: artifactsFolder(), config: deploymentConfigs.devnet, judge, token });
  chain = await local.connect({ deployment });
  sender = createSender({ account, chain, pollingIntervalMs: 20 }, { logger: silentLogger() });
});
afterAll(() => local?.stop());

it("allows a contract what a call pays, exactly, before the call", async () => {
  await depositStake(sender, 300n);
  expect(await getStakeAccount(chain, sender.address)).toMatchObject({ free: 300n });
  expect(await getTokenBalance(chain, sender.address)).toBe(700n);
  await depositStake(sender, 100n);
  expect(await getTokenBalance(chain, sender.address)).toBe(600n);
  // Nothing is left allowed, and a call that pays nothing asks for nothing.
  const call = contractCall(chain.deployment, "stakes", "deposit", [50n], 50n);
  expect(call.value).toBe(0n);
  expect((await approvalsFor(chain, sender.address, call)).map(({ functionName, args }) => [functionName, args[1]])).toEqual([["approve", 50n]]);
  await expect(collectCredits(sender)).rejects.toMatchObject({ details: { name: "NothingToMove" } });
});

it("takes an allowance that is too small back before it gives a larger one", async () => {
  const { stakes } = chain.deployment.contracts;
  await sender.send({ contract: "stakes", address: token, abi: [{ type: "function", name: "approve", stateMutability: "nonpayable", inputs: [{ name: "spender", type: "address" }, { name: "amount", type: "uint256" }], outputs: [] }], functionName: "approve", args: [stakes, 7n], value: 0n });
  const amounts = async (amount: bigint) => (await approvalsFor(chain, sender.address, contractCall(chain.deployment, "stakes", "deposit", [amount], amount))).map(({ args }) => args[1]);
  expect(await amounts(7n)).toEqual([]);
  expect(await amounts(8n)).toEqual([0n, 8n]);
  await depositStake(sender, 8n);
  expect(await getTokenBalance(chain, sender.address)).toBe(592n);
});

it("says so when the account has too little of the token", async () => {
  await expect(depositStake(sender, 593n)).rejects.toMatchObject({ code: "CHAIN_NO_FUNDS", message: expect.stringContaining("it has 592 tokens and needs 593 tokens"), details: { token, balance: 592n, needed: 593n } });
});
