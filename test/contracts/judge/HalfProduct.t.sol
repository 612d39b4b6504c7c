// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HalfProduct} from "../../../contracts/judge/HalfProduct.sol";
import {ElementType} from "../../../contracts/lib/ElementType.sol";
import {ExactSum, ExactSumLib} from "../../../contracts/lib/ExactSum.sol";

/// @notice The lane-wise dot product of half floats against its plain twin, one `addProduct` after the other.
contract HalfProductTest {
    error Differ(uint256 bin);
    error FlagsDiffer();

    function testFuzz_AnyBytes(bytes calldata data) external pure {
        uint256 count = data.length / 4;
        both(data[:count * 2], 2, data[count * 2:], 2, count);
    }

    /// @dev Overlapping, reversed and broadcast runs.
    function testFuzz_AnySteps(bytes calldata data, uint8 first, uint8 second) external pure {
        (uint256 stepA, uint256 stepB) = (uint256(first) % 40, uint256(second) % 40);
        uint256 count = data.length / 40;
        both(data, stepA, data, stepB, count);
        if (count > 0) both(data[(count - 1) * stepA:], uint256(-int256(stepA)), data, stepB, count);
    }

    /// @dev Halves that mix zeros, subnormals, infinities and NaN with normal ones, in runs of every length and alignment.
    function testFuzz_SpecialValues(uint256 seed, uint8 length, uint8 rarity) external view {
        uint256 count = length;
        bytes memory a = new bytes(count * 2 + (seed & 3));
        bytes memory b = new bytes(count * 2 + (seed >> 2 & 31));
        for (uint256 i = 0; i < count; ++i) {
            put(a, i, pick(uint256(keccak256(abi.encode(seed, i))), rarity));
            put(b, i, pick(uint256(keccak256(abi.encode(seed, ~i))), rarity));
        }
        this.both(a, 2, b, 2, count);
    }

    function both(bytes calldata a, uint256 stepA, bytes calldata b, uint256 stepB, uint256 count) public pure {
        compare(offsetOf(a), stepA, offsetOf(b), stepB, count, ElementType.FLOAT16);
        compare(offsetOf(a), stepA, offsetOf(b), stepB, count, ElementType.BFLOAT16);
    }

    function compare(uint256 startA, uint256 stepA, uint256 startB, uint256 stepB, uint256 count, uint256 dtype)
        private
        pure
    {
        ExactSum memory lanes;
        ExactSum memory plain;
        HalfProduct.addRun(lanes, startA, stepA, startB, stepB, count, dtype);
        unchecked {
            for (uint256 i = 0; i < count; ++i) {
                uint256 x = ElementType.load(startA + i * stepA, dtype);
                ExactSumLib.addProduct(plain, x, ElementType.load(startB + i * stepB, dtype));
            }
        }
        for (uint256 i = 0; i < 12; ++i) require(lanes.bins[i] == plain.bins[i], Differ(i));
        require(
            lanes.nan == plain.nan && lanes.plusInf == plain.plusInf && lanes.minusInf == plain.minusInf
                && lanes.flushNan == plain.flushNan,
            FlagsDiffer()
        );
    }

    /// @dev Of both types: zeros, subnormals, infinities, NaN and the greatest.
    function pick(uint256 random, uint256 rarity) private pure returns (uint16) {
        uint16 bits = uint16(random >> 64);
        if (random % (uint256(rarity) + 1) != 0) return bits;
        uint256 which = (random >> 128) % 8;
        if (which == 0) return bits & 0x8000;
        if (which == 1) return bits & 0x83ff;
        if (which == 2) return bits & 0x807f;
        if (which == 3) return (bits & 0x8000) | 0x7c00;
        if (which == 4) return (bits & 0x8000) | 0x7f80;
        if (which == 5) return bits | 0x7c00;
        if (which == 6) return bits | 0x7f80;
        return (bits & 0x8000) | 0x7bff;
    }

    function put(bytes memory data, uint256 i, uint16 bits) private pure {
        data[2 * i] = bytes1(uint8(bits));
        data[2 * i + 1] = bytes1(uint8(bits >> 8));
    }

    function offsetOf(bytes calldata data) private pure returns (uint256 offset) {
        assembly ("memory-safe") {
            offset := data.offset
        }
    }
}
