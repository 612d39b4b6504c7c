import type { Hex } from "../../../protocol/hex.ts";
import type { Chain } from "../createChain.ts";
import type { Model } from "../types.ts";
import { read } from "./read.ts";

/** The model with this number, from 1. Throws `CONTRACT_REVERTED` (`UnknownModel`). */
export async function getModel(chain: Chain, modelId: bigint): Promise<Model> {
  return { id: modelId, ...(await read(chain, "models", "getModel", [modelId])) };
}

/** The model of a program, or undefined if it is not registered. */
export async function findModel(chain: Chain, programRoot: Hex): Promise<Model | undefined> {
  const modelId = await read(chain, "models", "modelIdOf", [programRoot]);
  return modelId === 0n ? undefined : getModel(chain, modelId);
}

/** How many models are registered. */
export function getModelCount(chain: Chain): Promise<bigint> {
  return read(chain, "models", "modelCount", []);
}
