import type { InferenceSession } from "onnxruntime-node";
import { pin } from "../../protocol/foreign.ts";
import type { OnnxRuntime, OpenSession } from "./onnxRuntime.ts";
import { ADDRESS_BYTES, addressesAt, loadOrtApi, pinAddresses, pinText, type Handle, type OrtApi } from "./ortApi.ts";
import { tensorByteLength } from "./tensorTypes.ts";
import type { SessionInfo, TensorBytes, ValueInfo } from "./types.ts";
import { dtypeFromNumber, valueInfo, type RawValueInfo } from "./valueInfo.ts";

/** As the library numbers them. */
const LOG_WARNINGS = 2;
const SEQUENTIAL = 0;
const DEVICE_ALLOCATOR = 0;
const DEFAULT_MEMORY = 0;
const optimizationLevels = { disabled: 0, basic: 1, extended: 2, layout: 3, all: 99 } as const;

/** Names of its providers as the binding has them. */
const providerNames: Readonly<Record<string, string>> = {
  CPUExecutionProvider: "cpu",
  WebGpuExecutionProvider: "webgpu",
  CUDAExecutionProvider: "cuda",
  TensorrtExecutionProvider: "tensorrt",
  CoreMLExecutionProvider: "coreml",
  DmlExecutionProvider: "dml",
};

/** What all sessions have in common. */
interface Common {
  environment: Handle;
  memory: Handle;
}

/** Loads the library by its C interface, for sessions on the processor; undefined where native functions cannot be called. Throws if they can be, but the library is not what it should be. */
export function loadLibrary(): OnnxRuntime | undefined {
  const api = loadOrtApi();
  if (api === undefined) return undefined;
  let made: Common | undefined;
  const common = (): Common => (made ??= { environment: api.get("createEnv", LOG_WARNINGS, "gainsay"), memory: api.get("createCpuMemoryInfo", DEVICE_ALLOCATOR, DEFAULT_MEMORY) });
  return {
    version: api.version,
    providers: availableProviders(api),
    prepare: () => void common(),
    open: (model, options) => openSession(api, common(), model, options),
  };
}

/** What the library was built with; it names the processor, which it falls back to, last. */
function availableProviders({ call, get, check, foreign }: OrtApi): string[] {
  const names = pin(8, foreign);
  const length = get("getAvailableProviders", names.bytes);
  const address = Number(new DataView(names.bytes.buffer).getBigUint64(0, true));
  const given = addressesAt(foreign, address, length).map((name) => foreign.decode.string(name));
  check(call.releaseAvailableProviders(address, length));
  return given.reverse().map((name) => providerNames[name] ?? name);
}

function openSession(api: OrtApi, { environment, memory }: Common, model: Uint8Array | string, options: InferenceSession.SessionOptions): OpenSession {
  const { call, get, foreign, check } = api;
  const settings = makeOptions(api, options);
  let session: Handle;
  try {
    session = typeof model === "string" ? get("createSession", environment, model, settings) : get("createSessionFromArray", environment, model, model.length, settings);
  } finally {
    call.releaseSessionOptions(settings);
  }
  let info: SessionInfo;
  try {
    info = describe(api, session);
  } catch (error) {
    call.releaseSession(session);
    throw error;
  }
  const names = (values: readonly ValueInfo[]) => {
    const texts = values.map(({ name }) => pinText(name, foreign));
    return { texts, ...pinAddresses(texts.map(({ address }) => address), foreign) };
  };
  const [inputNames, outputNames] = [names(info.inputs), names(info.outputs)];
  const prepared: Values[] = [];
  const values = (count: number): Values => {
    const made = createValues(api, memory, count);
    prepared.push(made);
    return made;
  };
  let released = false;
  const run = (inputs: Handle, outputs: Handle): void => {
    // The library would read memory that is no longer its own.
    if (released) throw new Error("The session has been released.");
    const status = call.run(session, 0, inputNames.address, inputs, info.inputs.length, outputNames.address, info.outputs.length, outputs);
    if (status) check(status);
  };
  const given = values(info.inputs.length);
  return {
    info,
    run(inputs) {
      given.set(inputs);
      const results = pin(info.outputs.length * ADDRESS_BYTES, foreign);
      const handles = new BigUint64Array(results.bytes.buffer);
      try {
        run(given.address, results.address);
        return Array.from(handles, (value) => takeTensor(api, Number(value)));
      } finally {
        for (const value of handles) call.releaseValue(Number(value));
      }
    },
    into(places) {
      const [own, outputs] = [values(info.inputs.length), values(info.outputs.length)];
      outputs.set(places);
      return (inputs) => {
        own.set(inputs);
        run(own.address, outputs.address);
      };
    },
    release() {
      if (released) return;
      released = true;
      for (const one of prepared.splice(0)) one.release();
      call.releaseSession(session);
    },
  };
}

/** Addresses of tensors that lie in our memory, as a run wants them. */
interface Values {
  readonly address: number;
  set(tensors: readonly TensorBytes[]): void;
  release(): void;
}

