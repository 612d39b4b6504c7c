import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { depositStake } from "../../../runtime/chain/calls/depositStake.ts";
import type { Chain } from "../../../runtime/chain/createChain.ts";
import type { Sender } from "../../../runtime/chain/createSender.ts";
import type { ChainEvent } from "../../../runtime/chain/events.ts";
import { followEvents, type FollowHandlers, type FollowOptions } from "../../../runtime/chain/followEvents.ts";
import { startLocalChain, until, type LocalChain } from "./localChain.ts";
import { startMisbehavingProxy, type MisbehavingProxy } from "./misbehavingProxy.ts";

let local: LocalChain;
let proxy: MisbehavingProxy;
let chain: Chain;
let sender: Sender;
const following: { controller: AbortController; done: Promise<void> }[] = [];

beforeAll(async () => {
  local = await startLocalChain();
  proxy = await startMisbehavingProxy(local.devnet.rpcUrl);
  chain = await local.connect({ rpcUrls: [proxy.url] });
  sender = await local.sender();
});
afterEach(async () => {
  proxy.behave = () => "pass";
  for (const { controller, done } of following.splice(0)) {
    controller.abort();
    await done;
  }
});
afterAll(async () => {
  await proxy.stop();
  await local.stop();
});

/** Follows deposits from the next block on; `amounts` are those that were given to the handler, in order. */
async function follow(options: Partial<FollowOptions> = {}, handlers: Partial<FollowHandlers> = {}, on: Chain = chain) {
  const controller = new AbortController();
  const events: ChainEvent[] = [];
  const heads: bigint[] = [];
  const fromBlock = (await local.chain.head()).number + 1n;
  const done = followEvents(
    on,
    { fromBlock, pollingIntervalMs: 20, signal: controller.signal, ...options },
    {
      onEvent: async (event) => {
        await handlers.onEvent?.(event);
        events.push(event);
      },
      onHead: (head) => void heads.push(head.number),
    },
  );
  following.push({ controller, done });
  return { events, heads, controller, done, amounts: () => events.flatMap((event) => (event.name === "Deposited" ? [event.args.amount] : [])) };
}

