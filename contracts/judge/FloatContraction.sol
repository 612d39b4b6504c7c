// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ExactSum, ExactSumLib} from "../lib/ExactSum.sol";
import {Verdict} from "../types/Witness.sol";
import {AccessLib, Cursor, Piece} from "./AccessLib.sol";
import {SummingJudge} from "./SummingJudge.sol";
import {Walk, WalkLib} from "./Walk.sol";

/// @notice Common to the judges of sums of products of floats with addends: the exact sum, its rounding bound, then the expression.
abstract contract FloatContraction is SummingJudge {
    function kind() internal pure override returns (uint256) {
        return 1;
    }

    /// @notice Whether factors of this type are this judge's; both have the same.
    function takes(uint256 dtype) internal pure virtual returns (bool);

    /// @notice Adds the products of the elements of two pieces; `q.count` of them.
    function addRun(ExactSum memory sum, Piece memory p, Piece memory q, uint256 dtype) internal pure virtual;

    function decide(Case memory item) internal view override returns (Verdict memory) {
        require(item.step.op == 0, UnsupportedOp(item.step.op));
        checkRoles(item, 2, true);
        uint256 dtype = item.operands[0].dtype;
        require(takes(dtype), UnsupportedType(dtype));
        require(item.operands[1].dtype == dtype, UnsupportedType(item.operands[1].dtype));
        ExactSum memory sum;
        addProducts(item, sum);
        uint256 end = firstValue(item);
        for (uint256 i = 2; i < end; ++i) {
            requireFloats(item, i);
            Cursor memory cursor = item.operands[i];
            ExactSumLib.addFloat(sum, AccessLib.read(cursor, cursor.origin));
            ++sum.terms;
        }
        return concludeSum(item, ExactSumLib.bound(sum));
    }

    function addProducts(Case memory item, ExactSum memory sum) private pure {
        Cursor memory f = item.operands[0];
        Cursor memory g = item.operands[1];
        Walk memory walk = WalkLib.start(item.step.reduce, item.taps);
        int256 strideF = WalkLib.strideOf(walk, f.strides);
        int256 strideG = WalkLib.strideOf(walk, g.strides);
        for (uint256 run = 0; run < walk.runs; ++run) {
            (int256 from, int256 to) = AccessLib.clip(f, walk.r, walk.inner, 0, walk.runLength);
            (from, to) = AccessLib.clip(g, walk.r, walk.inner, from, to);
            if (from < to) {
                sum.terms += uint256(to - from);
                addTaps(sum, f, g, walk.r, from, to, strideF, strideG);
            }
            WalkLib.next(walk);
        }
    }

    /// @notice Adds the taps [from, to) of a run, as long a piece at a time as both operands are evenly spaced in calldata.
    function addTaps(
        ExactSum memory sum,
        Cursor memory f,
        Cursor memory g,
        uint256[] memory r,
        int256 from,
        int256 to,
        int256 strideF,
        int256 strideG
    ) private pure {
        int256 startF = AccessLib.linear(f, r);
        int256 startG = AccessLib.linear(g, r);
        while (from < to) {
            Piece memory p = AccessLib.pieceAt(f, startF + from * strideF, strideF, uint256(to - from));
            Piece memory q = AccessLib.pieceAt(g, startG + from * strideG, strideG, p.count);
            addRun(sum, p, q, f.dtype);
            from += int256(q.count);
        }
    }
}
