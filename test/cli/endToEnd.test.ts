import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { npy } from "../../cli/writeOutput.ts";
import { buildOnnx, floats, noise, op } from "../support/onnxBuilder.ts";
import { digitsFile, run, sampleFile, start, temporaryFolder, type Started } from "./helpers.ts";

// One development chain and one executor for the whole file; the tests build on each other in order.
const { folder, remove } = temporaryFolder();
const home = path.join(folder, "home");
const built = existsSync(path.join(import.meta.dirname, "..", "..", "artifacts", "contracts", "Disputes.sol", "Disputes.json"));
/** Inputs of 100 KiB, outputs of 4×4. */
const large = { size: 160, model: path.join(folder, "large.onnx"), input: path.join(folder, "large.npy") };
let devnet: Started;
let executor: Started | undefined;
let env: NodeJS.ProcessEnv;

const gainsay = (...args: string[]) => run([...args, "--json"], { env });
const result = async (...args: string[]): Promise<any> => {
  const ran = await gainsay(...args);
  expect(ran.code, ran.stderr).toBe(0);
  return ran.json();
};
const failure = async (...args: string[]): Promise<[number, string]> => {
  const ran = await gainsay(...args);
  expect(ran.stderr).not.toMatch(/^\s+at /m);
  return [ran.code, ran.json().error?.code];
};

beforeAll(async () => {
  if (!built) return;
  const { size } = large;
  writeFileSync(large.model, buildOnnx({ inputs: { image: [1, 1, size, size] }, nodes: [op("Conv", ["image", "w"], ["y"], { kernel_shape: { ints: [3, 3] }, strides: { ints: [40, 40] } })], outputs: ["y"], initializers: [floats("w", [1, 1, 3, 3], noise(9))] }));
  writeFileSync(large.input, npy({ name: "image", dtype: 1, shape: [1, 1, size, size], data: noise(size * size, 5) }));
  devnet = await start(["devnet", "--port", "0", "--home", home], {});
  env = { GAINSAY_HOME: home, GAINSAY_RPC_URL: devnet.ready.rpcUrl, GAINSAY_PASSWORD_FILE: devnet.ready.passwordFile, GAINSAY_POLLING_INTERVAL_MS: "100" };
}, 60_000);

afterAll(async () => {
  await executor?.stop();
  await devnet?.stop();
  remove();
});

