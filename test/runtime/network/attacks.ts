import { connect as connectTcp, type Socket } from "node:net";
import type { Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { blobProtocol, encodeRequest } from "../../../runtime/network/blobs/blobMessages.ts";
import { openFrames } from "../../../runtime/network/blobs/openFrames.ts";
import { encodeCanonical } from "../../../runtime/network/canonicalJson.ts";
import type { NetworkNode } from "../../../runtime/network/createNode.ts";
import { topics } from "../../../runtime/network/topics.ts";
import { startBareNode, tensorSample } from "./helpers.ts";

const gossipProtocol = "/meshsub/1.1.0";
export const mebibyte = 1024 * 1024;

const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))]);
const field = (number: number, bytes: Uint8Array): Uint8Array => Buffer.concat([Uint8Array.from([number * 8 + 2, ...varint(bytes.length)]), bytes]);
const framed = (bytes: Uint8Array): Uint8Array => Buffer.concat([Uint8Array.from(varint(bytes.length)), bytes]);
const textField = (number: number, text: string): Uint8Array => field(number, Buffer.from(text));

/** Sends as fast as the victim takes it, until it resets the stream. */
async function pour(stream: Stream, count: number, make: (i: number) => Uint8Array): Promise<void> {
  for (let i = 0; i < count && stream.status === "open"; i++) {
    try {
      if (!stream.send(make(i))) await stream.onDrain({ signal: AbortSignal.timeout(2_000) });
    } catch {
      return;
    }
  }
}

/** An alert that nobody has signed. */
export const alert = (jobId: number) => ({ jobId: String(jobId), attempt: 0, chainId: 31_337, contract: `0x${"11".repeat(20)}`, watcher: `0x${"22".repeat(20)}`, step: 3, reason: "OUTSIDE_BOUND", signature: `0x${"33".repeat(65)}` });

/** What strangers do to the node at an address, each by name; `force` times as much as in an ordinary run. `closing` collects what ends them. */
export function attacksOn(address: string, force: number, closing: (() => void)[]): [string, () => Promise<void>][] {
  const openGossip = async (node: NetworkNode): Promise<Stream> => node.dialProtocol(multiaddr(address), gossipProtocol);
  return [
    ["subscribe to topics by the hundred thousand", async () => {
      const stream = await openGossip(await startBareNode());
      await pour(stream, 80 * force, (call) => framed(Buffer.concat(Array.from({ length: 2_500 }, (_, i) => field(1, Buffer.concat([Uint8Array.from([8, 1]), textField(2, `/flood/${call}/${i}`)]))))));
    }],
    ["announce a call of a gigabyte and send zeros", async () => {
      const stream = await openGossip(await startBareNode());
      const zeros = new Uint8Array(65_536);
      await pour(stream, 400 * force, (i) => (i === 0 ? Uint8Array.from(varint(2 ** 30)) : zeros));
    }],
    ["send calls that are no protobuf", async () => {
      for (let i = 0; i < 3 * force; i++) await pour(await openGossip(await startBareNode()), 100, (j) => framed(Uint8Array.from({ length: 512 }, (_, k) => (i * 31 + j * 17 + k * 7) & 255)));
    }],
    ["tell of messages by the hundred thousand that do not exist", async () => {
      const stream = await openGossip(await startBareNode());
      const ids = (call: number): Uint8Array => Buffer.concat([textField(1, topics.alerts.name), ...Array.from({ length: 5_000 }, (_, i) => textField(2, `message ${call} ${i}`))]);
      await pour(stream, 40 * force, (call) => framed(field(3, field(1, ids(call)))));
    }],
    ["publish as fast as they can", async () => {
      const flooder = await startBareNode();
      await flooder.dial(multiaddr(address));
      const data = Array.from({ length: 800 * force }, (_, i) => encodeCanonical(alert(1_000_000 + i)));
      await Promise.allSettled(data.map((bytes) => flooder.services.pubsub.publish(topics.alerts.name, bytes)));
    }],
    ["publish rubbish as large as it may be", async () => {
      const flooder = await startBareNode();
      await flooder.dial(multiaddr(address));
      await Promise.allSettled(Array.from({ length: 300 * force }, (_, i) => flooder.services.pubsub.publish(topics.alerts.name, new Uint8Array(60_000).fill(i))));
    }],
    ["open data streams and never speak, or never read", async () => {
      const leech = await startBareNode();
      const { name } = tensorSample(4 * mebibyte);
      const streams = await Promise.allSettled(Array.from({ length: 64 }, () => leech.dialProtocol(multiaddr(address), blobProtocol)));
      streams.forEach((opened, i) => {
        if (opened.status === "rejected") return;
        // Those beyond what one peer may open are reset already.
        if (i % 2 === 0 && opened.value.status === "open") void openFrames(opened.value).write(encodeRequest({ name, firstChunk: 0, chunkCount: 4_096, leaves: true }), 5_000).catch(() => undefined);
        if (opened.value.status === "open") opened.value.pause();
      });
    }],
    ["hold connections without a handshake", async () => {
      const port = Number(/tcp\/(\d+)/.exec(address)?.[1]);
      const sockets: Socket[] = Array.from({ length: 200 }, () => connectTcp({ host: "127.0.0.1", port }).on("error", () => undefined));
      await new Promise((resolve) => setTimeout(resolve, 300));
      sockets.forEach((socket) => socket.write(Buffer.from("GET / HTTP/1.1\r\n\r\n")));
      closing.push(() => sockets.forEach((socket) => socket.destroy()));
    }],
    ["come and go", async () => {
      for (let i = 0; i < 6 * force; i++) {
        const node = await startBareNode();
        await node.dial(multiaddr(address)).catch(() => undefined);
        await node.stop();
      }
    }],
  ];
}
