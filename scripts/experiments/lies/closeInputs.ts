import { traceName } from "../../../protocol/lowering/graphNames.ts";
import { tracedGraph } from "../../../protocol/lowering/tracedGraph.ts";
import type { Bundle } from "../../../runtime/bundle/bundle.ts";
import { createInference } from "../../../runtime/inference/createInference.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";
import { floatsOf } from "../openTrace.ts";

/** An input near a border between two classes, with the honest trace of it. */
export interface CloseInput {
  inputs: Uint8Array[];
  honest: Uint8Array[];
}

/**
 * Blends of neighbouring inputs, halved towards the point where the answer changes: what an attacker finds who may choose the
 * input too. The n-th blend is halved 10 + n mod 15 times, so that distances from the border of all sizes appear.
 */
export async function closeInputs(bundle: Bundle, given: readonly (readonly Uint8Array[])[], count: number): Promise<CloseInput[]> {
  const { program } = bundle;
  const inference = createInference({ provider: "cpu", threads: 1, optimization: "disabled" }, { logger: silentLogger() });
  await inference.load("trace", tracedGraph(bundle));
  const run = async (inputs: readonly Uint8Array[]): Promise<Uint8Array[]> => {
    const results = await inference.run("trace", Object.fromEntries(program.inputs.map(({ name, dtype, shape }, i) => [name, { dtype, shape, bytes: inputs[i] as Uint8Array }])));
    return program.trace.map((_, i) => new Uint8Array(results[traceName(i)]!.bytes));
  };
  const answer = program.header.outputs[0] as number;
  const top = (trace: readonly Uint8Array[]): number => {
    const logits = floatsOf(trace[answer] as Uint8Array);
    return logits.indexOf(Math.max(...logits));
  };
  const found: CloseInput[] = [];
  for (let n = 0; n + 1 < given.length && found.length < count; n++) {
    const [a, b] = [given[n] as Uint8Array[], given[n + 1] as Uint8Array[]];
    const blend = (t: number): Uint8Array[] => a.map((bytes, k) => mix(floatsOf(bytes), floatsOf(b[k] as Uint8Array), t));
    const first = top(await run(a));
    if (top(await run(b)) === first) continue;
    let [low, high] = [0, 1];
    for (let halvings = 0; halvings < 10 + (n % 15); halvings++) {
      const middle = (low + high) / 2;
      if (top(await run(blend(middle))) === first) low = middle;
      else high = middle;
    }
    const inputs = blend(low);
    found.push({ inputs, honest: await run(inputs) });
  }
  await inference.stop();
  return found;
}

function mix(a: Float32Array, b: Float32Array, t: number): Uint8Array {
  return new Uint8Array(Float32Array.from(a, (value, i) => value * (1 - t) + (b[i] as number) * t).buffer);
}
