import { getAddress, isAddress } from "viem/utils";
import { z } from "zod";

const address = z
  .string()
  .refine((value) => isAddress(value, { strict: false }), "expected an address")
  .transform((value) => getAddress(value));

/** Version of the contracts' interfaces that this program speaks. Contracts are immutable, so a new version stands at new addresses. */
export const CONTRACTS_VERSION = 2;

/** Where the contracts stand on one chain. */
export const deploymentSchema = z.object({
  /** Version of the contracts' interfaces; files from before there were versions have none. */
  version: z.literal(CONTRACTS_VERSION).optional(),
  chainId: z.number().int().positive(),
  contracts: z.object({ stakes: address, models: address, jobs: address, disputes: address, judge: address }),
  /** ERC-20 token in which everything is paid; ether without it. */
  token: address.optional(),
  /** No event of these contracts is older. */
  block: z.coerce.bigint().nonnegative(),
});

export type Deployment = z.infer<typeof deploymentSchema>;
export type ContractName = keyof Deployment["contracts"];
