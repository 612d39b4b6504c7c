import { encodeAbiParameters, type Hex } from "viem";
import { stepAbi, headerAbi } from "../../../protocol/program/abi.ts";
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

/** A program whose steps only say which tensor they define and how large it is: all that contracts other than the judge read. */
export interface TestProgram {
  header: Header;
  root: Hex;
  steps: Hex[];
  stepTree: MerkleTree;
  /** Bytes of each tensor of the trace. */
  tensorBytes: number[];
}

export interface TestTrace {
  tensors: Uint8Array[];
  tree: MerkleTree;
  root: Hex;
  outputRoots: Hex[];
  outputProofs: Hex[][];
  outputRoot: Hex;
}

const zero: Hex = `0x${"00".repeat(32)}`;

/** Builds a program with one step a tensor; `tensorBytes` are uint8 counts. `overrides` spoil single results on purpose. */
export function makeProgram(tensorBytes: number[], outputs = [tensorBytes.length - 1], overrides: Record<number, Partial<{ dtype: number; source: number; index: number; shape: number[] }>> = {}): TestProgram {
  const steps = tensorBytes.map((bytes, index) =>
    encodeAbiParameters(stepAbi, [
      {
        version: 1,
        kind: 2,
        op: 0,
        profile: 1,
        blockIndex: index,
        result: { dtype: 2, source: 2, index, shape: [1, bytes], ...overrides[index] },
        reduce: [],
        operands: [],
        expression: "0x",
        attributes: "0x",
      },
    ]),
  );
  const hashes = Buffer.concat(steps.map((step) => sha256(fromHex(step))));
  const header: Header = {
    version: 1,
    graph: toHex(sha256(Buffer.from(`graph ${tensorBytes.join()}`))),
    inputs: zero,
    stepsRoot: toHex(listRoot("steps", hashes)),
    blocksRoot: zero,
    stepCount: steps.length,
    blockCount: steps.length,
    inputCount: 1,
    traceCount: steps.length,
    outputs,
  };
  return { header, root: programRootOf(header), steps, stepTree: buildTree(hashes), tensorBytes };
}

export function programRootOf(header: Header): Hex {
  return toHex(sha256(Buffer.concat([domainBytes("program"), fromHex(encodeAbiParameters(headerAbi, [header]))])));
}

/** A trace of the program with recognisable bytes; another `salt` changes every chunk. */
export function makeTrace(program: TestProgram, salt = 0): TestTrace {
  const tensors = program.tensorBytes.map((bytes, index) => Uint8Array.from({ length: bytes }, (_, i) => (i * 7 + (i >> 10) + index * 13 + salt) & 255));
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
  };
}

/** The tensor tree of trace tensor `index`. */
export function treeOf(trace: TestTrace, index: number): MerkleTree {
  const bytes = trace.tensors[index] as Uint8Array;
  return tensorTree(tensorLeaves(bytes), bytes.length);
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
