import type { Hex } from "../hex.ts";

/** Step kinds; the numbers stand in descriptors. */
export const stepKinds = { contraction: 1, map: 2, reduction: 3, normalisation: 4, gather: 5, movement: 6 } as const;
export type StepKind = (typeof stepKinds)[keyof typeof stepKinds];

/** Operations of a reduction step. */
export const reductionOps = { max: 1, min: 2, sum: 3, mean: 4, meanOfAll: 5, argMax: 6, argMin: 7 } as const;

/** Operations of a normalisation step. */
export const normalisationOps = { softmax: 1, logSoftmax: 2 } as const;

/** Element types, numbered as ONNX `TensorProto.DataType`. */
export const dtypes = { float32: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, bool: 9, float16: 10, uint32: 12, uint64: 13, bfloat16: 16 } as const;
export type DtypeName = keyof typeof dtypes;
export type Dtype = (typeof dtypes)[DtypeName];

/** Bytes of one element. */
export const dtypeBytes: Readonly<Record<Dtype, number>> = { 1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 12: 4, 13: 8, 16: 2 };

/** Where a committed tensor stands. */
export const sources = { input: 0, weight: 1, trace: 2, inner: 3 } as const;
export type Source = (typeof sources)[keyof typeof sources];

/** How an operand enters a step. */
export const roles = { factor: 0, addend: 1, value: 2 } as const;
export type Role = (typeof roles)[keyof typeof roles];

/**
 * Numeric profiles: 1 is fp32 with round to nearest, any order, FMA allowed, flushing allowed; 2 is the same with float16 and bfloat16
 * as storage besides.
 */
export const profiles = { fp32: 1, halfStorage: 2 } as const;

/** A dimension number in a window that means "no such term". */
export const NO_DIM = 255;

export interface Window {
  outDim: number;
  reduceDim: number;
  stride: number;
  dilation: number;
  pad: number;
  size: number;
}

export interface Stage {
  offset: number;
  shape: number[];
  strides: number[];
}

/** Index map from (output, reduction) coordinates to an element of the committed bytes; see docs/protocol.md §2. */
export interface Access {
  offset: number;
  outStrides: number[];
  reduceStrides: number[];
  windows: Window[];
  stages: Stage[];
}

export interface Operand {
  role: Role;
  dtype: Dtype;
  source: Source;
  index: number;
  root: Hex;
  elements: number;
  access: Access;
}

export interface StepResult {
  dtype: Dtype;
  source: Source;
  index: number;
  /** Dimensions in commit order. */
  shape: number[];
}

/** One layer that the judge can decide; the TypeScript twin of the Solidity struct of the same name. */
export interface Step {
  version: number;
  kind: StepKind;
  op: number;
  profile: number;
  blockIndex: number;
  result: StepResult;
  reduce: number[];
  operands: Operand[];
  expression: Uint8Array;
  attributes: Uint8Array;
}

export interface ProgramHeader {
  version: number;
  graph: Hex;
  inputs: Hex;
  stepsRoot: Hex;
  blocksRoot: Hex;
  stepCount: number;
  blockCount: number;
  inputCount: number;
  traceCount: number;
  outputs: number[];
}

/** Consecutive steps; the twin of the Solidity struct of the same name. */
export interface Block {
  firstStep: number;
  stepCount: number;
  /** Trace indices of the results that other blocks or the outputs read, ascending. */
  borders: number[];
  /** Tensors of the inner trace: all other results, in the order of the steps. */
  innerCount: number;
}

/** A model input: committed row-major, as given. */
export interface TensorSpec {
  name: string;
  dtype: Dtype;
  shape: number[];
}

/** A tensor of the posted trace or of an inner one, and how it relates to the graph's value. */
export interface TraceTensor {
  /** Name of the value in the folded graph. */
  name: string;
  dtype: Dtype;
  /** Shape of the value in the graph. */
  shape: number[];
  /** `perm[k]` is the axis of `shape` that comes k-th in commit order. */
  perm: number[];
  /** Step that defines it. */
  step: number;
}

/** A weight: an initialiser of the folded graph in the layout its reader wants. */
export interface WeightTensor {
  name: string;
  dtype: Dtype;
  shape: number[];
  perm: number[];
  root: Hex;
}

/** A model output: a trace tensor seen through a view; row-major element i of `shape` is `access` at coordinates of i. */
export interface OutputSpec {
  name: string;
  dtype: Dtype;
  shape: number[];
  trace: number;
  access: Access;
}

/** A compiled model: all that judge, executor and watcher need, but the weights' bytes. */
export interface Program {
  root: Hex;
  header: ProgramHeader;
  steps: Step[];
  blocks: Block[];
  inputs: TensorSpec[];
  outputs: OutputSpec[];
  /** The posted trace. */
  trace: TraceTensor[];
  /** The tensors inside of blocks, in the order of their steps; empty if every step is a block of its own. */
  inner: TraceTensor[];
  weights: WeightTensor[];
  /** Names of the graph's nodes that each step covers, for people. */
  nodes: string[][];
}

/** A block of a program with the path of its hash in the program's blocks. */
export interface ProvedBlock {
  index: number;
  content: Block;
  proof: readonly Uint8Array[];
}

/** What a commitment claims, and the inner trace that its executor has committed for one block, if any: see `claimOf`. */
export interface Claim {
  programRoot: Hex;
  inputRoot: Hex;
  traceRoot: Hex;
  /** List root of the inner trace of block `innerBlock`, which has `innerCount` tensors; zero if there is none. */
  innerRoot: Hex;
  innerBlock: number;
  innerCount: number;
}

export interface Range {
  first: number;
  data: Uint8Array;
  siblings: Uint8Array[];
}

export interface Opening {
  root: Hex;
  proof: Uint8Array[];
  ranges: Range[];
}

export interface Witness {
  header: ProgramHeader;
  stepIndex: number;
  step: Uint8Array;
  stepProof: Uint8Array[];
  element: number;
  result: Opening;
  operands: Opening[];
}

export interface Verdict {
  fraud: boolean;
  claimed: number;
  lo: number;
  hi: number;
  nan: boolean;
}
