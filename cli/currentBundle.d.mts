/** Folder of the bundles, from the project's root, and the file in it that says which of them is current. */
export const BUNDLES: string;
export const BUNDLE_MANIFEST: string;

/** Of each file that a bundle was made of, from the project's root with slashes: its length, times, and the SHA-256 of its contents. */
export type BundleInputs = Record<string, [bytes: number, modifiedMs: number, changedMs: number, sha256: string]>;

/** The bundle's file for an entry such as `gainsay.js`, or undefined if there is none that was made of the sources as they are. */
export function currentBundle(root: string, entry: string): string | undefined;
