// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Verdict} from "../types/Witness.sol";
import {IExpression} from "./IExpression.sol";
import {Core, StepJudge} from "./StepJudge.sol";

/// @notice Judges elementwise steps: the expression alone.
contract MapJudge is StepJudge {
    constructor(IExpression evaluator) StepJudge(evaluator) {}

    function kind() internal pure override returns (uint256) {
        return 2;
    }

    function decide(Case memory item) internal view override returns (Verdict memory) {
        require(item.step.op == 0, UnsupportedOp(item.step.op));
        checkRoles(item, 0, false);
        require(item.step.reduce.length == 0, UnexpectedReduction(0));
        Core memory core;
        core.absent = true;
        return conclude(item, core);
    }
}
