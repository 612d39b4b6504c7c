import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ProgramGraphs } from "./graphs.ts";

/** Graphs that last as long as the process, for whoever runs a program once. */
export function memoryGraphs(): ProgramGraphs {
  return {
    setting: undefined,
    async of(_name, write) {
      const folder = await mkdtemp(path.join(tmpdir(), "gainsay-graph-"));
      try {
        const file = path.join(folder, "model.onnx");
        await write(file);
        const bytes = new Uint8Array(await readFile(file));
        return { sha256: createHash("sha256").update(bytes).digest("hex"), source: bytes, bytes: async () => bytes };
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}
