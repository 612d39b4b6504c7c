// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModels} from "./interfaces/IModels.sol";
import {NamedBlock} from "./lib/NamedBlock.sol";
import {NamedStep} from "./lib/NamedStep.sol";
import {ProgramLib} from "./lib/ProgramLib.sol";
import {ProgramHeader, ProvedBlock, StepFacts} from "./types/Program.sol";

/// @title Registry of programs
/// @dev INVARIANT: what is stored of a program was computed from the header that hashes to its root, so disputes can rely
/// on its roots and counts without seeing the header again.
contract Models is IModels {
    /// @dev The version of the protocol that the judge of this deployment decides.
    uint16 private constant VERSION = 1;

    Model[] private _models;
    mapping(bytes32 programRoot => uint256 modelId) private _ids;

    /// @inheritdoc IModels
    function register(ProgramHeader calldata header, bytes32 bundle, string calldata uri)
        external
        returns (uint256 modelId)
    {
        _check(header);
        bytes32 programRoot = ProgramLib.rootOf(header);
        require(_ids[programRoot] == 0, AlreadyRegistered(programRoot, _ids[programRoot]));
        _models.push(
            Model(
                programRoot,
                header.stepsRoot,
                header.blocksRoot,
                header.stepCount,
                header.blockCount,
                header.traceCount
            )
        );
        modelId = _models.length;
        _ids[programRoot] = modelId;
        emit Registered(modelId, programRoot, msg.sender, bundle, uri);
    }

    /// @inheritdoc IModels
    function modelIdOf(bytes32 programRoot) external view returns (uint256) {
        return _ids[programRoot];
    }

    /// @inheritdoc IModels
    function getModel(uint256 modelId) external view returns (Model memory) {
        return _model(modelId);
    }

    /// @inheritdoc IModels
    function programRootOf(uint256 modelId) external view returns (bytes32) {
        return _model(modelId).programRoot;
    }

    /// @inheritdoc IModels
    function stepOf(uint256 modelId, uint32 stepIndex, bytes calldata step, bytes32[] calldata stepProof)
        external
        view
        returns (StepFacts memory facts)
    {
        Model storage model = _model(modelId);
        facts = NamedStep.factsOf(model.stepsRoot, model.stepCount, stepIndex, step, stepProof);
        facts.traceCount = model.traceCount;
    }

    /// @inheritdoc IModels
    function checkBlock(uint256 modelId, ProvedBlock calldata proved) external view {
        Model storage model = _model(modelId);
        NamedBlock.check(model.blocksRoot, model.blockCount, proved);
    }

    /// @inheritdoc IModels
    function modelCount() external view returns (uint256) {
        return _models.length;
    }

    function _model(uint256 modelId) private view returns (Model storage) {
        require(modelId != 0 && modelId <= _models.length, UnknownModel(modelId));
        return _models[modelId - 1];
    }

    /// @dev What the chain can know of a header. Whether the hashes in it stand for a sensible program is for whoever
    /// runs it to check: an executor serves only programs whose bundle it has verified.
    function _check(ProgramHeader calldata header) private pure {
        require(header.version == VERSION, UnsupportedVersion(header.version));
        require(header.stepCount != 0, EmptyProgram("stepCount"));
        require(header.blockCount != 0, EmptyProgram("blockCount"));
        require(header.inputCount != 0, EmptyProgram("inputCount"));
        require(header.traceCount != 0, EmptyProgram("traceCount"));
        require(header.outputs.length != 0, EmptyProgram("outputs"));
        // Every block has a step, and every tensor of the posted trace is defined by a step of its own.
        require(
            header.blockCount <= header.stepCount, CountTooLarge("blockCount", header.blockCount, header.stepCount)
        );
        require(
            header.traceCount <= header.stepCount, CountTooLarge("traceCount", header.traceCount, header.stepCount)
        );
        for (uint256 i = 0; i < header.outputs.length; i++) {
            uint32 traceIndex = header.outputs[i];
            require(traceIndex < header.traceCount, OutputOutsideTrace(i, traceIndex, header.traceCount));
        }
    }
}
