import { TopicValidatorResult } from "@libp2p/gossipsub";
import type { GossipSub, GossipsubMessage, Message, SubscriptionChangeData, TopicValidatorFn } from "@libp2p/gossipsub";
import { GainsayError } from "../../protocol/errors.ts";
import { decodeCanonical, encodeCanonical } from "./canonicalJson.ts";
import { createTokenBuckets } from "./createTokenBuckets.ts";
import { networkLimits } from "./limits.ts";
import type { NetworkLogger } from "./logger.ts";
import type { GossipVerdict, Topic, TopicDefinition } from "./topics.ts";
import { withDeadline } from "./withDeadline.ts";

/** Who wrote a message (signature checked) and which neighbour brought it; both peer ids. */
export interface GossipOrigin {
  author: string;
  relay: string;
}

export interface Gossip {
  /**
   * Publishes a message to the peers of a topic; resolves to how many it was sent to at once. Nobody listening is no error:
   * a caller that needs to be heard publishes again later.
   * @throws GainsayError `GOSSIP_MESSAGE_INVALID`, `GOSSIP_TOPIC_UNKNOWN`, `NETWORK_NOT_STARTED`, `GOSSIP_PUBLISH_FAILED`.
   */
  publish<T>(topic: Topic<T>, message: T): Promise<{ recipients: number }>;
  /**
   * Validates, forwards and delivers the messages of a topic; one subscription a topic. Own messages are not delivered. May be
   * called before the network starts. Returns what ends the subscription.
   * @throws GainsayError `GOSSIP_TOPIC_UNKNOWN`, `GOSSIP_ALREADY_SUBSCRIBED`.
   */
  subscribe<T>(definition: TopicDefinition<T>, handler: (message: T, from: GossipOrigin) => void | Promise<void>): () => void;
  /** Calls back when another peer says that it listens to a topic; a message published then reaches it. Returns what ends it. */
  onSubscriber(topic: Pick<Topic<never>, "name">, callback: () => void): () => void;
  /** Peer ids that are known to listen to a topic. */
  subscribers(topic: Pick<Topic<never>, "name">): string[];
}

/** The gossip layer and the hooks by which the network attaches a running gossipsub to it. */
export interface GossipLayer {
  gossip: Gossip;
  attach(pubsub: GossipSub): void;
  detach(): void;
}

interface Subscription {
  definition: TopicDefinition<unknown>;
  handler: (message: unknown, from: GossipOrigin) => void | Promise<void>;
  pending: number;
}

