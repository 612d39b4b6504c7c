// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The element types that the judge decides, numbered as ONNX `TensorProto.DataType`. An element in a word: a float32 is
/// its bits, an integer its value in two's complement of 256 bits; any byte but 0 is the bool 1.
library ElementType {
    uint256 internal constant FLOAT32 = 1;
    uint256 internal constant UINT8 = 2;
    uint256 internal constant INT8 = 3;
    uint256 internal constant INT32 = 6;
    uint256 internal constant INT64 = 7;
    uint256 internal constant BOOL = 9;

    function isJudged(uint256 dtype) internal pure returns (bool) {
        return dtype == FLOAT32 || isInteger(dtype);
    }

    /// @notice Whether the type has integers; bool is one.
    function isInteger(uint256 dtype) internal pure returns (bool) {
        return dtype == UINT8 || dtype == INT8 || dtype == INT32 || dtype == INT64 || dtype == BOOL;
    }

    /// @notice Bytes of one element of a judged type.
    function size(uint256 dtype) internal pure returns (uint256) {
        if (dtype == FLOAT32 || dtype == INT32) return 4;
        return dtype == INT64 ? 8 : 1;
    }

    /// @notice Least and greatest value of an integer type.
    function limits(uint256 dtype) internal pure returns (int256 least, int256 greatest) {
        if (dtype == UINT8) return (0, 255);
        if (dtype == INT8) return (-128, 127);
        if (dtype == INT32) return (type(int32).min, type(int32).max);
        if (dtype == INT64) return (type(int64).min, type(int64).max);
        return (0, 1);
    }

    /// @notice The value that an integer type keeps of `value`: two's complement, for bool whether it is not zero.
    function wrap(int256 value, uint256 dtype) internal pure returns (int256) {
        if (dtype == UINT8) return int256(uint256(value) & 0xff);
        if (dtype == INT8) return int8(value);
        if (dtype == INT32) return int32(value);
        if (dtype == INT64) return int64(value);
        return value == 0 ? int256(0) : int256(1);
    }

    /// @notice The element at a calldata position.
    function load(uint256 position, uint256 dtype) internal pure returns (uint256 raw) {
        if (dtype == FLOAT32) return load32(position);
        if (dtype == INT32) return uint256(int256(int32(uint32(load32(position)))));
        if (dtype == INT64) {
            uint256 low = load32(position);
            unchecked {
                return uint256(int256(int64(uint64(low | (load32(position + 4) << 32)))));
            }
        }
        assembly ("memory-safe") {
            raw := byte(0, calldataload(position))
        }
        if (dtype == INT8) return uint256(int256(int8(uint8(raw))));
        if (dtype == BOOL && raw != 0) return 1;
    }

    /// @notice The little-endian 32-bit word at a calldata position.
    function load32(uint256 position) internal pure returns (uint256 bits) {
        assembly ("memory-safe") {
            let w := calldataload(position)
            bits := or(
                or(byte(0, w), shl(8, byte(1, w))),
                or(shl(16, byte(2, w)), shl(24, byte(3, w)))
            )
        }
    }
}
