import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../protocol/errors.ts";
import type { Paths } from "../runtime/config/paths.ts";
import { DEVNET_CHAIN_ID, devnetAccounts } from "../runtime/devnet/startDevnet.ts";
import { decryptKey } from "../runtime/keys/decryptKey.ts";
import { readPrivateFile } from "../runtime/keys/privateFile.ts";
import { readKeystore } from "../runtime/keys/readKeystore.ts";

/**
 * Removes what development chains left in a home: deployment, their keys and password, jobs, and the data of daemons. Bundles,
 * settings and other keys stay, also those that have the names of a devnet's. Throws `DEVNET_HOME_SHARED` for a home that is used with another chain, whose data it would lose.
 */
export async function forgetDevnet(paths: Paths): Promise<void> {
  const deployments = existsSync(paths.deployments) ? (await readdir(paths.deployments)).filter((name) => name.endsWith(".json")) : [];
  const others = deployments.filter((name) => name !== `${DEVNET_CHAIN_ID}.json`);
  if (others.length > 0) {
    throw new GainsayError("This home is also used with other chains, so nothing is removed from it; give the devnet a home of its own with --home.", { code: "DEVNET_HOME_SHARED", kind: "usage", details: { home: paths.home, deployments: others } });
  }
  const left = [...(await devnetKeys(paths)), path.join(paths.deployments, `${DEVNET_CHAIN_ID}.json`), paths.devnet, paths.jobs, ...["executor", "watcher", "peers"].map((name) => path.join(paths.home, name))];
  for (const item of left) await rm(item, { recursive: true, force: true });
}

/** Keystores that a devnet has made: those that its password opens. */
async function devnetKeys(paths: Paths): Promise<string[]> {
  const password = await readPrivateFile(path.join(paths.devnet, "password"));
  if (password === undefined) return [];
  const opened = await Promise.all(
    devnetAccounts.map(async (name) => {
      const file = path.join(paths.keys, `${name}.json`);
      return readKeystore(file)
        .then((keystore) => decryptKey(keystore, Buffer.from(password).toString("utf8").trim()))
        .then(() => [file], () => []);
    }),
  );
  return opened.flat();
}
