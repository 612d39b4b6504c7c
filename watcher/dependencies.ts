import type { LocalAccount } from "viem";
import type { Sender } from "../runtime/chain/createSender.ts";
import type { Parts } from "../runtime/parts.ts";
import type { Webhook } from "../runtime/telemetry/createWebhook.ts";
import type { BundleFetches } from "./createBundleFetches.ts";
import type { CaseStore } from "./createCaseStore.ts";

/** What a watcher works with. Its trace store holds its own executions of disputed and of defended jobs. */
export interface WatcherDependencies extends Parts {
  /** Signs warnings; absent without a key. */
  account?: LocalAccount;
  /** Absent unless the watcher disputes. */
  sender?: Sender;
  /** Told of wrong results, besides the log. */
  webhook?: Webhook;
  cases: CaseStore;
  /** Where bundles are put that are fetched from peers; `programs` looks there too. */
  fetchedBundles: string;
  bundles: BundleFetches;
}
