import type { Inference } from "../inference/createInference.ts";
import type { SessionInfo } from "../inference/types.ts";
import { tensorByteLength } from "../inference/tensorTypes.ts";
import type { Graph } from "./graphs.ts";

/** Jobs of a program that must be under way before any are done together: where no queue forms there is nothing to gain. */
const FROM_JOBS = 3;
/** Jobs of one run; each doubling beyond gives less than a tenth (docs/performance.md). */
const MOST_JOBS = 8;
/** What a run must not exceed for its start to be worth sharing: milliseconds, bytes of the graph, which is loaded twice then, and of the inputs, which are copied. */
const LIMITS = { milliseconds: 5, graphBytes: 4 * 1024 * 1024, inputBytes: 64 * 1024 };

export interface BatchRuns {
  /** Takes note of an execution that begins; the function that it returns, of its end. */
  begin(): () => void;
}

export interface BatchRunsOptions {
  /** Key of the session that runs one job. */
  key: string;
  session(): Promise<SessionInfo>;
  /** The graph of that session. */
  graph(): Promise<Graph>;
  /** The graph for many jobs, made of those bytes; undefined if there is none. */
  make(graph: Graph, bytes: Uint8Array): Promise<Graph | undefined>;
}

/**
 * Has short jobs of a program that wait at the same time done in one run, once there are some. It only saves time: where it cannot be done, or fails, jobs are done one by
 * one as before.
 */
export function createBatchRuns(inference: Pick<Inference, "batch" | "provider" | "took">, { key, session, graph, make }: BatchRunsOptions): BatchRuns {
  let underWay = 0;
  let tried = inference.provider !== "cpu";

  const start = async (): Promise<void> => {
    const { inputs } = await session();
    if (inputs.reduce((sum, { dtype, shape }) => sum + tensorByteLength(dtype, shape as number[]), 0) > LIMITS.inputBytes) return;
    const one = await graph();
    const bytes = await one.bytes();
    if (bytes.length > LIMITS.graphBytes) return;
    const many = await make(one, bytes);
    if (many !== undefined) await inference.batch(key, many.source, MOST_JOBS);
  };

  return {
    begin() {
      underWay++;
      return () => {
        const took = inference.took(key);
        if (!tried && underWay >= FROM_JOBS && took !== undefined && took <= LIMITS.milliseconds) {
          tried = true;
          start().catch(() => undefined);
        }
        underWay--;
      };
    },
  };
}
