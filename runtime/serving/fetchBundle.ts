import { mkdtemp, mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { GainsayError } from "../../protocol/errors.ts";
import type { Hex } from "../../protocol/hex.ts";
import { bundleFileNames, checkBundleFormat, manifestSchema } from "../bundle/bundleFiles.ts";
import { readBundle } from "../bundle/readBundle.ts";
import type { Chain } from "../chain/createChain.ts";
import { readRegistration } from "../chain/reads/readJobEvents.ts";
import type { Network } from "../network/createNetwork.ts";

/** Bytes of the largest manifest: it names two files. */
const MAX_MANIFEST_BYTES = 4096;
/** Bytes of the largest model that is fetched without being asked for by a person. */
const MAX_BUNDLE_BYTES = 2 ** 30;

export interface FetchBundleOptions {
  network: Pick<Network, "blobs">;
  /** Addresses with peer id, or ids of connected peers. */
  peers: readonly string[];
  /** Program root. */
  root: Hex;
  /** SHA-256 of the bundle's manifest, as it was registered. */
  manifestHash: Hex;
  /** Folder of bundles to put it in. */
  folder: string;
  signal: AbortSignal;
}

/** SHA-256 of the manifest that a program was registered with. Throws `PROGRAM_UNREGISTERED`. */
export async function registeredManifest(chain: Chain, root: Hex): Promise<Hex> {
  const registration = await readRegistration(chain, root);
  if (registration === undefined) throw new GainsayError("The program is not registered on this chain, so nobody says where its bundle is.", { code: "PROGRAM_UNREGISTERED", details: { root } });
  return registration.args.bundle;
}

/**
 * Fetches the bundle of a program from peers into a folder of bundles. What the registrant named is only a hint: the bundle is kept if
 * its own hashes lead to the program root. Throws `BUNDLE_UNFIT`, and what a blob fetch and `readBundle` throw.
 */
export async function fetchBundle({ network, peers, root, manifestHash, folder, signal }: FetchBundleOptions): Promise<void> {
  const fetch = (hash: Hex, maxBytes: number): Promise<Uint8Array> => network.blobs.fetch({ kind: "bundle", root: hash }, peers, { signal, maxBytes });
  const manifestBytes = await fetch(manifestHash, MAX_MANIFEST_BYTES);
  const manifest = parseManifest(manifestBytes, root);
  await mkdir(folder, { recursive: true });
  const temporary = await mkdtemp(path.join(folder, ".fetch-"));
  try {
    await writeFile(path.join(temporary, bundleFileNames.manifest), manifestBytes);
    for (const name of [bundleFileNames.model, bundleFileNames.program] as const) {
      const { sha256, bytes } = manifest.files[name];
      if (bytes > MAX_BUNDLE_BYTES) throw unfit(root, `its ${name} has ${bytes} bytes`);
      await writeFile(path.join(temporary, name), await fetch(sha256 as Hex, bytes));
    }
    await readBundle(temporary);
    await rename(temporary, path.join(folder, root));
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

function parseManifest(bytes: Uint8Array, root: Hex) {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    checkBundleFormat(value);
    const manifest = manifestSchema.parse(value);
    if (manifest.root === root) return manifest;
  } catch (cause) {
    if (cause instanceof GainsayError) throw cause;
    throw unfit(root, "its manifest is malformed", cause);
  }
  throw unfit(root, "it is of another program");
}

function unfit(root: Hex, reason: string, cause?: unknown): GainsayError {
  return new GainsayError(`The bundle that was registered for the program cannot be used: ${reason}.`, { code: "BUNDLE_UNFIT", kind: "verification", details: { root }, cause });
}
