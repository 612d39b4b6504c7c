import { parseEther, type PublicClient } from "viem";
import { afterAll, beforeAll, expect, it } from "vitest";
import { toHex } from "../../../protocol/hex.ts";
import { inputsHash, programRoot } from "../../../protocol/program/codec.ts";
import { sha256 } from "../../../protocol/trees/sha256.ts";
import { registerModel } from "../../../runtime/chain/calls/registerModel.ts";
import { submitJob } from "../../../runtime/chain/calls/submitJob.ts";
import type { Chain } from "../../../runtime/chain/createChain.ts";
import type { ChainEvent } from "../../../runtime/chain/events.ts";
import { getEvents } from "../../../runtime/chain/getEvents.ts";
import { recordDigest, type Terms } from "../../../runtime/chain/jobRecord.ts";
import { getJobRecord, noteRecord, recordOf, type JobState } from "../../../runtime/chain/reads/getJobRecord.ts";
import { forgetInputs, noteInput, readJobInput } from "../../../runtime/chain/reads/readJobInput.ts";
import { startLocalChain, type LocalChain } from "./localChain.ts";
import { startMisbehavingProxy, type MisbehavingProxy } from "./misbehavingProxy.ts";

const word = `0x${"11".repeat(32)}` as const;
const header = { version: 1, graph: word, inputs: inputsHash([{ name: "x", dtype: 1, shape: [2] }]), stepsRoot: word, blocksRoot: word, stepCount: 1, blockCount: 1, inputCount: 1, traceCount: 1, outputs: [0] };

let local: LocalChain;
let jobId: bigint;
beforeAll(async () => {
  local = await startLocalChain();
  const sender = await local.sender();
  await registerModel(sender, header, word, "bundle://test");
  ({ jobId } = await submitJob(sender, { programRoot: programRoot(header), inputRoot: toHex(sha256(new Uint8Array([9]))), fee: parseEther("0.01"), collateral: parseEther("0.2"), claimWindow: 600, deliveryWindow: 600, challengeWindow: 600 }));
  await local.mine(3);
});
afterAll(() => local?.stop());

interface Log {
  data: string;
}

/** The same chain through an endpoint of its own ways, which no record was read from before. */
function through(change: { state?: (state: JobState) => JobState; logs?: (logs: Log[], range: { fromBlock: string; toBlock: string }) => Log[] }): Chain {
  const client = Object.create(local.chain.client) as PublicClient;
  Object.assign(client, {
    readContract: async (request: Parameters<PublicClient["readContract"]>[0]) => {
      const answer = await local.chain.client.readContract(request);
      return request.functionName === "getJob" && change.state !== undefined ? change.state(answer as JobState) : answer;
    },
    request: async (call: { method: string; params: [{ fromBlock: string; toBlock: string }] }) => {
      const logs = (await (local.chain.client.request as (call: unknown) => Promise<unknown>)(call)) as Log[];
      return change.logs === undefined ? logs : change.logs(logs, call.params[0]);
    },
  });
  return { ...local.chain, client };
}

it("finds the terms by one look into the block that the job names, and remembers them", async () => {
  const looks: { fromBlock: string; toBlock: string }[] = [];
  const chain = through({ logs: (logs, range) => (looks.push(range), logs) });
  const { terms, commitment, state } = await getJobRecord(chain, jobId);
  expect(recordDigest({ terms, commitment })).toBe(state.digest);
  expect(looks).toEqual([expect.objectContaining({ fromBlock: `0x${state.recordBlock.toString(16)}`, toBlock: `0x${state.recordBlock.toString(16)}` })]);
  await getJobRecord(chain, jobId);
  expect(looks).toHaveLength(1);
});

it("looks for nothing that an event has told, as long as it fits the digest", async () => {
  const looks: unknown[] = [];
  const chain = through({ logs: (logs, range) => (looks.push(range), logs) });
  const events = await getEvents(local.chain, { contract: "jobs", indexed: [jobId] });
  const [submitted] = events;
  noteRecord(chain, { ...submitted!, args: { ...submitted!.args, terms: { ...(submitted!.args as { terms: Terms }).terms, fee: 7n } } } as ChainEvent);
  expect((await getJobRecord(chain, jobId)).terms.fee).toBe(parseEther("0.01"));
  expect(looks).toHaveLength(1);
  const told = through({ logs: (logs, range) => (looks.push(range), logs) });
  for (const event of events) noteRecord(told, event);
  expect((await getJobRecord(told, jobId)).terms.fee).toBe(parseEther("0.01"));
  expect(looks).toHaveLength(1);
});

