import { readFile } from "node:fs/promises";
import { GainsayError } from "../../protocol/errors.ts";
import { deploymentFile } from "./deploymentFile.ts";
import { CONTRACTS_VERSION, deploymentSchema, type Deployment } from "./deployment.ts";

/**
 * The contracts' addresses on a chain, from `deployments/<chainId>.json` in the home folder.
 * @throws GainsayError `DEPLOYMENT_NOT_FOUND`, which says how to get one, or `DEPLOYMENT_MALFORMED`.
 */
export async function readDeployment(home: string, chainId: number): Promise<Deployment> {
  const file = deploymentFile(home, chainId);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code;
    if (reason !== "ENOENT") throw malformed(file, "it cannot be read", cause);
    throw new GainsayError(
      chainId === 31337
        ? "There is no deployment for the development chain in this home; start one with `gainsay devnet`, or give the --home of the one that runs."
        : `There is no deployment for chain ${chainId} in this home; put the contracts' addresses into the file named in the details.`,
      { code: "DEPLOYMENT_NOT_FOUND", kind: "usage", details: { chainId, file } },
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw malformed(file, "it is not JSON", cause);
  }
  const version = typeof json === "object" && json !== null && "version" in json ? json.version : CONTRACTS_VERSION;
  if (typeof version === "number" && version !== CONTRACTS_VERSION) {
    throw new GainsayError(`The deployment is of contracts version ${version}, and this program speaks version ${CONTRACTS_VERSION}: ${version > CONTRACTS_VERSION ? "update this program" : "take the addresses of a newer deployment, after all jobs and disputes of the old one are settled"}.`, { code: "DEPLOYMENT_VERSION", kind: "usage", details: { file, version, speaks: CONTRACTS_VERSION } });
  }
  const parsed = deploymentSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw malformed(file, `${issue?.path.join(".") || "the document"}: ${issue?.message ?? "not valid"}`, parsed.error);
  }
  if (parsed.data.chainId !== chainId) throw malformed(file, `it is for chain ${parsed.data.chainId}`);
  return parsed.data;
}

function malformed(file: string, reason: string, cause?: unknown): GainsayError {
  return new GainsayError(`The deployment file is not usable: ${reason}.`, { code: "DEPLOYMENT_MALFORMED", kind: "usage", details: { file }, cause });
}
