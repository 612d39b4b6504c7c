import { GainsayError } from "../../protocol/errors.ts";
import { toHex, type Hex } from "../../protocol/hex.ts";
import { CHUNK_BYTES, chunkCount } from "../../protocol/trees/tensorTree.ts";
import type { Hasher } from "../hashing/createHasher.ts";
import type { CommittedTensor } from "../../protocol/trees/committedTensor.ts";
import type { Trace } from "../inference/trace.ts";
import type { StoredEntry } from "./storedEntry.ts";
import { damaged, type StoredTensor } from "./traceManifest.ts";

/** A stored tensor, read piece by piece. Both calls throw `TRACE_DAMAGED` for changed files and `TRACE_GONE` after `prune`. */
export interface TensorReader {
  root: Hex;
  byteLength: number;
  /** Chunk hashes, checked against the root. */
  leaves(): Promise<Uint8Array>;
  /** Bytes [offset, offset + length), checked chunk by chunk. Throws `TRACE_OUT_OF_RANGE`. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

type Hashing = Pick<Hasher, "leaves" | "root">;
type OnDamage = (error: unknown) => Promise<void>;

/** A reader of one tensor of an entry; `onDamage` is called before an error about damage is thrown. */
export function openStoredTensor(entry: StoredEntry, tensor: StoredTensor, hasher: Hashing, onDamage: OnDamage): TensorReader {
  const allLeaves = async (): Promise<Uint8Array> => {
    const leaves = await entry.read("leaves", tensor.leavesOffset, chunkCount(tensor.byteLength) * 32);
    if (toHex(await hasher.root(leaves, tensor.byteLength)) !== tensor.root) throw damaged("the chunk hashes of a tensor do not give its root", { root: tensor.root });
    entry.checkedLeaves.add(tensor.root);
    return leaves;
  };

  const leavesOf = async (first: number, count: number): Promise<Uint8Array> =>
    entry.checkedLeaves.has(tensor.root) ? entry.read("leaves", tensor.leavesOffset + first * 32, count * 32) : (await allLeaves()).subarray(first * 32, (first + count) * 32);

  /** A file that vanished because the entry was pruned is no damage. */
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      if (entry.gone) throw gone(tensor.root);
      return await work();
    } catch (error) {
      if (entry.gone) throw gone(tensor.root);
      const missing = (error as { code?: unknown }).code === "ENOENT";
      const fault = missing ? damaged("a file of it is missing", { path: (error as { path?: unknown }).path }) : error;
      if (fault instanceof GainsayError && fault.code === "TRACE_DAMAGED") await onDamage(fault);
      throw fault;
    }
  };

  return {
    root: tensor.root,
    byteLength: tensor.byteLength,
    leaves: () => guarded(allLeaves),
    read: (offset, length) =>
      guarded(async () => {
        if (!(Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0 && offset + length <= tensor.byteLength)) {
          throw new GainsayError("The bytes asked for are not in the tensor.", { code: "TRACE_OUT_OF_RANGE", kind: "usage", details: { offset, length, byteLength: tensor.byteLength } });
        }
        if (length === 0) return new Uint8Array(0);
        const first = Math.floor(offset / CHUNK_BYTES);
        const end = Math.min(Math.ceil((offset + length) / CHUNK_BYTES) * CHUNK_BYTES, tensor.byteLength);
        const [chunks, wanted] = await Promise.all([
          entry.read("data", tensor.dataOffset + first * CHUNK_BYTES, end - first * CHUNK_BYTES),
          leavesOf(first, Math.ceil(end / CHUNK_BYTES) - first),
        ]);
        if (!Buffer.from(await hasher.leaves(chunks)).equals(wanted)) throw damaged("bytes of a tensor do not give their hash", { root: tensor.root, offset, length });
        return chunks.subarray(offset - first * CHUNK_BYTES, offset - first * CHUNK_BYTES + length);
      }),
  };
}

/** The whole of an entry in memory, checked. */
export async function loadTrace(entry: StoredEntry, hasher: Hashing, onDamage: OnDamage): Promise<Trace> {
  const { programRoot, inputRoot, traceRoot, outputRoot, outputs } = entry.manifest;
  const load = async (tensors: StoredTensor[]): Promise<CommittedTensor[]> => {
    const loaded: CommittedTensor[] = [];
    for (const tensor of tensors) {
      const reader = openStoredTensor(entry, tensor, hasher, onDamage);
      loaded.push({ root: tensor.root, leaves: await reader.leaves(), bytes: await reader.read(0, tensor.byteLength) });
    }
    return loaded;
  };
  return { programRoot, inputRoot, traceRoot, outputRoot, inputs: await load(entry.manifest.inputs), tensors: await load(entry.manifest.tensors), outputs: [...outputs] };
}

function gone(root: Hex): GainsayError {
  return new GainsayError("The trace is no longer stored.", { code: "TRACE_GONE", details: { root } });
}
