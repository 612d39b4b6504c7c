import { encodeAbiParameters, type Hex } from "viem";
import { blockAbi, headerAbi, stepAbi } from "../../../protocol/program/abi.ts";
import { fromHex, toHex } from "../../../protocol/hex.ts";
import { listRoot } from "../../../protocol/trees/listTree.ts";
import { domainBytes } from "../../../protocol/trees/domains.ts";
import { buildTree, pathProof, type MerkleTree } from "../../../protocol/trees/merkle.ts";
import { sha256 } from "../../../protocol/trees/sha256.ts";
import { tensorLeaves, tensorRoot, tensorTree } from "../../../protocol/trees/tensorTree.ts";

export interface Header {
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

/** Where a step's result stands: `source` 2 is the posted trace, 3 the inner trace of the step's block. */
export interface Place {
  source: number;
  block: number;
  index: number;
}

export interface TestBlock {
  firstStep: number;
  stepCount: number;
  borders: number[];
  innerCount: number;
}

/** A program whose steps only say which tensor they define and how large it is: all that contracts other than the judge read. */
export interface TestProgram {
  header: Header;
  root: Hex;
  steps: Hex[];
  stepTree: MerkleTree;
  /** Of each step's result. */
  places: Place[];
  blocks: TestBlock[];
  blockTree: MerkleTree;
  /** Bytes of each tensor of the trace. */
  tensorBytes: number[];
  /** Bytes of each tensor of the inner trace, by block. */
  innerBytes: number[][];
}

export interface TestTrace {
  tensors: Uint8Array[];
  tree: MerkleTree;
  root: Hex;
  outputRoots: Hex[];
  outputProofs: Hex[][];
  outputRoot: Hex;
  /** The inner trace of each block that has one. */
  inner: { tensors: Uint8Array[]; tree: MerkleTree; root: Hex }[];
}

const zero: Hex = `0x${"00".repeat(32)}`;

type ResultChanges = Partial<{ dtype: number; source: number; index: number; shape: number[] }>;

/** Builds a program with one step a tensor; `tensorBytes` are uint8 counts. `overrides` spoil single results on purpose. */
export function makeProgram(tensorBytes: number[], outputs = [tensorBytes.length - 1], overrides: Record<number, ResultChanges> = {}): TestProgram {
  return assemble(tensorBytes.map((bytes) => [{ bytes, isBorder: true }]), outputs, overrides);
}

/** A step of a block program: how large its result is, whether that stands in the posted trace, and whether the step reads its block's inside. */
export interface BlockStep {
  bytes: number;
  isBorder?: boolean;
  readsInner?: boolean;
}

/** Builds a program of two levels. The last border is its output. `overrides` spoil single results on purpose. */
export function makeBlockProgram(blocks: BlockStep[][], overrides: Record<number, ResultChanges> = {}): TestProgram {
  return assemble(blocks, [blocks.flat().filter(({ isBorder }) => isBorder === true).length - 1], overrides);
}

function assemble(shape: BlockStep[][], outputs: number[], overrides: Record<number, ResultChanges>): TestProgram {
  const places: Place[] = [];
  const tensorBytes: number[] = [];
  const innerBytes: number[][] = [];
  const blocks: TestBlock[] = [];
  const steps: Hex[] = [];
  for (const [block, members] of shape.entries()) {
    const made: TestBlock = { firstStep: steps.length, stepCount: members.length, borders: [], innerCount: 0 };
    innerBytes.push([]);
    for (const { bytes, isBorder = false, readsInner = false } of members) {
      const list = isBorder ? tensorBytes : (innerBytes[block] as number[]);
      const place = { source: isBorder ? 2 : 3, block, index: list.push(bytes) - 1 };
      if (isBorder) made.borders.push(place.index);
      else made.innerCount++;
      const result = { dtype: 2, source: place.source, index: place.index, shape: [1, bytes], ...overrides[steps.length] };
      const access = { offset: 0n, outStrides: [], reduceStrides: [], windows: [], stages: [] };
      const operands = readsInner ? [{ role: 2, dtype: 2, source: 3, index: 0, root: zero, elements: 1n, access }] : [];
      steps.push(encodeAbiParameters(stepAbi, [{ version: 1, kind: 2, op: 0, profile: 1, blockIndex: block, result, reduce: [], operands, expression: "0x", attributes: "0x" }]));
      places.push(place);
    }
    blocks.push(made);
  }
  const hashes = Buffer.concat(steps.map((step) => sha256(fromHex(step))));
  const blockHashes = Buffer.concat(blocks.map((block) => sha256(fromHex(encodeAbiParameters(blockAbi, [block])))));
  const header: Header = {
    version: 1,
    graph: toHex(sha256(Buffer.from(`graph ${JSON.stringify(shape)}`))),
    inputs: zero,
    stepsRoot: toHex(listRoot("steps", hashes)),
    blocksRoot: toHex(listRoot("blocks", blockHashes)),
    stepCount: steps.length,
    blockCount: blocks.length,
    inputCount: 1,
    traceCount: tensorBytes.length,
    outputs,
  };
  return { header, root: programRootOf(header), steps, stepTree: buildTree(hashes), places, blocks, blockTree: buildTree(blockHashes), tensorBytes, innerBytes };
}

export function programRootOf(header: Header): Hex {
  return toHex(sha256(Buffer.concat([domainBytes("program"), fromHex(encodeAbiParameters(headerAbi, [header]))])));
}

/** A trace of the program with recognisable bytes; another `salt` changes every chunk. */
export function makeTrace(program: TestProgram, salt = 0): TestTrace {
  const bytesOf = (bytes: number, seed: number): Uint8Array => Uint8Array.from({ length: bytes }, (_, i) => (i * 7 + (i >> 10) + seed + salt) & 255);
  const tensors = program.tensorBytes.map((bytes, index) => bytesOf(bytes, index * 13));
  const roots = tensors.map((tensor) => tensorRoot(tensor));
  const tree = buildTree(Buffer.concat(roots));
  const outputs = program.header.outputs;
  return {
    tensors,
    tree,
    root: toHex(listRoot("trace", Buffer.concat(roots))),
    outputRoots: outputs.map((index) => toHex(roots[index] as Uint8Array)),
    outputProofs: outputs.map((index) => pathProof(tree, index).map(toHex)),
    outputRoot: toHex(listRoot("outputs", Buffer.concat(outputs.map((index) => roots[index] as Uint8Array)))),
    inner: program.innerBytes.map((sizes, block) => innerTrace(sizes.map((bytes, index) => bytesOf(bytes, 101 + block * 17 + index * 29)))),
  };
}

function innerTrace(tensors: Uint8Array[]): TestTrace["inner"][number] {
  const roots = Buffer.concat(tensors.map((tensor) => tensorRoot(tensor)));
  return tensors.length === 0 ? { tensors, tree: buildTree(new Uint8Array(32)), root: zero } : { tensors, tree: buildTree(roots), root: toHex(listRoot("inner", roots)) };
}

/** The tensor tree of tensor `index` of the posted trace, or of the inner trace of `block`. */
export function treeOf(trace: TestTrace, index: number, block?: number): MerkleTree {
  const bytes = (block === undefined ? trace.tensors : trace.inner[block]?.tensors)?.[index] as Uint8Array;
  return tensorTree(tensorLeaves(bytes), bytes.length);
}

/** A block of the program with its proof, as moves take it. */
export function provedBlock(program: TestProgram, index: number) {
  return { index, content: program.blocks[index] as TestBlock, proof: pathProof(program.blockTree, index).map(toHex) };
}

/** The step that defines a tensor. */
export function stepAt(program: TestProgram, source: number, index: number, block = 0): number {
  return program.places.findIndex((place) => place.source === source && place.index === index && (source === 2 || place.block === block));
}

/** What stands in place of a block where none is needed. */
export const noBlock = { index: 0, content: { firstStep: 0, stepCount: 0, borders: [] as number[], innerCount: 0 }, proof: [] as Hex[] };

/** A witness with the right ABI shape; `element` tells the scripted judge what to answer. */
export function makeWitness(program: TestProgram, element: bigint) {
  return {
    header: program.header,
    stepIndex: 0,
    step: program.steps[0] as Hex,
    stepProof: pathProof(program.stepTree, 0).map(toHex),
    element,
    result: { root: zero, proof: [zero], ranges: [{ first: 0n, data: "0x0102" as Hex, siblings: [zero] }] },
    operands: [{ root: zero, proof: [], ranges: [{ first: 3n, data: "0x" as Hex, siblings: [] }] }],
  };
}
