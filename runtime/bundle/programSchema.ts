import { z } from "zod";
import { fromHex, type Hex } from "../../protocol/hex.ts";
import { dtypes, type Dtype, type Role, type Source, type StepKind } from "../../protocol/program/types.ts";

const uint = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const uint32 = uint.max(2 ** 32 - 1);
const int = z.number().int().min(Number.MIN_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER);
const int32 = int.min(-(2 ** 31)).max(2 ** 31 - 1);
const byte = uint.max(255);
const root = z.string().regex(/^0x[0-9a-f]{64}$/).transform((value) => value as Hex);
const bytes = z.string().regex(/^0x([0-9a-f]{2})*$/).transform(fromHex);
const dtype = z.custom<Dtype>((value) => Object.values(dtypes).some((number) => number === value), "must be an element type");
const source = uint.max(3).transform((value) => value as Source);
const shape = z.array(uint32.min(1)).max(64);
const perm = z.array(uint).max(64);

const access = z.strictObject({
  offset: int,
  outStrides: z.array(int),
  reduceStrides: z.array(int),
  windows: z.array(z.strictObject({ outDim: byte, reduceDim: byte, stride: int32, dilation: int32, pad: int32, size: uint32 })),
  stages: z.array(z.strictObject({ offset: int, shape, strides: z.array(int) })),
});

const step = z.strictObject({
  version: byte,
  kind: uint.min(1).max(6).transform((value) => value as StepKind),
  op: byte,
  profile: uint.max(65_535),
  blockIndex: uint32,
  result: z.strictObject({ dtype, source, index: uint32, shape }),
  reduce: shape,
  operands: z.array(z.strictObject({ role: uint.max(2).transform((value) => value as Role), dtype, source, index: uint32, root, elements: uint, access })),
  expression: bytes,
  attributes: bytes,
});

const header = z.strictObject({
  version: uint.max(65_535),
  graph: root,
  inputs: root,
  stepsRoot: root,
  blocksRoot: root,
  stepCount: uint32,
  blockCount: uint32,
  inputCount: uint32,
  traceCount: uint32,
  outputs: z.array(uint32),
});

const tensor = z.strictObject({ name: z.string(), dtype, shape, perm, step: uint32 });

/** The shape of `program.json`. */
export const programSchema = z.strictObject({
  root,
  header,
  steps: z.array(step),
  blocks: z.array(z.strictObject({ firstStep: uint32, stepCount: uint32, borders: z.array(uint32), innerCount: uint32 })),
  inputs: z.array(z.strictObject({ name: z.string(), dtype, shape })),
  outputs: z.array(z.strictObject({ name: z.string(), dtype, shape, trace: uint32, access })),
  trace: z.array(tensor),
  /** Left out where every step is a block of its own. */
  inner: z.array(tensor).default([]),
  weights: z.array(z.strictObject({ name: z.string(), dtype, shape, perm, root })),
  nodes: z.array(z.array(z.string())),
});
