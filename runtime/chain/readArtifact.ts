import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Abi, Hex } from "viem";
import { GainsayError } from "../../protocol/errors.ts";

/** What the compiler made of one contract. */
export interface Artifact {
  contractName: string;
  abi: Abi;
  bytecode: Hex;
}

/**
 * Reads the artifact of `source` (such as `contracts/Jobs.sol`) from the compiler's output folder.
 * Throws `ARTIFACT_MISSING` if it is not there and `ARTIFACT_MALFORMED` if it is not an artifact with linked bytecode.
 */
export async function readArtifact(artifactsDir: string, source: string): Promise<Artifact> {
  const contractName = path.basename(source, ".sol");
  const file = path.join(artifactsDir, source, `${contractName}.json`);
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new GainsayError("A compiled contract is missing; run `npm run build:contracts` first.", { code: "ARTIFACT_MISSING", details: { file }, cause });
  });
  const parsed = parse(text, file) as Partial<Artifact> | null;
  if (parsed === null || parsed.contractName !== contractName || !Array.isArray(parsed.abi) || !/^0x([0-9a-f]{2})*$/i.test(parsed.bytecode ?? "")) {
    throw malformed(file);
  }
  return { contractName, abi: parsed.abi, bytecode: parsed.bytecode as Hex };
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw malformed(file, cause);
  }
}

function malformed(file: string, cause?: unknown): GainsayError {
  return new GainsayError("A compiled contract cannot be read; run `npm run build:contracts` again.", { code: "ARTIFACT_MALFORMED", details: { file }, cause });
}
