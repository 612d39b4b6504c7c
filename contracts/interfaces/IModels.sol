// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ProgramHeader, ProvedBlock, StepFacts} from "../types/Program.sol";

/// @title Registry of programs
/// @notice Anybody registers a program, once. What is stored is proved by the header; `bundle` and `uri` are hints of the
/// first registrant about where to get it, and whoever downloads a bundle checks it against `programRoot`.
interface IModels {
    /// @notice What disputes need to know of a program.
    /// @param stepsRoot list root of the step descriptors' hashes
    /// @param blocksRoot list root of the blocks' hashes
    /// @param stepCount leaves under `stepsRoot`
    /// @param blockCount leaves under `blocksRoot`
    /// @param traceCount tensors of the posted trace
    struct Model {
        bytes32 programRoot;
        bytes32 stepsRoot;
        bytes32 blocksRoot;
        uint32 stepCount;
        uint32 blockCount;
        uint32 traceCount;
    }

    /// @param modelId number of the model, from 1
    /// @param bundle SHA-256 of the bundle's manifest
    /// @param uri where the bundle may be found
    event Registered(
        uint256 indexed modelId,
        bytes32 indexed programRoot,
        address indexed registrant,
        bytes32 bundle,
        string uri
    );

    /// @notice The program is registered already, as `modelId`.
    error AlreadyRegistered(bytes32 programRoot, uint256 modelId);
    /// @notice No model has this number.
    error UnknownModel(uint256 modelId);
    /// @notice The header names a version of the protocol that this deployment does not judge.
    error UnsupportedVersion(uint16 version);
    /// @notice A count of the header that must be positive is zero. `field` is its name.
    error EmptyProgram(bytes32 field);
    /// @notice Output `position` of the header names tensor `traceIndex`, but the trace has `traceCount`.
    error OutputOutsideTrace(uint256 position, uint32 traceIndex, uint32 traceCount);
    /// @notice A count of the header is larger than the count that bounds it. `field` is its name.
    error CountTooLarge(bytes32 field, uint256 count, uint256 limit);

    /// @notice The descriptor is not step `stepIndex` of the program.
    error StepNotInProgram(uint32 stepIndex);
    /// @notice The block is not number `blockIndex` of the program.
    error BlockNotInProgram(uint32 blockIndex);
    /// @notice The tensor type has no fixed size in bytes.
    error UnknownType(uint8 dtype);
    /// @notice The shape of the tensor that step `stepIndex` defines has no elements, or more bytes than can be committed.
    error BadTensorSize(uint32 stepIndex);

    /// @notice Registers the program of `header`. The first registration of a program root stays.
    /// @return modelId number of the model, from 1
    function register(ProgramHeader calldata header, bytes32 bundle, string calldata uri)
        external
        returns (uint256 modelId);

    /// @notice Number of the program, or 0 if it is not registered.
    function modelIdOf(bytes32 programRoot) external view returns (uint256);

    /// @notice The model with this number.
    function getModel(uint256 modelId) external view returns (Model memory);

    /// @notice The program root of the model with this number.
    function programRootOf(uint256 modelId) external view returns (bytes32);

    /// @notice What a step of the program says about its result. A wrong proof is an error of `MerkleTree` or `StepNotInProgram`.
    /// @param step descriptor of the step
    /// @param stepProof path of its hash in the program's steps
    function stepOf(uint256 modelId, uint32 stepIndex, bytes calldata step, bytes32[] calldata stepProof)
        external
        view
        returns (StepFacts memory);

    /// @notice Reverts with an error of `MerkleTree` or with `BlockNotInProgram` unless the block is one of the program.
    function checkBlock(uint256 modelId, ProvedBlock calldata proved) external view;

    /// @notice How many models are registered.
    function modelCount() external view returns (uint256);
}
