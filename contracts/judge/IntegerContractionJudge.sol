// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ByteProduct} from "../lib/ByteProduct.sol";
import {ElementType} from "../lib/ElementType.sol";
import {IntervalLib} from "../lib/Interval.sol";
import {Step} from "../types/Program.sol";
import {Verdict} from "../types/Witness.sol";
import {AccessLib, Cursor, Piece} from "./AccessLib.sol";
import {IExpression} from "./IExpression.sol";
import {Core, StepJudge} from "./StepJudge.sol";
import {Walk, WalkLib} from "./Walk.sol";

/// @notice Judges sums of products of integers less their zero points, with integer addends: exact.
contract IntegerContractionJudge is StepJudge {
    uint256 private constant SIGNS = 0x8080808080808080808080808080808080808080808080808080808080808080;

    error AttributesMalformed();

    constructor(IExpression evaluator) StepJudge(evaluator) {}

    function kind() internal pure override returns (uint256) {
        return 1;
    }

    function decide(Case memory item) internal view override returns (Verdict memory) {
        require(item.step.op == 0, UnsupportedOp(item.step.op));
        checkRoles(item, 2, true);
        uint256 end = firstValue(item);
        for (uint256 i = 0; i < end; ++i) {
            uint256 dtype = item.operands[i].dtype;
            require(ElementType.isInteger(dtype), UnsupportedType(dtype));
        }
        int256 sum = sumOf(item);
        for (uint256 i = 2; i < end; ++i) {
            Cursor memory cursor = item.operands[i];
            sum += int256(AccessLib.read(cursor, cursor.origin));
        }
        Core memory core = integerCore(sum);
        // Kernels accumulate in 32 bits before they convert; what they make of more differs.
        if (ElementType.isFloat(item.step.result.dtype) || item.step.expression.length != 0) {
            if (int32(sum) != sum) core = floatCore(IntervalLib.all());
        }
        return conclude(item, core);
    }

    /// @dev The zero points, canonical int64 words.
    function checkAttributes(Step memory step) internal pure override {
        bytes memory a = step.attributes;
        if (a.length == 0) return;
        (int256 f, int256 g) = zeroPoints(a);
        require(a.length == 64 && int64(f) == f && int64(g) == g, AttributesMalformed());
    }

    function zeroPoints(bytes memory a) private pure returns (int256 f, int256 g) {
        if (a.length < 64) return (0, 0);
        assembly ("memory-safe") {
            f := mload(add(a, 0x20))
            g := mload(add(a, 0x40))
        }
    }

    /// @notice Σ (f − zeroF)·(g − zeroG) over the taps that both factors have.
    function sumOf(Case memory item) private pure returns (int256 sum) {
        Cursor memory f = item.operands[0];
        Cursor memory g = item.operands[1];
        (int256 zeroF, int256 zeroG) = zeroPoints(item.step.attributes);
        Walk memory walk = WalkLib.start(item.step.reduce, item.taps);
        int256 strideF = WalkLib.strideOf(walk, f.strides);
        int256 strideG = WalkLib.strideOf(walk, g.strides);
        for (uint256 run = 0; run < walk.runs; ++run) {
            (int256 from, int256 to) = AccessLib.clip(f, walk.r, walk.inner, 0, walk.runLength);
            (from, to) = AccessLib.clip(g, walk.r, walk.inner, from, to);
            int256 startF = AccessLib.linear(f, walk.r);
            int256 startG = AccessLib.linear(g, walk.r);
            while (from < to) {
                Piece memory p = AccessLib.pieceAt(f, startF + from * strideF, strideF, uint256(to - from));
                Piece memory q = AccessLib.pieceAt(g, startG + from * strideG, strideG, p.count);
                p.count = q.count;
                from += int256(q.count);
                sum += f.size == 1 && g.size == 1 && p.step == 1 && q.step == 1
                    && f.dtype != ElementType.BOOL && g.dtype != ElementType.BOOL
                    ? productOfBytes(p, f.dtype, zeroF, q, g.dtype, zeroG)
                    : product(p, f.dtype, zeroF, q, g.dtype, zeroG);
            }
            WalkLib.next(walk);
        }
    }

    function product(Piece memory p, uint256 typeP, int256 zeroP, Piece memory q, uint256 typeQ, int256 zeroQ)
        private
        pure
        returns (int256 sum)
    {
        (uint256 a, uint256 b) = (p.start, q.start);
        for (uint256 k = 0; k < p.count; ++k) {
            int256 x = int256(ElementType.load(a, typeP)) - zeroP;
            sum += x * (int256(ElementType.load(b, typeQ)) - zeroQ);
            unchecked {
                a += p.step;
                b += q.step;
            }
        }
    }

    /// @dev Signed bytes are taken with 128 added, as are then their zero points.
    function productOfBytes(Piece memory p, uint256 typeP, int256 zeroP, Piece memory q, uint256 typeQ, int256 zeroQ)
        private
        pure
        returns (int256)
    {
        uint256 flipP = typeP == ElementType.INT8 ? SIGNS : 0;
        uint256 flipQ = typeQ == ElementType.INT8 ? SIGNS : 0;
        (uint256 a, uint256 b) = (p.start, q.start);
        uint256 dots;
        uint256 totalP;
        uint256 totalQ;
        unchecked {
            for (uint256 left = p.count; left != 0;) {
                uint256 x;
                uint256 y;
                assembly ("memory-safe") {
                    x := xor(calldataload(a), flipP)
                    y := xor(calldataload(b), flipQ)
                }
                uint256 width = 32;
                if (left < 32) {
                    width = left;
                    x = x >> (256 - 8 * left);
                    y = y >> (256 - 8 * left);
                }
                dots += ByteProduct.dot(x, y);
                totalP += ByteProduct.total(x);
                totalQ += ByteProduct.total(y);
                a += width;
                b += width;
                left -= width;
            }
        }
        if (flipP != 0) zeroP += 128;
        if (flipQ != 0) zeroQ += 128;
        return int256(dots) - zeroQ * int256(totalP) - zeroP * int256(totalQ) + int256(p.count) * zeroP * zeroQ;
    }
}
