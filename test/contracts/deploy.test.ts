import { network } from "hardhat";
import { createPublicClient, createWalletClient, custom, getContractAddress, zeroAddress, type Address } from "viem";
import { hardhat } from "viem/chains";
import { beforeAll, describe, expect, it } from "vitest";
import { disputesAbi, jobsAbi, judgeAbi, stakesAbi } from "../../runtime/chain/abis.ts";
import { deployContracts } from "../../runtime/chain/deploy.ts";
import { deploymentConfigs, type DeploymentConfig } from "../../runtime/chain/deploymentConfig.ts";
import { artifactsDir, createWorld, expectRevert, testConfig, type World } from "./helpers/createWorld.ts";
import { readArtifact } from "../../runtime/chain/readArtifact.ts";

async function clients() {
  const { provider } = await network.create();
  const transport = custom(provider);
  const publicClient = createPublicClient({ chain: hardhat, transport, pollingInterval: 1 });
  const [account] = await createWalletClient({ transport }).getAddresses();
  const walletClient = createWalletClient({ account: account as Address, chain: hardhat, transport });
  return { publicClient, walletClient };
}

describe("deployContracts", () => {
  it.each(Object.entries(deploymentConfigs))("deploys everything, wired together, with the %s parameters", async (_, config) => {
    const { publicClient, walletClient } = await clients();
    const { chainId, contracts, block } = await deployContracts({ publicClient, walletClient, artifactsDir, config });
    const { stakes, jobs, disputes, models, judge } = contracts;
    expect(chainId).toBe(31337);
    const first = await publicClient.getBlock({ blockNumber: block, includeTransactions: true });
    expect(first.transactions[0]).toMatchObject({ to: null, nonce: 0 });
    for (const address of Object.values(contracts)) expect((await publicClient.getCode({ address }))?.length).toBeGreaterThan(1000);
    expect(await publicClient.readContract({ address: stakes, abi: stakesAbi, functionName: "JOBS" })).toBe(jobs);
    expect(await publicClient.readContract({ address: jobs, abi: jobsAbi, functionName: "STAKES" })).toBe(stakes);
    expect(await publicClient.readContract({ address: jobs, abi: jobsAbi, functionName: "DISPUTES" })).toBe(disputes);
    expect(await publicClient.readContract({ address: disputes, abi: disputesAbi, functionName: "JOBS" })).toBe(jobs);
    expect(await publicClient.readContract({ address: disputes, abi: disputesAbi, functionName: "STAKES" })).toBe(stakes);
    expect(await publicClient.readContract({ address: disputes, abi: disputesAbi, functionName: "JUDGE" })).toBe(judge);
    expect(await publicClient.readContract({ address: jobs, abi: jobsAbi, functionName: "MODELS" })).toBe(models);
    expect(await publicClient.readContract({ address: disputes, abi: disputesAbi, functionName: "MODELS" })).toBe(models);
    expect(await publicClient.readContract({ address: jobs, abi: jobsAbi, functionName: "limits" })).toEqual(config.limits);
    expect(await publicClient.readContract({ address: disputes, abi: disputesAbi, functionName: "rules" })).toEqual(config.rules);
    for (const part of ["contractionJudge", "mapJudge", "reductionJudge"] as const) {
      const address = await publicClient.readContract({ address: judge, abi: judgeAbi, functionName: part });
      expect((await publicClient.getCode({ address }))?.length).toBeGreaterThan(1000);
    }
  });

  it("says which contract the chain refused", async () => {
    const config = { ...testConfig, rules: { ...testConfig.rules, bond: 0n } };
    await expect(deployContracts({ ...(await clients()), artifactsDir, config, judge: zeroAddress })).rejects.toMatchObject({ code: "DEPLOYMENT_FAILED", details: { source: "contracts/Disputes.sol" } });
  });

  it("says which artifact is missing", async () => {
    await expect(deployContracts({ ...(await clients()), artifactsDir: `${artifactsDir}/none`, config: testConfig })).rejects.toMatchObject({ code: "ARTIFACT_MISSING" });
  });
});

