import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { createOfferer } from "../../node/createOfferer.ts";
import type { Hex } from "../../protocol/hex.ts";
import { createOfferBook } from "../../runtime/announcements/createOfferBook.ts";
import { isSignedOffer } from "../../runtime/announcements/signOffer.ts";
import type { Chain } from "../../runtime/chain/createChain.ts";
import type { Network } from "../../runtime/network/createNetwork.ts";
import type { OfferMessage } from "../../runtime/network/topics.ts";
import { silentLogger } from "../../runtime/telemetry/createLogger.ts";
import { firstAddress, startNetwork, until } from "../runtime/network/helpers.ts";

const account = privateKeyToAccount(generatePrivateKey());
const chain = { deployment: { chainId: 31337, contracts: { jobs: `0x${"C0".repeat(20)}` } } } as unknown as Chain;
const program: Hex = `0x${"aa".repeat(32)}`;
const terms = { price: 7n, maxCollateral: 10n, executionProvider: "cpu", region: "home" };
const place = "/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWJsgAcK47ZmAJyaBHYmkLsGnVmXKPDpJVmkFyhJjdGnCQ";

describe("createOfferer", () => {
  it("tells a peer at once that begins to listen, over the real network", async () => {
    const [seller, buyer] = [await startNetwork(), await startNetwork()];
    const offerer = createOfferer({ ...terms, programs: () => [program] }, { account, chain, network: seller, logger: silentLogger() });
    onTestFinished(() => offerer.stop());
    offerer.start();
    const book = createOfferBook(buyer, chain.deployment, { stakes: { isStaked: async () => true } });
    await buyer.dial(firstAddress(seller));
    await until("the offer is heard", () => book.list().length === 1);
    const [offer] = book.list() as [OfferMessage];
    expect(offer).toMatchObject({ executor: account.address.toLowerCase(), models: [{ program, price: "7" }], maxCollateral: "10", region: "home", providers: [firstAddress(seller)] });
    expect(await buyer.ping(offer.providers[0] as string)).toBeGreaterThan(0);
  });

  describe("by the clock", () => {
    beforeEach(() => void vi.useFakeTimers());
    afterEach(() => void vi.useRealTimers());

    function stage(programs: () => Hex[]) {
      const published: OfferMessage[] = [];
      const callbacks = new Set<() => void>();
      const network = {
        addresses: () => [place],
        gossip: {
          publish: async (_topic: unknown, message: OfferMessage) => void published.push(message),
          onSubscriber: (_topic: unknown, callback: () => void) => {
            callbacks.add(callback);
            return () => callbacks.delete(callback);
          },
        },
      } as unknown as Network;
      const offerer = createOfferer({ ...terms, programs }, { account, chain, network, logger: silentLogger() });
      return { offerer, published, subscriber: () => callbacks.forEach((callback) => callback()) };
    }

    it("repeats its offer, each time newer and signed", async () => {
      const { offerer, published } = stage(() => [program]);
      offerer.start();
      await vi.advanceTimersByTimeAsync(90_000);
      offerer.stop();
      await vi.advanceTimersByTimeAsync(90_000);
      expect(published).toHaveLength(4);
      expect(published.map(({ issuedAt }) => issuedAt - (published[0] as OfferMessage).issuedAt)).toEqual([0, 30_000, 60_000, 90_000]);
      expect(await Promise.all(published.map(isSignedOffer))).toEqual([true, true, true, true]);
    });

    it("answers a crowd of new listeners once a second", async () => {
      const { offerer, published, subscriber } = stage(() => [program]);
      offerer.start();
      await vi.advanceTimersByTimeAsync(5_000);
      for (let i = 0; i < 100; i++) {
        subscriber();
        await vi.advanceTimersByTimeAsync(20);
      }
      offerer.stop();
      expect(published.length).toBeGreaterThanOrEqual(3);
      expect(published.length).toBeLessThanOrEqual(4);
    });

    it("offers nothing while nothing is served", async () => {
      const served: Hex[] = [];
      const { offerer, published } = stage(() => served);
      offerer.start();
      await vi.advanceTimersByTimeAsync(10_000);
      expect(published).toEqual([]);
      served.push(program);
      await vi.advanceTimersByTimeAsync(30_000);
      offerer.stop();
      expect(published).toHaveLength(1);
    });
  });
});
