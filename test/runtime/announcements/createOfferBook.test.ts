import { generatePrivateKey, privateKeyToAccount, type PrivateKeyAccount } from "viem/accounts";
import { beforeEach, describe, expect, it } from "vitest";
import type { Hex } from "../../../protocol/hex.ts";
import { createOfferBook, OFFER_LIFETIME_MS, type OfferBook } from "../../../runtime/announcements/createOfferBook.ts";
import { isSignedOffer, signOffer } from "../../../runtime/announcements/signOffer.ts";
import type { Deployment } from "../../../runtime/config/deployment.ts";
import { encodeCanonical } from "../../../runtime/network/canonicalJson.ts";
import type { Network } from "../../../runtime/network/createNetwork.ts";
import { networkLimits } from "../../../runtime/network/limits.ts";
import { topics, type GossipVerdict, type OfferMessage, type TopicDefinition } from "../../../runtime/network/topics.ts";

const account = (): PrivateKeyAccount => privateKeyToAccount(generatePrivateKey());
const nameOf = ({ address }: PrivateKeyAccount): string => address.toLowerCase();
const root = (byte: string): Hex => `0x${byte.repeat(32)}`;
const executor = account();
const poor = account();
const unknown = account();
const contract = `0x${"c0".repeat(20)}`;
const deployment = { chainId: 31337, contracts: { jobs: contract } } as unknown as Deployment;
const place = "/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWJsgAcK47ZmAJyaBHYmkLsGnVmXKPDpJVmkFyhJjdGnCQ";
const noon = 1_800_000_000_000;

const unsigned = (from: PrivateKeyAccount, change: Partial<OfferMessage> = {}): Omit<OfferMessage, "signature"> => ({
  chainId: 31337,
  contract,
  executor: nameOf(from),
  issuedAt: noon,
  models: [{ program: root("aa"), price: "1000" }, { program: root("bb"), price: "0" }],
  maxCollateral: "100000000000000000000",
  executionProvider: "cuda",
  region: "eu-west",
  providers: [place],
  ...change,
});
const offerOf = (from: PrivateKeyAccount, change: Partial<OfferMessage> = {}): Promise<OfferMessage> => signOffer(from, unsigned(from, change));

describe("signatures of offers", () => {
  it("hold for what was signed and for nothing else", async () => {
    const offer = await offerOf(executor);
    expect(await isSignedOffer(offer)).toBe(true);
    const changes: Partial<OfferMessage>[] = [
      { chainId: 1 },
      { contract: `0x${"c1".repeat(20)}` },
      { executor: nameOf(poor) },
      { issuedAt: noon + 1 },
      { models: [{ program: root("aa"), price: "999" }, { program: root("bb"), price: "0" }] },
      { models: [{ program: root("ab"), price: "1000" }, { program: root("bb"), price: "0" }] },
      { models: [{ program: root("aa"), price: "1000" }] },
      { maxCollateral: "1" },
      { executionProvider: "cpu" },
      { region: "" },
      { providers: [place.replace("4001", "4002")] },
    ];
    for (const change of changes) expect(await isSignedOffer({ ...offer, ...change }), JSON.stringify(change)).toBe(false);
  });
});

describe("the schema of offers", () => {
  const fits = (change: object): boolean => topics.offers.schema.safeParse({ ...unsigned(executor), signature: `0x${"33".repeat(65)}`, ...change }).success;

  it("takes what executors send, at most as large as the topic", () => {
    const most = 79228162514264337593543950335n.toString();
    const models = Array.from({ length: networkLimits.maxModelsPerOffer }, (_, i) => ({ program: `0x${i.toString(16).padStart(64, "f")}`, price: most }));
    const providers = new Array<string>(networkLimits.maxAddressesPerPeer).fill(`/dns4/${"a".repeat(63)}.${"b".repeat(63)}.example${place.slice(14)}`);
    const largest = { models, maxCollateral: most, executionProvider: "x".repeat(16), region: "r".repeat(32), providers };
    expect(fits(largest)).toBe(true);
    expect(encodeCanonical({ ...unsigned(executor), ...largest, signature: `0x${"33".repeat(65)}` }).length).toBeLessThan(topics.offers.maxBytes);
  });

  it.each([
    { models: [] },
    { models: [{ program: root("aa"), price: "1" }, { program: root("aa"), price: "2" }] },
    { models: Array.from({ length: 33 }, (_, i) => ({ program: `0x${i.toString(16).padStart(64, "0")}`, price: "1" })) },
    { models: [{ program: root("aa"), price: 1 }] },
    { models: [{ program: root("aa"), price: "-1" }] },
    { models: [{ program: root("aa"), price: "01" }] },
    { models: [{ program: root("aa"), price: "79228162514264337593543950336" }] },
    { models: [{ program: root("AA"), price: "1" }] },
    { models: [{ program: root("aa"), price: "1", extra: 1 }] },
    { region: "EU west" },
    { region: "\u001b[31m" },
    { executionProvider: "" },
    { issuedAt: -1 },
    { issuedAt: 0.5 },
    { providers: [] },
    { providers: ["/ip4/127.0.0.1/tcp/1"] },
    { extra: 1 },
  ])("refuses %j", (change) => {
    expect(fits(change)).toBe(false);
  });
});

