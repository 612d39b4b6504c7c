// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What a program is on chain. `programRoot` is its domain-separated SHA-256 hash (see `ProgramLib`).
struct ProgramHeader {
    uint16 version;
    bytes32 graph;
    bytes32 inputs;
    bytes32 stepsRoot;
    bytes32 blocksRoot;
    uint32 stepCount;
    uint32 blockCount;
    uint32 inputCount;
    uint32 traceCount;
    uint32[] outputs;
}

/// @notice Consecutive steps. What other blocks or the outputs read of their results stands in the posted trace: `borders` are its
/// indices there, ascending. The other results are the block's inner trace, `innerCount` tensors in the order of the steps.
struct Block {
    uint32 firstStep;
    uint32 stepCount;
    uint32[] borders;
    uint32 innerCount;
}

/// @notice A block of a program, and the path of its hash in the program's blocks.
struct ProvedBlock {
    uint32 index;
    Block content;
    bytes32[] proof;
}

/// @notice What a step's descriptor says about the tensor that it defines.
/// @param source 2 posted trace, 3 inner trace of block `blockIndex`
/// @param index position in that source
/// @param byteLength committed bytes
/// @param isInner whether the step reads or defines a tensor of the inner trace
/// @param traceCount tensors of the program's posted trace
struct StepFacts {
    uint32 blockIndex;
    uint8 source;
    uint32 index;
    uint64 elements;
    uint64 byteLength;
    bool isInner;
    uint32 traceCount;
}

/// @notice One layer that the judge can decide: it reads committed tensors and defines one committed tensor.
struct Step {
    uint8 version;
    uint8 kind;
    uint8 op;
    uint16 profile;
    uint32 blockIndex;
    Result result;
    uint32[] reduce;
    Operand[] operands;
    bytes expression;
    bytes attributes;
}

/// @notice The tensor a step defines: `shape` is in commit order, so its bytes are row-major over it.
struct Result {
    uint8 dtype;
    uint8 source;
    uint32 index;
    uint32[] shape;
}

/// @notice A committed tensor seen through an index map.
struct Operand {
    uint8 role;
    uint8 dtype;
    uint8 source;
    uint32 index;
    bytes32 root;
    uint64 elements;
    Access access;
}

/// @notice Element read for output coordinates o and reduction coordinates r: `offset + o·outStrides + r·reduceStrides`,
/// then through `stages`; present only where every window allows it.
struct Access {
    int64 offset;
    int64[] outStrides;
    int64[] reduceStrides;
    Window[] windows;
    Stage[] stages;
}

/// @notice A tap exists where `0 <= o[outDim]*stride + r[reduceDim]*dilation - pad < size`; dimension 255 is absent.
struct Window {
    uint8 outDim;
    uint8 reduceDim;
    int32 stride;
    int32 dilation;
    int32 pad;
    uint32 size;
}

/// @notice A further index map: a linear index into `shape`, row-major, whose coordinates give `offset + c·strides`.
struct Stage {
    int64 offset;
    uint32[] shape;
    int64[] strides;
}
