import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { loadForeign, pin, type Foreign, type Pinned } from "../../protocol/foreign.ts";

export const ADDRESS_BYTES = 8;

/** Address of an object of the library; 0 is none. */
export type Handle = number;

type Parameter = Handle | Uint8Array | BigInt64Array | string;
type Native = (...given: Parameter[]) => Handle | bigint;

/**
 * The functions that are used, by their place in the table of functions: entries are only ever added behind those that are there (`OrtApi` in onnxruntime_c_api.h, whose place of each
 * version's last entry is asserted when the library is built). The parameters are those of C; objects and what only passes through here are addresses. Results are statuses unless something else is said.
 */
const functions = {
  getErrorMessage: [2, "const char *", "uint64_t"],
  createEnv: [3, "uint64_t", "int, const char *, void *"],
  createSession: [7, "uint64_t", "uint64_t, const char *, uint64_t, void *"],
  createSessionFromArray: [8, "uint64_t", "uint64_t, const void *, size_t, uint64_t, void *"],
  run: [9, "uint64_t", "uint64_t, uint64_t, uint64_t, uint64_t, size_t, uint64_t, size_t, uint64_t"],
  createSessionOptions: [10, "uint64_t", "void *"],
  setOptimizedModelFilePath: [11, "uint64_t", "uint64_t, const char *"],
  setSessionExecutionMode: [13, "uint64_t", "uint64_t, int"],
  setSessionLogSeverityLevel: [22, "uint64_t", "uint64_t, int"],
  setSessionGraphOptimizationLevel: [23, "uint64_t", "uint64_t, int"],
  setIntraOpNumThreads: [24, "uint64_t", "uint64_t, int"],
  setInterOpNumThreads: [25, "uint64_t", "uint64_t, int"],
  sessionGetInputCount: [30, "uint64_t", "uint64_t, void *"],
  sessionGetOutputCount: [31, "uint64_t", "uint64_t, void *"],
  sessionGetInputTypeInfo: [33, "uint64_t", "uint64_t, size_t, void *"],
  sessionGetOutputTypeInfo: [34, "uint64_t", "uint64_t, size_t, void *"],
  sessionGetInputName: [36, "uint64_t", "uint64_t, size_t, uint64_t, void *"],
  sessionGetOutputName: [37, "uint64_t", "uint64_t, size_t, uint64_t, void *"],
  createTensorWithDataAsOrtValue: [49, "uint64_t", "uint64_t, uint64_t, size_t, const int64_t *, size_t, int, void *"],
  getTensorMutableData: [51, "uint64_t", "uint64_t, void *"],
  castTypeInfoToTensorInfo: [55, "uint64_t", "uint64_t, void *"],
  getTensorElementType: [60, "uint64_t", "uint64_t, void *"],
  getDimensionsCount: [61, "uint64_t", "uint64_t, void *"],
  getDimensions: [62, "uint64_t", "uint64_t, void *, size_t"],
  getSymbolicDimensions: [63, "uint64_t", "uint64_t, void *, size_t"],
  getTensorTypeAndShape: [65, "uint64_t", "uint64_t, void *"],
  createCpuMemoryInfo: [69, "uint64_t", "int, int, void *"],
  allocatorFree: [76, "uint64_t", "uint64_t, uint64_t"],
  getAllocatorWithDefaultOptions: [78, "uint64_t", "void *"],
  releaseStatus: [93, "void", "uint64_t"],
  releaseSession: [95, "void", "uint64_t"],
  releaseValue: [96, "void", "uint64_t"],
  releaseTypeInfo: [98, "void", "uint64_t"],
  releaseTensorTypeAndShapeInfo: [99, "void", "uint64_t"],
  releaseSessionOptions: [100, "void", "uint64_t"],
  getAvailableProviders: [125, "uint64_t", "void *, void *"],
  releaseAvailableProviders: [126, "uint64_t", "uint64_t, int"],
  addSessionConfigEntry: [130, "uint64_t", "uint64_t, const char *, const char *"],
} as const;

