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
    uint256 private constant NORMALISATION = 4;
    uint256 private constant GATHER = 5;
    uint256 private constant MOVEMENT = 6;
    uint256 private constant FLOAT32 = 1;
    uint256 private constant FLOAT16 = 10;
    uint256 private constant BFLOAT16 = 16;

    IStepJudge public immutable contractionJudge;
    IStepJudge public immutable integerContractionJudge;
    IStepJudge public immutable mapJudge;
    IStepJudge public immutable reductionJudge;
    IStepJudge public immutable sumJudge;
    IStepJudge public immutable normalisationJudge;
    IStepJudge public immutable gatherJudge;
    IStepJudge public immutable movementJudge;
    IStepJudge public immutable halfContractionJudge;

    error ProgramMismatch(bytes32 expected, bytes32 given);
    error StepNotInProgram(uint32 stepIndex);
    error StepTooShort(uint256 length);
    error UnknownKind(uint256 kind);

    /// @param judges In the order of the immutables above.
    constructor(IStepJudge[9] memory judges) {
        contractionJudge = judges[0];
        integerContractionJudge = judges[1];
        mapJudge = judges[2];
        reductionJudge = judges[3];
        sumJudge = judges[4];
        normalisationJudge = judges[5];
        gatherJudge = judges[6];
        movementJudge = judges[7];
        halfContractionJudge = judges[8];
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

    /// @dev A descriptor's words: offset of the struct, version, kind, op, …; the step's judge checks the encoding as a whole.
    function judgeOf(bytes calldata step) private view returns (IStepJudge) {
        require(step.length >= 128, StepTooShort(step.length));
        uint256 kind = uint256(bytes32(step[64:96]));
        if (kind == CONTRACTION) return contractionJudgeOf(step);
        if (kind == MAP) return mapJudge;
        if (kind == REDUCTION) {
            uint256 op = uint256(bytes32(step[96:128]));
            return op >= 3 && op <= 5 ? sumJudge : reductionJudge;
        }
        if (kind == NORMALISATION) return normalisationJudge;
        if (kind == GATHER) return gatherJudge;
        if (kind == MOVEMENT) return movementJudge;
        revert UnknownKind(kind);
    }

    /// @dev The type of the first operand, if the descriptor is what it should be; otherwise any judge will refuse it. The struct
    /// starts at 32, word 7 of it leads to the operands, and word 1 of an operand is its type.
    function contractionJudgeOf(bytes calldata step) private view returns (IStepJudge) {
        unchecked {
            uint256 operands = 32 + wordAt(step, 32 + 7 * 32);
            uint256 dtype = wordAt(step, operands + 64 + wordAt(step, operands + 32));
            if (dtype == FLOAT32 || wordAt(step, operands) == 0) return contractionJudge;
            return dtype == FLOAT16 || dtype == BFLOAT16 ? halfContractionJudge : integerContractionJudge;
        }
    }

    /// @dev Zero beyond the end; positions of a canonical encoding are below 2^64.
    function wordAt(bytes calldata data, uint256 position) private pure returns (uint256) {
        unchecked {
            position = uint64(position);
            return position + 32 <= data.length ? uint256(bytes32(data[position:position + 32])) : 0;
        }
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
