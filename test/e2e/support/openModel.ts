import { mkdtemp, readFile, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Granularity } from "../../../protocol/lowering/chooseBlocks.ts";
import type { Hex } from "../../../protocol/hex.ts";
import type { Bundle } from "../../../runtime/bundle/bundle.ts";
import { writeBundle } from "../../../runtime/bundle/writeBundle.ts";
import { compileModel } from "../../../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../../../runtime/compile/createFoldRunner.ts";
import { createHasher, type Hasher } from "../../../runtime/hashing/createHasher.ts";
import { createInference } from "../../../runtime/inference/createInference.ts";
import type { Optimization } from "../../../runtime/inference/types.ts";
import { readInput } from "../../../runtime/inputs/readInput.ts";
import { createPrograms, type Programs } from "../../../runtime/programs/createPrograms.ts";
import type { LoadedProgram } from "../../../runtime/programs/loadedProgram.ts";
import { silentLogger } from "../../../runtime/telemetry/createLogger.ts";

const repository = path.resolve(import.meta.dirname, "../../..");
const mnist = path.resolve(repository, "../shared/models/mnist");

/** A model file with an input that it was made for. */
export interface TestModel {
  name: string;
  file: string;
  /** An image or tensor file. */
  input: string;
  /** Whether the files are here; those that are not part of the project may be absent. */
  present: boolean;
}

export const digits: TestModel = { name: "digits", file: path.join(repository, "models/digits/digits.onnx"), input: path.join(repository, "models/digits/samples/7.png"), present: true };
export const realMnist: TestModel = { name: "mnist", file: path.join(mnist, "model.onnx"), input: path.join(mnist, "test_data_set_0/input_0.pb"), present: existsSync(path.join(mnist, "model.onnx")) };

/** A compiled model in a folder of bundles, with one real input, and ONNX Runtime to run it as different machines would. */
export interface OpenedModel {
  bundle: Bundle;
  root: Hex;
  /** Folder of bundles. */
  folder: string;
  /** A folder for whatever a test stores; removed at the end. */
  scratch: string;
  hasher: Hasher;
  /** Committed bytes of the input. */
  inputs: Uint8Array[];
  /** The bundles, run with these options. */
  programs(options?: { threads?: number; optimization?: Optimization }): Programs;
  load(options?: { threads?: number; optimization?: Optimization }): Promise<LoadedProgram>;
  close(): Promise<void>;
}

/** `given`: bytes of the inputs, where no file holds them. */
export async function openModel(model: TestModel, given?: Uint8Array[], granularity: Granularity = "layer"): Promise<OpenedModel> {
  const runner = createFoldRunner();
  const bundle = await compileModel({ modelBytes: new Uint8Array(await readFile(model.file)), granularity }, { runner });
  runner.close();
  const scratch = await mkdtemp(path.join(tmpdir(), "gainsay-e2e-"));
  const folder = path.join(scratch, "bundles");
  await writeBundle(path.join(folder, bundle.program.root), bundle);
  const hasher = createHasher({ threads: 1 });
  hasher.start();
  const stops: (() => Promise<void>)[] = [() => hasher.stop()];
  const inputs = given ?? (await Promise.all(bundle.program.inputs.map(async (input) => (await readInput(input, model.input)).bytes)));
  const programs: OpenedModel["programs"] = ({ threads = 1, optimization = "all" } = {}) => {
    const inference = createInference({ provider: "cpu", threads, optimization }, { logger: silentLogger() });
    stops.push(() => inference.stop());
    return createPrograms([folder], { inference, hasher });
  };
  return {
    bundle,
    root: bundle.program.root,
    folder,
    scratch,
    hasher,
    inputs,
    programs,
    load: async (options) => (await programs(options).open(bundle.program.root)) as LoadedProgram,
    async close() {
      await Promise.all(stops.map((stop) => stop()));
      await rm(scratch, { recursive: true, force: true });
    },
  };
}
