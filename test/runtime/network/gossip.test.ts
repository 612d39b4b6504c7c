import { multiaddr } from "@multiformats/multiaddr";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { encodeCanonical } from "../../../runtime/network/canonicalJson.ts";
import { treeVerifier } from "../../../runtime/network/blobs/treeVerifier.ts";
import { createNetwork, type Network } from "../../../runtime/network/createNetwork.ts";
import type { NetworkNode } from "../../../runtime/network/createNode.ts";
import { createIdentity } from "../../../runtime/network/identity.ts";
import type { NetworkLogger } from "../../../runtime/network/logger.ts";
import { networkLimits } from "../../../runtime/network/limits.ts";
import { type AlertMessage, type GossipVerdict, topics } from "../../../runtime/network/topics.ts";
import { firstAddress, loopback, quiet, startBareNode, startNetwork, until } from "./helpers.ts";

const alert = (jobId: number): AlertMessage => ({
  jobId: String(jobId),
  attempt: 0,
  chainId: 31_337,
  contract: `0x${"11".repeat(20)}`,
  watcher: `0x${"22".repeat(20)}`,
  step: 3,
  reason: "OUTSIDE_BOUND",
  signature: `0x${"33".repeat(65)}`,
});
const topic = topics.alerts.name;

/** Subscribes with verdicts by job id; tells which jobs were validated and which were delivered. */
function listen(network: Network, verdict: (jobId: number) => GossipVerdict | Promise<GossipVerdict> = () => "accept") {
  const seen = { validated: [] as number[], delivered: [] as number[], origins: [] as { author: string; relay: string }[] };
  network.gossip.subscribe(
    {
      ...topics.alerts,
      async validate({ jobId }) {
        seen.validated.push(Number(jobId));
        return verdict(Number(jobId));
      },
    },
    ({ jobId }, from) => {
      seen.delivered.push(Number(jobId));
      seen.origins.push(from);
    },
  );
  return seen;
}

const bare = (node: NetworkNode) => ({
  subscribers: () => node.services.pubsub.getSubscribers(topic).map(String),
  publish: (data: Uint8Array) => node.services.pubsub.publish(topic, data),
});

/** A – B – C: what A sends reaches C only if B passes it on. */
async function line(verdictOfB: (jobId: number) => GossipVerdict | Promise<GossipVerdict>) {
  const [a, b, c] = [await startNetwork(), await startNetwork(), await startNetwork()];
  const seen = { a: listen(a), b: listen(b, verdictOfB), c: listen(c) };
  await a.dial(firstAddress(b));
  await c.dial(firstAddress(b));
  await until("the neighbours know each other", () =>
    a.gossip.subscribers(topics.alerts).length === 1 && b.gossip.subscribers(topics.alerts).length === 2 && c.gossip.subscribers(topics.alerts).length === 1);
  return { a, b, c, seen };
}

describe("three nodes in a line", () => {
  it("passes an accepted message on, with its author and the neighbour that brought it, and not back to its author", async () => {
    const { a, b, seen } = await line(() => "accept");
    expect(await a.gossip.publish(topics.alerts, alert(1))).toEqual({ recipients: 1 });
    await until("C has it", () => seen.c.delivered.length === 1);
    expect(seen.b.origins).toEqual([{ author: a.peerId, relay: a.peerId }]);
    expect(seen.c.origins).toEqual([{ author: a.peerId, relay: b.peerId }]);
    expect(seen.a.delivered).toEqual([]);
  });

  it.each(["ignore", "reject"] as const)("does not pass on what B decides to %s", async (verdict) => {
    const { a, c, seen } = await line((jobId) => (jobId === 1 ? verdict : "accept"));
    await a.gossip.publish(topics.alerts, alert(1));
    await until("B has judged it", () => seen.b.validated.length === 1);
    // The same streams carry the second message: had the first been passed on, it would be at C before it.
    await a.gossip.publish(topics.alerts, alert(2));
    await until("C has the second", () => seen.c.delivered.includes(2));
    expect(seen.b.delivered).toEqual([2]);
    expect(seen.c.validated).toEqual([2]);
    expect(c.peers()).toHaveLength(1);
  });

  it("does not pass on what the validator of B fails on", async () => {
    const { a, seen } = await line((jobId) => {
      if (jobId === 1) throw new Error("chain unreachable");
      return "accept";
    });
    await a.gossip.publish(topics.alerts, alert(1));
    await until("B has judged it", () => seen.b.validated.length === 1);
    await a.gossip.publish(topics.alerts, alert(2));
    await until("C has the second", () => seen.c.delivered.includes(2));
    expect(seen.c.validated).toEqual([2]);
  });
});

