import { getAddress, isAddress } from "viem/utils";
import { z } from "zod";

const address = z
  .string()
  .refine((value) => isAddress(value, { strict: false }), "expected an address")
  .transform((value) => getAddress(value));

/** Where the contracts stand on one chain. */
export const deploymentSchema = z.object({
  chainId: z.number().int().positive(),
  contracts: z.object({ stakes: address, models: address, jobs: address, disputes: address, judge: address }),
  /** ERC-20 token in which everything is paid; ether without it. */
  token: address.optional(),
  /** No event of these contracts is older. */
  block: z.coerce.bigint().nonnegative(),
});

export type Deployment = z.infer<typeof deploymentSchema>;
export type ContractName = keyof Deployment["contracts"];
