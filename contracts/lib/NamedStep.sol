// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModels} from "../interfaces/IModels.sol";
import {Result, Step, StepFacts} from "../types/Program.sol";
import {Domains} from "./Domains.sol";
import {MerkleTree} from "./MerkleTree.sol";
import {TensorSize} from "./TensorSize.sol";

/// @title What a step says about the tensor that it defines
library NamedStep {
    /// @dev `source` of a tensor in the inner trace of the step's block, in a descriptor.
    uint8 private constant SOURCE_INNER = 3;

    /// @notice Facts of step `stepIndex` of the program with these steps. The descriptor is bound to the program by its proof, so only
    /// a program that is malformed itself can make the decoder revert.
    function factsOf(
        bytes32 stepsRoot,
        uint256 stepCount,
        uint32 stepIndex,
        bytes calldata encoded,
        bytes32[] calldata proof
    ) internal view returns (StepFacts memory facts) {
        bytes32 top = MerkleTree.verifyPath(sha256(encoded), stepIndex, stepCount, proof);
        require(
            MerkleTree.listRoot(Domains.STEPS, stepCount, top) == stepsRoot, IModels.StepNotInProgram(stepIndex)
        );
        Step memory step = abi.decode(encoded, (Step));
        Result memory result = step.result;
        uint256 elementSize = TensorSize.elementSize(result.dtype);
        require(elementSize != 0, IModels.UnknownType(result.dtype));
        uint256 elements = TensorSize.elementCount(result.shape);
        require(elements != 0, IModels.BadTensorSize(stepIndex));
        facts.blockIndex = step.blockIndex;
        facts.source = result.source;
        facts.index = result.index;
        // SAFETY: at most 2^48 elements of 8 bytes.
        facts.elements = uint64(elements);
        facts.byteLength = uint64(elements * elementSize);
        facts.isInner = result.source == SOURCE_INNER;
        for (uint256 i = 0; i < step.operands.length && !facts.isInner; ++i) {
            facts.isInner = step.operands[i].source == SOURCE_INNER;
        }
    }
}
