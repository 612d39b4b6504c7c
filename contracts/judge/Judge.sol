// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJudge} from "../interfaces/IJudge.sol";
import {Domains} from "../lib/Domains.sol";
import {MerkleTree} from "../lib/MerkleTree.sol";
import {ProgramLib} from "../lib/ProgramLib.sol";
import {Claim, Verdict, Witness} from "../types/Witness.sol";
import {IStepJudge} from "./IStepJudge.sol";

/// @title Entry of the judge: ties the step to the program, then hands over to the judge of the step's kind
contract Judge is IJudge {
    uint256 private constant CONTRACTION = 1;
    uint256 private constant MAP = 2;
    uint256 private constant REDUCTION = 3;

    IStepJudge public immutable contractionJudge;
    IStepJudge public immutable mapJudge;
    IStepJudge public immutable reductionJudge;

    error ProgramMismatch(bytes32 expected, bytes32 given);
    error StepNotInProgram(uint32 stepIndex);
    error StepTooShort(uint256 length);
    error UnknownKind(uint256 kind);

    constructor(IStepJudge contraction, IStepJudge map, IStepJudge reduction) {
        contractionJudge = contraction;
        mapJudge = map;
        reductionJudge = reduction;
    }

    /// @inheritdoc IJudge
    function judge(Claim calldata claim, Witness calldata witness) external view returns (Verdict memory) {
        bytes32 program = ProgramLib.rootOf(witness.header);
        require(program == claim.programRoot, ProgramMismatch(claim.programRoot, program));
        uint256 count = witness.header.stepCount;
        bytes32 top = MerkleTree.verifyPath(sha256(witness.step), witness.stepIndex, count, witness.stepProof);
        require(
            MerkleTree.listRoot(Domains.STEPS, count, top) == witness.header.stepsRoot,
            StepNotInProgram(witness.stepIndex)
        );
        forward(address(judgeOf(witness.step)));
    }

    /// @dev A descriptor's words: offset of the struct, version, kind, …; the step's judge checks the encoding as a whole.
    function judgeOf(bytes calldata step) private view returns (IStepJudge) {
        require(step.length >= 96, StepTooShort(step.length));
        uint256 kind = uint256(bytes32(step[64:96]));
        if (kind == CONTRACTION) return contractionJudge;
        if (kind == MAP) return mapJudge;
        if (kind == REDUCTION) return reductionJudge;
        revert UnknownKind(kind);
    }

    /// @dev Passes this call's own bytes on under the other selector, instead of encoding the witness anew: it can have hundreds
    /// of kilobytes. Ends the call.
    function forward(address target) private view {
        bytes4 selector = IStepJudge.judgeStep.selector;
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            mstore8(free, byte(0, selector))
            mstore8(add(free, 1), byte(1, selector))
            mstore8(add(free, 2), byte(2, selector))
            mstore8(add(free, 3), byte(3, selector))
            let ok := staticcall(gas(), target, free, calldatasize(), 0, 0)
            returndatacopy(free, 0, returndatasize())
            if iszero(ok) {
                revert(free, returndatasize())
            }
            return(free, returndatasize())
        }
    }
}
