import { GainsayError } from "../protocol/errors.ts";
import { toHex, type Hex } from "../protocol/hex.ts";
import type { Program } from "../protocol/program/types.ts";
import { domains } from "../protocol/trees/domains.ts";
import { readJobInput } from "../runtime/chain/reads/readJobInput.ts";
import type { Job } from "../runtime/chain/types.ts";
import { inputLengths, splitInput } from "../runtime/programs/splitInput.ts";
import type { Context } from "./context.ts";
import type { Peers } from "./peers.ts";
import { createTensorFiles } from "./tensorFiles.ts";

/** The input tensors of a job, checked against its input root: from the chain, this home or peers; undefined if nobody has them. */
export async function findInputs(context: Context, job: Job, program: Program, peers: Peers | undefined): Promise<Uint8Array[] | undefined> {
  const submitted = await readJobInput(await context.chain(), job.id);
  if (submitted !== undefined) return splitInput(program, submitted, job.inputRoot).map(({ bytes }) => bytes);
  const roots = await findInputRoots(context, job, program, peers);
  if (roots === undefined) return undefined;
  const files = createTensorFiles(context.paths.jobs);
  const lengths = inputLengths(program);
  const inputs: Uint8Array[] = [];
  for (const [i, root] of roots.entries()) {
    const bytes = (await files.read("tensor", root)) ?? (await ask(context, peers, job.inputRoot, { kind: "tensor", root }, lengths[i] as number));
    if (bytes === undefined) return undefined;
    inputs.push(bytes);
  }
  return inputs;
}

/** The tensor roots under a job's input root, in the program's order; undefined if nobody has the list. */
export async function findInputRoots(context: Context, job: Job, program: Program, peers: Peers | undefined): Promise<Hex[] | undefined> {
  const submitted = await readJobInput(await context.chain(), job.id);
  if (submitted !== undefined) return splitInput(program, submitted, job.inputRoot).map(({ root }) => root);
  const count = program.inputs.length;
  const list = (await createTensorFiles(context.paths.jobs).read("inputs", job.inputRoot)) ?? (await ask(context, peers, job.inputRoot, { kind: "list", root: job.inputRoot, domain: domains.inputs }, count * 32));
  if (list === undefined || list.length !== count * 32) return undefined;
  return Array.from({ length: count }, (_, i) => toHex(list.subarray(i * 32, i * 32 + 32)));
}

async function ask(context: Context, peers: Peers | undefined, inputRoot: Hex, name: { kind: "tensor"; root: Hex } | { kind: "list"; root: Hex; domain: string }, maxBytes: number): Promise<Uint8Array | undefined> {
  const holders = peers?.holdersOf(inputRoot) ?? [];
  if (peers === undefined || holders.length === 0) return undefined;
  try {
    return await peers.network.blobs.fetch(name, holders, { signal: context.signal, maxBytes });
  } catch (error) {
    if (!(error instanceof GainsayError) || context.signal.aborted) throw error;
    context.logger.debug({ error }, "input not fetched");
    return undefined;
  }
}
