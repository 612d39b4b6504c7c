// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ElementType} from "../lib/ElementType.sol";
import {ExactSum} from "../lib/ExactSum.sol";
import {Piece} from "./AccessLib.sol";
import {FloatContraction} from "./FloatContraction.sol";
import {HalfProduct} from "./HalfProduct.sol";
import {IExpression} from "./IExpression.sol";
import {StepJudge} from "./StepJudge.sol";

/// @notice Judges sums of products of float16 or of bfloat16, accumulated in float32, with addends.
contract HalfContractionJudge is FloatContraction {
    constructor(IExpression evaluator) StepJudge(evaluator) {}

    function takes(uint256 dtype) internal pure override returns (bool) {
        return dtype == ElementType.FLOAT16 || dtype == ElementType.BFLOAT16;
    }

    function addRun(ExactSum memory sum, Piece memory p, Piece memory q, uint256 dtype) internal pure override {
        HalfProduct.addRun(sum, p.start, p.step, q.start, q.step, q.count, dtype);
    }
}
