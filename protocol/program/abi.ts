/** ABI of the structs in contracts/types, in the form viem's encoder takes. The order of the fields is part of the protocol. */

const headerComponents = [
  { name: "version", type: "uint16" },
  { name: "graph", type: "bytes32" },
  { name: "inputs", type: "bytes32" },
  { name: "stepsRoot", type: "bytes32" },
  { name: "blocksRoot", type: "bytes32" },
  { name: "stepCount", type: "uint32" },
  { name: "blockCount", type: "uint32" },
  { name: "inputCount", type: "uint32" },
  { name: "traceCount", type: "uint32" },
  { name: "outputs", type: "uint32[]" },
] as const;

const accessComponents = [
  { name: "offset", type: "int64" },
  { name: "outStrides", type: "int64[]" },
  { name: "reduceStrides", type: "int64[]" },
  {
    name: "windows",
    type: "tuple[]",
    components: [
      { name: "outDim", type: "uint8" },
      { name: "reduceDim", type: "uint8" },
      { name: "stride", type: "int32" },
      { name: "dilation", type: "int32" },
      { name: "pad", type: "int32" },
      { name: "size", type: "uint32" },
    ],
  },
  {
    name: "stages",
    type: "tuple[]",
    components: [
      { name: "offset", type: "int64" },
      { name: "shape", type: "uint32[]" },
      { name: "strides", type: "int64[]" },
    ],
  },
] as const;

const openingComponents = [
  { name: "root", type: "bytes32" },
  { name: "proof", type: "bytes32[]" },
  {
    name: "ranges",
    type: "tuple[]",
    components: [
      { name: "first", type: "uint64" },
      { name: "data", type: "bytes" },
      { name: "siblings", type: "bytes32[]" },
    ],
  },
] as const;

export const headerAbi = [{ name: "header", type: "tuple", components: headerComponents }] as const;

export const inputsAbi = [
  {
    name: "inputs",
    type: "tuple[]",
    components: [
      { name: "name", type: "string" },
      { name: "dtype", type: "uint8" },
      { name: "shape", type: "uint32[]" },
    ],
  },
] as const;

export const blockAbi = [
  {
    name: "block",
    type: "tuple",
    components: [
      { name: "firstStep", type: "uint32" },
      { name: "stepCount", type: "uint32" },
      { name: "borders", type: "uint32[]" },
      { name: "innerCount", type: "uint32" },
    ],
  },
] as const;

export const stepAbi = [
  {
    name: "step",
    type: "tuple",
    components: [
      { name: "version", type: "uint8" },
      { name: "kind", type: "uint8" },
      { name: "op", type: "uint8" },
      { name: "profile", type: "uint16" },
      { name: "blockIndex", type: "uint32" },
      {
        name: "result",
        type: "tuple",
        components: [
          { name: "dtype", type: "uint8" },
          { name: "source", type: "uint8" },
          { name: "index", type: "uint32" },
          { name: "shape", type: "uint32[]" },
        ],
      },
      { name: "reduce", type: "uint32[]" },
      {
        name: "operands",
        type: "tuple[]",
        components: [
          { name: "role", type: "uint8" },
          { name: "dtype", type: "uint8" },
          { name: "source", type: "uint8" },
          { name: "index", type: "uint32" },
          { name: "root", type: "bytes32" },
          { name: "elements", type: "uint64" },
          { name: "access", type: "tuple", components: accessComponents },
        ],
      },
      { name: "expression", type: "bytes" },
      { name: "attributes", type: "bytes" },
    ],
  },
] as const;

export const witnessAbi = [
  {
    name: "witness",
    type: "tuple",
    components: [
      { name: "header", type: "tuple", components: headerComponents },
      { name: "stepIndex", type: "uint32" },
      { name: "step", type: "bytes" },
      { name: "stepProof", type: "bytes32[]" },
      { name: "element", type: "uint64" },
      { name: "result", type: "tuple", components: openingComponents },
      { name: "operands", type: "tuple[]", components: openingComponents },
    ],
  },
] as const;
