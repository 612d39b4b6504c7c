import { GainsayError } from "../../protocol/errors.ts";
import { fromHex, type Hex } from "../../protocol/hex.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import { domains } from "../../protocol/trees/domains.ts";
import type { InnerTrace } from "../inference/innerTrace.ts";
import type { Trace } from "../inference/trace.ts";
import type { BlobSource, OpenBlob } from "../network/blobs/serveBlob.ts";
import { createSlots } from "../network/blobs/createSlots.ts";
import type { Programs } from "../programs/createPrograms.ts";
import type { TraceStore } from "../traces/createTraceStore.ts";

/** Bytes of inner traces that are kept for whoever asks next; the last one is kept whatever its size. */
const KEPT_BYTES = 2 ** 28;

export interface ExpansionsOptions {
  /** Makes the inner trace of a block; default: by running the block again from the committed tensors. */
  expand?: (trace: Trace, blockIndex: number) => Promise<InnerTrace>;
}

/** An inner trace as it can be made now. */
export interface Expansion extends InnerTrace {
  /** It does not lead to what was committed, bit for bit: it was made by another machine, or with other options. */
  strayed?: true;
}

/** Inner traces of stored executions, made when somebody asks for one, and kept for a while. */
export interface Expansions {
  /** Throws `BUNDLE_MISSING`, and what running a block throws. */
  of(trace: Trace, blockIndex: number): Promise<Expansion>;
  /** Serves them to peers, but for those that have strayed: the list of a block of any stored trace, and the tensors of those that are kept. */
  source: BlobSource;
}

export function createExpansions({ programs, traces }: { programs: Pick<Programs, "open">; traces: Pick<TraceStore, "list" | "get"> }, options: ExpansionsOptions = {}): Expansions {
  const kept = new Map<string, { making: Promise<Expansion>; bytes: number }>();
  const tensors = new Map<Hex, CommittedTensor>();
  const lists = new Map<Hex, Uint8Array>();

  /** Whoever asks for inner traces waits for others who do, and the executor's own moves wait for one of them at most. */
  const asked = createSlots(1);

  const rerun = async (trace: Trace, blockIndex: number): Promise<Expansion> => {
    const loaded = await programs.open(trace.programRoot);
    if (loaded === undefined) throw new GainsayError("The bundle of a stored trace is not in the data folder; copy it there.", { code: "BUNDLE_MISSING", retryable: true, details: { programRoot: trace.programRoot } });
    const { borders, ...inner } = await loaded.expand(blockIndex, { inputs: trace.inputs.map(({ bytes }) => bytes), tensors: trace.tensors.map(({ bytes }) => bytes) });
    const strayed = [...borders].some(([tensor, bytes]) => Buffer.compare(bytes, (trace.tensors[tensor] as CommittedTensor).bytes) !== 0);
    return strayed ? { ...inner, strayed } : inner;
  };
  const make: (trace: Trace, blockIndex: number) => Promise<Expansion> = options.expand ?? rerun;

  /** Forgets the oldest until what is kept fits; tensors that several inner traces share stay with the one that is left. */
  const shrink = async (): Promise<void> => {
    const total = (): number => [...kept.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    for (const key of kept.keys()) {
      if (kept.size <= 1 || total() <= KEPT_BYTES) return;
      kept.delete(key);
      tensors.clear();
      lists.clear();
      for (const { making } of kept.values()) await making.then(index, () => undefined);
    }
  };

  const index = (inner: Expansion): void => {
    if (inner.strayed === true) return;
    for (const tensor of inner.tensors) tensors.set(tensor.root, tensor);
    if (inner.innerRoot !== undefined) lists.set(inner.innerRoot, itemsOf(inner));
  };

  const of = (trace: Trace, blockIndex: number): Promise<Expansion> => {
    const key = `${trace.traceRoot}/${blockIndex}`;
    const known = kept.get(key);
    if (known !== undefined) return known.making;
    const entry = { making: make(trace, blockIndex), bytes: 0 };
    kept.set(key, entry);
    entry.making.then(
      (inner) => {
        entry.bytes = inner.tensors.reduce((sum, { bytes }) => sum + bytes.length, 0);
        index(inner);
        void shrink();
      },
      () => kept.delete(key),
    );
    return entry.making;
  };

  const listOf = async (traceRoot: Hex, blockIndex: number): Promise<Uint8Array | undefined> => {
    const stored = traces.list().find((one) => one.traceRoot === traceRoot);
    const blocks = stored === undefined ? undefined : (await programs.open(stored.programRoot))?.program.blocks;
    if (stored === undefined || (blocks?.[blockIndex]?.innerCount ?? 0) === 0) return undefined;
    const made = await (kept.get(`${traceRoot}/${blockIndex}`)?.making ?? asked.run("block", async () => {
      const trace = await traces.get(stored.jobKey);
      return trace && of(trace, blockIndex);
    }));
    return made === undefined || made.strayed === true ? undefined : itemsOf(made);
  };

  return {
    of,
    source: {
      async open(name) {
        if (name.kind === "inner") return openItems(await listOf(name.root, name.block));
        if (name.kind === "list") return name.domain === domains.inner ? openItems(lists.get(name.root)) : undefined;
        const tensor = name.kind === "tensor" ? tensors.get(name.root) : undefined;
        return tensor && { byteLength: tensor.bytes.length, leaves: async () => tensor.leaves, read: async (offset, length) => tensor.bytes.subarray(offset, offset + length) };
      },
    },
  };
}

function itemsOf({ tensors }: InnerTrace): Uint8Array {
  return new Uint8Array(Buffer.concat(tensors.map(({ root }) => fromHex(root))));
}

function openItems(items: Uint8Array | undefined): OpenBlob | undefined {
  return items && { byteLength: items.length, leaves: async () => items, read: async (offset, length) => items.subarray(offset, offset + length) };
}
