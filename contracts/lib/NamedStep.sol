// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputes} from "../interfaces/IDisputes.sol";
import {IModels} from "../interfaces/IModels.sol";
import {Step} from "../types/Program.sol";
import {Domains} from "./Domains.sol";
import {MerkleTree} from "./MerkleTree.sol";
import {TensorSize} from "./TensorSize.sol";

/// @title What the step that defines a tensor says about it
library NamedStep {
    /// @dev `source` of a tensor in the posted trace, in a step descriptor.
    uint8 private constant SOURCE_TRACE = 2;

    /// @notice Committed bytes of trace tensor `tensor`, from the step that defines it. The descriptor is bound to the program
    /// by its proof, so only a program that is malformed itself can make the decoder revert.
    function byteLengthOf(
        IModels.Model memory model,
        uint32 tensor,
        uint32 stepIndex,
        bytes calldata encoded,
        bytes32[] calldata proof
    ) internal view returns (uint64) {
        bytes32 top = MerkleTree.verifyPath(sha256(encoded), stepIndex, model.stepCount, proof);
        require(
            MerkleTree.listRoot(Domains.STEPS, model.stepCount, top) == model.stepsRoot,
            IDisputes.StepNotInProgram(stepIndex)
        );
        Step memory step = abi.decode(encoded, (Step));
        require(
            step.result.source == SOURCE_TRACE && step.result.index == tensor,
            IDisputes.StepDefinesAnotherTensor(step.result.source, step.result.index, tensor)
        );
        uint256 elementSize = TensorSize.elementSize(step.result.dtype);
        require(elementSize != 0, IDisputes.UnknownType(step.result.dtype));
        uint256 count = TensorSize.elementCount(step.result.shape);
        require(count != 0, IDisputes.BadTensorSize(tensor));
        // SAFETY: at most 2^48 elements of 8 bytes.
        return uint64(count * elementSize);
    }
}
