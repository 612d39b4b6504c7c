import type { Granularity } from "../../protocol/lowering/chooseBlocks.ts";
import type { Bundle } from "../../runtime/bundle/bundle.ts";
import { compileModel } from "../../runtime/compile/compileModel.ts";
import type { FoldRunner } from "../../runtime/compile/createFoldRunner.ts";
import type { BenchContext } from "./section.ts";
import type { Subject } from "./subjects.ts";

export interface ContextOptions extends Pick<BenchContext, "subjects" | "rounds" | "threads"> {
  runner: FoldRunner;
}

/** Makes what the sections share. */
export function createContext({ runner, ...options }: ContextOptions): BenchContext {
  const bundles = new Map<string, Promise<Bundle>>();
  return {
    ...options,
    bundle({ name, modelBytes, shapes }: Subject, granularity: Granularity) {
      const key = `${granularity}/${name}`;
      const compiled = bundles.get(key) ?? compileModel({ modelBytes, shapes, granularity }, { runner });
      bundles.set(key, compiled);
      return compiled;
    },
    note: (text) => void process.stderr.write(`${text}\n`),
  };
}
