import path from "node:path";
import { pathsOf } from "./paths.ts";

/** The file that names the contracts of a chain. */
export function deploymentFile(home: string, chainId: number): string {
  return path.join(pathsOf(home).deployments, `${chainId}.json`);
}