function createValues({ get, call, foreign }: OrtApi, memory: Handle, count: number): Values {
  const pinned = pin(count * ADDRESS_BYTES, foreign);
  const handles = new BigUint64Array(pinned.bytes.buffer);
  /** Those that the handles are of, which keeps their memory. */
  const tensors: (TensorBytes | undefined)[] = [];
  const dimensions: BigInt64Array[] = [];
  /** Tensors without bytes have no address. */
  const nowhere = pin(8, foreign);
  const giveUp = (i: number): void => {
    call.releaseValue(Number(handles[i]));
    handles[i] = 0n;
    tensors[i] = undefined;
  };
  return {
    address: pinned.address,
    set(given) {
      given.forEach(({ dtype, shape, bytes }, i) => {
        const last = tensors[i];
        if (last?.bytes === bytes && last.shape === shape) return;
        giveUp(i);
        if (last === undefined || last.shape !== shape) dimensions[i] = BigInt64Array.from(shape, BigInt);
        const address = bytes.length === 0 ? nowhere.address : Number(foreign.address(bytes));
        handles[i] = BigInt(get("createTensorWithDataAsOrtValue", memory, address, bytes.length, dimensions[i] as BigInt64Array, shape.length, dtype));
        tensors[i] = { dtype, shape, bytes };
      });
    },
    release() {
      for (let i = 0; i < count; i++) giveUp(i);
    },
  };
}

/** A copy of a tensor that the library has made. */
function takeTensor(api: OrtApi, value: Handle): TensorBytes {
  const { get, call, foreign } = api;
  const described = get("getTensorTypeAndShape", value);
  try {
    const { type, shape } = readShape(api, described);
    const dtype = dtypeFromNumber(type);
    const length = tensorByteLength(dtype, shape);
    return { dtype, shape, bytes: length === 0 ? new Uint8Array(0) : new Uint8Array(foreign.view(get("getTensorMutableData", value), length)).slice() };
  } finally {
    call.releaseTensorTypeAndShapeInfo(described);
  }
}

/** Element type and dimensions of a description of a tensor. */
function readShape({ get, call, check, foreign }: OrtApi, described: Handle): Pick<RawValueInfo, "type" | "shape"> {
  const rank = get("getDimensionsCount", described);
  const dimensions = pin(rank * 8, foreign);
  check(call.getDimensions(described, dimensions.bytes, rank));
  return { type: get("getTensorElementType", described), shape: Array.from(new BigInt64Array(dimensions.bytes.buffer), Number) };
}

/** What the inputs and outputs of a session are. Throws what `valueInfo` throws. */
function describe(api: OrtApi, session: Handle): SessionInfo {
  const { get, call, check, foreign } = api;
  const allocator = get("getAllocatorWithDefaultOptions");
  const values = (count: number, name: "sessionGetInputName" | "sessionGetOutputName", type: "sessionGetInputTypeInfo" | "sessionGetOutputTypeInfo"): ValueInfo[] =>
    Array.from({ length: count }, (_, i) => {
      const text = get(name, session, i, allocator);
      const typeInfo = get(type, session, i);
      try {
        const described = get("castTypeInfoToTensorInfo", typeInfo);
        const own = { name: foreign.decode.string(text), isTensor: described !== 0, type: 0, shape: [], symbolicDimensions: [] };
        if (described === 0) return valueInfo(own);
        const { type: element, shape } = readShape(api, described);
        const symbols = pin(shape.length * 8, foreign);
        check(call.getSymbolicDimensions(described, symbols.bytes, shape.length));
        return valueInfo({ ...own, type: element, shape, symbolicDimensions: Array.from(new BigUint64Array(symbols.bytes.buffer), (symbol) => foreign.decode.string(symbol)) });
      } finally {
        call.releaseTypeInfo(typeInfo);
        check(call.allocatorFree(allocator, text));
      }
    });
  return { inputs: values(get("sessionGetInputCount", session), "sessionGetInputName", "sessionGetInputTypeInfo"), outputs: values(get("sessionGetOutputCount", session), "sessionGetOutputName", "sessionGetOutputTypeInfo") };
}

/** The library's object for options as the package's interface has them. */
function makeOptions({ get, call, check }: OrtApi, options: InferenceSession.SessionOptions): Handle {
  const { graphOptimizationLevel = "all", intraOpNumThreads = 0, interOpNumThreads = 0, logSeverityLevel = LOG_WARNINGS, optimizedModelFilePath, extra = {} } = options;
  const made = get("createSessionOptions");
  try {
    check(call.setSessionExecutionMode(made, SEQUENTIAL));
    check(call.setSessionLogSeverityLevel(made, logSeverityLevel));
    check(call.setSessionGraphOptimizationLevel(made, optimizationLevels[graphOptimizationLevel]));
    check(call.setIntraOpNumThreads(made, intraOpNumThreads));
    check(call.setInterOpNumThreads(made, interOpNumThreads));
    if (optimizedModelFilePath !== undefined) check(call.setOptimizedModelFilePath(made, optimizedModelFilePath));
    for (const [key, value] of entries(extra)) check(call.addSessionConfigEntry(made, key, value));
    return made;
  } catch (error) {
    call.releaseSessionOptions(made);
    throw error;
  }
}

/** Nested settings as the library names them: `{ a: { b: "c" } }` is c for a.b. */
function entries(settings: object, prefix = ""): [string, string][] {
  return Object.entries(settings).flatMap(([key, value]: [string, unknown]) => (typeof value === "object" && value !== null ? entries(value, `${prefix}${key}.`) : [[`${prefix}${key}`, String(value)]]));
}
