// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "./Float32.sol";
import {Interval, IntervalLib} from "./Interval.sol";
import {Scalar} from "./Scalar.sol";

/// @notice Enclosures of sin and cos in fixed point with 96 fractional bits, for |x| <= 2^16; beyond that [−1, 1].
library Trigonometry {
    /// @dev π in units of 2^−96, rounded down.
    uint256 private constant PI = 248902613312231085230521944622;
    uint256 private constant ONE = 1 << 96;
    /// @dev 2^16.
    int256 private constant FAR = 0x47800000;
    /// @dev Fixed-point error, and the budget of profile 1: 2^−20, absolute.
    int256 private constant ALLOWANCE = (1 << 76) + (1 << 24);

    function sin(Interval memory x) internal pure returns (Interval memory) {
        return enclose(x, false);
    }

    function cos(Interval memory x) internal pure returns (Interval memory) {
        return enclose(x, true);
    }

    function enclose(Interval memory x, bool isCos) private pure returns (Interval memory z) {
        if (IntervalLib.isNone(x)) return IntervalLib.none(x.nan);
        if (x.lo < -FAR || x.hi > FAR) {
            return Interval(-Float32.ONE, Float32.ONE, x.nan || x.lo == -Float32.INF || x.hi == Float32.INF);
        }
        // cos x = sin(x + π/2); half turns are counted from the trough at −π/2, so the function rises on even ones.
        int256 shift = int256(isCos ? PI : PI / 2);
        (int256 from, int256 y) = waveAt(x.lo, shift);
        (int256 to, int256 w) = waveAt(x.hi, shift);
        int256 lo = y < w ? y : w;
        int256 hi = y < w ? w : y;
        if (to - from >= 2) (lo, hi) = (-int256(ONE), int256(ONE));
        else if (to > from && from & 1 == 0) hi = int256(ONE);
        else if (to > from) lo = -int256(ONE);
        return Interval(roundedTo(lo - ALLOWANCE, false), roundedTo(hi + ALLOWANCE, true), x.nan);
    }

    /// @return turn Half turns of x + shift from 0, rounded down.
    /// @return y The sine that belongs to it, −cos(x + shift), in units of 2^−96.
    function waveAt(int256 key, int256 shift) private pure returns (int256 turn, int256 y) {
        unchecked {
            int256 angle = int256(Scalar.fixedOf(Float32.abs(key)));
            angle = (key < 0 ? -angle : angle) + shift;
            turn = angle / int256(PI);
            if (angle < turn * int256(PI)) --turn;
            uint256 r = uint256(angle - turn * int256(PI));
            // −cos r for r in [0, π): rises from −1 to 1.
            bool second = r > PI / 2;
            uint256 c = cosine(second ? PI - r : r);
            y = second == (turn & 1 == 0) ? int256(c) : -int256(c);
        }
    }

    /// @notice cos r for r in [0, π/2] by its series, in units of 2^−96.
    function cosine(uint256 r) private pure returns (uint256) {
        unchecked {
            uint256 square = (r * r) >> 96;
            uint256 plus = ONE;
            uint256 minus = 0;
            uint256 term = ONE;
            for (uint256 j = 1; j < 30; j += 4) {
                term = ((term * square) >> 96) / (j * (j + 1));
                minus += term;
                term = ((term * square) >> 96) / ((j + 2) * (j + 3));
                plus += term;
            }
            return plus > minus ? plus - minus : 0;
        }
    }

    function roundedTo(int256 y, bool up) private pure returns (int256) {
        return Float32.round(y < 0, Float32.abs(y), -96, false, up);
    }
}
