import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { expect, it } from "vitest";
import { createAnnouncer } from "../../node/createAnnouncer.ts";
import { isSignedByExecutor } from "../../runtime/announcements/signResult.ts";
import type { Chain } from "../../runtime/chain/createChain.ts";
import type { Job } from "../../runtime/chain/types.ts";
import type { Network } from "../../runtime/network/createNetwork.ts";
import type { ResultMessage } from "../../runtime/network/topics.ts";
import { silentLogger } from "../../runtime/telemetry/createLogger.ts";
import { until } from "../runtime/chain/localChain.ts";

const word = (byte: string): `0x${string}` => `0x${byte.repeat(32)}`;
const job = (id: bigint, traceRoot = word("01")): Job => ({ id, attempt: 1, traceRoot, outputRoot: word("02") }) as Job;

function open() {
  const said: ResultMessage[] = [];
  const clock = { ms: 0 };
  const addresses = ["/ip4/127.0.0.1/tcp/1/p2p/x"];
  const signed = { count: 0 };
  const account = privateKeyToAccount(generatePrivateKey());
  const counting = { ...account, signTypedData: (...given: Parameters<typeof account.signTypedData>) => ((signed.count += 1), account.signTypedData(...given)) } as typeof account;
  const network = { addresses: () => addresses, gossip: { publish: async (_: unknown, message: ResultMessage) => void said.push(message) } } as unknown as Network;
  const chain = { deployment: { chainId: 31337, contracts: { jobs: `0x${"0a".repeat(20)}` } } } as unknown as Chain;
  const announcer = createAnnouncer({ account: counting, chain, network, logger: silentLogger(), now: () => clock.ms });
  const spoken = (count: number): Promise<void> => until(`${count} messages`, () => said.length === count);
  return { said, clock, addresses, signed, announcer, spoken };
}

it("repeats what it signed once, at pauses that double up to a minute", async () => {
  const { said, clock, signed, announcer, spoken } = open();
  const times: number[] = [];
  for (let second = 0; second < 200; second++) {
    clock.ms = second * 1000;
    const before = said.length;
    announcer.keepAnnounced(job(1n));
    await new Promise((resolve) => setImmediate(resolve));
    if (second === 0) await spoken(1);
    if (said.length > before) times.push(second);
  }
  expect(times).toEqual([0, 10, 30, 70, 130, 190]);
  expect(signed.count).toBe(1);
  expect(await isSignedByExecutor(said[4]!)).toBe(true);
  expect(await isSignedByExecutor({ ...said[4]!, traceRoot: word("03") })).toBe(false);
  expect(await isSignedByExecutor(said[4]!)).toBe(true);
});

it("signs anew what has changed: the commitment of the attempt, or where it is served", async () => {
  const { said, clock, addresses, signed, announcer, spoken } = open();
  announcer.keepAnnounced(job(1n));
  await spoken(1);
  clock.ms = 10_000;
  announcer.keepAnnounced(job(1n, word("05")));
  await spoken(2);
  addresses[0] = "/ip4/127.0.0.1/tcp/2/p2p/x";
  clock.ms = 30_000;
  announcer.keepAnnounced(job(1n, word("05")));
  await spoken(3);
  expect(signed.count).toBe(3);
  expect(said.map(({ traceRoot }) => traceRoot)).toEqual([word("01"), word("05"), word("05")]);
  expect(said[2]!.providers).toEqual(addresses);
});

it("lets new results before repetitions, of which there are so many a second", async () => {
  const { said, clock, announcer, spoken } = open();
  for (let id = 1n; id <= 100n; id++) announcer.keepAnnounced(job(id));
  await spoken(100);
  announcer.announceAgain();
  const all = (): void => {
    for (let id = 1n; id <= 100n; id++) announcer.keepAnnounced(job(id));
  };
  all();
  await spoken(120);
  clock.ms += 1_000;
  all();
  announcer.keepAnnounced(job(101n));
  await spoken(123);
  expect(new Set(said.map(({ jobId }) => jobId)).size).toBe(101);
  for (let second = 0; second < 300; second++) {
    clock.ms += 1_000;
    all();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(said.filter(({ jobId }) => jobId === "100").length).toBeGreaterThan(1);
  expect(said.length).toBeLessThanOrEqual(123 + 300 * 2);
});
