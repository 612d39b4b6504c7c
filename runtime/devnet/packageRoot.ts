import path from "node:path";

/** The folder of this package, in which `artifacts/` and `node_modules/` stand. */
export function packageRoot(): string {
  return path.dirname(path.dirname(import.meta.dirname));
}

/** Where the compiler put the contracts. */
export function artifactsFolder(): string {
  return path.join(packageRoot(), "artifacts");
}
