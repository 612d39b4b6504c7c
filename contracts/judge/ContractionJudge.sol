// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ExactSum, ExactSumLib, SumBound} from "../lib/ExactSum.sol";
import {Float32} from "../lib/Float32.sol";
import {IntervalLib} from "../lib/Interval.sol";
import {Verdict} from "../types/Witness.sol";
import {AccessLib, Cursor} from "./AccessLib.sol";
import {DotProduct} from "./DotProduct.sol";
import {IExpression} from "./IExpression.sol";
import {Openings, Span} from "./Openings.sol";
import {StepJudge} from "./StepJudge.sol";
import {Walk, WalkLib} from "./Walk.sol";

/// @notice Judges sums of products with addends: the exact sum, its rounding bound, then the expression.
contract ContractionJudge is StepJudge {
    constructor(IExpression evaluator) StepJudge(evaluator) {}

    function kind() internal pure override returns (uint256) {
        return 1;
    }

    function decide(Case memory item) internal view override returns (Verdict memory verdict) {
        require(item.step.op == 0, UnsupportedOp(item.step.op));
        checkRoles(item, 2, true);
        ExactSum memory sum;
        addProducts(item, sum);
        for (uint256 i = 2; i < item.operands.length && item.step.operands[i].role == ADDEND; ++i) {
            Cursor memory cursor = item.operands[i];
            ExactSumLib.addFloat(sum, AccessLib.read(cursor, cursor.origin));
            ++sum.terms;
        }
        SumBound memory bound = ExactSumLib.bound(sum);
        if (item.step.expression.length != 0) {
            return verdictOfExpression(item, slotsOf(item, IntervalLib.flushed(ExactSumLib.enclosure(bound, true)), 1));
        }
        // Values without an expression have no say, but are opened and so must be in range.
        slotsOf(item, ExactSumLib.enclosure(bound, true), 1);
        verdict = verdictOf(item.claimed, ExactSumLib.enclosure(bound, false));
        // An infinity beside finite values leaves a gap that the enclosure does not show.
        if (!Float32.isNaN(item.claimed)) verdict.fraud = !ExactSumLib.admits(bound, Float32.keyOf(item.claimed));
    }

    function addProducts(Case memory item, ExactSum memory sum) private pure {
        Cursor memory f = item.operands[0];
        Cursor memory g = item.operands[1];
        Walk memory walk = WalkLib.start(item.step.reduce, item.taps);
        uint256 rank = walk.r.length;
        int256 strideF = rank == 0 ? int256(0) : f.strides[rank - 1];
        int256 strideG = rank == 0 ? int256(0) : g.strides[rank - 1];
        bool contiguous = strideF == 1 && strideG == 1 && f.stages.length == 0 && g.stages.length == 0;
        for (uint256 run = 0; run < walk.runs; ++run) {
            (int256 from, int256 to) = AccessLib.clip(f, walk.r, 0, walk.runLength);
            (from, to) = AccessLib.clip(g, walk.r, from, to);
            if (from < to) {
                sum.terms += uint256(to - from);
                int256 indexF = AccessLib.linear(f, walk.r) + from * strideF;
                int256 indexG = AccessLib.linear(g, walk.r) + from * strideG;
                uint256 count = uint256(to - from);
                if (contiguous) {
                    DotProduct.addRun(sum, position(f, indexF, count), position(g, indexG, count), count);
                } else {
                    addStrided(sum, f, g, [indexF, strideF, indexG, strideG], count);
                }
            }
            WalkLib.next(walk);
        }
    }

    /// @notice Where in calldata the elements `index … index + count − 1` stand; they must be in one range.
    function position(Cursor memory cursor, int256 index, uint256 count) private pure returns (uint256) {
        uint256 first = AccessLib.resolve(cursor, index);
        uint256 last = AccessLib.resolve(cursor, index + int256(count) - 1);
        cursor.hint = Openings.find(cursor.spans, first, cursor.hint);
        Span memory span = cursor.spans[cursor.hint];
        require(last < span.end, Openings.ElementNotOpened(span.end));
        return span.start + (first - span.first) * 4;
    }

    function addStrided(ExactSum memory sum, Cursor memory f, Cursor memory g, int256[4] memory next, uint256 count)
        private
        pure
    {
        for (uint256 k = 0; k < count; ++k) {
            ExactSumLib.addProduct(sum, AccessLib.read(f, next[0]), AccessLib.read(g, next[2]));
            unchecked {
                next[0] += next[1];
                next[2] += next[3];
            }
        }
    }
}
