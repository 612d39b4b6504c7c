import { createRequire } from "node:module";

export type Foreign = typeof import("koffi");

const load = createRequire(import.meta.url);
let foreign: Foreign | null | undefined;

/** Koffi, which calls functions of native libraries; undefined where it is not installed, as on a platform for which it is not built. */
export function loadForeign(): Foreign | undefined {
  if (foreign === undefined) {
    try {
      foreign = load("koffi") as Foreign;
    } catch {
      foreign = null;
    }
  }
  return foreign ?? undefined;
}

/** Memory that native code may be given the address of: it stays where it is for as long as somebody has `bytes`. */
export interface Pinned {
  bytes: Uint8Array<ArrayBuffer>;
  address: number;
}

export function pin(bytes: number, { address }: Foreign): Pinned {
  // Small typed arrays lie where the garbage collector moves things, memory with a buffer of its own does not.
  const pinned = new Uint8Array(new ArrayBuffer(bytes));
  return { bytes: pinned, address: Number(address(pinned)) };
}
