// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ElementType} from "../lib/ElementType.sol";
import {Float32} from "../lib/Float32.sol";
import {Interval, IntervalLib} from "../lib/Interval.sol";
import {Scalar} from "../lib/Scalar.sol";
import {ExpSum, Softmax} from "../lib/Softmax.sol";
import {Verdict} from "../types/Witness.sol";
import {AccessLib, Cursor, Piece} from "./AccessLib.sol";
import {IExpression} from "./IExpression.sol";
import {StepJudge} from "./StepJudge.sol";
import {Taps} from "./Taps.sol";

/// @notice Judges softmax and log-softmax: the first operand is the row, the second the element of it that the result belongs to.
contract NormalisationJudge is StepJudge {
    uint256 private constant SOFTMAX = 1;
    uint256 private constant LOG_SOFTMAX = 2;

    constructor(IExpression evaluator) StepJudge(evaluator) {}

    function kind() internal pure override returns (uint256) {
        return 4;
    }

    function decide(Case memory item) internal view override returns (Verdict memory) {
        uint256 op = item.step.op;
        require(op == SOFTMAX || op == LOG_SOFTMAX, UnsupportedOp(op));
        checkRoles(item, 1, false);
        require(item.operands.length > 1, OperandCount(2, item.operands.length));
        requireFloats(item, 0);
        requireFloats(item, 1);
        (Piece[] memory pieces,) = Taps.piecesOf(item.operands[0], item.step.reduce, item.taps);
        Cursor memory cursor = item.operands[1];
        return concludeFloats(item, floatCore(enclose(pieces, item.operands[0].dtype, AccessLib.read(cursor, cursor.origin), op)));
    }

    function enclose(Piece[] memory pieces, uint256 dtype, uint256 bits, uint256 op) private pure returns (Interval memory) {
        (int256 m, bool nan) = largest(pieces, dtype);
        bool finite = m < Float32.INF && m > -Float32.INF && !nan;
        int256 x = finite && !Float32.isNaN(bits) ? Float32.keyOf(bits) : Float32.INF;
        // Rows with NaN or +∞, and of −∞ alone: NaN, or what kernels make of it that clamp.
        if (x > m || !finite) {
            return op == SOFTMAX ? Interval(0, Float32.ONE + Scalar.EXP_ULPS, true) : IntervalLib.all();
        }
        ExpSum memory sum;
        for (uint256 i = 0; i < pieces.length; ++i) {
            uint256 position = pieces[i].start;
            for (uint256 k = 0; k < pieces[i].count; ++k) {
                int256 key = Float32.keyOf(ElementType.load(position, dtype));
                Softmax.add(sum, key == -Float32.INF ? type(uint256).max : Softmax.distance(m, key));
                unchecked {
                    position += pieces[i].step;
                }
            }
        }
        if (op == SOFTMAX) {
            return Softmax.quotient(sum, x == -Float32.INF ? type(uint256).max : Softmax.distance(m, x));
        }
        if (x == -Float32.INF) return Interval(-Float32.INF, -Float32.MAX_FINITE, false);
        return Softmax.logarithm(sum, Softmax.distance(m, x));
    }

    /// @return m Largest element that is a number, −∞ if there is none.
    function largest(Piece[] memory pieces, uint256 dtype) private pure returns (int256 m, bool nan) {
        m = -Float32.INF;
        for (uint256 i = 0; i < pieces.length; ++i) {
            uint256 position = pieces[i].start;
            for (uint256 k = 0; k < pieces[i].count; ++k) {
                uint256 bits = ElementType.load(position, dtype);
                if (Float32.isNaN(bits)) {
                    nan = true;
                } else {
                    int256 key = Float32.keyOf(bits);
                    if (key > m) m = key;
                }
                unchecked {
                    position += pieces[i].step;
                }
            }
        }
    }
}
