// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What stands in the bytecode of expressions (docs/protocol.md §2).
library ExpressionCode {
    uint256 internal constant SLOT = 0x01;
    uint256 internal constant FLOAT = 0x02;
    uint256 internal constant INTEGER = 0x03;
    uint256 internal constant WIDEN = 0x58;
    uint256 internal constant WRAP = 0x59;
    uint256 internal constant ROUND = 0x5a;

    /// @dev One bit an opcode: slot, integer, add … min, neg, abs, relu, sign, comparisons, logic, select, wrap.
    uint256 private constant EXACT = (1 << 0x01) | (1 << 0x03) | (0x3f << 0x10) | (0x3 << 0x20) | (1 << 0x30) | (1 << 0x44)
        | (0x7 << 0x48) | (0xf << 0x4c) | (1 << 0x50) | (1 << 0x59);

    /// @notice Bytes of an instruction's operand.
    function immediate(uint256 opcode) internal pure returns (uint256) {
        if (opcode >= 0x10 && opcode < WIDEN) return 0;
        if (opcode == SLOT || opcode == WRAP || opcode == ROUND) return 1;
        if (opcode == FLOAT || opcode == WIDEN) return 4;
        return opcode == INTEGER ? 8 : 0;
    }

    /// @notice Whether all instructions are defined for exact integers.
    function isExact(bytes memory code) internal pure returns (bool) {
        for (uint256 position = 0; position < code.length; ++position) {
            uint256 opcode = uint8(code[position]);
            if ((EXACT >> opcode) & 1 == 0) return false;
            position += immediate(opcode);
        }
        return true;
    }
}
