import { createProviderBook, type ProviderBook } from "../runtime/announcements/createProviderBook.ts";
import { createStakeBook, type StakeBook } from "../runtime/announcements/createStakeBook.ts";
import { treeVerifier } from "../runtime/network/blobs/treeVerifier.ts";
import type { Network } from "../runtime/network/createNetwork.ts";
import { createIdentity } from "../runtime/network/identity.ts";
import { readLocalPeers } from "../runtime/network/localPeers.ts";
import type { Context } from "./context.ts";

/** A started network node of a command that ends by itself. */
export interface Peers {
  network: Network;
  providers: ProviderBook;
  stakes: StakeBook;
  /** Whoever may have the data under a root: said to serve it, then known addresses, then whoever is connected. */
  holdersOf(root: `0x${string}`): string[];
}

/** Starts a node with an identity of its own that lasts as long as the command; the context stops it. */
export async function openPeers(context: Context, options: { peers: readonly string[]; listen: boolean }): Promise<Peers> {
  const { settings, paths, logger, signal } = context;
  const chain = await context.chain();
  const bootstrap = [...new Set([...options.peers, ...settings.bootstrap, ...(await readLocalPeers(paths.home))])];
  // libp2p takes a third of a second to load, which the other commands need not wait for.
  const { createNetwork } = await import("../runtime/network/createNetwork.ts");
  const network = createNetwork({ listen: options.listen ? settings.listen : [], bootstrap, identityKey: await createIdentity(), signal }, { logger, verify: treeVerifier });
  await network.start();
  context.onClose(() => network.stop());
  const stakes = createStakeBook(chain);
  const providers = createProviderBook(network, chain.deployment, { stakes });
  context.onClose(() => providers.stop());
  return { network, providers, stakes, holdersOf: (root) => [...new Set([...bootstrap, ...providers.providersOf(root)])] };
}
