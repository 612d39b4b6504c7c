import { beforeAll, describe, expect, it } from "vitest";
import { toHex, type Hex } from "../../../protocol/hex.ts";
import type { Program } from "../../../protocol/program/types.ts";
import { domains } from "../../../protocol/trees/domains.ts";
import { tensorLeaves, tensorRoot } from "../../../protocol/trees/tensorTree.ts";
import type { Hasher } from "../../../runtime/hashing/createHasher.ts";
import { commitTrace } from "../../../runtime/inference/commitTrace.ts";
import type { Trace } from "../../../runtime/inference/trace.ts";
import type { Network } from "../../../runtime/network/createNetwork.ts";
import { fetchTrace, type FetchTraceOptions } from "../../../runtime/serving/fetchTrace.ts";
import { traceSource } from "../../../runtime/serving/traceSource.ts";
import { startNetwork } from "../network/helpers.ts";

const hasher = { commit: async (bytes: Uint8Array) => ({ root: tensorRoot(bytes), leaves: tensorLeaves(bytes) }), leaves: async (bytes: Uint8Array) => tensorLeaves(bytes) } as unknown as Hasher;
const program = {
  root: `0x${"01".repeat(32)}`,
  header: { outputs: [2] },
  inputs: [{ name: "x", dtype: 1, shape: [4] }],
  trace: [
    { name: "a", dtype: 1, shape: [40, 30] },
    { name: "b", dtype: 1, shape: [7] },
    { name: "y", dtype: 1, shape: [10] },
  ],
} as unknown as Program;
const noise = (count: number, seed: number): Uint8Array => new Uint8Array(Float32Array.from({ length: count }, (_, i) => Math.sin(seed + i)).buffer);
const traceOf = (...tensors: Uint8Array[]): Promise<Trace> => commitTrace(program, [noise(4, 1)], tensors, hasher);
const signal = new AbortController().signal;

/** A store of one trace, whose opened tensors are written down. */
function storeOf(trace: Trace, asked: Hex[] = []) {
  return traceSource({
    openTensor(root) {
      asked.push(root);
      const tensor = [...trace.tensors, ...trace.inputs].find((one) => one.root === root);
      return tensor === undefined ? undefined : { root, byteLength: tensor.bytes.length, leaves: async () => tensor.leaves, read: async (offset, length) => tensor.bytes.subarray(offset, offset + length) };
    },
    openList: (root, domain) => {
      const list = { trace: [trace.traceRoot, trace.tensors] as const, inputs: [trace.inputRoot, trace.inputs] as const, outputs: [trace.outputRoot, trace.outputs.map((i) => trace.tensors[i]!)] as const }[domain];
      return list[0] === root ? new Uint8Array(Buffer.concat(list[1].map((tensor) => Buffer.from(tensor.root.slice(2), "hex")))) : undefined;
    },
  });
}

describe("traceSource and fetchTrace over a real network", () => {
  let theirs: Trace;
  let mine: Trace;
  beforeAll(async () => {
    theirs = await traceOf(noise(1200, 1), noise(7, 2), noise(10, 3));
    mine = await traceOf(noise(1200, 1), noise(7, 99), noise(10, 98));
  });

  const pair = async (trace: Trace, asked: Hex[] = []): Promise<{ network: Network; peers: string[] }> => {
    const server = await startNetwork();
    server.blobs.serve(storeOf(trace, asked));
    return { network: await startNetwork(), peers: [server.addresses()[0] as string] };
  };
  const options = (over: Partial<FetchTraceOptions> & Pick<FetchTraceOptions, "network" | "peers">): FetchTraceOptions => ({ program, traceRoot: theirs.traceRoot, own: mine.tensors, signal, ...over });

  it("fetches what differs from the own trace, and nothing else", async () => {
    const asked: Hex[] = [];
    const fetched = await fetchTrace(options(await pair(theirs, asked)));
    expect(fetched.map(({ root }) => root)).toEqual(theirs.tensors.map(({ root }) => root));
    expect(fetched[0]).toBe(mine.tensors[0]);
    expect([...fetched[1]!.bytes]).toEqual([...theirs.tensors[1]!.bytes]);
    expect(fetched[2]!.leaves).toEqual(theirs.tensors[2]!.leaves);
    expect(asked).toEqual([theirs.tensors[1]!.root, theirs.tensors[2]!.root]);
  });

  it("serves inputs and outputs too, and no list under another name than its own", async () => {
    const { network, peers } = await pair(theirs);
    const roots = theirs.outputs.map((i) => theirs.tensors[i]!.root).join("").replaceAll("0x", "");
    expect(toHex(await network.blobs.fetch({ kind: "list", root: theirs.outputRoot, domain: domains.outputs }, peers))).toBe(`0x${roots}`);
    expect(toHex(await network.blobs.fetch({ kind: "list", root: theirs.inputRoot, domain: domains.inputs }, peers))).toBe(theirs.inputs[0]!.root);
    expect(await network.blobs.fetch({ kind: "tensor", root: theirs.inputs[0]!.root }, peers)).toEqual(theirs.inputs[0]!.bytes);
    await expect(network.blobs.fetch({ kind: "list", root: theirs.inputRoot, domain: domains.trace }, peers)).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
    await expect(network.blobs.fetch({ kind: "list", root: theirs.traceRoot, domain: domains.steps }, peers)).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
    await expect(network.blobs.fetch({ kind: "bundle", root: theirs.traceRoot }, peers)).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
  });

  it.each<[string, number, number, string]>([
    ["shorter", 7, 6, "TRACE_UNFIT"],
    ["longer", 7, 8, "BLOB_TOO_LARGE"],
  ])("refuses a tensor that is %s than the program's", async (_, declared, given, code) => {
    expect(declared).not.toBe(given);
    const odd = { ...program, trace: program.trace.map((spec, i) => (i === 1 ? { ...spec, shape: [given] } : spec)) } as Program;
    const wrong = await commitTrace(odd, [noise(4, 1)], [noise(1200, 1), noise(given, 2), noise(10, 3)], hasher);
    await expect(fetchTrace(options({ ...(await pair(wrong)), traceRoot: wrong.traceRoot }))).rejects.toMatchObject({ code });
  });

  it("refuses a list of fewer tensors than the program has", async () => {
    const short = { ...program, header: { outputs: [1] }, trace: program.trace.slice(0, 2) } as unknown as Program;
    const wrong = await commitTrace(short, [noise(4, 1)], [noise(1200, 1), noise(7, 2)], hasher);
    await expect(fetchTrace(options({ ...(await pair(wrong)), traceRoot: wrong.traceRoot }))).rejects.toMatchObject({ code: "TRACE_UNFIT" });
  });

  it("passes on that a tensor is not to be had", async () => {
    const partial = { ...theirs, tensors: theirs.tensors.map((tensor, i) => (i === 2 ? { ...tensor, root: mine.tensors[2]!.root } : tensor)) };
    const { network, peers } = await pair(partial);
    const server = await startNetwork();
    server.blobs.serve(storeOf({ ...theirs, tensors: theirs.tensors.slice(0, 2).concat(mine.tensors[2]!) }));
    await expect(fetchTrace(options({ network, peers, traceRoot: theirs.traceRoot }))).rejects.toMatchObject({ code: "BLOB_CORRUPT" });
    await expect(fetchTrace(options({ network, peers: [server.addresses()[0] as string], traceRoot: mine.traceRoot }))).rejects.toMatchObject({ code: expect.stringMatching(/^BLOB_/) });
  });
});
