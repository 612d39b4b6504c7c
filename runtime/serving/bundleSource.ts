import { existsSync } from "node:fs";
import { open, readFile, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { toHex, type Hex } from "../../protocol/hex.ts";
import { sha256 } from "../../protocol/trees/sha256.ts";
import { CHUNK_BYTES } from "../../protocol/trees/tensorTree.ts";
import { bundleFileNames } from "../bundle/bundleFiles.ts";
import type { BlobSource } from "../network/blobs/serveBlob.ts";

/** Serves the files of the bundles in the folders to peers, each by the hash of its bytes. */
export function bundleSource(folders: readonly string[]): BlobSource {
  const files = new Map<Hex, string>();
  const indexed = new Set<string>();

  const index = async (): Promise<void> => {
    for (const folder of folders) {
      for (const name of await readdir(folder).catch(() => [] as string[])) {
        const bundle = path.join(folder, name);
        if (indexed.has(bundle) || !existsSync(path.join(bundle, bundleFileNames.manifest))) continue;
        for (const file of Object.values(bundleFileNames)) files.set(toHex(sha256(await readFile(path.join(bundle, file)))), path.join(bundle, file));
        indexed.add(bundle);
      }
    }
  };

  return {
    async open(name) {
      if (name.kind !== "bundle") return undefined;
      if (!files.has(name.root)) await index();
      const file = files.get(name.root);
      if (file === undefined || !existsSync(file)) return undefined;
      const handle = await open(file);
      const read = async (offset: number, length: number): Promise<Uint8Array> => {
        const { buffer, bytesRead } = await handle.read(new Uint8Array(length), 0, length, offset);
        return buffer.subarray(0, bytesRead);
      };
      const byteLength = (await stat(file)).size;
      return {
        byteLength,
        read,
        async leaves() {
          const hashes: Uint8Array[] = [];
          for (let offset = 0; offset < byteLength; offset += CHUNK_BYTES) hashes.push(sha256(await read(offset, Math.min(CHUNK_BYTES, byteLength - offset))));
          return new Uint8Array(Buffer.concat(hashes));
        },
        close: () => handle.close(),
      };
    },
  };
}
