// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ElementType} from "../lib/ElementType.sol";
import {HalfFloat} from "../lib/HalfFloat.sol";
import {Interval, IntervalLib} from "../lib/Interval.sol";
import {Logic} from "../lib/Logic.sol";
import {Power} from "../lib/Power.sol";
import {Rounding} from "../lib/Rounding.sol";
import {Scalar} from "../lib/Scalar.sol";
import {Trigonometry} from "../lib/Trigonometry.sol";
import {ExpressionCode} from "./ExpressionCode.sol";
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
        Interval[] memory stack = emptyStack();
        uint256 depth = 0;
        unchecked {
            for (uint256 position = 0; position < code.length; ++position) {
                (uint256 opcode, uint256 operand, uint256 length) = instruction(code, position);
                if (opcode < 0x10) {
                    require(depth < MAX_DEPTH, ExpressionStack(depth + 1));
                    if (opcode == ExpressionCode.SLOT) {
                        require(operand < slots.length, ExpressionSlot(operand));
                        stack[depth++] = slots[operand];
                    } else if (opcode == ExpressionCode.FLOAT) {
                        stack[depth++] = IntervalLib.point(operand);
                    } else if (opcode == ExpressionCode.INTEGER) {
                        stack[depth++] = IntervalLib.integer(int64(uint64(operand)));
                    } else {
                        revert ExpressionOpcode(uint8(opcode));
                    }
                } else {
                    uint256 inputs = arity(opcode);
                    require(depth >= inputs, ExpressionStack(depth));
                    depth -= inputs - 1;
                    Interval memory x = stack[depth - 1];
                    if (inputs == 1) x = unary(opcode, x, operand);
                    else if (inputs == 2) x = binary(opcode, x, stack[depth]);
                    else x = Logic.select(x, stack[depth], stack[depth + 1]);
                    stack[depth - 1] = IntervalLib.flushed(x);
                }
                position += length;
            }
        }
        require(depth == 1, ExpressionStack(depth));
        return stack[0];
    }

    /// @inheritdoc IExpression
    function evaluateIntegers(bytes calldata code, int256[] calldata slots)
        external
        pure
        returns (bool defined, int256 value)
    {
        defined = true;
        if (code.length == 0) {
            require(slots.length != 0, ExpressionSlot(0));
            return (true, slots[0]);
        }
        int256[] memory stack = new int256[](MAX_DEPTH);
        uint256 depth = 0;
        unchecked {
            for (uint256 position = 0; position < code.length; ++position) {
                (uint256 opcode, uint256 operand, uint256 length) = instruction(code, position);
                if (opcode < 0x10) {
                    require(depth < MAX_DEPTH, ExpressionStack(depth + 1));
                    if (opcode == ExpressionCode.SLOT) {
                        require(operand < slots.length, ExpressionSlot(operand));
                        stack[depth++] = slots[operand];
                    } else if (opcode == ExpressionCode.INTEGER) {
                        stack[depth++] = int64(uint64(operand));
                    } else {
                        revert ExpressionOpcode(uint8(opcode));
                    }
                } else {
                    uint256 inputs = arity(opcode);
                    require(depth >= inputs, ExpressionStack(depth));
                    depth -= inputs - 1;
                    int256 x = stack[depth - 1];
                    if (inputs == 1) {
                        x = opcode == ExpressionCode.WRAP ? wrapped(x, operand) : unaryInteger(opcode, x);
                    } else if (inputs == 2) {
                        if (opcode == 0x13 && stack[depth] == 0) defined = false;
                        else x = binaryInteger(opcode, x, stack[depth]);
                    } else {
                        x = x != 0 ? stack[depth] : stack[depth + 1];
                    }
                    stack[depth - 1] = x;
                }
                position += length;
            }
        }
        require(depth == 1, ExpressionStack(depth));
        return (defined, stack[0]);
    }

    /// @dev Places that are read only after they have been written, so that sixteen intervals need not be made.
    function emptyStack() private pure returns (Interval[] memory stack) {
        assembly ("memory-safe") {
            stack := mload(0x40)
            mstore(stack, MAX_DEPTH)
            mstore(0x40, add(stack, mul(add(MAX_DEPTH, 1), 0x20)))
        }
    }

    /// @return opcode Of the instruction at `position`, which must be below the code's length.
    /// @return operand What follows it, as many bytes as `length`.
    function instruction(bytes calldata code, uint256 position)
        private
        pure
        returns (uint256 opcode, uint256 operand, uint256 length)
    {
        unchecked {
            uint256 word;
            assembly ("memory-safe") {
                word := calldataload(add(code.offset, position))
            }
            opcode = word >> 248;
            length = ExpressionCode.immediate(opcode);
            if (length == 0) return (opcode, 0, 0);
            require(position + length < code.length, ExpressionTruncated(position));
            operand = (word << 8) >> (256 - 8 * length);
        }
    }

    function arity(uint256 opcode) private pure returns (uint256) {
        if (opcode < 0x20 || (opcode >= 0x48 && opcode < 0x50 && opcode != 0x4c) || opcode == 0x51) return 2;
        return opcode == 0x50 ? 3 : 1;
    }

    function binary(uint256 opcode, Interval memory x, Interval memory y) private pure returns (Interval memory) {
        if (opcode == 0x10) return IntervalLib.add(x, y);
        if (opcode == 0x11) return IntervalLib.sub(x, y);
        if (opcode == 0x12) return IntervalLib.mul(x, y);
        if (opcode == 0x13) return IntervalLib.div(x, y);
        if (opcode == 0x14) return IntervalLib.max(x, y);
        if (opcode == 0x15) return IntervalLib.min(x, y);
        if (opcode == 0x48) return Logic.less(x, y);
        if (opcode == 0x49) return Logic.lessOrEqual(x, y);
        if (opcode == 0x4a) return Logic.equal(x, y);
        if (opcode == 0x4d) return Logic.and_(x, y);
        if (opcode == 0x4e) return Logic.or_(x, y);
        if (opcode == 0x4f) return Logic.xor_(x, y);
        if (opcode == 0x51) return Power.pow(x, y);
        revert ExpressionOpcode(uint8(opcode));
    }

    function unary(uint256 opcode, Interval memory x, uint256 operand) private pure returns (Interval memory) {
        if (opcode == ExpressionCode.WIDEN) return widen(x, operand);
        if (opcode == ExpressionCode.ROUND) return rounded(x, operand);
        if (opcode == 0x20) return IntervalLib.neg(x);
        if (opcode == 0x21) return IntervalLib.abs(x);
        if (opcode == 0x22) return IntervalLib.sqrt(x);
        if (opcode == 0x23) return Scalar.exp(x);
        if (opcode == 0x24) return Scalar.log(x);
        if (opcode == 0x25) return Scalar.tanh(x);
        if (opcode == 0x26) return Scalar.erf(x);
        if (opcode == 0x27) return Scalar.sigmoid(x);
        if (opcode == 0x30) return IntervalLib.max(x, Interval(0, 0, false));
        if (opcode >= 0x40 && opcode <= 0x44) return Rounding.rounded(x, opcode - 0x40);
        if (opcode == 0x4c) return Logic.not_(x);
        if (opcode == 0x52) return Trigonometry.sin(x);
        if (opcode == 0x53) return Trigonometry.cos(x);
        revert ExpressionOpcode(uint8(opcode));
    }

    /// @dev An amount that is NaN or infinite leaves nothing out.
    function widen(Interval memory x, uint256 bits) private pure returns (Interval memory) {
        bits &= 0x7fffffff;
        if (bits >= 0x7f800000) return IntervalLib.all();
        if (IntervalLib.isNone(x)) return x;
        return IntervalLib.add(x, Interval(-int256(bits), int256(bits), false));
    }

    function rounded(Interval memory x, uint256 dtype) private pure returns (Interval memory) {
        bool isHalf = dtype == ElementType.FLOAT16 || dtype == ElementType.BFLOAT16;
        require(isHalf, ExpressionOpcode(uint8(ExpressionCode.ROUND)));
        return HalfFloat.rounded(x, dtype);
    }

    function binaryInteger(uint256 opcode, int256 x, int256 y) private pure returns (int256) {
        unchecked {
            if (opcode == 0x10) return x + y;
            if (opcode == 0x11) return x - y;
            if (opcode == 0x12) return x * y;
            if (opcode == 0x13) return x / y;
        }
        if (opcode == 0x14) return x > y ? x : y;
        if (opcode == 0x15) return x < y ? x : y;
        bool holds;
        if (opcode == 0x48) holds = x < y;
        else if (opcode == 0x49) holds = x <= y;
        else if (opcode == 0x4a) holds = x == y;
        else if (opcode == 0x4d) holds = x != 0 && y != 0;
        else if (opcode == 0x4e) holds = x != 0 || y != 0;
        else if (opcode == 0x4f) holds = (x != 0) != (y != 0);
        else revert ExpressionOpcode(uint8(opcode));
        return holds ? int256(1) : int256(0);
    }

    function unaryInteger(uint256 opcode, int256 x) private pure returns (int256) {
        unchecked {
            if (opcode == 0x20) return -x;
            if (opcode == 0x21) return x < 0 ? -x : x;
        }
        if (opcode == 0x30) return x > 0 ? x : int256(0);
        if (opcode == 0x44) return x > 0 ? int256(1) : x < 0 ? int256(-1) : int256(0);
        if (opcode == 0x4c) return x == 0 ? int256(1) : int256(0);
        revert ExpressionOpcode(uint8(opcode));
    }

    function wrapped(int256 x, uint256 dtype) private pure returns (int256) {
        require(ElementType.isInteger(dtype), ExpressionOpcode(uint8(ExpressionCode.WRAP)));
        return ElementType.wrap(x, dtype);
    }
}