describe("constructors", () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld();
  });

  const deploy = async (name: string, args: readonly unknown[]) => {
    const { abi, bytecode } = await readArtifact(artifactsDir, `contracts/${name}.sol`);
    return world.create(abi, bytecode, args);
  };
  const word = (text: string) => `0x${Buffer.from(text.padEnd(32, "\0")).toString("hex")}`;
  const nextAddress = async (offset: number) => getContractAddress({ from: world.address.deployer, nonce: BigInt((await world.publicClient.getTransactionCount({ address: world.address.deployer })) + offset) });

  it("refuse counterparts that name another contract", async () => {
    const { stakes, models, jobs, disputes } = world.deployment.contracts;
    await expectRevert(deploy("Jobs", [stakes, models, disputes, testConfig.limits]), "WrongWiring");
    await expectRevert(deploy("Disputes", [jobs, models, stakes, world.judge.address, testConfig.rules]), "WrongWiring");
    // A second set of stakes whose jobs stand elsewhere.
    const expected = await nextAddress(2);
    const lonely = await deploy("Stakes", [world.address.stranger, 1000, zeroAddress]);
    const set = await deploy("Stakes", [await nextAddress(1), 1000, zeroAddress]);
    const ownJobs = await deploy("Jobs", [set, models, await nextAddress(1), testConfig.limits]);
    expect(ownJobs).toBe(expected);
    await expectRevert(deploy("Disputes", [ownJobs, models, lonely, world.judge.address, testConfig.rules]), "WrongWiring");
  });

  it.each<[string, Partial<DeploymentConfig["limits"]>]>([
    ["claimWindow", { minClaimWindow: 0 }],
    ["claimWindow", { maxClaimWindow: 2 ** 24 }],
    ["claimWindow", { minClaimWindow: 20, maxClaimWindow: 19 }],
    ["deliveryWindow", { minDeliveryWindow: 0 }],
    ["deliveryWindow", { maxDeliveryWindow: 2 ** 24 }],
    ["challengeWindow", { minChallengeWindow: 0 }],
    ["challengeWindow", { maxChallengeWindow: 2 ** 24 }],
    ["minCollateral", { minCollateral: 0n }],
    ["rewardCap", { rewardCap: 0n }],
    ["maxLifetime", { maxLifetime: 0 }],
    ["collateralPerFee", { collateralPerFee: 0 }],
  ])("refuse limits that break a %s", async (parameter, changes) => {
    const stakes = await deploy("Stakes", [await nextAddress(1), 1000, zeroAddress]);
    const args = [stakes, world.deployment.contracts.models, world.address.stranger, { ...testConfig.limits, ...changes }];
    await expectRevert(deploy("Jobs", args), "BadLimits", [word(parameter)]);
  });

  it("take limits that leave no choice, and the longest window", async () => {
    const longest = 2 ** 24 - 1;
    const fixed = { minClaimWindow: longest, maxClaimWindow: longest, minDeliveryWindow: 1, maxDeliveryWindow: 1, minChallengeWindow: 7, maxChallengeWindow: 7, minCollateral: 1n, rewardCap: 1n, maxLifetime: 1, collateralPerFee: 1 };
    const stakes = await deploy("Stakes", [await nextAddress(1), 1000, zeroAddress]);
    const jobs = await deploy("Jobs", [stakes, world.deployment.contracts.models, world.address.stranger, fixed]);
    expect(await world.publicClient.readContract({ address: jobs, abi: world.abis.jobs, functionName: "limits" })).toEqual(fixed);
  });

  it("take rules at their bounds", async () => {
    const month = 30 * 86_400;
    const widest = { bond: 1n, clock: month, extension: month, demandBond: 1n, maxDemands: 2 ** 14, sealAge: month / 2 };
    const stakes = await deploy("Stakes", [await nextAddress(1), 5 * month + 1, zeroAddress]);
    const jobs = await deploy("Jobs", [stakes, world.deployment.contracts.models, await nextAddress(1), testConfig.limits]);
    const disputes = await deploy("Disputes", [jobs, world.deployment.contracts.models, stakes, world.judge.address, widest]);
    expect(await world.publicClient.readContract({ address: disputes, abi: world.abis.disputes, functionName: "rules" })).toEqual(widest);
  });

  it.each<[string, Partial<DeploymentConfig["rules"]>, number]>([
    ["bond", { bond: 0n }, 1000],
    ["clock", { clock: 0 }, 1000],
    ["clock", { clock: 30 * 86_400 + 1 }, 1000],
    ["extension", { extension: 0 }, 1000],
    ["extension", { extension: 301 }, 1000],
    ["demandBond", { demandBond: 76n }, 1000],
    ["maxDemands", { maxDemands: 0 }, 1000],
    ["maxDemands", { maxDemands: 300 }, 1000],
    ["maxDemands", { maxDemands: 16_385, clock: 20_000 }, 100_000],
    ["sealAge", { sealAge: 0 }, 1000],
    ["sealAge", { sealAge: 51 }, 1000],
    ["withdrawalDelay", {}, 900],
  ])("refuse rules with a bad %s", async (parameter, changes, delay) => {
    const stakes = await deploy("Stakes", [await nextAddress(1), delay, zeroAddress]);
    const jobs = await deploy("Jobs", [stakes, world.deployment.contracts.models, await nextAddress(1), testConfig.limits]);
    const args = [jobs, world.deployment.contracts.models, stakes, world.judge.address, { ...testConfig.rules, ...changes }];
    await expectRevert(deploy("Disputes", args), "BadRules", [word(parameter)]);
  });
});
