import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hex } from "../../../protocol/hex.ts";
import { toHex } from "../../../protocol/hex.ts";
import type { Program, TensorSpec } from "../../../protocol/program/types.ts";
import { listRoot } from "../../../protocol/trees/listTree.ts";
import { tensorLeaves, tensorRoot } from "../../../protocol/trees/tensorTree.ts";
import type { Chain } from "../../../runtime/chain/createChain.ts";
import type { Job } from "../../../runtime/chain/types.ts";
import type { Blobs } from "../../../runtime/network/blobs/createBlobs.ts";
import { loadInputs, type InputSources } from "../../../runtime/programs/loadInputs.ts";
import { inputLengths, inputRootOf, splitInput } from "../../../runtime/programs/splitInput.ts";

const programOf = (...inputs: Omit<TensorSpec, "name">[]): Program => ({ inputs: inputs.map((input, i) => ({ name: `in${i}`, ...input })) }) as unknown as Program;
const program = programOf({ dtype: 1, shape: [2, 3] }, { dtype: 7, shape: [] }, { dtype: 9, shape: [5] });
const bytesOf = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 255);
const inputs = [bytesOf(24, 1), bytesOf(8, 2), bytesOf(5, 3)];
const together = new Uint8Array(Buffer.concat(inputs));

describe("splitInput", () => {
  it("knows the bytes of each input by type and shape", () => {
    expect(inputLengths(program)).toEqual([24, 8, 5]);
    expect(inputLengths(programOf({ dtype: 10, shape: [3] }, { dtype: 1, shape: [0] }))).toEqual([6, 0]);
  });

  it("names the inputs by the list root of their tensor roots", () => {
    expect(inputRootOf(inputs)).toBe(toHex(listRoot("inputs", new Uint8Array(Buffer.concat(inputs.map((bytes) => tensorRoot(bytes)))))));
  });

  it("cuts what was joined, into bytes of their own", () => {
    const given = together.slice();
    const cut = splitInput(program, given, inputRootOf(inputs));
    given.fill(0);
    expect(cut.map(({ bytes }) => bytes)).toEqual(inputs);
    expect(cut.map(({ root }) => root)).toEqual(inputs.map((bytes) => toHex(tensorRoot(bytes))));
  });

  it("refuses every other length and every changed byte", () => {
    const root = inputRootOf(inputs);
    for (const length of [0, 1, 36, 38, 74]) expect(() => splitInput(program, bytesOf(length, 1), root)).toThrow(expect.objectContaining({ code: "INPUT_MISMATCH", details: { given: length, wanted: 37 } }));
    fc.assert(
      fc.property(fc.nat(36), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = together.slice();
        changed[at] = (changed[at] as number) ^ flip;
        expect(() => splitInput(program, changed, root)).toThrow(expect.objectContaining({ code: "INPUT_MISMATCH", kind: "verification" }));
      }),
      { numRuns: 60 },
    );
    expect(() => splitInput(program, together, inputRootOf([...inputs].reverse()))).toThrow(expect.objectContaining({ code: "INPUT_MISMATCH" }));
  });
});

describe("loadInputs without an input on chain", () => {
  // A chain without events, and peers that have what they are told: the two borders.
  const chain = { deployment: { block: 0n, contracts: { jobs: `0x${"00".repeat(20)}` } }, head: async () => ({ number: 0n }), client: { request: async () => [] } } as unknown as Chain;
  const job = { id: 4n, inputRoot: inputRootOf(inputs) } as Job;
  const signal = new AbortController().signal;
  const roots = (tensors: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(tensors.map((bytes) => tensorRoot(bytes))));
  const sources = (blobs: Map<Hex, Uint8Array>, peers = ["peer"]): InputSources & { asked: unknown[] } => {
    const asked: unknown[] = [];
    const fetch: Blobs["fetch"] = async (name, from, options) => {
      asked.push({ kind: name.kind, from, maxBytes: options?.maxBytes });
      const found = blobs.get((name as { root: Hex }).root);
      if (found === undefined) throw new Error("not here");
      return found;
    };
    return {
      asked,
      chain,
      providers: { providersOf: (root) => (root === job.inputRoot ? peers : []) },
      network: {
        blobs: {
          serve: () => () => undefined,
          fetch,
          fetchHashed: async (...request) => {
            const bytes = await fetch(...request);
            return { bytes, leaves: tensorLeaves(bytes) };
          },
          fetchListed: async () => undefined,
        },
      },
    };
  };

  it("fetches the list, then each tensor, and never asks for more bytes than the program takes", async () => {
    const from = sources(new Map([[job.inputRoot, roots(inputs)], ...inputs.map((bytes) => [toHex(tensorRoot(bytes)), bytes] as const)]));
    const loaded = await loadInputs(from, program, job, signal);
    expect(loaded.inputs.map(({ bytes }) => bytes)).toEqual(inputs);
    expect(loaded.isFromPeers).toBe(true);
    expect(from.asked).toEqual([
      { kind: "list", from: ["peer"], maxBytes: 96 },
      { kind: "tensor", from: ["peer"], maxBytes: 24 },
      { kind: "tensor", from: ["peer"], maxBytes: 8 },
      { kind: "tensor", from: ["peer"], maxBytes: 5 },
    ]);
  });

  it("says that nobody is known who serves the input", async () => {
    await expect(loadInputs(sources(new Map(), []), program, job, signal)).rejects.toMatchObject({ code: "INPUT_UNAVAILABLE", retryable: true });
  });

  it("refuses a list of another number of tensors, and a tensor of another length", async () => {
    await expect(loadInputs(sources(new Map([[job.inputRoot, roots(inputs.slice(1))]])), program, job, signal)).rejects.toMatchObject({ code: "INPUT_MISMATCH" });
    const short = [inputs[0] as Uint8Array, bytesOf(7, 2), inputs[2] as Uint8Array];
    const from = sources(new Map([[job.inputRoot, roots(short)], ...short.map((bytes) => [toHex(tensorRoot(bytes)), bytes] as const)]));
    // A job whose input cannot be the program's is as wrong as one whose published bytes are not.
    await expect(loadInputs(from, program, job, signal)).rejects.toMatchObject({ code: "INPUT_MISMATCH" });
  });
});
