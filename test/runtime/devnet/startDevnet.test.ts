import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseEther } from "viem";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createChain } from "../../../runtime/chain/createChain.ts";
import { devnetConfig } from "../../../runtime/chain/deploymentConfig.ts";
import { getBalance } from "../../../runtime/chain/reads/getBalance.ts";
import { getParameters } from "../../../runtime/chain/reads/getParameters.ts";
import { pathsOf } from "../../../runtime/config/paths.ts";
import { readDeployment } from "../../../runtime/config/readDeployment.ts";
import { devnetAccounts, startDevnet, type Devnet } from "../../../runtime/devnet/startDevnet.ts";
import { listKeys } from "../../../runtime/keys/listKeys.ts";
import { readPassword } from "../../../runtime/keys/readPassword.ts";
import { unlockKey } from "../../../runtime/keys/unlockKey.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { until } from "../chain/localChain.ts";

const logger = silentLogger();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "gainsay-devnet-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("startDevnet", () => {
  it("deploys, writes the addresses, and gives money to keystores that its password opens", async () => {
    const home = path.join(folder, "home");
    const devnet = await startDevnet({ home, port: 0 }, { logger });
    try {
      expect(await readDeployment(home, 31337)).toEqual(devnet.deployment);
      const chain = await createChain({ rpcUrls: [devnet.rpcUrl], deployment: devnet.deployment }, { logger });
      expect((await listKeys(pathsOf(home).keys)).map(({ name }) => name).sort()).toEqual([...devnetAccounts].sort());
      expect((await stat(devnet.passwordFile)).mode & 0o777).toBe(0o600);
      for (const key of devnet.keys) {
        expect((await stat(key.file)).mode & 0o777).toBe(0o600);
        expect(await getBalance(chain, key.address)).toBe(parseEther("1000"));
        const { account } = await unlockKey(key.name, { keysFolder: pathsOf(home).keys, password: readPassword({ passwordFile: devnet.passwordFile }) });
        expect(account.address).toBe(key.address);
      }
      const head = await chain.head();
      await until("blocks without transactions", async () => (await chain.head()).number >= head.number + 2n);
      expect((await chain.head()).timestamp).toBeGreaterThan(head.timestamp);
      expect(await chain.headAge()).toBeLessThan(5);
    } finally {
      await devnet.stop();
    }
    expect(await devnet.exited).toMatchObject({ code: 0 });
  });

  it("gives disputes another clock, and withdrawals a delay that the contracts take for it", async () => {
    const devnet = await startDevnet({ home: path.join(folder, "clock"), port: 0, config: devnetConfig(3_600) }, { logger });
    try {
      const chain = await createChain({ rpcUrls: [devnet.rpcUrl], deployment: devnet.deployment }, { logger });
      expect((await getParameters(chain)).rules.clock).toBe(3_600);
    } finally {
      await devnet.stop();
    }
  });

  it("keeps the keys of its home when it is started again, on a chain that is new", async () => {
    const home = path.join(folder, "again");
    const options = { home, port: 0, accounts: ["one"], balance: 5n };
    const first = await startDevnet(options, { logger });
    await first.stop();
    const second = await startDevnet({ ...options, accounts: ["one", "two"] }, { logger });
    try {
      expect(second.keys[0]).toEqual(first.keys[0]);
      expect(second.keys).toHaveLength(2);
      expect(await readFile(second.passwordFile, "utf8")).toBe(await readFile(first.passwordFile, "utf8"));
      const chain = await createChain({ rpcUrls: [second.rpcUrl], deployment: await readDeployment(home, 31337) }, { logger });
      expect(await getBalance(chain, second.keys[0]?.address as `0x${string}`)).toBe(5n);
    } finally {
      await second.stop();
    }
  });

  it("says that its port is in use, and leaves no process and no deployment behind", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const home = path.join(folder, "busy");
    await expect(startDevnet({ home, port }, { logger })).rejects.toMatchObject({ code: "DEVNET_PORT_IN_USE", kind: "usage", details: { port } });
    await expect(readDeployment(home, 31337)).rejects.toMatchObject({ code: "DEPLOYMENT_NOT_FOUND" });
    server.close();
  });

  it("says how to compile the contracts where they are not compiled", async () => {
    await expect(startDevnet({ home: folder, port: 0, artifactsDir: path.join(folder, "nothing") }, { logger })).rejects.toMatchObject({
      code: "DEVNET_NOT_BUILT",
      kind: "usage",
      message: expect.stringContaining("npm run setup") as string,
    });
  });

  it("gives up when it is told to", async () => {
    const signal = AbortSignal.abort();
    await expect(startDevnet({ home: path.join(folder, "aborted"), port: 0, signal }, { logger })).rejects.toMatchObject({ code: "ABORTED" });
  });

  it("ends its chain when the process that started it is killed", async () => {
    const script = path.join(folder, "parent.mjs");
    const module = (name: string): string => JSON.stringify(pathToFileURL(path.resolve(import.meta.dirname, "../../../runtime", name)).href);
    await writeFile(
      script,
      `import { startDevnet } from ${module("devnet/startDevnet.ts")};
       import { silentLogger } from ${module("telemetry/createLogger.ts")};
       const { port } = await startDevnet({ home: ${JSON.stringify(path.join(folder, "killed"))}, port: 0 }, { logger: silentLogger() });
       console.log(JSON.stringify({ port }));`,
    );
    const parent = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
    const devnet = await new Promise<Pick<Devnet, "port">>((resolve, reject) => {
      parent.stdout.once("data", (line: Buffer) => resolve(JSON.parse(line.toString()) as Pick<Devnet, "port">));
      parent.once("exit", () => reject(new Error("the parent ended before it had a devnet")));
    });
    const answers = (): Promise<boolean> =>
      fetch(`http://127.0.0.1:${devnet.port}`, { method: "POST", body: "{}" }).then(
        () => true,
        () => false,
      );
    expect(await answers()).toBe(true);
    parent.kill("SIGKILL");
    // The port and not the process number, which stays taken until somebody collects the orphan.
    await until("the end of the chain", async () => !(await answers()));
  });
});
