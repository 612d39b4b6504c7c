// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ByteProduct} from "../../../contracts/lib/ByteProduct.sol";

/// @notice Products and sums of 32 bytes at a time against one byte after the other.
contract ByteProductTest {
    error Differ(uint256 found, uint256 expected);

    function testFuzz_Dot(uint256 x, uint256 y) external pure {
        check(x, y);
    }

    /// @dev Bytes of 0, 1, 127, 128 and 255 only, and words of them alone: where lanes are fullest.
    function testFuzz_Extremes(uint256 seed, uint256 other) external pure {
        (uint256 x, uint256 y) = (extremes(seed), extremes(other));
        check(x, y);
        check(type(uint256).max, y);
        check(x, type(uint256).max);
        check(type(uint256).max, type(uint256).max);
        check(0, y);
    }

    /// @dev A run shorter than a word is shifted down, so that zeros stand before it.
    function testFuzz_Short(uint256 x, uint256 y, uint8 bytes_) external pure {
        uint256 shift = 8 * (uint256(bytes_) % 32);
        check(x >> shift, y >> shift);
    }

    function check(uint256 x, uint256 y) private pure {
        uint256 dot = 0;
        uint256 total = 0;
        for (uint256 i = 0; i < 32; ++i) {
            uint256 a = uint8(bytes32(x)[i]);
            dot += a * uint8(bytes32(y)[i]);
            total += a;
        }
        require(ByteProduct.dot(x, y) == dot, Differ(ByteProduct.dot(x, y), dot));
        require(ByteProduct.total(x) == total, Differ(ByteProduct.total(x), total));
    }

    function extremes(uint256 seed) private pure returns (uint256 x) {
        for (uint256 i = 0; i < 32; ++i) {
            uint256 pick = (seed >> (8 * i)) & 0xff;
            x = (x << 8) | (pick < 51 ? 0 : pick < 102 ? 1 : pick < 153 ? 127 : pick < 204 ? 128 : 255);
        }
    }
}
