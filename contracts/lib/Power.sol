// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "./Float32.sol";
import {Interval, IntervalLib} from "./Interval.sol";
import {Scalar} from "./Scalar.sol";

/// @notice Enclosure of a^b as kernels compute it, also by way of exp(b·log a) (docs/judge.md §4).
/// @dev For a > 0 the power is monotone in each argument, so its extremes over a box are at the corners.
library Power {
    int256 private constant INF = Float32.INF;
    int256 private constant ONE = Float32.ONE;
    /// @dev Beyond this exponent e^x is out of range on either side, whatever the allowance; in units of 2^−96.
    uint256 private constant FAR = 110 << 96;

    function pow(Interval memory x, Interval memory y) internal pure returns (Interval memory z) {
        z = IntervalLib.none(x.nan || y.nan);
        // Of NaN and 0, or of 1 and NaN, IEEE 754 makes 1.
        if (z.nan) IntervalLib.take(z, Interval(ONE, ONE, false));
        if (IntervalLib.isNone(x) || IntervalLib.isNone(y)) return z;
        if (y.lo == -INF || y.hi == INF) return IntervalLib.all();
        if (x.lo >= 0) {
            takeBox(z, x.lo, x.hi, y);
            return z;
        }
        // A negative base needs an integer exponent, and only one is followed.
        if (y.lo != y.hi || !isInteger(y.lo)) return IntervalLib.all();
        Interval memory magnitude = IntervalLib.abs(x);
        Interval memory r = IntervalLib.none(false);
        takeBox(r, magnitude.lo, magnitude.hi, y);
        if (isOdd(y.lo)) {
            if (x.hi > 0) IntervalLib.take(r, IntervalLib.neg(r));
            else r = IntervalLib.neg(r);
        }
        IntervalLib.take(z, r);
        // Kernels that go by way of the logarithm have NaN for a negative base.
        z.nan = true;
    }

    function takeBox(Interval memory z, int256 lo, int256 hi, Interval memory y) private pure {
        takeCorner(z, lo, y.lo);
        takeCorner(z, lo, y.hi);
        takeCorner(z, hi, y.lo);
        takeCorner(z, hi, y.hi);
        // 0^0 and ∞^0 are 1, beside a limit of 0 or ∞, and NaN by way of the logarithm.
        if (y.lo <= 0 && y.hi >= 0) {
            IntervalLib.take(z, Interval(ONE, ONE, false));
            if (lo == 0 || hi == INF) z.nan = true;
        }
        // The sign of a zero base decides that of an infinite power.
        if (lo == 0 && y.lo < 0) (z.lo, z.hi) = (-INF, INF);
    }

    /// @dev a >= 0, b finite.
    function takeCorner(Interval memory z, int256 a, int256 b) private pure {
        if (b == 0 || a == ONE) return IntervalLib.take(z, Interval(ONE, ONE, false));
        if (a == 0 || a == INF) {
            int256 end = (a == 0) == (b < 0) ? INF : int256(0);
            return IntervalLib.take(z, Interval(end, end, false));
        }
        (bool negative, uint256 p) = product(a, b);
        if (p >= FAR) {
            // e^±110 is beyond every float, and so is what the allowance makes of it.
            return IntervalLib.take(
                z, negative ? Interval(0, 1 + Scalar.EXP_ULPS, false) : Interval(Float32.MAX_FINITE, INF, false)
            );
        }
        // The logarithm and the product err relative to the exponent, the rest relative to the power: 2^−20 of p, and 2^−19.
        uint256 slack = (p >> 20) + (1 << 77);
        IntervalLib.take(z, Interval(end_(negative, p, slack, false), end_(negative, p, slack, true), false));
    }

    /// @notice |b·ln a| in units of 2^−96, capped, and its sign.
    function product(int256 a, int256 b) private pure returns (bool negative, uint256 p) {
        int256 ln = Scalar.logFixedOf(uint256(a));
        (uint256 m, uint256 e) = Float32.unpack(Float32.abs(b));
        // |ln a| < 105·2^96 < 2^103 and m < 2^24.
        p = Float32.abs(ln) * m;
        if (e >= 150) p = e - 150 > 110 ? FAR : p << (e - 150);
        else p = 150 - e > 255 ? 0 : p >> (150 - e);
        if (p > FAR) p = FAR;
        negative = (ln < 0) != (b < 0);
    }

    function end_(bool negative, uint256 p, uint256 slack, bool up) private pure returns (int256) {
        // e^(±p ± slack); the sum changes its sign where the slack is larger.
        int256 exponent = (negative ? -int256(p) : int256(p)) + (up ? int256(slack) : -int256(slack));
        return Scalar.expOfFixed(exponent, up);
    }

    function isInteger(int256 key) private pure returns (bool) {
        uint256 magnitude = Float32.abs(key);
        if (magnitude >= 0x4b000000 || magnitude == 0) return true;
        (uint256 m, uint256 e) = Float32.unpack(magnitude);
        uint256 shift = 150 - e;
        return shift < 24 && (m >> shift) << shift == m;
    }

    function isOdd(int256 key) private pure returns (bool) {
        uint256 magnitude = Float32.abs(key);
        if (magnitude >= 0x4b800000 || magnitude == 0) return false;
        (uint256 m, uint256 e) = Float32.unpack(magnitude);
        return (m >> (150 - e)) & 1 == 1;
    }
}
