// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The element types that the judge decides, numbered as ONNX `TensorProto.DataType`. An element in a word: a float is the
/// bits of the float32 of its value (float16 and bfloat16 have one each), an integer its value in two's complement of 256 bits;
/// any byte but 0 is the bool 1.
library ElementType {
    uint256 internal constant FLOAT32 = 1;
    uint256 internal constant UINT8 = 2;
    uint256 internal constant INT8 = 3;
    uint256 internal constant UINT16 = 4;
    uint256 internal constant INT16 = 5;
    uint256 internal constant INT32 = 6;
    uint256 internal constant INT64 = 7;
    uint256 internal constant BOOL = 9;
    uint256 internal constant FLOAT16 = 10;
    uint256 internal constant UINT32 = 12;
    uint256 internal constant UINT64 = 13;
    uint256 internal constant BFLOAT16 = 16;

    /// @dev One bit a type.
    uint256 private constant FLOATS = (1 << FLOAT32) | (1 << FLOAT16) | (1 << BFLOAT16);
    uint256 private constant SIGNED = (1 << INT8) | (1 << INT16) | (1 << INT32) | (1 << INT64);
    uint256 private constant INTEGERS =
        SIGNED | (1 << UINT8) | (1 << UINT16) | (1 << UINT32) | (1 << UINT64) | (1 << BOOL);

    /// @dev Bytes of an element, four bits a type.
    uint256 private constant SIZES = (4 << (4 * FLOAT32)) | (1 << (4 * UINT8)) | (1 << (4 * INT8)) | (2 << (4 * UINT16))
        | (2 << (4 * INT16)) | (4 << (4 * INT32)) | (8 << (4 * INT64)) | (1 << (4 * BOOL)) | (2 << (4 * FLOAT16))
        | (4 << (4 * UINT32)) | (8 << (4 * UINT64)) | (2 << (4 * BFLOAT16));

    /// @notice Whether a numeric profile has the type: all have integers and float32, profile 2 also the half floats.
    function isJudged(uint256 dtype, uint256 profile) internal pure returns (bool) {
        return (((profile == 1 ? 1 << FLOAT32 : FLOATS) | INTEGERS) >> dtype) & 1 == 1;
    }

    /// @notice Whether the type has floats.
    function isFloat(uint256 dtype) internal pure returns (bool) {
        return (FLOATS >> dtype) & 1 == 1;
    }

    /// @notice Whether the type has integers; bool is one.
    function isInteger(uint256 dtype) internal pure returns (bool) {
        return (INTEGERS >> dtype) & 1 == 1;
    }

    /// @notice Bytes of one element of a judged type.
    function size(uint256 dtype) internal pure returns (uint256) {
        return (SIZES >> (4 * dtype)) & 15;
    }

    /// @notice Least and greatest value of an integer type.
    function limits(uint256 dtype) internal pure returns (int256 least, int256 greatest) {
        if (dtype == BOOL) return (0, 1);
        unchecked {
            uint256 bits = 8 * size(dtype);
            if ((SIGNED >> dtype) & 1 == 0) return (0, int256((1 << bits) - 1));
            greatest = int256((1 << (bits - 1)) - 1);
            least = -greatest - 1;
        }
    }

    /// @notice The value that an integer type keeps of `value`: two's complement, for bool whether it is not zero.
    function wrap(int256 value, uint256 dtype) internal pure returns (int256) {
        if (dtype == BOOL) return value == 0 ? int256(0) : int256(1);
        unchecked {
            uint256 spare = 256 - 8 * size(dtype);
            uint256 shifted = uint256(value) << spare;
            return (SIGNED >> dtype) & 1 == 1 ? int256(shifted) >> spare : int256(shifted >> spare);
        }
    }

    /// @notice The element at a calldata position.
    function load(uint256 position, uint256 dtype) internal pure returns (uint256) {
        uint256 bits = load32(position);
        if (dtype == FLOAT32) return bits;
        if (size(dtype) == 8) {
            unchecked {
                bits |= load32(position + 4) << 32;
            }
        }
        return decode(bits, dtype);
    }

    /// @notice The element whose little-endian bytes are those of `bits`, further up in which anything may stand.
    function decode(uint256 bits, uint256 dtype) internal pure returns (uint256) {
        if (!isFloat(dtype)) return uint256(wrap(dtype == BOOL ? int256(bits & 0xff) : int256(bits), dtype));
        if (dtype == BFLOAT16) return (bits & 0xffff) << 16;
        return dtype == FLOAT16 ? widened(bits & 0xffff) : bits & 0xffffffff;
    }

    /// @notice The float32 with the value of a float16; both as their bits. A NaN keeps its payload.
    function widened(uint256 bits) internal pure returns (uint256) {
        unchecked {
            uint256 sign = (bits & 0x8000) << 16;
            uint256 magnitude = bits & 0x7fff;
            if (magnitude >= 0x7c00) return sign | 0x7f800000 | ((magnitude & 0x3ff) << 13);
            if (magnitude >= 0x400) return sign | ((magnitude << 13) + 0x38000000);
            if (magnitude == 0) return sign;
            // A subnormal is magnitude · 2^−24: shifted until its leading bit is the hidden one of 2^−14.
            uint256 exponent = 113;
            while (magnitude < 0x400) {
                magnitude <<= 1;
                --exponent;
            }
            return sign | (exponent << 23) | ((magnitude & 0x3ff) << 13);
        }
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
