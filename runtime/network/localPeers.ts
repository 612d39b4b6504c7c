import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";

const peerFile = z.object({ addresses: z.array(z.string().startsWith("/")) });

/** Folder of the peer files in a data folder. */
function folderOf(home: string): string {
  return path.join(home, "peers");
}

/**
 * Leaves the own addresses in the data folder, so that other processes with the same data folder find this node without being told.
 * Returns what takes them away.
 */
export async function publishLocalPeer(home: string, name: string, addresses: readonly string[]): Promise<() => Promise<void>> {
  const folder = folderOf(home);
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, `${name}.json`);
  await writeFile(`${file}.tmp`, `${JSON.stringify({ addresses })}\n`);
  await rename(`${file}.tmp`, file);
  return () => rm(file, { force: true });
}

/** Addresses of the nodes that share the data folder, other than `except`. A file that cannot be read is passed over: its node is stale. */
export async function readLocalPeers(home: string, except?: string): Promise<string[]> {
  const names = await readdir(folderOf(home)).catch(() => [] as string[]);
  const addresses: string[] = [];
  for (const name of names.filter((entry) => entry.endsWith(".json") && entry !== `${except}.json`)) {
    try {
      addresses.push(...peerFile.parse(JSON.parse(await readFile(path.join(folderOf(home), name), "utf8"))).addresses);
    } catch {
      continue;
    }
  }
  return addresses;
}
