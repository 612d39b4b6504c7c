// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputes} from "../interfaces/IDisputes.sol";
import {IModels} from "../interfaces/IModels.sol";
import {Result, Step} from "../types/Program.sol";
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
        Result memory result = _resultOf(model, stepIndex, encoded, proof);
        require(
            result.source == SOURCE_TRACE && result.index == tensor,
            IDisputes.StepDefinesAnotherTensor(result.source, result.index, tensor)
        );
        uint256 elementSize = TensorSize.elementSize(result.dtype);
        require(elementSize != 0, IDisputes.UnknownType(result.dtype));
        return _bytesOf(result, elementSize);
    }

    /// @notice The trace tensor that a step defines and its committed bytes, if `element` is one of its elements. Only what the
    /// judge can decide may be demanded: a step of another type or place could not be answered by anybody.
    function demanded(
        IModels.Model memory model,
        uint32 stepIndex,
        uint64 element,
        bytes calldata encoded,
        bytes32[] calldata proof
    ) internal view returns (uint32 tensor, uint64 byteLength) {
        Result memory result = _resultOf(model, stepIndex, encoded, proof);
        require(
            result.source == SOURCE_TRACE && result.index < model.traceCount,
            IDisputes.UndemandableStep(result.source, result.index)
        );
        uint256 elementSize = TensorSize.elementSize(result.dtype);
        require(elementSize != 0, IDisputes.UnknownType(result.dtype));
        byteLength = _bytesOf(result, elementSize);
        require(element < byteLength / elementSize, IDisputes.NoSuchElement(element, byteLength / elementSize));
        tensor = result.index;
    }

    function _resultOf(IModels.Model memory model, uint32 stepIndex, bytes calldata encoded, bytes32[] calldata proof)
        private
        view
        returns (Result memory)
    {
        bytes32 top = MerkleTree.verifyPath(sha256(encoded), stepIndex, model.stepCount, proof);
        require(
            MerkleTree.listRoot(Domains.STEPS, model.stepCount, top) == model.stepsRoot,
            IDisputes.StepNotInProgram(stepIndex)
        );
        return abi.decode(encoded, (Step)).result;
    }

    function _bytesOf(Result memory result, uint256 elementSize) private pure returns (uint64) {
        uint256 count = TensorSize.elementCount(result.shape);
        require(count != 0, IDisputes.BadTensorSize(result.index));
        // SAFETY: at most 2^48 elements of 8 bytes.
        return uint64(count * elementSize);
    }
}
