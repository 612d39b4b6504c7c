import { cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { artifactsFolder } from "../../runtime/devnet/packageRoot.ts";
import { decryptKey } from "../../runtime/keys/decryptKey.ts";
import { readKeystore } from "../../runtime/keys/readKeystore.ts";
import { digitsFile, run, sampleFile, start, temporaryFolder, type Started } from "../cli/helpers.ts";
import { until } from "../runtime/chain/localChain.ts";
import { attacksOn, mebibyte } from "../runtime/network/attacks.ts";

const built = existsSync(path.join(artifactsFolder(), "contracts", "Disputes.sol", "Disputes.json"));
const slow = 240_000;
/** Of each daemon's JavaScript heap. */
const HEAP_MIB = 192;
/** What a daemon may grow by under all attacks: its heap, and the buffers that the limits of the network allow. */
const MAX_GROWTH = 128 * mebibyte;
/** Part of the endpoint's URL, as providers put their keys there. */
const TOKEN = "0123token89";
const force = Number(process.env["GAINSAY_HOSTILE"] ?? 1);

// Real processes with deadlines to keep, on loopback, while strangers do to them what they can.
describe.skipIf(!built || process.platform !== "linux")("daemons among hostile peers", () => {
  const { folder, remove } = temporaryFolder();
  const home = path.join(folder, "home");
  const empty = path.join(folder, "empty");
  const closing: (() => void)[] = [];
  let devnet: Started;
  let executor: Started;
  let watcher: Started;
  let env: NodeJS.ProcessEnv;

  const result = async (...args: string[]): Promise<any> => {
    const ran = await run([...args, "--json"], { env });
    if (ran.code !== 0) throw new Error(`${args.join(" ")} ended with ${ran.code}: ${ran.stderr}`);
    return ran.json();
  };

  beforeAll(async () => {
    devnet = await start(["devnet", "--port", "0"], { GAINSAY_HOME: home });
    const { passwordFile, rpcUrl } = devnet.ready;
    env = { GAINSAY_HOME: home, GAINSAY_PASSWORD_FILE: passwordFile, GAINSAY_RPC_URL: `${rpcUrl}/${TOKEN}` };
    await result("model", "register", digitsFile, "--key", "requester");
    await result("stake", "deposit", "5", "--key", "executor-1");
    const daemon = { ...env, NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}`, GAINSAY_TELEMETRY_PORT: "0" };
    executor = await start(["executor", "start", "--key", "executor-1"], daemon);
    // A machine that has nothing but the addresses of the contracts: no key, no bundle.
    mkdirSync(empty);
    cpSync(path.join(home, "deployments"), path.join(empty, "deployments"), { recursive: true });
    watcher = await start(["watcher", "start", "--mode", "observe", "--bootstrap", executor.ready.addresses[0]], { ...daemon, GAINSAY_HOME: empty });
  }, slow);
  afterEach(() => closing.splice(0).forEach((close) => close()));
  afterAll(async () => {
    await Promise.all([executor?.stop(), watcher?.stop()]);
    await devnet?.stop();
    remove();
  });

  const rss = ({ child }: Started): number => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) * 1024;
  const submit = async (): Promise<string> => (await result("job", "submit", digitsFile, "--input", sampleFile(4), "--key", "requester", "--delivery-window", "30", "--challenge-window", "6")).jobId;
  const linesOf = ({ stderr }: Started): Record<string, unknown>[] => stderr().split("\n").flatMap((line) => (line.startsWith("{") && line.endsWith("}") ? [JSON.parse(line) as Record<string, unknown>] : []));
  const verified = (jobId: string): Promise<void> => until(`job ${jobId} is verified`, () => linesOf(watcher).some((line) => line["message"] === "commitment verified" && line["jobId"] === jobId), 60_000);
  const delivered = async (jobId: string): Promise<void> => {
    await verified(jobId);
    expect(await result("job", "wait", jobId, "--timeout", "60")).toMatchObject({ status: "final", attempt: 1, missed: 0 });
  };

  it("a watcher on an empty machine fetches the bundle by its program root and checks a model that it has never seen", { timeout: slow }, async () => {
    expect(watcher.ready.programs).toEqual([]);
    const jobId = await submit();
    await verified(jobId);
    const { programRoot } = await result("job", "status", jobId);
    expect(existsSync(path.join(empty, "watcher", "default", "bundles", programRoot, "manifest.json"))).toBe(true);
  });

  it("both keep their deadlines and their memory while strangers attack them", { timeout: slow }, async () => {
    const victims = [executor, watcher];
    const before = victims.map(rss);
    const [first = [], second = []] = victims.map(({ ready }) => attacksOn(ready.addresses[0], force, closing));
    const grown: string[] = [];
    const jobs = [await submit()];
    for (const [i, [what, attack]] of first.entries()) {
      await Promise.all([attack(), second[i]?.[1]()]);
      for (const [v, victim] of victims.entries()) {
        expect(victim.child.exitCode, what).toBeNull();
        const growth = rss(victim) - (before[v] as number);
        grown.push(`${v === 0 ? "executor" : "watcher"} ${Math.round(growth / mebibyte)} MiB after strangers ${what}`);
        expect(growth, `bytes grown after strangers ${what}`).toBeLessThan(MAX_GROWTH);
      }
      // In the middle of it there is new work to do, too.
      if (i === Math.floor(first.length / 2)) jobs.push(await submit());
    }
    for (const jobId of jobs) await delivered(jobId);
    if (force > 1) console.info(grown.join("\n"));
  });

  it("nothing secret is in their logs, command lines, metrics and status, nor in errors", { timeout: slow }, async () => {
    const password = readFileSync(String(env["GAINSAY_PASSWORD_FILE"]), "utf8").trim();
    const privateKey = await decryptKey(await readKeystore(path.join(home, "keys", "executor-1.json")), password);
    const secrets = [password, TOKEN, privateKey.slice(2)];
    const failed = await run(["status", "--once", "--json", "--rpc", `http://127.0.0.1:1/${TOKEN}`], { env });
    expect(failed.code).toBe(75);
    const texts: [string, string][] = [["errors", failed.stdout + failed.stderr]];
    for (const [name, daemon] of Object.entries({ executor, watcher })) {
      const { url } = linesOf(daemon).find(({ message }) => message === "telemetry served") as { url: string };
      texts.push([`log of the ${name}`, daemon.stderr()], [`command line of the ${name}`, readFileSync(`/proc/${daemon.child.pid}/cmdline`, "utf8")]);
      for (const page of ["metrics", "status", "health", "ready"]) texts.push([`${page} of the ${name}`, await (await fetch(`${url}/${page}`)).text()]);
    }
    for (const [where, text] of texts) {
      expect(text.length, where).toBeGreaterThan(1);
      for (const secret of secrets) expect(text.includes(secret), where).toBe(false);
    }
  });
});
