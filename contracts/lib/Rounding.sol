// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "./Float32.sol";
import {Interval, IntervalLib} from "./Interval.sol";

/// @notice Exact roundings to integers and the sign, of intervals: all are increasing, so ends map to ends.
library Rounding {
    uint256 private constant FLOOR = 0;
    uint256 private constant CEIL = 1;
    uint256 private constant NEAREST_EVEN = 2;
    uint256 private constant TRUNCATE = 3;
    uint256 private constant SIGN = 4;

    /// @param mode Opcode less 0x40.
    function rounded(Interval memory x, uint256 mode) internal pure returns (Interval memory) {
        if (IntervalLib.isNone(x)) return IntervalLib.none(x.nan);
        return Interval(roundedKey(x.lo, mode), roundedKey(x.hi, mode), x.nan);
    }

    function roundedKey(int256 key, uint256 mode) private pure returns (int256) {
        if (mode == SIGN) return key > 0 ? Float32.ONE : key < 0 ? -Float32.ONE : int256(0);
        uint256 magnitude = Float32.abs(key);
        // From 2^23 on every float is an integer.
        if (magnitude >= 0x4b000000) return key;
        (uint256 m, uint256 e) = Float32.unpack(magnitude);
        uint256 shift = 150 - e;
        uint256 whole = m >> shift;
        uint256 rest = m - (whole << shift);
        if (mode == NEAREST_EVEN) {
            uint256 half = uint256(1) << (shift - 1);
            if (rest > half || (rest == half && whole & 1 == 1)) ++whole;
        } else if (mode != TRUNCATE && rest != 0 && (mode == CEIL) == (key > 0)) {
            ++whole;
        }
        return Float32.round(key < 0, whole, 0, false, false);
    }
}
