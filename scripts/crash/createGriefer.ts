import type { Address } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { openDispute } from "../../runtime/chain/calls/openDispute.ts";
import type { Chain } from "../../runtime/chain/createChain.ts";
import { createSender, type Sender } from "../../runtime/chain/createSender.ts";
import { getJob } from "../../runtime/chain/reads/getJob.ts";
import { getParameters } from "../../runtime/chain/reads/getParameters.ts";
import { silentLogger } from "../../runtime/telemetry/createLogger.ts";

/** A dishonest watcher: disputes honest commitments, and never moves again. */
export interface Griefer {
  readonly address: Address;
  /** Disputes opened so far. */
  readonly count: number;
  /** Disputes the job if one of these accounts stands behind it now. */
  grief(jobId: bigint, executors: readonly Address[]): Promise<void>;
}

/** A sender of a new account with money; a development chain gives it. */
export async function fundedSender(chain: Chain): Promise<Sender> {
  const account = privateKeyToAccount(generatePrivateKey());
  await chain.client.request({ method: "hardhat_setBalance" as never, params: [account.address, "0x3635c9adc5dea00000"] as never });
  return createSender({ account, chain }, { logger: silentLogger() });
}

export async function createGriefer(chain: Chain): Promise<Griefer> {
  const sender = await fundedSender(chain);
  const { rules } = await getParameters(chain);
  const disputed = new Set<string>();
  return {
    address: sender.address,
    get count() {
      return disputed.size;
    },
    async grief(jobId, executors) {
      const job = await getJob(chain, jobId);
      const key = `${jobId}/${job.attempt}`;
      if (job.status !== "committed" || disputed.has(key) || !executors.some((executor) => executor.toLowerCase() === job.executor?.toLowerCase())) return;
      // The window may be over by the time it is sent.
      await openDispute(sender, { jobId, digest: job.digest, bond: rules.bond }).then(() => disputed.add(key), () => undefined);
    },
  };
}
