import { Option } from "commander";
import { defaultGranularity, granularities } from "../protocol/lowering/chooseBlocks.ts";

/** `--granularity HOW` of commands that compile. */
export function granularityFlag(): Option {
  return new Option("--granularity <how>", "what an execution posts: block posts a few narrow tensors, and the rest on demand; layer posts the result of every step, which costs the executor more and makes disputes simpler").choices([...granularities]).default(defaultGranularity);
}
