/**
 * A process that serves one trace to whoever asks, as an executor whose floats are others: it runs the bundle in the folder at level `disabled` on one thread, with an inference process of its own, and tells its parent where it can be reached. Where
 * that gives the bits that the parent has got (`expected`) and `nudge` is set, one float of each posted tensor is moved by its last bit. Ends when the parent disconnects.
 */
import { dtypes, type Program } from "../../../protocol/program/types.ts";
import { readBundle } from "../../../runtime/bundle/readBundle.ts";
import { createHasher, type Hasher } from "../../../runtime/hashing/createHasher.ts";
import { commitTensors, commitTrace } from "../../../runtime/inference/commitTrace.ts";
import { createInference } from "../../../runtime/inference/createInference.ts";
import type { Trace } from "../../../runtime/inference/trace.ts";
import { prepareProgram } from "../../../runtime/programs/prepareProgram.ts";
import { createExpansions } from "../../../runtime/serving/createExpansions.ts";
import { traceSource } from "../../../runtime/serving/traceSource.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { seededBytes } from "../seededBytes.ts";
import { startNode, type Serving } from "../serveTrace.ts";

const [folder, expected, nudge] = [process.argv[2] as string, process.argv[3] as string, process.argv[4] === "nudge"];
const hasher = createHasher({ threads: 1 });
hasher.start();
const inference = createInference({ provider: "cpu", threads: 1, optimization: "disabled" }, { logger: silentLogger() });
const loaded = prepareProgram(await readBundle(folder), inference, hasher);
const { program } = loaded;
const executed = await loaded.execute(await commitTensors(program.inputs.map((spec) => seededBytes(spec)), hasher));
const same = executed.traceRoot === expected;
const trace = same && nudge ? await nudged(executed, program, hasher) : executed;
const stored = { jobKey: "bench", programRoot: trace.programRoot, inputRoot: trace.inputRoot, traceRoot: trace.traceRoot, outputRoot: trace.outputRoot, bytes: 0 };
const server = await startNode();
server.blobs.serve(
  traceSource({
    openTensor(root) {
      const tensor = [...trace.tensors, ...trace.inputs].find((one) => one.root === root);
      return tensor && { root, byteLength: tensor.bytes.length, leaves: async () => tensor.leaves, read: async (offset, length) => tensor.bytes.subarray(offset, offset + length) };
    },
    openList: (root, domain) => (domain === "trace" && root === trace.traceRoot ? new Uint8Array(Buffer.concat(trace.tensors.map((tensor) => Buffer.from(tensor.root.slice(2), "hex")))) : undefined),
  }),
);
server.blobs.serve(createExpansions({ programs: { open: async () => loaded }, traces: { list: () => [stored], get: async () => trace } }).source);
process.once("disconnect", () => process.exit(0));
process.send?.({ peers: server.addresses().map(String), traceRoot: trace.traceRoot, same } satisfies Serving);

/** The same execution with one float of each posted tensor moved by its last bit. */
function nudged(trace: Trace, { trace: specs }: Program, hashing: Pick<Hasher, "commit">): Promise<Trace> {
  const tensors = trace.tensors.map((tensor, i) => {
    if (specs[i]?.dtype !== dtypes.float32) return tensor;
    const bytes = Uint8Array.from(tensor.bytes);
    bytes[0] = (bytes[0] as number) ^ 1;
    return bytes;
  });
  return commitTrace(loaded.program, trace.inputs, tensors, hashing);
}
