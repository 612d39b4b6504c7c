import { describe, expect, it, vi } from "vitest";
import { dtypes } from "../../protocol/program/types.ts";
import type { Job } from "../../runtime/chain/types.ts";
import { createBundleFetches } from "../../watcher/createBundleFetches.ts";
import type { WatcherDependencies } from "../../watcher/dependencies.ts";
import { openProgram, ownExecution } from "../../watcher/ownTrace.ts";

vi.mock(import("../../runtime/chain/reads/readJobInput.ts"), () => ({ readJobInput: async () => undefined }));
vi.mock(import("../../runtime/serving/fetchBundle.ts"), () => ({ registeredManifest: async () => "0x00" as const, fetchBundle: ({ signal }) => endless(signal) }));

const { signal } = new AbortController();
const told: string[] = [];
/** What a peer serves that never ends. */
function endless(inner: AbortSignal): Promise<never> {
  return new Promise(() => inner.addEventListener("abort", () => told.push("ended")));
}

/** A quarter of its window are 20 ms. */
const job = { id: 1n, attempt: 1, programRoot: "0xaa", inputRoot: "0xbb", challengeWindow: 0.08 } as unknown as Job;
const logger = { warn: () => undefined, info: () => undefined };
const executed = { programRoot: "0xaa", inputRoot: "0xbb", inputs: [], tensors: [] };

function dependencies(changes: object): WatcherDependencies {
  const network = { peers: () => ["peer"], blobs: { fetch: (_name: unknown, _peers: unknown, { signal: inner }: { signal: AbortSignal }) => endless(inner) } };
  return { network, logger, providers: { providersOf: () => ["peer"] }, traces: { get: async () => undefined, putBehind: async () => ({ stored: Promise.resolve() }) }, bundles: createBundleFetches({ logger }), fetchedBundles: "", ...changes } as unknown as WatcherDependencies;
}

describe("what an own execution needs of others", () => {
  it("must come in a part of the challenge window: an input that never ends is given up", async () => {
    told.length = 0;
    const loaded = { program: { inputs: [{ dtype: dtypes.float32, shape: [4] }] }, execute: async () => executed, weights: async () => undefined };
    await expect(ownExecution(job, dependencies({ programs: { open: async () => loaded } }), signal)).rejects.toMatchObject({ code: "INPUT_TOO_SLOW", retryable: true });
    expect(told).toEqual(["ended"]);
  });

  it("must come in a part of the challenge window: so is a bundle", async () => {
    told.length = 0;
    await expect(openProgram(job, dependencies({ programs: { open: async () => undefined } }), signal)).rejects.toMatchObject({ code: "BUNDLE_TOO_SLOW", retryable: true });
    expect(told).toEqual(["ended"]);
  });
});
