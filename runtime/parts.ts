import type { ProviderBook } from "./announcements/createProviderBook.ts";
import type { Chain } from "./chain/createChain.ts";
import type { Hasher } from "./hashing/createHasher.ts";
import type { Ledger } from "./ledger/createLedger.ts";
import type { Network } from "./network/createNetwork.ts";
import type { Programs } from "./programs/createPrograms.ts";
import type { Logger } from "./telemetry/createLogger.ts";
import type { Metrics } from "./telemetry/createMetrics.ts";
import type { TraceStore } from "./traces/createTraceStore.ts";

/** What executor and watcher both work with; everything is started and stopped by its owner. */
export interface Parts {
  chain: Chain;
  ledger: Ledger;
  network: Network;
  providers: ProviderBook;
  programs: Programs;
  hasher: Hasher;
  traces: TraceStore;
  logger: Logger;
  /** Where counts go; nowhere without it. */
  metrics?: Metrics;
}