/** Version of the table in which the last of them was added. */
const API_VERSION = 5;
const TABLE_ENTRIES = 131;

/** ONNX Runtime's C interface. */
export interface OrtApi {
  version: string;
  foreign: Foreign;
  call: Record<keyof typeof functions, Native>;
  /** Throws an error with the library's message if a status is not 0. */
  check(status: Handle | bigint): void;
  /** What a function that can fail writes to its last parameter: an address or a number of so many bytes. */
  get(name: keyof typeof functions, ...given: Parameter[]): Handle;
}

/** The library is unloaded when its handle is collected. */
let library: ReturnType<Foreign["load"]> | undefined;

/** Loads the library of the installed package; undefined where native functions cannot be called, or it is none that is known. Not on Windows, where paths have another type. */
export function loadOrtApi(): OrtApi | undefined {
  const foreign = process.platform === "win32" ? undefined : loadForeign();
  const file = libraryFile();
  if (foreign === undefined || file === undefined) return undefined;
  library = foreign.load(file);
  const base = (library.func("const void *OrtGetApiBase()") as () => Handle)();
  /** `OrtApiBase`: const OrtApi *(*GetApi)(uint32_t), const char *(*GetVersionString)(void). */
  const [getApi, getVersionString] = addressesAt(foreign, base, 2) as [Handle, Handle];
  const table = functionAt<(version: number) => Handle>(foreign, getApi, "const void *", "uint32_t")(API_VERSION);
  if (!table) return undefined;
  const addresses = addressesAt(foreign, table, TABLE_ENTRIES);
  const call = Object.fromEntries(Object.entries(functions).map(([name, [place, result, parameters]]) => [name, functionAt<Native>(foreign, addresses[place] as Handle, result, parameters)])) as OrtApi["call"];
  const check = (status: Handle | bigint): void => {
    if (!status) return;
    const message = call.getErrorMessage(Number(status)) as unknown as string;
    call.releaseStatus(Number(status));
    throw new Error(message);
  };
  const word = pin(8, foreign);
  const read = new DataView(word.bytes.buffer);
  return {
    version: functionAt<() => string>(foreign, getVersionString, "const char *", "")(),
    foreign,
    call,
    check,
    get(name, ...given) {
      read.setBigUint64(0, 0n, true);
      check(call[name](...given, word.bytes));
      return Number(read.getBigUint64(0, true));
    },
  };
}

/** So many addresses that lie side by side. */
export function addressesAt(foreign: Foreign, address: Handle, count: number): Handle[] {
  return Array.from(foreign.decode(address, "uint64_t", count) as BigUint64Array, Number);
}

function functionAt<T>(foreign: Foreign, address: Handle, result: string, parameters: string): T {
  return foreign.decode(BigInt(address), foreign.proto(result, parameters === "" ? [] : parameters.split(", "))) as T;
}

/** Addresses side by side. */
export function pinAddresses(addresses: readonly number[], foreign: Foreign): Pinned {
  const pinned = pin(addresses.length * ADDRESS_BYTES, foreign);
  new BigUint64Array(pinned.bytes.buffer).set(addresses.map(BigInt));
  return pinned;
}

/** A text as C has it. */
export function pinText(text: string, foreign: Foreign): Pinned {
  const bytes = new TextEncoder().encode(`${text}\0`);
  const pinned = pin(bytes.length, foreign);
  pinned.bytes.set(bytes);
  return pinned;
}

/** The package's library, beside its binding for this platform. */
function libraryFile(): string | undefined {
  const root = path.join(path.dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json")), "bin");
  for (const version of readdirSync(root)) {
    const folder = path.join(root, version, process.platform, process.arch);
    const name = existsSync(folder) && readdirSync(folder).find((one) => /^(libonnxruntime\.so(\.\d+)*|libonnxruntime(\.\d+)+\.dylib)$/.test(one));
    if (name) return path.join(folder, name);
  }
  return undefined;
}
