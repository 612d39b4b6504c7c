// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ProgramHeader} from "./Program.sol";

/// @notice What a commitment claims: the executor says that this trace is the program's on this input.
/// @param innerRoot list root of the inner trace that the executor has committed for block `innerBlock`; zero if there is none
/// @param innerCount tensors of that inner trace
struct Claim {
    bytes32 programRoot;
    bytes32 inputRoot;
    bytes32 traceRoot;
    bytes32 innerRoot;
    uint32 innerBlock;
    uint32 innerCount;
}

/// @notice Whole chunks `first, first + 1, …` of a committed tensor with one range proof.
struct Range {
    uint64 first;
    bytes data;
    bytes32[] siblings;
}

/// @notice Bytes of one committed tensor. `proof` places `root` in the trace, inner or inputs list; it is empty for a weight.
struct Opening {
    bytes32 root;
    bytes32[] proof;
    Range[] ranges;
}

/// @notice All that the judge needs to decide one element of one step.
struct Witness {
    ProgramHeader header;
    uint32 stepIndex;
    bytes step;
    bytes32[] stepProof;
    uint64 element;
    Opening result;
    Opening[] operands;
}

/// @notice The judge's answer. `lo`, `hi`: float32 bits of the enclosure of sound values; `nan`: whether NaN is sound.
struct Verdict {
    bool fraud;
    uint32 claimed;
    uint32 lo;
    uint32 hi;
    bool nan;
}
