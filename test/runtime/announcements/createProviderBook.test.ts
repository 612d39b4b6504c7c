import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../../protocol/hex.ts";
import { createProviderBook, type ProviderBook } from "../../../runtime/announcements/createProviderBook.ts";
import { isSignedByWatcher, signAlert } from "../../../runtime/announcements/signAlert.ts";
import { isSignedByExecutor, signResults } from "../../../runtime/announcements/signResults.ts";
import type { Deployment } from "../../../runtime/config/deployment.ts";
import type { Network } from "../../../runtime/network/createNetwork.ts";
import type { GossipVerdict, JobMessage, ResultsMessage, TopicDefinition } from "../../../runtime/network/topics.ts";

const root = (byte: string): Hex => `0x${byte.repeat(32)}`;
const at = (n: number): string => `/ip4/127.0.0.1/tcp/${4000 + n}/p2p/12D3KooWJsgAcK47ZmAJyaBHYmkLsGnVmXKPDpJVmkFyhJjdGnCQ`;
const executor = privateKeyToAccount(generatePrivateKey());
const other = privateKeyToAccount(generatePrivateKey());
const poor = privateKeyToAccount(generatePrivateKey());
const contract = `0x${"c0".repeat(20)}` as Hex;
const deployment = { chainId: 31337, contracts: { jobs: `0x${"C0".repeat(20)}` } } as unknown as Deployment;
const unsigned: Omit<ResultsMessage, "signature"> = {
  chainId: 31337,
  contract,
  results: [
    { jobId: "7", attempt: 1, traceRoot: root("aa"), outputRoot: root("bb") },
    { jobId: "9", attempt: 2, traceRoot: root("a9"), outputRoot: root("b9") },
  ],
  executor: executor.address.toLowerCase(),
  providers: [at(1), at(2)],
};

/** The gossip border: what arrives is validated and handed over as the real one does. */
function fakeNetwork(peers: string[]) {
  const subscriptions = new Map<string, { topic: TopicDefinition<unknown>; handle(message: unknown): void }>();
  const network = {
    peers: () => peers,
    gossip: {
      subscribe(topic: TopicDefinition<unknown>, handle: (message: unknown) => void) {
        subscriptions.set(topic.name, { topic, handle });
        return () => void subscriptions.delete(topic.name);
      },
    },
  } as unknown as Network;
  const arrive = async (name: string, message: unknown): Promise<GossipVerdict | "nobody"> => {
    const subscription = subscriptions.get(name);
    if (subscription === undefined) return "nobody";
    subscription.topic.schema.parse(message);
    const verdict = await subscription.topic.validate(message, "somebody");
    if (verdict === "accept") subscription.handle(message);
    return verdict;
  };
  return { network, result: (message: ResultsMessage) => arrive("/gainsay/1/results", message), job: (message: JobMessage) => arrive("/gainsay/1/jobs", message) };
}

describe("signatures of announcements", () => {
  it("hold for what was signed and for nothing else", async () => {
    const message = await signResults(executor, unsigned);
    expect(await isSignedByExecutor(message)).toBe(true);
    const changes: Partial<ResultsMessage>[] = [
      ...[{ jobId: "8" }, { attempt: 2 }, { traceRoot: root("ab") }, { outputRoot: root("bc") }].map((change) => ({ results: [{ ...unsigned.results[0]!, ...change }, unsigned.results[1]!] })),
      { results: [unsigned.results[0]!] },
      { results: unsigned.results.toReversed() },
      { chainId: 1 },
      { contract: `0x${"c1".repeat(20)}` },
      { executor: other.address.toLowerCase() },
      { providers: [at(1)] },
      { providers: [at(2), at(1)] },
      { signature: root("00") + "00".repeat(33) },
      { signature: "0x" },
    ];
    for (const change of changes) expect(await isSignedByExecutor({ ...message, ...change }), JSON.stringify(change)).toBe(false);
  });

  it("of a warning are not those of a result, and name the watcher", async () => {
    const alert = await signAlert(executor, { jobId: "7", chainId: 31337, contract, attempt: 1, watcher: executor.address.toLowerCase(), step: 3, reason: "FRAUD" });
    expect(await isSignedByWatcher(alert)).toBe(true);
    expect(await isSignedByWatcher({ ...alert, step: 4 })).toBe(false);
    expect(await isSignedByWatcher({ ...alert, reason: "WITHHELD" })).toBe(false);
    expect(await isSignedByWatcher({ ...alert, watcher: other.address.toLowerCase() })).toBe(false);
    expect(await isSignedByExecutor({ ...unsigned, signature: alert.signature })).toBe(false);
  });
});

