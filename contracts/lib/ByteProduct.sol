// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Dot product and sums of bytes, 32 at a time.
library ByteProduct {
    uint256 private constant LANES = 0x000000ff000000ff000000ff000000ff000000ff000000ff000000ff000000ff;
    uint256 private constant ONES = 0x0000000100000001000000010000000100000001000000010000000100000001;

    /// @notice Σ x_i·y_i over the unsigned bytes of two words.
    /// @dev Eight bytes of each lie in 32-bit lanes, those of y in reverse: the top lane of the product of the two words is then
    /// the dot product of eight pairs, and lanes below it stay under 2^19, so nothing is carried into it.
    function dot(uint256 x, uint256 y) internal pure returns (uint256 sum) {
        unchecked {
            y = (y << 128) | (y >> 128);
            y = ((y & 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff) << 64)
                | ((y >> 64) & 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff);
            y = ((y & 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff) << 32)
                | ((y >> 32) & 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff);
            sum = ((x & LANES) * (y & LANES)) >> 224;
            sum += (((x >> 8) & LANES) * ((y >> 8) & LANES)) >> 224;
            sum += (((x >> 16) & LANES) * ((y >> 16) & LANES)) >> 224;
            sum += (((x >> 24) & LANES) * ((y >> 24) & LANES)) >> 224;
        }
    }

    /// @notice Sum of the unsigned bytes of a word.
    function total(uint256 x) internal pure returns (uint256) {
        unchecked {
            uint256 lanes = (x & LANES) + ((x >> 8) & LANES) + ((x >> 16) & LANES) + ((x >> 24) & LANES);
            return (lanes * ONES) >> 224;
        }
    }
}
