// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ElementType} from "../lib/ElementType.sol";
import {ExactSum} from "../lib/ExactSum.sol";
import {Piece} from "./AccessLib.sol";
import {DotProduct} from "./DotProduct.sol";
import {FloatContraction} from "./FloatContraction.sol";
import {IExpression} from "./IExpression.sol";
import {StepJudge} from "./StepJudge.sol";

/// @notice Judges float32 sums of products with addends.
contract ContractionJudge is FloatContraction {
    constructor(IExpression evaluator) StepJudge(evaluator) {}

    function takes(uint256 dtype) internal pure override returns (bool) {
        return dtype == ElementType.FLOAT32;
    }

    function addRun(ExactSum memory sum, Piece memory p, Piece memory q, uint256) internal pure override {
        DotProduct.addRun(sum, p.start, p.step, q.start, q.step, q.count);
    }
}
