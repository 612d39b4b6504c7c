import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../../protocol/errors.ts";
import type { Hex } from "../../protocol/hex.ts";
import { readBundle, type ReadOptions } from "../bundle/readBundle.ts";
import type { Hasher } from "../hashing/createHasher.ts";
import type { Inference } from "../inference/createInference.ts";
import type { GraphStore } from "./graphs.ts";
import type { LoadedProgram } from "./loadedProgram.ts";
import { prepareProgram } from "./prepareProgram.ts";

/** The programs that stand in folders of bundles, in each of them one folder a program root. */
export interface Programs {
  /** Roots of all bundles. */
  list(): Promise<Hex[]>;
  /** Opens a program; undefined if its bundle is not here. Throws what `readBundle` throws for a damaged bundle. */
  open(root: Hex): Promise<LoadedProgram | undefined>;
}

export interface ProgramsDependencies extends ReadOptions {
  inference: Inference;
  hasher: Hasher;
  /** Where executable graphs are kept; default: nowhere. */
  graphs?: GraphStore;
}

/** Opens bundles below the folders on demand and keeps them open; an earlier folder goes first. */
export function createPrograms(folders: readonly string[], { inference, hasher, graphs, memory }: ProgramsDependencies): Programs {
  const opened = new Map<Hex, Promise<LoadedProgram>>();

  const load = async (folder: string, root: Hex): Promise<LoadedProgram> => {
    const bundle = await readBundle(path.join(folder, root), { memory });
    if (bundle.program.root !== root) {
      throw new GainsayError("The bundle in this folder is of another program than the folder's name says; compile the model again.", { code: "BUNDLE_MISPLACED", details: { root, found: bundle.program.root } });
    }
    return prepareProgram(bundle, inference, hasher, { graphs });
  };

  return {
    async list() {
      const names = await Promise.all(folders.map((folder) => readdir(folder).catch(() => [])));
      return [...new Set(names.flat().filter((name): name is Hex => /^0x[0-9a-f]{64}$/.test(name)))].sort();
    },
    async open(root) {
      const folder = folders.find((candidate) => existsSync(path.join(candidate, root)));
      if (folder === undefined) return undefined;
      let program = opened.get(root);
      if (program === undefined) {
        program = load(folder, root);
        opened.set(root, program);
        program.catch(() => opened.delete(root));
      }
      return program;
    },
  };
}