describe("messages from peers without manners", () => {
  const encoded = (jobId: number) => encodeCanonical(alert(jobId));
  const text = (json: string) => Buffer.from(json);
  const malformed: [string, Uint8Array][] = [
    ["is empty", new Uint8Array()],
    ["is not JSON", text("{")],
    ["is not UTF-8", Buffer.from([0x22, 0xff, 0x22])],
    ["is JSON with spaces", text(` ${Buffer.from(encoded(1)).toString()}`)],
    ["has a key twice", text(`{"attempt":0,${Buffer.from(encoded(1)).toString().slice(1)}`)],
    ["lacks a field", encodeCanonical({ ...alert(1), signature: undefined })],
    ["has a field too many", encodeCanonical({ ...alert(1), extra: 1 })],
    ["has a negative step", encodeCanonical({ ...alert(1), step: -1 })],
    ["has free text for a reason", encodeCanonical({ ...alert(1), reason: "\u001b[31mred" })],
  ];

  it.each(malformed)("rejects one that %s before it reaches the validator", async (_, data) => {
    const rude = await startBareNode();
    const { logger, verdicts } = verdictLog();
    const network = await startNetwork({}, { logger });
    const seen = listen(network);
    await rude.dial(multiaddr(firstAddress(network)));
    await until("it knows the subscription", () => bare(rude).subscribers().length === 1);
    await bare(rude).publish(data);
    await until("it is judged", () => verdicts.length === 1);
    expect(verdicts).toEqual(["reject"]);
    expect(seen.validated).toEqual([]);
  });

  it("rejects a message over the limit of its topic before decoding it", async () => {
    const rude = await startBareNode();
    const { logger, verdicts } = verdictLog();
    const network = await startNetwork({}, { logger });
    let parsed = 0;
    const schema = z.custom<AlertMessage>(() => {
      parsed += 1;
      return true;
    });
    network.gossip.subscribe({ ...topics.alerts, schema, validate: async () => "accept" }, () => undefined);
    await rude.dial(multiaddr(firstAddress(network)));
    await until("it knows the subscription", () => bare(rude).subscribers().length === 1);
    await bare(rude).publish(encodeCanonical("a".repeat(topics.alerts.maxBytes)));
    await until("it is judged", () => verdicts.length === 1);
    expect(verdicts).toEqual(["reject"]);
    expect(parsed).toBe(0);
    await bare(rude).publish(encoded(1));
    await until("a good one is parsed", () => parsed === 1);
  });

  it("soon stops listening to a peer after three messages that it had to reject", async () => {
    const [rude, polite] = [await startBareNode(), await startNetwork()];
    const { logger, verdicts } = verdictLog();
    const network = await startNetwork({}, { logger });
    const seen = listen(network);
    const { remotePeer } = await rude.dial(multiaddr(firstAddress(network)));
    await polite.dial(firstAddress(network));
    await until("both know the subscription", () => bare(rude).subscribers().length === 1 && polite.gossip.subscribers(topics.alerts).length === 1);
    for (let count = 1; count <= 3; count += 1) {
      await bare(rude).publish(text(`{"rude":${count}}`));
      await until("it is judged", () => verdicts.length === count);
    }
    // Scores are cached for a second, so that the first of these may still be heard.
    let jobId = 0;
    do {
      jobId += 1;
      await bare(rude).publish(encoded(jobId));
      // The answer to a ping comes after whatever went before it over the same connection.
      await rude.services.ping.ping(remotePeer);
      await polite.gossip.publish(topics.alerts, alert(1_000 + jobId));
      await until("the polite peer is heard", () => seen.delivered.includes(1_000 + jobId));
      if (seen.validated.includes(jobId)) await nextHeartbeat(rude);
    } while (seen.validated.includes(jobId) && jobId < 4);
    expect(seen.validated).not.toContain(jobId);
  });

  it("ignores messages on topics that it does not take part in", async () => {
    const rude = await startBareNode(["/gainsay/1/other", topic]);
    const { logger, verdicts } = verdictLog();
    const network = await startNetwork({}, { logger });
    listen(network);
    await rude.dial(multiaddr(firstAddress(network)));
    await until("it knows the subscription", () => bare(rude).subscribers().length === 1);
    expect((await rude.services.pubsub.publish("/gainsay/1/other", encoded(1))).recipients).toEqual([]);
    await bare(rude).publish(text("{"));
    await until("the other is judged", () => verdicts.length === 1);
  });
});

