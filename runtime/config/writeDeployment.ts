import { randomUUID } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../../protocol/errors.ts";
import { deploymentFile } from "./deploymentFile.ts";
import { CONTRACTS_VERSION, type Deployment } from "./deployment.ts";

/** Writes the contracts' addresses of a chain, replacing those that were there, completely or not at all. Returns the file. */
export async function writeDeployment(home: string, deployment: Deployment): Promise<string> {
  const file = deploymentFile(home, deployment.chainId);
  const temporary = `${file}.${randomUUID()}`;
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(temporary, `${JSON.stringify({ version: CONTRACTS_VERSION, ...deployment, block: deployment.block.toString() }, null, 2)}\n`);
    await rename(temporary, file);
    return file;
  } catch (cause) {
    throw new GainsayError("The deployment file could not be written; check the home folder's permissions.", {
      code: "FILE_NOT_WRITABLE",
      details: { file, reason: (cause as NodeJS.ErrnoException).code },
      cause,
    });
  } finally {
    await rm(temporary, { force: true });
  }
}
