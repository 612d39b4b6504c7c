// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Interval, IntervalLib} from "../lib/Interval.sol";
import {Scalar} from "../lib/Scalar.sol";
import {IExpression} from "./IExpression.sol";

/// @notice Evaluates expressions. A contract of its own, because with the scalar functions in it a step judge would exceed EIP-170.
contract Expression is IExpression {
    uint256 private constant MAX_DEPTH = 16;

    error ExpressionTruncated(uint256 position);
    error ExpressionOpcode(uint8 opcode);
    error ExpressionSlot(uint256 slot);
    error ExpressionStack(uint256 depth);

    /// @inheritdoc IExpression
    function evaluate(bytes calldata code, Interval[] calldata slots) external pure returns (Interval memory) {
        if (code.length == 0) {
            require(slots.length != 0, ExpressionSlot(0));
            return slots[0];
        }
        Interval[] memory stack = new Interval[](MAX_DEPTH);
        uint256 depth = 0;
        for (uint256 position = 0; position < code.length; ++position) {
            uint256 opcode = uint8(code[position]);
            if (opcode < 0x10) {
                require(depth < MAX_DEPTH, ExpressionStack(depth + 1));
                if (opcode == 0x01) {
                    require(position + 1 < code.length, ExpressionTruncated(position));
                    uint256 slot = uint8(code[++position]);
                    require(slot < slots.length, ExpressionSlot(slot));
                    stack[depth++] = slots[slot];
                } else if (opcode == 0x02) {
                    require(position + 4 < code.length, ExpressionTruncated(position));
                    stack[depth++] = IntervalLib.point(uint32(bytes4(code[position + 1:position + 5])));
                    position += 4;
                } else {
                    revert ExpressionOpcode(uint8(opcode));
                }
            } else if (opcode < 0x20) {
                require(depth > 1, ExpressionStack(depth));
                Interval memory y = stack[--depth];
                stack[depth - 1] = IntervalLib.flushed(binary(opcode, stack[depth - 1], y));
            } else {
                require(depth > 0, ExpressionStack(depth));
                stack[depth - 1] = IntervalLib.flushed(unary(opcode, stack[depth - 1]));
            }
        }
        require(depth == 1, ExpressionStack(depth));
        return stack[0];
    }

    function binary(uint256 opcode, Interval memory x, Interval memory y) private pure returns (Interval memory) {
        if (opcode == 0x10) return IntervalLib.add(x, y);
        if (opcode == 0x11) return IntervalLib.sub(x, y);
        if (opcode == 0x12) return IntervalLib.mul(x, y);
        if (opcode == 0x13) return IntervalLib.div(x, y);
        if (opcode == 0x14) return IntervalLib.max(x, y);
        if (opcode == 0x15) return IntervalLib.min(x, y);
        revert ExpressionOpcode(uint8(opcode));
    }

    function unary(uint256 opcode, Interval memory x) private pure returns (Interval memory) {
        if (opcode == 0x20) return IntervalLib.neg(x);
        if (opcode == 0x21) return IntervalLib.abs(x);
        if (opcode == 0x22) return IntervalLib.sqrt(x);
        if (opcode == 0x23) return Scalar.exp(x);
        if (opcode == 0x24) return Scalar.log(x);
        if (opcode == 0x25) return Scalar.tanh(x);
        if (opcode == 0x26) return Scalar.erf(x);
        if (opcode == 0x27) return Scalar.sigmoid(x);
        if (opcode == 0x30) return IntervalLib.max(x, Interval(0, 0, false));
        revert ExpressionOpcode(uint8(opcode));
    }
}
