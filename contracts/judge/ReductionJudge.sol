// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ElementType} from "../lib/ElementType.sol";
import {Float32} from "../lib/Float32.sol";
import {Interval, IntervalLib} from "../lib/Interval.sol";
import {Step} from "../types/Program.sol";
import {Verdict} from "../types/Witness.sol";
import {AccessLib, Cursor, Piece} from "./AccessLib.sol";
import {IExpression} from "./IExpression.sol";
import {StepJudge} from "./StepJudge.sol";
import {Taps} from "./Taps.sol";
import {Walk, WalkLib} from "./Walk.sol";

/// @notice Judges max and min over the present taps of a window, and where they are.
contract ReductionJudge is StepJudge {
    uint256 private constant MAX = 1;
    uint256 private constant MIN = 2;
    uint256 private constant ARGMAX = 6;
    uint256 private constant ARGMIN = 7;

    constructor(IExpression evaluator) StepJudge(evaluator) {}

    function kind() internal pure override returns (uint256) {
        return 3;
    }

    function decide(Case memory item) internal view override returns (Verdict memory) {
        uint256 op = item.step.op;
        require(op == MAX || op == MIN || op == ARGMAX || op == ARGMIN, UnsupportedOp(op));
        checkRoles(item, 1, false);
        (Piece[] memory pieces, uint256 present) = Taps.piecesOf(item.operands[0], item.step.reduce, item.taps);
        if (op >= ARGMAX) return decideIndex(item, op == ARGMAX);
        uint256 dtype = item.operands[0].dtype;
        (int256 least, int256 greatest, bool nan) = extremes(pieces, dtype);
        if (!ElementType.isFloat(dtype)) {
            // Of nothing, kernels give what they start from.
            if (present == 0) return verdictOf(item, IntervalLib.all());
            return conclude(item, integerCore(op == MAX ? greatest : least));
        }
        return conclude(item, floatCore(op == MAX ? largest(least, greatest, nan) : smallest(least, greatest, nan)));
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

    /// @return least Smallest tap that is a number, of floats the key; +∞ if there is none.
    /// @return greatest Largest tap that is a number, −∞ if there is none.
    /// @return nan Whether a tap is NaN.
    function extremes(Piece[] memory pieces, uint256 dtype)
        private
        pure
        returns (int256 least, int256 greatest, bool nan)
    {
        bool isFloat = ElementType.isFloat(dtype);
        (least, greatest) =
            isFloat ? (Float32.INF, -Float32.INF) : (type(int256).max, type(int256).min);
        for (uint256 i = 0; i < pieces.length; ++i) {
            uint256 position = pieces[i].start;
            for (uint256 k = 0; k < pieces[i].count; ++k) {
                uint256 raw = ElementType.load(position, dtype);
                unchecked {
                    position += pieces[i].step;
                }
                if (isFloat && Float32.isNaN(raw)) {
                    nan = true;
                    continue;
                }
                int256 value = isFloat ? Float32.keyOf(raw) : int256(raw);
                if (value < least) least = value;
                if (value > greatest) greatest = value;
            }
        }
    }

    /// @notice The index of the first (or last, by the attribute) of the extreme taps, counted over the whole domain.
    function decideIndex(Case memory item, bool isMax) private pure returns (Verdict memory) {
        require(item.step.expression.length == 0, UnexpectedExpression());
        require(item.step.result.dtype == ElementType.INT64, UnsupportedType(item.step.result.dtype));
        bool last = item.step.attributes.length != 0;
        (int256 index, bool known, bool alike) = extremeIndex(item, isMax, last);
        if (!known || alike) return verdictOf(item, IntervalLib.all());
        return verdictOfInteger(item, index);
    }

    /// @return index Of the extreme tap.
    /// @return known False if there is no tap, or a NaN among them.
    /// @return alike Whether the claimed tap and the extreme one are both zero or subnormal, so that flushing makes them equal.
    function extremeIndex(Case memory item, bool isMax, bool last)
        private
        pure
        returns (int256 index, bool known, bool alike)
    {
        Cursor memory cursor = item.operands[0];
        bool isFloat = ElementType.isFloat(cursor.dtype);
        Walk memory walk = WalkLib.start(item.step.reduce, item.taps);
        int256 stride = WalkLib.strideOf(walk, cursor.strides);
        int256 best;
        bool claimedTiny;
        for (uint256 run = 0; run < walk.runs; ++run) {
            (int256 from, int256 to) = AccessLib.clip(cursor, walk.r, walk.inner, 0, walk.runLength);
            int256 linear = AccessLib.linear(cursor, walk.r);
            while (from < to) {
                Piece memory piece = AccessLib.pieceAt(cursor, linear + from * stride, stride, uint256(to - from));
                for (int256 end = from + int256(piece.count); from < end; ++from) {
                    uint256 raw = ElementType.load(piece.start, cursor.dtype);
                    unchecked {
                        piece.start += piece.step;
                    }
                    if (isFloat && Float32.isNaN(raw)) return (0, false, false);
                    int256 value = isFloat ? Float32.keyOf(raw) : int256(raw);
                    int256 place = int256(run) * walk.runLength + from;
                    if (isFloat && place == int256(item.claimed)) claimedTiny = isTiny(value);
                    if (!isMax) value = -value;
                    if (!known || value > best || (last && value == best)) (best, index, known) = (value, place, true);
                }
            }
            WalkLib.next(walk);
        }
        alike = claimedTiny && isTiny(best);
    }

    function isTiny(int256 key) private pure returns (bool) {
        return key > -Float32.MIN_NORMAL && key < Float32.MIN_NORMAL;
    }

    function checkAttributes(Step memory step) internal pure override {
        uint256 length = step.attributes.length;
        bool last = step.op >= ARGMAX && length == 1 && step.attributes[0] == 0x01;
        require(length == 0 || last, UnexpectedAttributes());
    }
}
