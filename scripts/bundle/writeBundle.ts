import path from "node:path";
import { rolldown, type Plugin } from "rolldown";

/** Processes and threads of their own, each whole in one file: what they wait for first is their own code. */
const apart = ["runtime/inference/inferenceChild.ts", "runtime/inference/pipeReader.ts", "runtime/hashing/leafWorker.ts", "runtime/compile/foldWorker.ts"];

/** Packages with native parts or files of their own, and those that only development chains need. */
const external = /^(onnxruntime-node|koffi|@chainsafe\/hashtree|hardhat|@nomicfoundation)(\/|$)/;

/** How a source names the file of a process or thread that it starts. */
const startedFile = /new URL\("\.\/(\w+)\.ts", import\.meta\.url\)/g;

export interface BundleOptions {
  /** Of the project. */
  root: string;
  /** Where it goes, somewhere below the root: packages that stay outside are found from there. */
  folder: string;
  /** Files from the root; each becomes a file of its name, and what it loads late a file of its own. */
  entries: readonly string[];
  /** What `sourceHashes` knows in the bundle. */
  hashes: readonly (readonly [file: string, sha256: string])[];
}

/** Bundles entries with all they import, and beside them the processes and threads that they start. */
export async function writeBundle({ root, folder, entries, hashes }: BundleOptions): Promise<void> {
  const plugins = [sourceUrls(root, folder), ownHashes(root, hashes), builtins()];
  for (const group of [entries, ...apart.map((file) => [file])]) {
    const bundle = await rolldown({ cwd: root, input: Object.fromEntries(group.map((file) => [path.basename(file, ".ts"), path.join(root, file)])), platform: "node", external, plugins, onLog: say });
    try {
      await bundle.write({ dir: folder, format: "esm", entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js" });
    } finally {
      await bundle.close();
    }
  }
}

/** Whatever a bundled source looks for from where it lies, it finds from there; only the processes and threads that it starts are those of the bundle. */
function sourceUrls(root: string, folder: string): Plugin {
  const up = path.relative(folder, root).replaceAll(path.sep, "/");
  return {
    name: "source-urls",
    transform: {
      filter: { id: /\.ts$/, code: /import\.meta\./ },
      handler(code, id) {
        const source = path.relative(root, id).replaceAll(path.sep, "/");
        const started = (whole: string, name: string): string => {
          const file = path.posix.join(path.posix.dirname(source), `${name}.ts`);
          if (!apart.includes(file)) throw new Error(`${source} starts ${file}, which is not among the files that are bundled apart.`);
          return whole.replace(`${name}.ts`, `${name}.js`).replace("import.meta.url", "import.meta.own");
        };
        return code
          .replace(startedFile, started)
          .replaceAll("import.meta.url", `new URL(${JSON.stringify(`${up}/${source}`)}, import.meta.own).href`)
          .replaceAll("import.meta.dirname", `process.getBuiltinModule("node:url").fileURLToPath(new URL(${JSON.stringify(`${up}/${path.posix.dirname(source)}`)}, import.meta.own))`)
          .replaceAll("import.meta.own", "import.meta.url");
      },
    },
  };
}

function ownHashes(root: string, hashes: BundleOptions["hashes"]): Plugin {
  const replaced = path.join(root, "runtime", "sourceHashes.ts");
  return {
    name: "own-hashes",
    load(id) {
      if (path.normalize(id) !== replaced) return undefined;
      return `const hashes = ${JSON.stringify(hashes)};
export async function sourceHashes(paths) {
  return hashes.filter(([file]) => paths.some((name) => file === name || (!name.endsWith(".ts") && file.startsWith(name + "/"))));
}`;
    },
  };
}

/**
 * Takes Node's own modules from Node directly. What `import` makes of one, a module with all its names, reads more of it than anybody uses: 3 ms for `node:fs` alone, as long as
 * a small session takes. It is there before what imports the file runs, as long as no files import each other in a circle, which `test/scripts/bundle` sees to.
 */
function builtins(): Plugin {
  return {
    name: "builtins",
    renderChunk: (code) =>
      code.replace(/^import (?:(\w+)|\{([^}]*)\}) from "(node:[\w/]+)";$/gm, (_, whole: string | undefined, names: string | undefined, module: string) => `const ${whole ?? `{${names?.replaceAll(" as ", ": ")}}`} = globalThis.process.getBuiltinModule(${JSON.stringify(module)});`),
  };
}

function say(level: string, { message }: { message: string }): void {
  if (level === "warn") process.stderr.write(`bundle: ${message}\n`);
}
