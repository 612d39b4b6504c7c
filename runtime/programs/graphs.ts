import type { Hex } from "../../protocol/hex.ts";
import type { ModelFile } from "../inference/types.ts";

/** A graph that ONNX Runtime can load. */
export interface Graph {
  /** SHA-256 of its bytes in hexadecimal. */
  readonly sha256: string;
  readonly source: Uint8Array | ModelFile;
  /** Its bytes, read again if need be. Throws `GRAPH_DAMAGED` if they are not the ones that were kept. */
  bytes(): Promise<Uint8Array>;
}

/** The graphs of one program on one machine. */
export interface ProgramGraphs {
  /** Names what decides their bits; undefined if they are not kept. */
  readonly setting: string | undefined;
  /** The graph `name`: as it is kept, else as `write` now writes it into a file. One that is made of another belongs to that one, `from`. */
  of(name: string, write: (file: string) => Promise<void>, from?: Graph): Promise<Graph>;
}

/** Where graphs are kept. */
export interface GraphStore {
  /** Those of a program, as the version of ONNX Runtime makes them which the inference process says that it has. */
  open(program: Hex, runtimeVersion: Promise<string>): Promise<ProgramGraphs>;
}
