import { z } from "zod";
import { isPeerAddress } from "./addresses.ts";
import { networkLimits } from "./limits.ts";
import { WIRE_VERSION } from "./wireVersion.ts";

/** What a topic carries: its name on the wire, the bytes of its largest message, and the shape of a message. */
export interface Topic<T> {
  name: string;
  /** Bytes of the encoded message, checked before anything is decoded. */
  maxBytes: number;
  /** Must accept exactly the values that a sender encodes: no defaults, no transformations. */
  schema: z.ZodType<T, z.ZodTypeDef, T>;
}

export type GossipVerdict = "accept" | "ignore" | "reject";

/** A topic together with the rule that decides what is passed on. */
export interface TopicDefinition<T> extends Topic<T> {
  /**
   * *reject*: the message is provably wrong on its own, so whoever forwards it misbehaves and loses score. *ignore*: it cannot
   * be judged, is stale, or is judged wrong by a view of the chain that others may not share. Only *accept* is forwarded.
   * @param from peer id of the author, whose signature has been checked.
   */
  validate(message: T, from: string): Promise<GossipVerdict>;
}

/** Message hex is lower case: a value has one encoding. */
const bytes32 = z.string().regex(/^0x[0-9a-f]{64}$/);
const address = z.string().regex(/^0x[0-9a-f]{40}$/);
const signature = z.string().regex(/^0x[0-9a-f]{130}$/);
/** A uint256 as a decimal number without leading zeros. */
const uint256 = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,77})$/)
  .refine((text) => /^[0-9]{1,78}$/.test(text) && BigInt(text) < 1n << 256n);
const uint32 = z.number().int().min(0).max(0xffff_ffff);
const chainId = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
const peerAddress = z.string().max(networkLimits.maxAddressBytes).refine(isPeerAddress);
const providers = z.array(peerAddress).min(1).max(networkLimits.maxAddressesPerPeer);

/** Which job of which deployment a message speaks of. */
const job = { jobId: uint256, chainId, contract: address };

const jobMessage = z.object({ ...job, inputRoot: bytes32, providers }).strict();
const announcedResult = z.object({ jobId: uint256, attempt: uint32, traceRoot: bytes32, outputRoot: bytes32 }).strict();
const resultsMessage = z
  .object({ chainId, contract: address, executor: address, results: z.array(announcedResult).min(1).max(networkLimits.maxResultsPerMessage), providers, signature })
  .strict();
const alertMessage = z
  .object({ ...job, attempt: uint32, watcher: address, step: uint32, reason: z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/), signature })
  .strict();

/** wei as the contracts store them: below 2^96. */
const wei96 = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,28})$/)
  .refine((text) => /^[0-9]{1,29}$/.test(text) && BigInt(text) < 1n << 96n);
const offeredModels = z
  .array(z.object({ program: bytes32, price: wei96 }).strict())
  .min(1)
  .max(networkLimits.maxModelsPerOffer)
  .refine((models) => new Set(models.map(({ program }) => program)).size === models.length, "a program is offered twice");
const offerMessage = z
  .object({
    chainId,
    contract: address,
    executor: address,
    issuedAt: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
    models: offeredModels,
    maxCollateral: wei96,
    executionProvider: z.string().regex(/^[a-z0-9]{1,16}$/),
    region: z.string().regex(/^[a-z0-9-]{0,32}$/),
    providers,
    signature,
  })
  .strict();

/** A requester offers the input data of a job. `providers` are addresses with peer id that serve it. */
export type JobMessage = z.infer<typeof jobMessage>;
/** A commitment that is announced. */
export type AnnouncedResult = z.infer<typeof announcedResult>;
/** An executor tells where the traces behind commitments of its own are served; signed by its account (65 bytes, EIP-712), once for all of them. */
export type ResultsMessage = z.infer<typeof resultsMessage>;
/** A watcher warns of a result: the step it disagrees with and a reason code; signed by the watcher's account. */
export type AlertMessage = z.infer<typeof alertMessage>;
/**
 * An executor tells what it would run and for how much: programs with the least fee of each in wei, the most collateral it puts up
 * for one job, ONNX Runtime's execution provider, a region in words of its own, and where it is reached. `issuedAt` is in
 * milliseconds since 1970; a later offer replaces an earlier one. Signed by the executor's account.
 */
export type OfferMessage = z.infer<typeof offerMessage>;

/** The topics of this wire version. A change of any message is a new version. */
export const topics = {
  /** Eight addresses of 256 bytes, and 2 KiB for the rest. */
  jobs: { name: `/gainsay/${WIRE_VERSION}/jobs`, maxBytes: 4_096, schema: jobMessage },
  /** Eight addresses of 256 bytes, 32 results of at most 290, and the rest. */
  results: { name: `/gainsay/${WIRE_VERSION}/results`, maxBytes: 12_288, schema: resultsMessage },
  /** No addresses: about 500 bytes. */
  alerts: { name: `/gainsay/${WIRE_VERSION}/alerts`, maxBytes: 1_024, schema: alertMessage },
  /** 32 models of 120 bytes, eight addresses of 256, and the rest. */
  offers: { name: `/gainsay/${WIRE_VERSION}/offers`, maxBytes: 8_192, schema: offerMessage },
} as const satisfies Record<string, Topic<never> | Topic<JobMessage> | Topic<ResultsMessage> | Topic<AlertMessage> | Topic<OfferMessage>>;
