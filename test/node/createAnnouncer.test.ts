import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { expect, it } from "vitest";
import { createAnnouncer } from "../../node/createAnnouncer.ts";
import { isSignedByExecutor } from "../../runtime/announcements/signResults.ts";
import type { Chain } from "../../runtime/chain/createChain.ts";
import type { Job } from "../../runtime/chain/types.ts";
import type { Network } from "../../runtime/network/createNetwork.ts";
import type { ResultsMessage } from "../../runtime/network/topics.ts";
import { silentLogger } from "../../runtime/telemetry/createLogger.ts";
import { until } from "../runtime/chain/localChain.ts";

const word = (byte: string): `0x${string}` => `0x${byte.repeat(32)}`;
const job = (id: bigint, traceRoot = word("01")): Job => ({ id, attempt: 1, traceRoot, outputRoot: word("02") }) as Job;

function open() {
  const said: ResultsMessage[] = [];
  const clock = { ms: 0 };
  const addresses = ["/ip4/127.0.0.1/tcp/1/p2p/x"];
  const signed = { count: 0 };
  const account = privateKeyToAccount(generatePrivateKey());
  const counting = { ...account, signTypedData: (...given: Parameters<typeof account.signTypedData>) => ((signed.count += 1), account.signTypedData(...given)) } as typeof account;
  const network = { addresses: () => addresses, gossip: { publish: async (_: unknown, message: ResultsMessage) => void said.push(message) } } as unknown as Network;
  const chain = { deployment: { chainId: 31337, contracts: { jobs: `0x${"0a".repeat(20)}` } } } as unknown as Chain;
  const announcer = createAnnouncer({ account: counting, chain, network, logger: silentLogger(), now: () => clock.ms });
  const spoken = (count: number): Promise<void> => until(`${count} messages`, () => said.length === count);
  return { said, clock, addresses, signed, announcer, spoken };
}

const results = (message: ResultsMessage | undefined): string[] => message?.results.map(({ jobId }) => jobId) ?? [];

it("says all that is known at once with one signature, and repeats it at pauses that double up to a minute", async () => {
  const { said, clock, signed, announcer, spoken } = open();
  const times: number[] = [];
  for (let second = 0; second < 200; second++) {
    clock.ms = second * 1000;
    const before = said.length;
    for (const id of [1n, 2n, 3n]) announcer.keepAnnounced(job(id));
    await new Promise((resolve) => setImmediate(resolve));
    if (second === 0) await spoken(1);
    if (said.length > before) times.push(second);
  }
  expect(times).toEqual([0, 10, 30, 70, 130, 190]);
  expect(signed.count).toBe(1);
  expect(results(said[4])).toEqual(["1", "2", "3"]);
  expect(await isSignedByExecutor(said[4]!)).toBe(true);
  expect(await isSignedByExecutor({ ...said[4]!, results: said[4]!.results.slice(1) })).toBe(false);
  expect(await isSignedByExecutor(said[4]!)).toBe(true);
});

it("signs anew what has changed: the commitment of an attempt, or where it is served", async () => {
  const { said, clock, addresses, signed, announcer, spoken } = open();
  announcer.keepAnnounced(job(1n));
  announcer.keepAnnounced(job(2n));
  await spoken(1);
  announcer.keepAnnounced(job(1n, word("05")));
  await spoken(2);
  expect(said[1]!.results).toEqual([{ jobId: "1", attempt: 1, traceRoot: word("05"), outputRoot: word("02") }]);
  clock.ms = 10_000;
  announcer.keepAnnounced(job(2n));
  await spoken(3);
  // What does not stand any more is not said again.
  expect(results(said[2])).toEqual(["2"]);
  addresses[0] = "/ip4/127.0.0.1/tcp/2/p2p/x";
  clock.ms = 30_000;
  announcer.keepAnnounced(job(2n));
  await spoken(4);
  expect(signed.count).toBe(4);
  expect(said[3]!.providers).toEqual(addresses);
  for (const message of said) expect(await isSignedByExecutor(message)).toBe(true);
});

it("fills messages, and leaves new results their own share of what may be said", async () => {
  const { said, clock, signed, announcer, spoken } = open();
  const all = (): void => {
    for (let id = 1n; id <= 1000n; id++) announcer.keepAnnounced(job(id));
  };
  all();
  await spoken(32);
  expect(said.slice(0, 31).every((message) => message.results.length === 32)).toBe(true);
  expect(new Set(said.flatMap(results)).size).toBe(1000);
  expect(signed.count).toBe(32);
  announcer.announceAgain();
  all();
  await spoken(52);
  clock.ms += 1_000;
  all();
  announcer.keepAnnounced(job(1001n));
  await spoken(55);
  expect(results(said[54])).toEqual(["1001"]);
  for (let second = 0; second < 300; second++) {
    clock.ms += 1_000;
    all();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(said.slice(55).filter((message) => results(message).includes("1000")).length).toBeGreaterThan(1);
  expect(said.length).toBeLessThanOrEqual(55 + 300 * 2);
});

it("gathers single results where too much has been said of late", async () => {
  const { said, clock, announcer, spoken } = open();
  for (let id = 1n; id <= 20n; id++) {
    announcer.keepAnnounced(job(id));
    await spoken(Number(id));
  }
  announcer.keepAnnounced(job(21n));
  await new Promise((resolve) => setTimeout(resolve, 100));
  announcer.keepAnnounced(job(22n));
  expect(said).toHaveLength(20);
  clock.ms += 500;
  await spoken(21);
  expect(results(said[20])).toEqual(["21", "22"]);
});

it("forgets what is over", async () => {
  const { said, clock, addresses, announcer, spoken } = open();
  for (const id of [1n, 2n]) announcer.keepAnnounced(job(id));
  await spoken(1);
  announcer.forget((id) => id === 1n);
  addresses[0] = "/ip4/127.0.0.1/tcp/2/p2p/x";
  clock.ms = 10_000;
  announcer.keepAnnounced(job(2n));
  await spoken(2);
  expect(results(said[1])).toEqual(["2"]);
});
