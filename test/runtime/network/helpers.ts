import { setTimeout as pause } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { toHex } from "../../../protocol/hex.ts";
import { domains } from "../../../protocol/trees/domains.ts";
import { listRoot } from "../../../protocol/trees/listTree.ts";
import { sha256 } from "../../../protocol/trees/sha256.ts";
import { tensorLeaves, tensorRoot } from "../../../protocol/trees/tensorTree.ts";
import type { BlobName } from "../../../runtime/network/blobs/blobMessages.ts";
import type { BlobSource } from "../../../runtime/network/blobs/serveBlob.ts";
import { treeVerifier } from "../../../runtime/network/blobs/treeVerifier.ts";
import { createNetwork, type Network, type NetworkOptions } from "../../../runtime/network/createNetwork.ts";
import { createNode, type NetworkNode } from "../../../runtime/network/createNode.ts";
import { createPenalties } from "../../../runtime/network/createPenalties.ts";
import { createIdentity, readIdentity } from "../../../runtime/network/identity.ts";
import type { NetworkLogger } from "../../../runtime/network/logger.ts";
import { topics } from "../../../runtime/network/topics.ts";

export const loopback = "/ip4/127.0.0.1/tcp/0";
export const topicNames = Object.values(topics).map(({ name }) => name);
export const quiet: NetworkLogger = { debug() {}, info() {}, warn() {}, error() {} };

/** Bytes that differ from chunk to chunk. */
export function sampleBytes(length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let index = 0; index < words.length; index += 1) words[index] = Math.imul(index + 1, 2_654_435_761);
  return new Uint8Array(words.buffer, 0, length);
}

export interface Sample {
  name: BlobName;
  data: Uint8Array;
  leaves: Uint8Array;
}

export function tensorSample(length: number): Sample {
  const data = sampleBytes(length);
  return { name: { kind: "tensor", root: toHex(tensorRoot(data)) }, data, leaves: tensorLeaves(data) };
}

export function bundleSample(length: number): Sample {
  const data = sampleBytes(length);
  return { name: { kind: "bundle", root: toHex(sha256(data)) }, data, leaves: leavesOf(data) };
}

export function listSample(count: number): Sample {
  const items = sampleBytes(count * 32);
  return { name: { kind: "list", domain: domains.trace, root: toHex(listRoot("trace", items)) }, data: items, leaves: items };
}

/** Chunk hashes, also of nothing. */
export const leavesOf = (data: Uint8Array): Uint8Array => (data.length === 0 ? data : tensorLeaves(data));

/** Serves samples and writes down which bytes were read. */
export function sourceOf(...samples: Sample[]): BlobSource & { reads: { offset: number; length: number }[]; opened: number } {
  const source = {
    reads: [] as { offset: number; length: number }[],
    opened: 0,
    async open(name: BlobName) {
      source.opened += 1;
      const sample = samples.find((one) => one.name.kind === name.kind && one.name.root === name.root);
      if (sample === undefined) return undefined;
      return {
        byteLength: sample.data.length,
        leaves: async () => sample.leaves,
        read: async (offset: number, length: number) => {
          source.reads.push({ offset, length });
          return sample.data.subarray(offset, offset + length);
        },
      };
    },
  };
  return source;
}

/** A running network on loopback that the end of the test stops. */
export async function startNetwork(
  options: Partial<NetworkOptions> = {},
  dependencies: { now?: () => number; logger?: NetworkLogger } = {},
): Promise<Network> {
  const network = createNetwork(
    { listen: [loopback], bootstrap: [], identityKey: await createIdentity(), ...options },
    { logger: quiet, verify: treeVerifier, ...dependencies },
  );
  onTestFinished(() => network.stop());
  await network.start();
  return network;
}

/** A bare node without our rules, for peers that do not keep to them. */
export async function startBareNode(topic: readonly string[] = topicNames): Promise<NetworkNode> {
  const node = await createNode(
    { privateKey: readIdentity(await createIdentity()), listen: [loopback], announce: [], mdns: false, maxConnections: 50, topicNames: topic },
    createPenalties(() => 0),
  );
  onTestFinished(() => node.stop());
  await node.start();
  return node;
}

export const addressOf = (node: { getMultiaddrs(): { toString(): string }[] }): string => String(node.getMultiaddrs()[0]);
export const firstAddress = (network: Network): string => network.addresses()[0] ?? "";

/** Polls until the condition holds; fails with the description when it has not come in time. */
export async function until(description: string, condition: () => boolean, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not reached in time: ${description}`);
    await pause(5);
  }
}
