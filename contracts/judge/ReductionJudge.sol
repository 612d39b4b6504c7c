// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "../lib/Float32.sol";
import {Interval, IntervalLib} from "../lib/Interval.sol";
import {Verdict} from "../types/Witness.sol";
import {AccessLib, Cursor} from "./AccessLib.sol";
import {IExpression} from "./IExpression.sol";
import {StepJudge} from "./StepJudge.sol";
import {Walk, WalkLib} from "./Walk.sol";

/// @notice Judges max and min over the present taps of a window.
contract ReductionJudge is StepJudge {
    uint256 private constant MAX = 1;
    uint256 private constant MIN = 2;

    constructor(IExpression evaluator) StepJudge(evaluator) {}

    function kind() internal pure override returns (uint256) {
        return 3;
    }

    function decide(Case memory item) internal view override returns (Verdict memory) {
        uint256 op = item.step.op;
        require(op == MAX || op == MIN, UnsupportedOp(op));
        checkRoles(item, 1, false);
        (int256 least, int256 greatest, bool nan) = extremes(item);
        Interval memory core = op == MAX ? largest(least, greatest, nan) : smallest(least, greatest, nan);
        return verdictOfExpression(item, slotsOf(item, IntervalLib.flushed(core), 1));
    }

    /// @dev Of no number at all, and of −∞ alone, kernels that start from the lowest finite float give that one. With a NaN among
    /// the taps a kernel may forget what came before it, so any tap between the extremes may survive.
    function largest(int256 least, int256 greatest, bool nan) private pure returns (Interval memory) {
        if (greatest == -Float32.INF) return Interval(-Float32.INF, -Float32.MAX_FINITE, nan);
        return Interval(nan ? least : greatest, greatest, nan);
    }

    function smallest(int256 least, int256 greatest, bool nan) private pure returns (Interval memory) {
        return IntervalLib.neg(largest(-greatest, -least, nan));
    }

    /// @return least Smallest tap that is a number, +∞ if there is none.
    /// @return greatest Largest tap that is a number, −∞ if there is none.
    /// @return nan Whether a tap is NaN.
    function extremes(Case memory item) private pure returns (int256 least, int256 greatest, bool nan) {
        (least, greatest) = (Float32.INF, -Float32.INF);
        Cursor memory cursor = item.operands[0];
        Walk memory walk = WalkLib.start(item.step.reduce, item.taps);
        int256 stride = WalkLib.strideOf(walk, cursor.strides);
        for (uint256 run = 0; run < walk.runs; ++run) {
            (int256 from, int256 to) = AccessLib.clip(cursor, walk.r, walk.inner, 0, walk.runLength);
            int256 index = AccessLib.linear(cursor, walk.r);
            for (int256 k = from; k < to; ++k) {
                uint256 bits = AccessLib.read(cursor, index + k * stride);
                if (Float32.isNaN(bits)) {
                    nan = true;
                    continue;
                }
                int256 key = Float32.keyOf(bits);
                if (key < least) least = key;
                if (key > greatest) greatest = key;
            }
            WalkLib.next(walk);
        }
    }
}