describe("createProviderBook", () => {
  let border: ReturnType<typeof fakeNetwork>;
  let book: ProviderBook;
  beforeEach(() => {
    border = fakeNetwork(["connected"]);
    book = createProviderBook(border.network, deployment, { stakes: { isStaked: async (account) => account !== poor.address.toLowerCase() } });
  });

  it("knows the announced providers of trace and output, before every connected peer", async () => {
    expect(await border.result(await signResults(executor, unsigned))).toBe("accept");
    expect(book.providersOf(root("aa"))).toEqual([at(1), at(2), "connected"]);
    expect(book.providersOf(root("bb"))).toEqual([at(1), at(2), "connected"]);
    expect(book.providersOf(root("a9"))).toEqual([at(1), at(2), "connected"]);
    expect(book.providersOf(root("cc"))).toEqual(["connected"]);
  });

  it("puts the executor's own word before that of anybody else who announces its root", async () => {
    await border.result(await signResults(executor, unsigned));
    for (let n = 10; n < 40; n++) {
      const liar = privateKeyToAccount(generatePrivateKey());
      expect(await border.result(await signResults(liar, { ...unsigned, executor: liar.address.toLowerCase(), providers: [at(n)] }))).toBe("accept");
    }
    expect(book.providersOf(root("aa"))).not.toContain(at(1));
    expect(book.providersOf(root("aa"), executor.address).slice(0, 3)).toEqual([at(1), at(2), at(39)]);
    expect(book.providersOf(root("bb"), executor.address).slice(0, 2)).toEqual([at(1), at(2)]);
  });

  it("keeps an executor's own word whatever a flood of roots makes it forget", async () => {
    await border.result(await signResults(executor, unsigned));
    for (let n = 0; n <= 8192; n++) await border.job({ jobId: "1", chainId: 31337, contract, inputRoot: `0x${n.toString(16).padStart(64, "0")}`, providers: [at(9)] });
    expect(book.providersOf(root("aa"))).toEqual(["connected"]);
    expect(book.providersOf(root("aa"), executor.address)).toEqual([at(1), at(2), "connected"]);
  });

  it("rejects a forged result: changed after signing, or signed by somebody else", async () => {
    const message = await signResults(executor, unsigned);
    expect(await border.result({ ...message, providers: [at(9)] })).toBe("reject");
    expect(await border.result(await signResults(other, unsigned))).toBe("reject");
    expect(book.providersOf(root("aa"))).toEqual(["connected"]);
  });

  it("ignores a result of an account without a stake", async () => {
    expect(await border.result(await signResults(poor, { ...unsigned, executor: poor.address.toLowerCase() }))).toBe("ignore");
    expect(book.providersOf(root("aa"))).toEqual(["connected"]);
  });

  it("ignores other chains and other contracts, whether signed well or badly", async () => {
    expect(await border.result(await signResults(executor, { ...unsigned, chainId: 1 }))).toBe("ignore");
    expect(await border.result({ ...(await signResults(executor, unsigned)), contract: `0x${"c1".repeat(20)}` })).toBe("ignore");
    expect(await border.job({ jobId: "1", chainId: 5, contract, inputRoot: root("dd"), providers: [at(3)] })).toBe("ignore");
    expect(book.providersOf(root("aa"))).toEqual(["connected"]);
    expect(book.providersOf(root("dd"))).toEqual(["connected"]);
  });

  it("knows who offers the input of a job, the newest first, and at most sixteen", async () => {
    for (let n = 0; n < 20; n++) expect(await border.job({ jobId: "1", chainId: 31337, contract, inputRoot: root("dd"), providers: [at(n)] })).toBe("accept");
    const known = book.providersOf(root("dd"));
    expect(known[0]).toBe(at(19));
    expect(known).toHaveLength(17);
    expect(known).not.toContain(at(3));
  });

  it("does not name an address twice, and moves one that is told again to the front", async () => {
    await border.job({ jobId: "1", chainId: 31337, contract, inputRoot: root("dd"), providers: [at(1), at(2)] });
    await border.job({ jobId: "1", chainId: 31337, contract, inputRoot: root("dd"), providers: [at(2)] });
    expect(book.providersOf(root("dd"))).toEqual([at(2), at(1), "connected"]);
  });

  it("forgets the roots that nobody has told of for longest, not those told again", async () => {
    const numbered = (n: number): Hex => `0x${n.toString(16).padStart(64, "0")}`;
    const tell = (n: number) => border.job({ jobId: "1", chainId: 31337, contract, inputRoot: numbered(n), providers: [at(1)] });
    for (let n = 0; n < 8192; n++) await tell(n);
    await tell(0);
    await tell(8192);
    expect(book.providersOf(numbered(0))).toEqual([at(1), "connected"]);
    expect(book.providersOf(numbered(1))).toEqual(["connected"]);
    expect(book.providersOf(numbered(2))).toEqual([at(1), "connected"]);
  });

  it("hears nothing after its end", async () => {
    book.stop();
    expect(await border.result(await signResults(executor, unsigned))).toBe("nobody");
  });
});