it("has an input from its event, else reads it where that was seen, and everywhere if it is not there any more", async () => {
  const sender = await local.sender();
  const { jobId: published } = await submitJob(sender, { programRoot: programRoot(header), inputRoot: toHex(sha256(new Uint8Array([9]))), fee: parseEther("0.01"), collateral: parseEther("0.2"), claimWindow: 600, deliveryWindow: 600, challengeWindow: 600, input: new Uint8Array([9]) });
  const looks: { fromBlock: string; toBlock: string }[] = [];
  const chain = through({ logs: (logs, range) => (looks.push(range), logs) });
  const event = (await getEvents(local.chain, { contract: "jobs", names: ["InputPublished"], indexed: [published] }))[0]!;
  noteInput(chain, event);
  expect(await readJobInput(chain, published)).toEqual(new Uint8Array([9]));
  expect(looks).toEqual([]);
  forgetInputs(chain);
  expect(await readJobInput(chain, published)).toEqual(new Uint8Array([9]));
  const block = `0x${event.blockNumber.toString(16)}`;
  expect(looks).toEqual([expect.objectContaining({ fromBlock: block, toBlock: block })]);
  noteInput(chain, { ...event, blockNumber: event.blockNumber - 1n });
  forgetInputs(chain);
  expect(await readJobInput(chain, published)).toEqual(new Uint8Array([9]));
  expect(looks.length).toBeGreaterThan(2);
});

it("keeps no more of the inputs than has room, the newest", async () => {
  const chain = through({ logs: () => [] });
  const [event] = await getEvents(local.chain, { contract: "jobs", names: ["InputPublished"] });
  const input = toHex(new Uint8Array(512 * 1024));
  for (let id = 1n; id <= 33n; id++) noteInput(chain, { ...event!, args: { jobId: id, input } });
  expect(await Promise.all([1n, 2n, 33n].map(async (id) => (await readJobInput(chain, id))?.length))).toEqual([undefined, 512 * 1024, 512 * 1024]);
});

it("knows a record by its digest without a request, and looks for one that it does not know", async () => {
  const { terms, state } = await getJobRecord(local.chain, jobId);
  const chain = through({});
  Object.assign(chain.client, { readContract: () => Promise.reject(new Error("asked")) });
  await expect(recordOf(chain, jobId, state.digest)).rejects.toThrow();
  noteRecord(chain, (await getEvents(local.chain, { contract: "jobs", indexed: [jobId] }))[0]!);
  expect(await recordOf(chain, jobId, state.digest)).toEqual({ terms, commitment: undefined });
  await expect(recordOf(chain, jobId, undefined)).rejects.toThrow();
});

it("searches the history where the block leads nowhere", async () => {
  const { terms } = await getJobRecord(through({ state: (state) => ({ ...state, recordBlock: state.recordBlock + 1 }) }), jobId);
  expect(terms.fee).toBe(parseEther("0.01"));
});

it("reads again while the logs lag behind the state", async () => {
  let answers = 0;
  const chain = through({ logs: (logs) => (++answers <= 2 ? [] : logs) });
  expect((await getJobRecord(chain, jobId)).terms.collateral).toBe(parseEther("0.2"));
  expect(answers).toBe(3);
});

it("believes nothing that does not hash to the digest, and says what is missing", async () => {
  // The fee in the event, one wei higher.
  const lie = (log: Log): Log => ({ ...log, data: log.data.replace(parseEther("0.01").toString(16).padStart(64, "0"), (parseEther("0.01") + 1n).toString(16).padStart(64, "0")) });
  await expect(getJobRecord(through({ logs: (logs) => logs.map(lie) }), jobId)).rejects.toMatchObject({ code: "CHAIN_RECORD_MISSING", retryable: true });
});

it("asks another endpoint when one has the digest and not the events, and names the one", async () => {
  const proxies = await Promise.all([1, 2].map(() => startMisbehavingProxy(local.devnet.rpcUrl)));
  (proxies[0] as MisbehavingProxy).behave = (method) => (method === "eth_getLogs" ? { result: [] } : "pass");
  const chain = await local.connect({ rpcUrls: proxies.map(({ url }) => url) });
  expect((await getJobRecord(chain, jobId)).terms.fee).toBe(parseEther("0.01"));
  expect(chain.endpoints().map(({ healthy, reason }) => [healthy, reason])).toEqual([[false, "it leaves out logs"], [true, undefined]]);
  for (const proxy of proxies) await proxy.stop();
});
