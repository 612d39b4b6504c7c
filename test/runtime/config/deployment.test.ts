import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CONTRACTS_VERSION, type Deployment } from "../../../runtime/config/deployment.ts";
import { deploymentFile } from "../../../runtime/config/deploymentFile.ts";
import { readDeployment } from "../../../runtime/config/readDeployment.ts";
import { writeDeployment } from "../../../runtime/config/writeDeployment.ts";

const address = (digit: string) => `0x${digit.repeat(40)}` as const;
const deployment: Deployment = {
  chainId: 31337,
  contracts: { stakes: address("1"), models: address("2"), jobs: address("3"), disputes: address("4"), judge: address("5") },
  block: 7n,
};

let home: string;
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), "gainsay-deployment-"));
});
afterAll(() => rm(home, { recursive: true, force: true }));

describe("the deployment file", () => {
  it("is read as it was written, and replaced whole", async () => {
    const file = await writeDeployment(home, deployment);
    expect(await readDeployment(home, 31337)).toEqual({ ...deployment, version: CONTRACTS_VERSION });
    await writeDeployment(home, { ...deployment, block: 8n });
    expect((await readDeployment(home, 31337)).block).toBe(8n);
    expect(await readdir(path.dirname(file))).toEqual(["31337.json"]);
  });

  it("of another version of the contracts says what to do", async () => {
    const file = deploymentFile(home, 8);
    await mkdir(path.dirname(file), { recursive: true });
    const write = (version: unknown): Promise<void> => writeFile(file, JSON.stringify({ ...deployment, chainId: 8, block: "7", version }));
    await write(CONTRACTS_VERSION + 1);
    await expect(readDeployment(home, 8)).rejects.toMatchObject({ code: "DEPLOYMENT_VERSION", kind: "usage", message: expect.stringContaining("update this program") as string });
    await write(CONTRACTS_VERSION - 1);
    await expect(readDeployment(home, 8)).rejects.toMatchObject({ code: "DEPLOYMENT_VERSION", message: expect.stringContaining("newer deployment") as string });
    await write(String(CONTRACTS_VERSION));
    await expect(readDeployment(home, 8)).rejects.toMatchObject({ code: "DEPLOYMENT_MALFORMED" });
    await write(undefined);
    expect(await readDeployment(home, 8)).toMatchObject({ chainId: 8 });
  });

  it("says how to get one where there is none", async () => {
    await expect(readDeployment(path.join(home, "absent"), 31337)).rejects.toMatchObject({ code: "DEPLOYMENT_NOT_FOUND", kind: "usage", message: expect.stringContaining("gainsay devnet") as string });
    await expect(readDeployment(home, 1)).rejects.toMatchObject({ code: "DEPLOYMENT_NOT_FOUND", details: { file: deploymentFile(home, 1) } });
  });

  it.each(["", "{", "[]", "null", JSON.stringify({ chainId: 9 }), JSON.stringify({ ...deployment, block: "7", chainId: 10 }), JSON.stringify({ ...deployment, chainId: 9, block: "7", contracts: { ...deployment.contracts, jobs: "0x12" } }), JSON.stringify({ ...deployment, chainId: 9, block: "x" })])(
    "refuses %s",
    async (text) => {
      const file = deploymentFile(home, 9);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, text);
      await expect(readDeployment(home, 9)).rejects.toMatchObject({ code: "DEPLOYMENT_MALFORMED", kind: "usage", details: { file } });
    },
  );
});