describe("createOfferBook", () => {
  let now: number;
  let book: OfferBook;
  let arrive: (message: OfferMessage) => Promise<GossipVerdict>;

  beforeEach(() => {
    now = noon;
    let subscription: { topic: TopicDefinition<OfferMessage>; handle(message: OfferMessage): void } | undefined;
    const network = {
      gossip: {
        subscribe(topic: TopicDefinition<OfferMessage>, handle: (message: OfferMessage) => void) {
          subscription = { topic, handle };
          return () => (subscription = undefined);
        },
      },
    } as unknown as Network;
    const isStaked = async (who: string): Promise<boolean | undefined> => (who === nameOf(unknown) ? undefined : who !== nameOf(poor));
    book = createOfferBook(network, deployment, { stakes: { isStaked }, now: () => now });
    arrive = async (message) => {
      if (subscription === undefined) throw new Error("nobody listens");
      const verdict = await subscription.topic.validate(message, "somebody");
      if (verdict === "accept") subscription.handle(message);
      return verdict;
    };
  });

  it("lists what staked executors offer, the newest first, and by program", async () => {
    const second = account();
    expect(await arrive(await offerOf(executor))).toBe("accept");
    expect(await arrive(await offerOf(second, { models: [{ program: root("bb"), price: "5" }] }))).toBe("accept");
    expect(book.list().map((offer) => offer.executor)).toEqual([nameOf(second), nameOf(executor)]);
    expect(book.list(root("aa")).map((offer) => offer.executor)).toEqual([nameOf(executor)]);
    expect(book.list(root("cc"))).toEqual([]);
  });

  it("rejects an offer that its executor has not signed", async () => {
    const offer = await offerOf(executor);
    expect(await arrive({ ...offer, region: "moon" })).toBe("reject");
    expect(await arrive({ ...offer, signature: `0x${"00".repeat(65)}` })).toBe("reject");
    expect(book.list()).toEqual([]);
  });

  it("ignores other deployments, accounts without a stake, and those that the chain is not asked of", async () => {
    expect(await arrive(await offerOf(executor, { chainId: 1 }))).toBe("ignore");
    expect(await arrive(await offerOf(executor, { contract: `0x${"c1".repeat(20)}` }))).toBe("ignore");
    expect(await arrive(await offerOf(poor))).toBe("ignore");
    expect(await arrive(await offerOf(unknown))).toBe("ignore");
    expect(book.list()).toEqual([]);
  });

  it("ignores what is old, from the future, or told before, and takes what is newer", async () => {
    expect(await arrive(await offerOf(executor, { issuedAt: noon - OFFER_LIFETIME_MS - 1 }))).toBe("ignore");
    expect(await arrive(await offerOf(executor, { issuedAt: noon + 30_001 }))).toBe("ignore");
    const offer = await offerOf(executor);
    expect(await arrive(offer)).toBe("accept");
    expect(await arrive(offer)).toBe("ignore");
    expect(await arrive(await offerOf(executor, { issuedAt: noon - 1 }))).toBe("ignore");
    expect(await arrive(await offerOf(executor, { issuedAt: noon + 1, region: "us" }))).toBe("accept");
    expect(book.list().map(({ region }) => region)).toEqual(["us"]);
  });

  it("forgets an offer that is not repeated", async () => {
    await arrive(await offerOf(executor));
    now = noon + OFFER_LIFETIME_MS;
    expect(book.list()).toHaveLength(1);
    now += 1;
    expect(book.list()).toEqual([]);
  });

  it("hears nothing after its end", async () => {
    book.stop();
    await expect(arrive(await offerOf(executor))).rejects.toThrow("nobody listens");
  });
});
