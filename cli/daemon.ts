import module from "node:module";
import path from "node:path";
import type { Address } from "viem";
import { createOfferBook } from "../runtime/announcements/createOfferBook.ts";
import { createProviderBook } from "../runtime/announcements/createProviderBook.ts";
import { createStakeBook } from "../runtime/announcements/createStakeBook.ts";
import { createBundleMemory, type BundleMemory } from "../runtime/bundle/createBundleMemory.ts";
import { daemonPaths } from "../runtime/config/paths.ts";
import { createHasher } from "../runtime/hashing/createHasher.ts";
import { loadIdentity } from "../runtime/keys/loadIdentity.ts";
import { createLedger, type Ledger } from "../runtime/ledger/createLedger.ts";
import { treeVerifier } from "../runtime/network/blobs/treeVerifier.ts";
import { createKnownPeers } from "../runtime/network/createKnownPeers.ts";
import { createNetwork } from "../runtime/network/createNetwork.ts";
import type { Parts } from "../runtime/parts.ts";
import { publishLocalPeer, readLocalPeers } from "../runtime/network/localPeers.ts";
import { createGraphStore } from "../runtime/programs/createGraphStore.ts";
import { createPrograms } from "../runtime/programs/createPrograms.ts";
import { bundleSource } from "../runtime/serving/bundleSource.ts";
import { createDaemonMeter } from "../runtime/telemetry/createDaemonMeter.ts";
import type { Metrics } from "../runtime/telemetry/createMetrics.ts";
import { createTelemetryServer } from "../runtime/telemetry/createTelemetryServer.ts";
import { createTraceStore } from "../runtime/traces/createTraceStore.ts";
import type { Context } from "./context.ts";
import type { DaemonInference, DaemonRole } from "./openInference.ts";

export interface DaemonOptions extends DaemonRole {
  inference: DaemonInference;
  announce: readonly string[];
  /** Bytes of all stored traces. */
  maxDisk?: number | undefined;
  /** Of which stake and clocks are shown. */
  account?: Address | undefined;
}

/** The parts of one daemon, and where it keeps things. */
export interface Daemon extends Parts {
  /** Folder of what must outlive a crash. */
  dataFolder: string;
  /** What is known of bundles. */
  bundleMemory: BundleMemory;
}

/** Opens and starts all of it; the context stops it again, last opened first. */
export async function openDaemon(context: Context, options: DaemonOptions): Promise<Daemon> {
  const { settings, paths } = context;
  const { inference, options: graphOptions, started, logger } = options.inference;
  const chain = await context.chain();
  const folders = daemonPaths(paths.home, options.kind, options.name);

  const hasher = createHasher();
  hasher.start();
  context.onClose(() => hasher.stop());

  const traces = createTraceStore({ dir: folders.data, ...(options.maxDisk === undefined ? {} : { maxBytes: options.maxDisk }) }, { logger, hasher });
  const { damaged } = await traces.start();
  context.onClose(() => traces.stop());
  if (damaged.length > 0) logger.warn({ damaged }, "damaged traces were set aside");

  const peerName = `${options.kind}-${options.name}`;
  const identity = await loadIdentity(folders.identityFile);
  const network = createNetwork(
    {
      listen: settings.listen,
      bootstrap: [...settings.bootstrap, ...(await readLocalPeers(paths.home, peerName))],
      identityKey: identity.raw,
      mdns: settings.mdns,
      nat: settings.nat,
      relay: settings.relay,
      ...(settings.dht === "off" ? {} : { dht: { mode: settings.dht, namespace: String(settings.chainId) } }),
      ...(options.announce.length === 0 ? {} : { announce: [...options.announce] }),
    },
    { logger, verify: treeVerifier },
  );
  await network.start();
  context.onClose(() => network.stop());
  await started;
  const unpublish = await publishLocalPeer(paths.home, peerName, network.addresses()).catch((error: unknown) => {
    // A full disk, for one, must not keep a daemon from what it has to defend.
    logger.warn({ error }, "own addresses could not be left in the data folder");
    return undefined;
  });
  if (unpublish !== undefined) context.onClose(unpublish);
  const knownPeers = createKnownPeers(path.join(folders.folder, "known-peers.json"), network, logger);
  // Its dials may take their time; nothing waits for them.
  void knownPeers.start();
  context.onClose(() => knownPeers.stop());
  const stakes = createStakeBook(chain);
  const providers = createProviderBook(network, chain.deployment, { stakes });
  context.onClose(() => providers.stop());
  // Offers are for requesters; a daemon listens because only who listens passes them on.
  const offers = createOfferBook(network, chain.deployment, { stakes });
  context.onClose(() => offers.stop());

  // What a watcher fetches stays apart: an executor stakes only on programs that its owner compiled.
  const bundleFolders = options.kind === "watcher" ? [paths.bundles, path.join(folders.folder, "bundles")] : [paths.bundles];
  network.blobs.serve(bundleSource(bundleFolders));
  const bundleMemory = createBundleMemory(path.join(folders.folder, "examined"));
  const programs = createPrograms(bundleFolders, { inference, hasher, memory: bundleMemory, graphs: createGraphStore(folders.graphs, graphOptions, { logger }) });
  const followed = createLedger({ chain, pollingIntervalMs: settings.pollingIntervalMs });
  const { metrics } = context;
  const meter = createDaemonMeter(metrics, { chain, ledger: followed, network, traces, account: options.account, dataFolder: folders.folder, maxDisk: options.maxDisk, logger });
  const ledger: Ledger = {
    ...followed,
    run: (onHead, signal) =>
      followed.run((head) => {
        meter.look(head);
        onHead(head);
      }, signal),
  };
  if (settings.telemetryPort !== undefined) {
    const live: Metrics = { ...metrics, text: async () => (await meter.measure(), metrics.text()) };
    const server = createTelemetryServer({ port: settings.telemetryPort, host: settings.telemetryHost }, { metrics: live, logger, ready: () => meter.ready(), status: async () => ({ kind: options.kind, name: options.name, peer: network.peerId, addresses: network.addresses(), ...(await meter.status()) }) });
    const { url } = await server.start();
    context.onClose(() => server.stop());
    logger.info({ url }, "telemetry served");
  }
  // Whatever ends the process later, the next start need not compile this again.
  module.flushCompileCache();
  return { chain, ledger, network, providers, programs, hasher, traces, logger, metrics, dataFolder: folders.folder, bundleMemory };
}