describe("followEvents", () => {
  it("gives past events, then new ones, each once and in order, also those that share a block", async () => {
    const fromBlock = (await local.chain.head()).number + 1n;
    await depositStake(sender, 1n);
    await depositStake(sender, 2n);
    const { amounts, events, heads } = await follow({ fromBlock });
    await until("the past events", () => amounts().length === 2);
    await local.manual();
    const both = [depositStake(sender, 3n), depositStake(await local.sender(), 4n)];
    await until("both are pending", async () => ((await local.rpc("eth_pendingTransactions")) as unknown[]).length === 2);
    await local.mine();
    await local.auto();
    await Promise.all(both);
    await depositStake(sender, 5n);
    await until("the new events", () => amounts().length === 5);
    const last = heads.length;
    await local.mine(3);
    await until("more looks", () => heads.length > last);
    expect([...amounts()].sort()).toEqual([1n, 2n, 3n, 4n, 5n]);
    expect(amounts().slice(0, 2)).toEqual([1n, 2n]);
    const places = events.map(({ blockNumber, logIndex }) => blockNumber * 1_000n + BigInt(logIndex));
    expect(places).toEqual([...places].sort((a, b) => Number(a - b)));
    expect(events[0]).toMatchObject({ contract: "stakes", name: "Deposited", args: { account: sender.address } });
  });

  it("loses nothing while the endpoint fails in every way, and gives nothing twice", async () => {
    const { amounts } = await follow();
    await depositStake(sender, 10n);
    await until("the first event", () => amounts().length === 1);
    for (const [i, behaviour] of (["cut", "fail", "lose", { code: -32000, message: "header not found" }] as const).entries()) {
      const before = proxy.calls.length;
      proxy.behave = () => behaviour;
      await depositStake(sender, BigInt(20 + i));
      await until("tries during the outage", () => proxy.calls.length >= before + 3);
      proxy.behave = () => "pass";
      await until(`the event of outage ${i}`, () => amounts().length === i + 2);
    }
    // Only the logs fail, after the head was read.
    proxy.behave = (method) => (method === "eth_getLogs" ? "fail" : "pass");
    const before = proxy.calls.length;
    await depositStake(sender, 30n);
    await until("tries", () => proxy.calls.slice(before).filter((method) => method === "eth_getLogs").length >= 2);
    proxy.behave = () => "pass";
    await until("the event", () => amounts().length === 6);
    expect(amounts()).toEqual([10n, 20n, 21n, 22n, 23n, 30n]);
  });

  it("reads on over a reorganisation: what is new is given, also at the height of what is gone", async () => {
    const { amounts, events } = await follow();
    await depositStake(sender, 40n);
    await until("the first event", () => amounts().length === 1);
    const snapshot = await local.rpc("evm_snapshot");
    const doomed = await local.sender();
    await depositStake(doomed, 41n);
    await depositStake(doomed, 42n);
    await until("the events that will be gone", () => amounts().length === 3);
    await local.rpc("evm_revert", [snapshot]);
    const other = await local.sender();
    await depositStake(other, 51n);
    await until("the event of the shorter chain", () => amounts().includes(51n));
    await depositStake(other, 52n);
    await depositStake(other, 53n);
    await until("the events of the new chain", () => amounts().length === 6);
    expect(amounts()).toEqual([40n, 41n, 42n, 51n, 52n, 53n]);
    const [gone, place] = [events[1], events[3]];
    expect(place?.blockNumber).toBe(gone?.blockNumber);
    expect(place?.blockHash).not.toBe(gone?.blockHash);
  });

  it("finds the fork below several ranges it has read", async () => {
    const { amounts } = await follow({ rereadBlocks: 0 });
    await depositStake(sender, 60n);
    await until("the first event", () => amounts().length === 1);
    const snapshot = await local.rpc("evm_snapshot");
    const doomed = await local.sender();
    for (let i = 0; i < 5; i++) {
      await depositStake(doomed, BigInt(61 + i));
      await until("a look at each block", () => amounts().length === 2 + i);
    }
    await local.rpc("evm_revert", [snapshot]);
    const other = await local.sender();
    for (let i = 0; i < 7; i++) await depositStake(other, BigInt(71 + i));
    await until("all events of the new chain", () => amounts().length === 13);
    expect(amounts().slice(6)).toEqual([71n, 72n, 73n, 74n, 75n, 76n, 77n]);
  });

  it("gives an event again when the chain comes back that another one had replaced", async () => {
    const { amounts } = await follow();
    await depositStake(sender, 77n);
    await until("the event", () => amounts().length === 1);
    await local.mine();
    const { number, hash } = await local.chain.head();
    const block = (await local.rpc("eth_getBlockByNumber", [`0x${number.toString(16)}`, false])) as object;
    // Another chain of the same length in which nothing happened, and then the old one again.
    const other = `0x${"0f".repeat(32)}`;
    proxy.behave = (method, [at]) => {
      if (method === "eth_getLogs") return { result: [] };
      if (method !== "eth_getBlockByNumber") return "pass";
      const wanted = at === "latest" ? number : BigInt(at as string);
      return { result: { ...block, number: `0x${wanted.toString(16)}`, hash: `${other.slice(0, 64)}${(wanted % 100n).toString().padStart(2, "0")}` } };
    };
    const looks = proxy.calls.length;
    await until("looks at the other chain", () => proxy.calls.slice(looks).filter((method) => method === "eth_getLogs").length > 0);
    proxy.behave = () => "pass";
    await until("the event of the old chain", () => amounts().length === 2);
    expect(amounts()).toEqual([77n, 77n]);
    expect((await local.chain.head()).hash).toBe(hash);
  });

  it("asks for smaller ranges where the node refuses large ones", async () => {
    const fromBlock = (await local.chain.head()).number + 1n;
    for (let i = 0; i < 3; i++) {
      await local.mine(7);
      await depositStake(sender, BigInt(80 + i));
    }
    const widths: number[] = [];
    proxy.behave = (method, [filter]) => {
      if (method !== "eth_getLogs") return "pass";
      const range = filter as { fromBlock: string; toBlock: string };
      const width = Number(range.toBlock) - Number(range.fromBlock) + 1;
      widths.push(width);
      return width > 3 ? { code: -32005, message: "query exceeds max block range 3" } : "pass";
    };
    const { amounts } = await follow({ fromBlock });
    await until("all events", () => amounts().length === 3);
    expect(amounts()).toEqual([80n, 81n, 82n]);
    expect(Math.max(...widths)).toBeGreaterThan(3);
  });

  it("asks for the same range again after a pause where it has asked too often", async () => {
    const fromBlock = (await local.chain.head()).number + 1n;
    await local.mine(20);
    await depositStake(sender, 85n);
    const widths: number[] = [];
    let refused = 4;
    proxy.behave = (method, [filter]) => {
      if (method !== "eth_getLogs") return "pass";
      const range = filter as { fromBlock: string; toBlock: string };
      widths.push(Number(range.toBlock) - Number(range.fromBlock) + 1);
      return refused-- > 0 ? { code: -32005, message: "daily request count exceeded, request rate limited" } : "pass";
    };
    const { amounts } = await follow({ fromBlock, chunkBlocks: 22 });
    await until("the event", () => amounts().includes(85n));
    expect(Math.min(...widths.slice(0, 5))).toBeGreaterThanOrEqual(21);
  });

  it("gives an event again when its handler failed, and only that one", async () => {
    let failures = 2;
    const given: bigint[] = [];
    const { amounts } = await follow(
      {},
      {
        onEvent: (event) => {
          if (event.name !== "Deposited") return;
          given.push(event.args.amount);
          if (event.args.amount === 91n && failures-- > 0) throw new Error("not now");
        },
      },
    );
    await local.manual();
    const both = [depositStake(sender, 90n), depositStake(await local.sender(), 91n), depositStake(await local.sender(), 92n)];
    await until("all are pending", async () => ((await local.rpc("eth_pendingTransactions")) as unknown[]).length === 3);
    await local.mine();
    await local.auto();
    await Promise.all(both);
    await until("all events", () => amounts().length === 3);
    expect([...given].sort()).toEqual([90n, 91n, 91n, 91n, 92n]);
  });

  it("stays below the head by the confirmations it is told", async () => {
    const careful = await local.connect({ confirmations: 3 });
    const { amounts, heads } = await follow({}, {}, careful);
    await depositStake(sender, 100n);
    await local.mine(1);
    const { number } = await local.chain.head();
    await until("a look", () => heads.includes(number - 3n));
    expect(amounts()).toEqual([]);
    await local.mine(2);
    await until("the event", () => amounts().length === 1);
  });

  it("ends on abort and gives nothing afterwards", async () => {
    const { controller, done, amounts } = await follow();
    await depositStake(sender, 110n);
    await until("the event", () => amounts().length === 1);
    controller.abort();
    await done;
    await depositStake(sender, 111n);
    expect(amounts()).toEqual([110n]);
  });
});
