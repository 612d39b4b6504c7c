import type { ProviderBook } from "../runtime/announcements/createProviderBook.ts";
import type { Chain } from "../runtime/chain/createChain.ts";
import type { Sender } from "../runtime/chain/createSender.ts";
import type { Hasher } from "../runtime/hashing/createHasher.ts";
import type { Ledger } from "../runtime/ledger/createLedger.ts";
import type { Network } from "../runtime/network/createNetwork.ts";
import type { Programs } from "../runtime/programs/createPrograms.ts";
import type { Logger } from "../runtime/telemetry/createLogger.ts";
import type { TraceStore } from "../runtime/traces/createTraceStore.ts";
import type { CaseStore } from "./createCaseStore.ts";

/** What a watcher works with; everything is started and stopped by its owner. */
export interface WatcherDependencies {
  chain: Chain;
  /** Absent without a key: the watcher then only looks. */
  sender?: Sender;
  ledger: Ledger;
  network: Network;
  providers: ProviderBook;
  programs: Programs;
  hasher: Hasher;
  /** The own executions of disputed and of defended jobs. */
  traces: TraceStore;
  cases: CaseStore;
  logger: Logger;
}
