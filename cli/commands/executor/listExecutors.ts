import type { Hex } from "../../../protocol/hex.ts";
import { formatAmount, type Asset } from "../../../runtime/assets/asset.ts";
import { medianDelivery, readExecutorRecords, type ExecutorRecord } from "../../../runtime/chain/reads/readExecutorRecords.ts";
import { getStakeAccount } from "../../../runtime/chain/reads/getStakeAccount.ts";
import type { Context } from "../../context.ts";
import { inBatches } from "../../inBatches.ts";
import { collectOffers, type MeasuredOffer } from "../../offers.ts";
import { table } from "../../output.ts";
import { short, span } from "../../parse.ts";
import { openPeers } from "../../peers.ts";
import type { ListFlags } from "./list.ts";

interface Listed {
  record: ExecutorRecord;
  measured: MeasuredOffer | undefined;
  stake: { free: bigint; locked: bigint };
  deliverySeconds: number | undefined;
}

/** The body of `gainsay executor list`. */
export async function listExecutors(context: Context, options: ListFlags): Promise<void> {
  const chain = await context.chain();
  const asset = await context.asset();
  const peers = await openPeers(context, { peers: options.peer ?? [], listen: false });
  const offers = await collectOffers(context, peers, { seconds: options.listenFor, ...(options.program === undefined ? {} : { program: options.program }) });
  const records = await readExecutorRecords(chain);
  const heard = new Set(offers.map(({ executor }) => executor.toLowerCase()));
  const silent = options.all === true ? [...records.keys()].filter((key) => !heard.has(key)) : [];
  const blank = (executor: ExecutorRecord["executor"]): ExecutorRecord => ({ executor, completed: 0, slashed: 0, missed: 0, deliveries: [] });
  const found = [
    ...offers.map((measured) => ({ measured, record: records.get(measured.executor.toLowerCase()) ?? blank(measured.executor) })),
    ...silent.map((key) => ({ measured: undefined, record: records.get(key) as ExecutorRecord })),
  ];
  const executors = await inBatches(found, async ({ measured, record }): Promise<Listed> => ({ record, measured, stake: measured?.stake ?? (await getStakeAccount(chain, record.executor)), deliverySeconds: await medianDelivery(chain, record) }));
  if (executors.length === 0) context.output.note(peers.network.peers().length === 0 ? "No peer could be reached; give one with --peer or --bootstrap." : "No executor offers anything at the moment; listen longer with --listen-for.");
  context.output.result({ executors: executors.map(toDocument), asset }, executors.length === 0 ? [] : table(["executor", "price", "programs", "on", "region", "free stake", "round trip", "delivery", "done", "missed", "slashed"], executors.map((entry) => toRow(entry, options.program, asset))));
}

function toDocument({ record, measured, stake, deliverySeconds }: Listed): Record<string, unknown> {
  const { executor, completed, slashed, missed } = record;
  const offer = measured === undefined ? null : { models: measured.offer.models, maxCollateral: measured.offer.maxCollateral, executionProvider: measured.offer.executionProvider, region: measured.offer.region, addresses: measured.offer.providers, issuedAt: Math.floor(measured.offer.issuedAt / 1000) };
  return { executor: measured?.executor ?? executor.toLowerCase(), offer, stake: { free: stake.free, locked: stake.locked }, latencySeconds: measured?.latencySeconds ?? null, deliverySeconds: deliverySeconds ?? null, completed, missed, slashed };
}

function toRow({ record, measured, stake, deliverySeconds }: Listed, program: Hex | undefined, asset: Asset): string[] {
  const offer = measured?.offer;
  const prices = (offer?.models ?? []).filter((model) => program === undefined || model.program === program).map(({ price }) => BigInt(price));
  const latency = measured?.latencySeconds;
  return [
    record.executor,
    prices.length === 0 ? "–" : formatAmount(prices.reduce((least, price) => (price < least ? price : least)), asset),
    offer === undefined ? "–" : offer.models.length === 1 ? short((offer.models[0] as { program: string }).program) : String(offer.models.length),
    offer?.executionProvider ?? "–",
    offer?.region === undefined || offer.region === "" ? "–" : offer.region,
    formatAmount(stake.free, asset),
    latency === undefined ? "–" : `${(latency * 1000).toFixed(latency < 0.01 ? 1 : 0)} ms`,
    deliverySeconds === undefined ? "–" : span(deliverySeconds),
    String(record.completed),
    String(record.missed),
    String(record.slashed),
  ];
}
