import type { CompiledModel } from "../../protocol/lowering/compiledModel.ts";

/** A compiled model as it is stored and passed around. */
export type Bundle = CompiledModel;
