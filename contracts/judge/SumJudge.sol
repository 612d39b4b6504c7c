// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ElementType} from "../lib/ElementType.sol";
import {ExactSum, ExactSumLib} from "../lib/ExactSum.sol";
import {Float32} from "../lib/Float32.sol";
import {IntervalLib} from "../lib/Interval.sol";
import {Verdict} from "../types/Witness.sol";
import {Piece} from "./AccessLib.sol";
import {IExpression} from "./IExpression.sol";
import {StepJudge} from "./StepJudge.sol";
import {SummingJudge} from "./SummingJudge.sol";
import {Taps} from "./Taps.sol";

/// @notice Judges sums and means over the present taps of a window, and means that count the absent ones as zeros.
contract SumJudge is SummingJudge {
    uint256 private constant SUM = 3;
    uint256 private constant MEAN = 4;
    uint256 private constant MEAN_OF_ALL = 5;

    /// @dev Roundings of a term besides those of the additions: the reciprocal of the count, the product with it, and two more.
    uint256 private constant EXTRA = 4;

    /// @dev Up to this sum of magnitudes doubles are exact, in any order.
    uint256 private constant EXACT_IN_DOUBLES = 1 << 53;

    constructor(IExpression evaluator) StepJudge(evaluator) {}

    function kind() internal pure override returns (uint256) {
        return 3;
    }

    function decide(Case memory item) internal view override returns (Verdict memory) {
        uint256 op = item.step.op;
        require(op >= SUM && op <= MEAN_OF_ALL, UnsupportedOp(op));
        checkRoles(item, 1, false);
        uint256 dtype = item.operands[0].dtype;
        require(op == SUM || ElementType.isFloat(dtype), UnsupportedType(dtype));
        (Piece[] memory pieces, uint256 present) = Taps.piecesOf(item.operands[0], item.step.reduce, item.taps);
        if (!ElementType.isFloat(dtype)) return concludeIntegers(item, pieces, dtype);
        uint256 count = op == SUM ? 1 : op == MEAN ? present : item.taps;
        // 0/0.
        if (count == 0) return conclude(item, floatCore(IntervalLib.all()));
        ExactSum memory sum;
        sum.terms = present;
        for (uint256 i = 0; i < pieces.length; ++i) add(sum, pieces[i], dtype);
        return concludeSum(item, ExactSumLib.boundOfMean(sum, EXTRA, count));
    }

    function add(ExactSum memory sum, Piece memory piece, uint256 dtype) private pure {
        uint256 position = piece.start;
        for (uint256 k = 0; k < piece.count; ++k) {
            ExactSumLib.addFloat(sum, ElementType.load(position, dtype));
            unchecked {
                position += piece.step;
            }
        }
    }

    /// @dev Kernels wrap, or sum doubles and saturate: beyond what both do alike every value is sound.
    function concludeIntegers(Case memory item, Piece[] memory pieces, uint256 dtype)
        private
        view
        returns (Verdict memory)
    {
        (int256 sum, uint256 magnitude) = sumOfIntegers(pieces, dtype);
        (int256 least, int256 greatest) = ElementType.limits(dtype);
        if (sum < least || sum > greatest || magnitude > EXACT_IN_DOUBLES) return verdictOf(item, IntervalLib.all());
        return conclude(item, integerCore(sum));
    }

    function sumOfIntegers(Piece[] memory pieces, uint256 dtype) private pure returns (int256 sum, uint256 magnitude) {
        unchecked {
            for (uint256 i = 0; i < pieces.length; ++i) {
                uint256 position = pieces[i].start;
                for (uint256 k = 0; k < pieces[i].count; ++k) {
                    int256 tap = int256(ElementType.load(position, dtype));
                    sum += tap;
                    magnitude += Float32.abs(tap);
                    position += pieces[i].step;
                }
            }
        }
    }
}