/** Typed, bounded and validated publish/subscribe on gossipsub. `topicNames` are all topics this node takes part in. */
export function createGossip(
  options: { topicNames: readonly string[] },
  dependencies: { logger: NetworkLogger; now: () => number },
): GossipLayer {
  const { logger, now } = dependencies;
  const limits = networkLimits.gossip;
  const subscriptions = new Map<string, Subscription>();
  const greeters = new Map<string, Set<() => void>>();
  const relays = createTokenBuckets({ ...limits.relay, maxKeys: limits.trackedPeers, now });
  const authors = createTokenBuckets({ ...limits.author, maxKeys: limits.trackedPeers, now });
  // The validator decodes and gossipsub then delivers the same object: nothing is parsed twice.
  const decoded = new WeakMap<Message, unknown>();
  let pubsub: GossipSub | undefined;

  async function judge(subscription: Subscription, relay: string, message: Message): Promise<GossipVerdict> {
    const { definition } = subscription;
    if (message.type !== "signed") return "reject";
    if (message.data.byteLength > definition.maxBytes) return "reject";
    const author = message.from.toString();
    if (!relays.take(relay) || !authors.take(author)) return "ignore";
    let value: unknown;
    try {
      value = decodeCanonical(message.data);
    } catch {
      return "reject";
    }
    if (!definition.schema.safeParse(value).success) return "reject";
    if (subscription.pending >= limits.maxPendingValidations) return "ignore";
    subscription.pending += 1;
    try {
      const verdict = await withDeadline(() => definition.validate(value, author), {
        timeoutMs: limits.validationTimeoutMs,
        onTimeout: () =>
          new GainsayError("A message was not validated in time.", { code: "GOSSIP_VALIDATION_TIMEOUT", retryable: true }),
      });
      if (verdict === "accept") decoded.set(message, value);
      return verdict;
    } finally {
      subscription.pending -= 1;
    }
  }

  function validatorOf(subscription: Subscription): TopicValidatorFn {
    const results = {
      accept: TopicValidatorResult.Accept,
      ignore: TopicValidatorResult.Ignore,
      reject: TopicValidatorResult.Reject,
    };
    const topic = subscription.definition.name;
    return async (peer, message) => {
      const relay = peer.toString();
      try {
        const verdict = await judge(subscription, relay, message);
        if (verdict !== "accept") logger.debug({ topic, relay, verdict }, "gossip message not accepted");
        return results[verdict];
      } catch (error) {
        // Our own fault or our chain's: nobody else is to lose score for it.
        logger.warn({ topic, relay, error }, "gossip validator failed");
        return TopicValidatorResult.Ignore;
      }
    };
  }

  function deliver({ detail }: CustomEvent<GossipsubMessage>): void {
    const { msg, propagationSource } = detail;
    const subscription = subscriptions.get(msg.topic);
    if (subscription === undefined || msg.type !== "signed" || !decoded.has(msg)) return;
    const from = { author: msg.from.toString(), relay: propagationSource.toString() };
    const run = async () => subscription.handler(decoded.get(msg), from);
    run().catch((error: unknown) => logger.error({ topic: msg.topic, error }, "gossip handler failed"));
  }

  function greet({ detail }: CustomEvent<SubscriptionChangeData>): void {
    for (const { topic, subscribe } of detail.subscriptions) if (subscribe) for (const callback of greeters.get(topic) ?? []) callback();
  }

  function join(subscription: Subscription): void {
    const { name } = subscription.definition;
    // The validator first: a message that arrives in between must not pass unchecked.
    pubsub?.topicValidators.set(name, validatorOf(subscription));
    pubsub?.subscribe(name);
  }

  function requireKnown(name: string): void {
    if (options.topicNames.includes(name)) return;
    throw new GainsayError(`The topic ${name} is not among those this network was created with; add it to its topics.`, {
      code: "GOSSIP_TOPIC_UNKNOWN",
      kind: "usage",
      details: { topic: name },
    });
  }

  const gossip: Gossip = {
    async publish(topic, message) {
      requireKnown(topic.name);
      const parsed = topic.schema.safeParse(message);
      const data = parsed.success ? encodeCanonical(message) : undefined;
      if (data === undefined || data.byteLength > topic.maxBytes) {
        throw new GainsayError("The message does not fit its topic; correct the fields or make it smaller.", {
          code: "GOSSIP_MESSAGE_INVALID",
          kind: "usage",
          details: { topic: topic.name, bytes: data?.byteLength, issues: parsed.error?.issues.map(({ path, code }) => ({ path, code })) },
        });
      }
      if (pubsub === undefined) throw new GainsayError("The network is not running; start it first.", { code: "NETWORK_NOT_STARTED" });
      try {
        const { recipients } = await pubsub.publish(topic.name, data);
        return { recipients: recipients.length };
      } catch (cause) {
        throw new GainsayError("The message could not be published; try again.", {
          code: "GOSSIP_PUBLISH_FAILED",
          retryable: true,
          details: { topic: topic.name },
          cause,
        });
      }
    },
    subscribe(definition, handler) {
      const { name } = definition;
      requireKnown(name);
      if (subscriptions.has(name)) {
        throw new GainsayError(`The topic ${name} has a subscription already; end it first.`, {
          code: "GOSSIP_ALREADY_SUBSCRIBED",
          kind: "usage",
          details: { topic: name },
        });
      }
      // Values reach validator and handler only after the schema of the same definition has accepted them.
      const subscription = { definition, handler, pending: 0 } as unknown as Subscription;
      subscriptions.set(name, subscription);
      join(subscription);
      return () => {
        if (subscriptions.get(name) !== subscription) return;
        subscriptions.delete(name);
        pubsub?.unsubscribe(name);
        pubsub?.topicValidators.delete(name);
      };
    },
    onSubscriber({ name }, callback) {
      const callbacks = greeters.get(name) ?? new Set();
      greeters.set(name, callbacks.add(callback));
      return () => void callbacks.delete(callback);
    },
    subscribers: ({ name }) => pubsub?.getSubscribers(name).map(String) ?? [],
  };

  return {
    gossip,
    attach(running) {
      pubsub = running;
      pubsub.addEventListener("gossipsub:message", deliver);
      pubsub.addEventListener("subscription-change", greet);
      for (const subscription of subscriptions.values()) join(subscription);
    },
    detach() {
      pubsub?.removeEventListener("gossipsub:message", deliver);
      pubsub?.removeEventListener("subscription-change", greet);
      pubsub = undefined;
    },
  };
}
