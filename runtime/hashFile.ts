import { createHash } from "node:crypto";
import { open } from "node:fs/promises";

const PIECE_BYTES = 1024 * 1024;

/** Length and SHA-256, in hexadecimal, of a file, which is read in pieces: it may be as large as memory. Throws what reading throws. */
export async function hashFile(file: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  const handle = await open(file, "r");
  try {
    const piece = new Uint8Array(Math.min(PIECE_BYTES, Math.max(1, (await handle.stat()).size)));
    for (let bytes = 0; ; ) {
      const { bytesRead } = await handle.read(piece, 0, piece.length);
      if (bytesRead === 0) return { bytes, sha256: hash.digest("hex") };
      bytes += bytesRead;
      hash.update(piece.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}
