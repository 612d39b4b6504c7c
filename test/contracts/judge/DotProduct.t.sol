// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DotProduct} from "../../../contracts/judge/DotProduct.sol";
import {ElementType} from "../../../contracts/lib/ElementType.sol";
import {ExactSum, ExactSumLib} from "../../../contracts/lib/ExactSum.sol";

/// @notice The lane-wise dot product against its plain twin, one `addProduct` after the other.
contract DotProductTest {
    error Differ(uint256 bin);
    error FlagsDiffer();

    function testFuzz_AnyBytes(bytes calldata data) external pure {
        uint256 count = data.length / 8;
        compare(data[:count * 4], 4, data[count * 4:], 4, count);
    }

    /// @dev Overlapping, reversed and broadcast runs.
    function testFuzz_AnySteps(bytes calldata data, uint8 first, uint8 second) external pure {
        (uint256 stepA, uint256 stepB) = (uint256(first) % 40, uint256(second) % 40);
        uint256 count = data.length / 40;
        compare(data, stepA, data, stepB, count);
        if (count > 0) compare(data[(count - 1) * stepA:], uint256(-int256(stepA)), data, stepB, count);
    }

    /// @dev Floats that mix zeros, subnormals, infinities and NaN with normal ones, in runs of every length and alignment.
    function testFuzz_SpecialValues(uint256 seed, uint8 length, uint8 rarity) external view {
        uint256 count = length;
        bytes memory a = new bytes(count * 4 + (seed & 3));
        bytes memory b = new bytes(count * 4 + (seed >> 2 & 31));
        for (uint256 i = 0; i < count; ++i) {
            put(a, i, pick(uint256(keccak256(abi.encode(seed, i))), rarity));
            put(b, i, pick(uint256(keccak256(abi.encode(seed, ~i))), rarity));
        }
        this.compare(a, 4, b, 4, count);
    }

    function compare(bytes calldata a, uint256 stepA, bytes calldata b, uint256 stepB, uint256 count) public pure {
        ExactSum memory lanes;
        ExactSum memory plain;
        (uint256 startA, uint256 startB) = (offsetOf(a), offsetOf(b));
        DotProduct.addRun(lanes, startA, stepA, startB, stepB, count);
        unchecked {
            for (uint256 i = 0; i < count; ++i) {
                ExactSumLib.addProduct(plain, ElementType.load32(startA + i * stepA), ElementType.load32(startB + i * stepB));
            }
        }
        for (uint256 i = 0; i < 12; ++i) require(lanes.bins[i] == plain.bins[i], Differ(i));
        require(
            lanes.nan && plain.nan || lanes.nan == plain.nan && lanes.plusInf == plain.plusInf && lanes.minusInf == plain.minusInf
                && lanes.flushNan == plain.flushNan,
            FlagsDiffer()
        );
    }

    function pick(uint256 random, uint256 rarity) private pure returns (uint32) {
        uint32 bits = uint32(random >> 64);
        if (random % (uint256(rarity) + 1) != 0) return bits;
        uint256 which = (random >> 128) % 6;
        if (which == 0) return bits & 0x80000000;
        if (which == 1) return bits & 0x807fffff;
        if (which == 2) return (bits & 0x80000000) | 0x7f800000;
        if (which == 3) return bits | 0x7f800000;
        if (which == 4) return (bits & 0x80000000) | 0x00000001;
        return (bits & 0x80000000) | 0x7f7fffff;
    }

    function put(bytes memory data, uint256 i, uint32 bits) private pure {
        for (uint256 k = 0; k < 4; ++k) data[4 * i + k] = bytes1(uint8(bits >> (8 * k)));
    }

    function offsetOf(bytes calldata data) private pure returns (uint256 offset) {
        assembly ("memory-safe") {
            offset := data.offset
        }
    }
}