describe("rates", () => {
  it("ignores what an author sends beyond its rate, and hears it again later", async () => {
    let clock = 0;
    const { burst, perSecond } = networkLimits.gossip.author;
    const [author, other] = [await startNetwork(), await startNetwork()];
    const { logger, verdicts } = verdictLog();
    const network = await startNetwork({}, { logger, now: () => clock });
    const seen = listen(network);
    await author.dial(firstAddress(network));
    await other.dial(firstAddress(network));
    await until("both know the subscription", () => author.gossip.subscribers(topics.alerts).length === 1 && other.gossip.subscribers(topics.alerts).length === 1);
    for (let jobId = 0; jobId < burst + 20; jobId += 1) await author.gossip.publish(topics.alerts, alert(jobId));
    await other.gossip.publish(topics.alerts, alert(1_000));
    await until("another author is heard", () => seen.delivered.includes(1_000));
    await until("all are judged", () => seen.delivered.length + verdicts.length === burst + 21);
    expect(verdicts).toEqual(Array.from({ length: 20 }, () => "ignore"));
    clock += 1_000;
    for (let jobId = 2_000; jobId < 2_000 + perSecond; jobId += 1) await author.gossip.publish(topics.alerts, alert(jobId));
    await until("the author is heard again", () => seen.delivered.length === burst + 1 + perSecond);
    expect(verdicts).toHaveLength(20);
  });
});

describe("the calling side", () => {
  it("checks a message before it publishes it", async () => {
    const network = await startNetwork();
    await expect(network.gossip.publish(topics.alerts, { ...alert(1), step: 1.5 })).rejects.toMatchObject({ code: "GOSSIP_MESSAGE_INVALID" });
    await expect(network.gossip.publish({ ...topics.alerts, maxBytes: 10 }, alert(1))).rejects.toMatchObject({ code: "GOSSIP_MESSAGE_INVALID" });
    await expect(network.gossip.publish({ ...topics.alerts, name: "/other" }, alert(1))).rejects.toMatchObject({ code: "GOSSIP_TOPIC_UNKNOWN" });
    expect(await network.gossip.publish(topics.alerts, alert(1))).toEqual({ recipients: 0 });
  });

  it("publishes only while it runs, and takes up its subscriptions when it starts", async () => {
    const network = createNetwork({ listen: [loopback], bootstrap: [], identityKey: await createIdentity() }, { logger: quiet, verify: treeVerifier });
    const seen = listen(network);
    await expect(network.gossip.publish(topics.alerts, alert(1))).rejects.toMatchObject({ code: "NETWORK_NOT_STARTED" });
    const other = await startNetwork();
    for (const round of [1, 2]) {
      await network.start();
      await other.dial(firstAddress(network));
      await until("the subscription is known", () => other.gossip.subscribers(topics.alerts).length === 1);
      await other.gossip.publish(topics.alerts, alert(round));
      await until("the message is heard", () => seen.delivered.includes(round));
      await network.stop();
      await until("the end is noticed", () => other.peers().length === 0);
    }
  });

  it("has one subscription a topic, until it ends", async () => {
    const network = await startNetwork();
    const end = network.gossip.subscribe({ ...topics.jobs, validate: async () => "accept" }, () => undefined);
    expect(() => network.gossip.subscribe({ ...topics.jobs, validate: async () => "accept" }, () => undefined)).toThrow(
      expect.objectContaining({ code: "GOSSIP_ALREADY_SUBSCRIBED" }),
    );
    end();
    network.gossip.subscribe({ ...topics.jobs, validate: async () => "accept" }, () => undefined);
    expect(() => network.gossip.subscribe({ ...topics.jobs, name: "/x", validate: async () => "accept" }, () => undefined)).toThrow(
      expect.objectContaining({ code: "GOSSIP_TOPIC_UNKNOWN" }),
    );
  });

  it("survives a handler that throws", async () => {
    const errors: string[] = [];
    const [sender, receiver] = [await startNetwork(), await startNetwork({}, { logger: { ...quiet, error: (_, message) => errors.push(message) } })];
    receiver.gossip.subscribe({ ...topics.alerts, validate: async () => "accept" }, () => {
      throw new Error("handler bug");
    });
    await sender.dial(firstAddress(receiver));
    await until("the subscription is known", () => sender.gossip.subscribers(topics.alerts).length === 1);
    await sender.gossip.publish(topics.alerts, alert(1));
    await sender.gossip.publish(topics.alerts, alert(2));
    await until("both failures are logged", () => errors.length === 2);
    expect(errors).toEqual(["gossip handler failed", "gossip handler failed"]);
  });
});

/** Gossipsub's own clock of one second. */
const nextHeartbeat = (node: NetworkNode) =>
  new Promise<void>((resolve) => node.services.pubsub.addEventListener("gossipsub:heartbeat", () => resolve(), { once: true }));

/** Collects the verdicts on messages that were not accepted. */
function verdictLog(): { logger: NetworkLogger; verdicts: string[] } {
  const verdicts: string[] = [];
  const debug = (fields: object) => {
    if ("verdict" in fields) verdicts.push(String(fields.verdict));
  };
  return { logger: { ...quiet, debug }, verdicts };
}
