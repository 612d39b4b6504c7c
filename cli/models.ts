import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../protocol/errors.ts";
import type { Granularity } from "../protocol/lowering/chooseBlocks.ts";
import type { Bundle } from "../runtime/bundle/bundle.ts";
import { bundleFileNames } from "../runtime/bundle/bundleFiles.ts";
import { readBundle } from "../runtime/bundle/readBundle.ts";
import { storeBundle } from "../runtime/bundle/storeBundle.ts";
import { compileModel } from "../runtime/compile/compileModel.ts";
import { createFoldRunner } from "../runtime/compile/createFoldRunner.ts";
import type { Context } from "./context.ts";
import { isRoot } from "./parse.ts";

export type Shapes = Readonly<Record<string, readonly number[]>>;

/** How a file is compiled. */
export interface CompileFlags {
  shapes?: Shapes;
  granularity?: Granularity;
  splitSums?: number;
}

/** A bundle and the folder it stands in; undefined if it was compiled and not stored. */
export interface FoundBundle {
  bundle: Bundle;
  folder: string | undefined;
}

/**
 * The model that a word on the command line means: a program root or an unambiguous beginning of one (in the home's bundles), a
 * bundle's folder, or an ONNX file, which is compiled and, with `store`, put among the home's bundles.
 * Throws `MODEL_NOT_FOUND`, `FILE_NOT_READABLE`, and what compiling and reading bundles throw.
 */
export async function findModel(context: Context, text: string, options: CompileFlags & { store: boolean }): Promise<FoundBundle> {
  const { paths } = context;
  if (/^0x[0-9a-f]{6,64}$/i.test(text) && !existsSync(text)) {
    const folder = path.join(paths.bundles, await completeRoot(paths.bundles, text.toLowerCase()));
    return { bundle: await readBundle(folder), folder };
  }
  const file = await stat(text).catch((cause: unknown) => {
    throw new GainsayError(`There is no model ${JSON.stringify(text)}: give an ONNX file, the folder of a bundle, or a program root.`, { code: "MODEL_NOT_FOUND", kind: "usage", details: { model: text }, cause });
  });
  if (file.isDirectory()) {
    if (!existsSync(path.join(text, bundleFileNames.manifest))) throw new GainsayError(`The folder ${text} is not a bundle: it has no ${bundleFileNames.manifest}.`, { code: "MODEL_NOT_FOUND", kind: "usage", details: { folder: text } });
    return { bundle: await readBundle(text), folder: path.resolve(text) };
  }
  const bundle = await compileFile(context, text, options);
  return { bundle, folder: options.store ? await storeBundle(paths.bundles, bundle) : undefined };
}

/** Compiles an ONNX file in a process of its own. */
export async function compileFile(context: Context, file: string, { shapes = {}, granularity, splitSums }: CompileFlags): Promise<Bundle> {
  const modelBytes = await readFile(file).catch((cause: unknown) => {
    throw new GainsayError(`The model file ${file} cannot be read; check its name and permissions.`, { code: "FILE_NOT_READABLE", kind: "usage", details: { file, reason: (cause as NodeJS.ErrnoException).code }, cause });
  });
  const runner = createFoldRunner();
  const stop = (): void => runner.close();
  context.signal.addEventListener("abort", stop, { once: true });
  context.progress.update(`compiling ${path.basename(file)}`);
  try {
    return await compileModel({ modelBytes: new Uint8Array(modelBytes), shapes, ...(granularity === undefined ? {} : { granularity }), ...(splitSums === undefined ? {} : { splitSums }) }, { runner });
  } finally {
    context.signal.removeEventListener("abort", stop);
    runner.close();
    context.progress.end();
  }
}

/** Names of the bundles in a folder. */
export async function bundleRoots(folder: string): Promise<string[]> {
  return existsSync(folder) ? (await readdir(folder)).filter(isRoot).sort() : [];
}

async function completeRoot(folder: string, start: string): Promise<string> {
  const fitting = (await bundleRoots(folder)).filter((root) => root.startsWith(start));
  if (fitting.length === 1) return fitting[0] as string;
  const reason = fitting.length === 0 ? "is not among the bundles of this home; compile the model with `gainsay model compile`" : `fits ${fitting.length} bundles; give more digits`;
  throw new GainsayError(`The program ${start} ${reason}.`, { code: "MODEL_NOT_FOUND", kind: "usage", details: { root: start, folder } });
}