describe.skipIf(!built)("with a development chain", () => {
  let programRoot: string;

  it("the devnet tells what a script needs", () => {
    expect(devnet.ready).toMatchObject({ chainId: 31337, home, rpcUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) });
    expect(devnet.ready.keys.map(({ name }: { name: string }) => name)).toEqual(["executor-1", "executor-2", "watcher-1", "requester"]);
    expect(readFileSync(devnet.ready.passwordFile, "utf8").trim().length).toBeGreaterThan(16);
  });

  it("registers a model, once", async () => {
    expect(await failure("job", "submit", digitsFile, "--input", sampleFile(4), "--key", "requester")).toEqual([2, "PROGRAM_NOT_REGISTERED"]);
    const first = await result("model", "register", digitsFile, "--key", "executor-1", "--uri", "https://example.org/digits");
    expect(first).toMatchObject({ modelId: "1", registered: true });
    programRoot = first.programRoot;
    expect(await result("model", "register", programRoot)).toEqual({ programRoot, modelId: "1", registered: false });
    expect(await result("model", "list")).toMatchObject({ models: [{ programRoot, registered: { modelId: "1", uri: "https://example.org/digits" }, local: { steps: 6 } }] });
  });

  it("moves stake in and out", async () => {
    expect(await result("stake", "deposit", "2", "--key", "executor-1")).toMatchObject({ deposited: "2000000000000000000", free: "2000000000000000000" });
    expect(await failure("stake", "withdraw", "3", "--key", "executor-1")).toEqual([1, "CONTRACT_REVERTED"]);
    const asked = await result("stake", "withdraw", "500000000gwei", "--key", "executor-1");
    expect(asked).toMatchObject({ state: "requested", amount: "500000000000000000", transaction: expect.any(String) });
    expect(await result("stake", "withdraw", "--key", "executor-1")).toEqual({ account: asked.account, state: "requested", amount: asked.amount, availableAt: asked.availableAt });
    expect(await result("stake", "status", "executor-1")).toMatchObject({ account: asked.account, free: "1500000000000000000", pending: "500000000000000000", locked: "0" });
    await devnetSeconds(400);
    expect(await result("stake", "withdraw", "--key", "executor-1")).toMatchObject({ state: "withdrawn", amount: asked.amount });
    expect(await result("stake", "collect", "--key", "executor-1")).toMatchObject({ collected: "0" });
    expect(await failure("stake", "withdraw", "--key", "requester")).toEqual([1, "STAKE_EMPTY"]);
  });

  it("submits, shows, lists and cancels a job", async () => {
    const job = await result("job", "submit", programRoot, "--input", `image=${sampleFile(4)}`, "--key", "requester", "--fee", "0.25", "--claim-window", "1h");
    expect(job).toMatchObject({ jobId: "1", status: "open", fee: "250000000000000000", claimWindow: 3600, inputTravels: "in the transaction", inputBytes: 3136 });
    expect(await result("job", "status", "1")).toMatchObject({ id: "1", status: "open", programRoot, history: [{ event: "Submitted" }, { event: "InputPublished" }] });
    expect(await result("job", "list", "--requester", "requester", "--status", "open")).toMatchObject({ jobs: [{ id: "1" }] });
    expect(await result("job", "list", "--requester", "executor-1")).toEqual({ jobs: [] });
    expect(await failure("job", "wait", "1", "--timeout", "1")).toEqual([75, "JOB_TIMEOUT"]);
    expect(await failure("job", "result", "1")).toEqual([75, "JOB_NOT_FINAL"]);
    expect(await failure("job", "result", "1", "--peer", "not an address", "--provisional")).toEqual([75, "JOB_NOT_COMMITTED"]);
    expect(await failure("job", "result", "1", "--provisional")).toEqual([75, "JOB_NOT_COMMITTED"]);
    expect(await failure("receipt", "export", "1")).toEqual([75, "JOB_NOT_FINAL"]);
    expect(await failure("job", "cancel", "1", "--key", "executor-1")).toEqual([1, "CONTRACT_REVERTED"]);
    expect(await failure("job", "expire", "1", "--key", "requester")).toEqual([1, "CONTRACT_REVERTED"]);
    expect(await result("job", "cancel", "1", "--key", "requester")).toMatchObject({ status: "cancelled", refund: "250000000000000000" });
    expect(await failure("job", "result", "1")).toEqual([1, "JOB_CANCELLED"]);
    expect(await result("stake", "collect", "--key", "requester")).toMatchObject({ collected: "250000000000000000" });
    expect(await result("dispute", "list")).toEqual({ disputes: [] });
  });

  it("says what is wrong, and exits with what scripts expect", async () => {
    expect(await failure("job", "status", "99")).toEqual([1, "CONTRACT_REVERTED"]);
    expect(await failure("dispute", "show", "99")).toEqual([1, "CONTRACT_REVERTED"]);
    expect(await failure("dispute", "list", "--job", "99")).toEqual([1, "CONTRACT_REVERTED"]);
    expect(await failure("stake", "deposit", "1")).toEqual([2, "KEY_MISSING"]);
    expect(await failure("stake", "deposit", "1", "--key", "nobody")).toEqual([2, "KEY_NOT_FOUND"]);
    expect(await failure("stake", "status", "nobody")).toEqual([2, "ACCOUNT_UNKNOWN"]);
    writeFileSync(path.join(folder, "wrong"), "not the password\n");
    expect(await failure("stake", "deposit", "1", "--key", "requester", "--password-file", path.join(folder, "wrong"))).toEqual([2, "KEY_WRONG_PASSWORD"]);
    expect(await failure("stake", "deposit", "1", "--key", "requester", "--password-file", path.join(folder, "none"))).toEqual([2, "KEY_PASSWORD_FILE"]);
    expect(await failure("stake", "deposit", "2000", "--key", "requester")).toEqual([2, "CHAIN_NO_FUNDS"]);
    expect(await failure("job", "submit", programRoot, "--input", sampleFile(4), "--key", "requester", "--challenge-window", "30d")).toEqual([1, "CONTRACT_REVERTED"]);
    const deployments = path.join(home, "deployments");
    mkdirSync(deployments, { recursive: true });
    writeFileSync(path.join(deployments, "5.json"), JSON.stringify({ ...JSON.parse(readFileSync(path.join(deployments, "31337.json"), "utf8")), chainId: 5 }));
    expect(await failure("job", "list", "--chain-id", "5")).toEqual([2, "CHAIN_WRONG_ID"]);
    expect(await failure("devnet", "--fresh", "--port", "0")).toEqual([2, "DEVNET_HOME_SHARED"]);
    expect(await failure("devnet", "--port", new URL(devnet.ready.rpcUrl).port)).toEqual([2, "DEVNET_PORT_IN_USE"]);
  });

  it("gets a result and a receipt from an executor", async () => {
    await result("model", "register", large.model, "--key", "requester");
    executor = await start(["executor", "start", "--key", "executor-1", "--min-fee", "2000wei", "--region", "Here"], env);
    expect(await failure("executor", "start", "--key", "executor-1")).toEqual([2, "DATA_DIR_LOCKED"]);
    const job = await result("job", "submit", programRoot, "--input", sampleFile(7), "--key", "requester", "--challenge-window", "2", "--wait");
    expect(job).toMatchObject({ jobId: "2", status: "final" });
    expect(await result("job", "wait", "2")).toMatchObject({ id: "2", status: "final", attempt: 1 });
    const first = await result("job", "result", "2");
    expect(first).toMatchObject({ label: 7, outputs: [{ name: "logits", shape: [1, 10], source: "peers", top: [{ index: 7 }, ...new Array(4).fill({})] }] });
    const file = path.join(folder, "logits.json");
    expect(await result("job", "result", "2", "--out", file)).toMatchObject({ file, outputs: [{ source: "local" }] });
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ logits: [first.outputs[0].values] });
    expect(await failure("job", "result", "2", "--out", path.join(folder, "logits.csv"))).toEqual([2, "OUTPUT_FILE"]);
  });

  it("lists the executor with its offer and its record, and gives it a job by price and by name", async () => {
    const account = devnet.ready.keys.find(({ name }: { name: string }) => name === "executor-1").address as string;
    const { executors } = await result("executor", "list", "--listen-for", "6", "--program", programRoot);
    expect(executors).toMatchObject([{ executor: account.toLowerCase(), offer: { executionProvider: "cpu", region: "here", maxCollateral: "100000000000000000000" }, completed: 1, slashed: 0, missed: 0, deliverySeconds: expect.any(Number) }]);
    expect(executors[0].offer.models).toContainEqual({ program: programRoot, price: "2000" });
    expect(executors[0].latencySeconds).toBeLessThan(5);
    expect(Number(executors[0].stake.free)).toBeGreaterThan(0);

    const byPrice = ["job", "submit", programRoot, "--input", sampleFile(7), "--key", "requester", "--challenge-window", "1", "--wait", "--prefer", "price", "--listen-for", "4"];
    expect(await failure(...byPrice, "--fee", "1999wei")).toEqual([75, "NO_OFFERS"]);
    expect(await result(...byPrice)).toMatchObject({ status: "final", fee: "2000", executor: account, meantFor: account.toLowerCase(), inputTravels: "off chain" });
    const named = ["job", "submit", programRoot, "--input", sampleFile(7), "--key", "requester", "--listen-for", "15"];
    expect(await failure(...named, "--executor", "executor-2", "--listen-for", "1")).toEqual([75, "EXECUTOR_NOT_HEARD"]);
    expect(await failure(...named, "--executor", "executor-1", "--prefer", "price")).toEqual([2, "USAGE"]);
    expect(await result(...named, "--executor", "executor-1", "--fee", "1gwei")).toMatchObject({ status: "committed", fee: "1000000000", executor: account, meantFor: account.toLowerCase() });
  });

  it("shows how everything stands", async () => {
    const view = await result("status");
    expect(view).toMatchObject({ chainId: 31337, endpoints: [{ healthy: true }] });
    expect(view.accounts.map(({ name }: { name: string }) => name)).toEqual(["executor-1", "executor-2", "requester", "watcher-1"]);
    expect(view.jobs.length).toBeGreaterThan(0);
    const { stdout } = await run(["status", "--once", "--key", "executor-1"], { env });
    expect(stdout).toMatch(/^chain 31337, block \d+/);
    expect(stdout).toContain("no open disputes");
    expect(stdout).not.toContain("watcher-1");
  });

  it("verifies a receipt, and finds every change in it", async () => {
    const file = path.join(folder, "receipt.json");
    const { receipt } = await result("receipt", "export", "2", "--out", file);
    expect(await result("receipt", "verify", file)).toMatchObject({ verified: true, online: true, jobId: "2" });
    expect(await result("receipt", "verify", file, "--offline", "--rpc", "http://127.0.0.1:1")).toMatchObject({ verified: true, online: false });
    const changed = path.join(folder, "changed.json");
    const check = async (change: object, ...flags: string[]): Promise<[number, string]> => {
      writeFileSync(changed, JSON.stringify({ ...receipt, ...change }));
      return failure("receipt", "verify", changed, ...flags);
    };
    const bytes = Buffer.from(receipt.outputs[0].bytes, "base64");
    bytes[0]! ^= 1;
    expect(await check({ outputs: [{ ...receipt.outputs[0], bytes: bytes.toString("base64") }] }, "--offline")).toEqual([3, "RECEIPT_INVALID"]);
    for (const change of [{ jobId: "1" }, { jobId: "77" }, { attempt: 2 }, { executor: receipt.jobs }, { traceRoot: receipt.inputRoot }, { committedIn: receipt.finalizedIn }, { finalizedIn: receipt.inputRoot }, { chainId: 1 }, { jobs: receipt.executor }]) {
      expect(await check(change, "--offline")).toEqual([0, undefined]);
      expect(await check(change), JSON.stringify(change)).toEqual([3, "RECEIPT_INVALID"]);
    }
    expect(await check({ attempt: -1 })).toEqual([2, "RECEIPT_MALFORMED"]);
  });

  it("serves an input that is too large for a transaction", async () => {
    const job = await result("job", "submit", large.model, "--input", large.input, "--key", "requester", "--challenge-window", "1", "--wait");
    expect(job).toMatchObject({ status: "final", inputTravels: "off chain", inputBytes: large.size ** 2 * 4 });
    expect(await executor?.stop()).toBe(0);
    executor = undefined;
    // With the executor gone, the result is computed again from the inputs that this home kept.
    expect(await result("job", "result", job.jobId, "--peer-timeout", "1")).toMatchObject({ label: null, outputs: [{ shape: [1, 1, 4, 4], source: "recomputed" }] });
  });

  it("the devnet ends at the first signal, with code 0", async () => {
    expect(await devnet.stop()).toBe(0);
    expect(await failure("job", "list")).toEqual([75, "CHAIN_UNREACHABLE"]);
  });
});

/** Lets the chain's clock run ahead, as only a development chain can. */
async function devnetSeconds(seconds: number): Promise<void> {
  for (const [method, params] of [["evm_increaseTime", [seconds]], ["evm_mine", []]] as const) {
    const response = await fetch(devnet.ready.rpcUrl, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }) });
    expect(((await response.json()) as { error?: unknown }).error).toBeUndefined();
  }
}
