// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "./Float32.sol";

/// @notice The sound values of an intermediate: all floats from `lo` to `hi` (keys of `Float32`, ±∞ included; none if
/// `lo > hi`), and NaN if `nan`.
struct Interval {
    int256 lo;
    int256 hi;
    bool nan;
}

/// @notice Interval arithmetic over float32 ends. Ends are rounded outwards, so a result encloses the correctly rounded
/// intermediate as well as one that a fused operation kept exact. NaN never bounds anything; it only sets the mark.
library IntervalLib {
    int256 private constant INF = Float32.INF;
    /// @dev Budget of a division: kernels that multiply by an estimated reciprocal are up to 2.5 ulp off (WGSL; Arm's estimate 1.5).
    int256 private constant DIV_ULPS = 2;

    function none(bool nan) internal pure returns (Interval memory) {
        return Interval(INF, -INF, nan);
    }

    function point(uint256 bits) internal pure returns (Interval memory) {
        if (Float32.isNaN(bits)) return none(true);
        int256 key = Float32.keyOf(bits);
        return flushed(Interval(key, key, false));
    }

    /// @notice The floats around an integer, which must not be the least of 256 bits.
    function integer(int256 value) internal pure returns (Interval memory) {
        uint256 magnitude = Float32.abs(value);
        bool negative = value < 0;
        return Interval(
            Float32.round(negative, magnitude, 0, false, false), Float32.round(negative, magnitude, 0, false, true), false
        );
    }

    /// @notice Every value there is.
    function all() internal pure returns (Interval memory) {
        return Interval(-INF, INF, true);
    }

    function isNone(Interval memory x) internal pure returns (bool) {
        return x.lo > x.hi;
    }

    /// @notice Takes 0 in where a subnormal may have been flushed.
    function flushed(Interval memory x) internal pure returns (Interval memory) {
        if (x.lo <= x.hi && x.lo < Float32.MIN_NORMAL && x.hi > -Float32.MIN_NORMAL) {
            if (x.lo > 0) x.lo = 0;
            if (x.hi < 0) x.hi = 0;
        }
        return x;
    }

    function neg(Interval memory x) internal pure returns (Interval memory) {
        return isNone(x) ? none(x.nan) : Interval(-x.hi, -x.lo, x.nan);
    }

    function abs(Interval memory x) internal pure returns (Interval memory) {
        if (isNone(x) || x.lo >= 0) return Interval(x.lo, x.hi, x.nan);
        if (x.hi <= 0) return Interval(-x.hi, -x.lo, x.nan);
        return Interval(0, greater(-x.lo, x.hi), x.nan);
    }

    function add(Interval memory x, Interval memory y) internal pure returns (Interval memory z) {
        z = none(x.nan || y.nan);
        if (isNone(x) || isNone(y)) return z;
        if ((x.lo == -INF && y.hi == INF) || (x.hi == INF && y.lo == -INF)) z.nan = true;
        // Where one end is −∞ and the other +∞, the only sums that are numbers are the infinity on the far side.
        z.lo = (x.lo == -INF && y.lo == INF) || (x.lo == INF && y.lo == -INF) ? INF : Float32.add(x.lo, y.lo, false);
        z.hi = (x.hi == INF && y.hi == -INF) || (x.hi == -INF && y.hi == INF) ? -INF : Float32.add(x.hi, y.hi, true);
    }

    function sub(Interval memory x, Interval memory y) internal pure returns (Interval memory) {
        return add(x, neg(y));
    }

    function mul(Interval memory x, Interval memory y) internal pure returns (Interval memory z) {
        z = none(x.nan || y.nan);
        if (isNone(x) || isNone(y)) return z;
        if (!holdsInfinity(x) && !holdsInfinity(y)) {
            (z.lo, z.hi) = finiteProduct(x.lo, x.hi, y.lo, y.hi);
            return z;
        }
        if ((holdsZero(x) && holdsInfinity(y)) || (holdsZero(y) && holdsInfinity(x))) z.nan = true;
        bool finiteX = x.lo < x.hi;
        bool finiteY = y.lo < y.hi;
        takeProduct(z, x.lo, y.lo, finiteX, finiteY);
        takeProduct(z, x.lo, y.hi, finiteX, finiteY);
        takeProduct(z, x.hi, y.lo, finiteX, finiteY);
        takeProduct(z, x.hi, y.hi, finiteX, finiteY);
    }

    /// @dev Signs tell the corners with the least and the greatest product, unless 0 lies inside of both.
    function finiteProduct(int256 a, int256 b, int256 c, int256 d) private pure returns (int256 lo, int256 hi) {
        if (c >= 0) {
            lo = Float32.mul(a, a >= 0 ? c : d, false);
            hi = Float32.mul(b, b >= 0 ? d : c, true);
        } else if (d <= 0) {
            lo = Float32.mul(b, b >= 0 ? c : d, false);
            hi = Float32.mul(a, a >= 0 ? d : c, true);
        } else {
            lo = lesser(Float32.mul(a, d, false), Float32.mul(b, c, false));
            hi = greater(Float32.mul(a, c, true), Float32.mul(b, d, true));
        }
    }

    function div(Interval memory x, Interval memory y) internal pure returns (Interval memory z) {
        z = none(x.nan || y.nan);
        if (isNone(x) || isNone(y)) return z;
        if ((holdsZero(x) && holdsZero(y)) || (holdsInfinity(x) && holdsInfinity(y))) z.nan = true;
        if (holdsZero(y)) {
            if (x.lo == 0 && x.hi == 0) return y.lo == y.hi ? z : Interval(0, 0, z.nan);
            return Interval(-INF, INF, z.nan);
        }
        if (!holdsInfinity(x) && !holdsInfinity(y)) {
            (z.lo, z.hi) = finiteQuotient(x.lo, x.hi, y.lo, y.hi);
        } else {
            takeQuotient(z, x.lo, y.lo);
            takeQuotient(z, x.lo, y.hi);
            takeQuotient(z, x.hi, y.lo);
            takeQuotient(z, x.hi, y.hi);
            if (isNone(z)) return z;
        }
        z.lo = widenQuotient(z.lo, -DIV_ULPS);
        z.hi = widenQuotient(z.hi, DIV_ULPS);
    }

    /// @dev 0 is not in [c, d], so signs tell the corners with the least and the greatest quotient.
    function finiteQuotient(int256 a, int256 b, int256 c, int256 d) private pure returns (int256 lo, int256 hi) {
        if (c > 0) {
            lo = Float32.div(a, a >= 0 ? d : c, false);
            hi = Float32.div(b, b >= 0 ? c : d, true);
        } else {
            lo = Float32.div(b, b >= 0 ? d : c, false);
            hi = Float32.div(a, a >= 0 ? c : d, true);
        }
    }

    /// @dev A quotient that is exactly zero or infinite is so for every kernel.
    function widenQuotient(int256 key, int256 ulps) private pure returns (int256) {
        return key == 0 || key == INF || key == -INF ? key : Float32.move(key, ulps);
    }

    function sqrt(Interval memory x) internal pure returns (Interval memory z) {
        z = none(x.nan);
        if (isNone(x)) return z;
        if (x.lo < 0) z.nan = true;
        if (x.hi < 0) return z;
        z.lo = Float32.sqrt(greater(x.lo, 0), false);
        z.hi = Float32.sqrt(x.hi, true);
    }

    function max(Interval memory x, Interval memory y) internal pure returns (Interval memory z) {
        z = none(x.nan || y.nan);
        if (!isNone(x) && !isNone(y)) (z.lo, z.hi) = (greater(x.lo, y.lo), greater(x.hi, y.hi));
        // Kernels differ on max of a NaN and a number: NaN or the number.
        if (x.nan) take(z, y);
        if (y.nan) take(z, x);
    }

    function min(Interval memory x, Interval memory y) internal pure returns (Interval memory) {
        return neg(max(neg(x), neg(y)));
    }

    function take(Interval memory z, Interval memory x) internal pure {
        if (x.lo < z.lo) z.lo = x.lo;
        if (x.hi > z.hi) z.hi = x.hi;
    }

    function takeProduct(Interval memory z, int256 a, int256 b, bool finiteX, bool finiteY) private pure {
        if ((a == 0 && isInfinite(b)) || (b == 0 && isInfinite(a))) {
            // 0·∞ itself is NaN, but the infinite side has finite values too unless it is a point; those give 0.
            if (a == 0 ? finiteY : finiteX) take(z, Interval(0, 0, false));
            return;
        }
        take(z, Interval(Float32.mul(a, b, false), Float32.mul(a, b, true), false));
    }

    function takeQuotient(Interval memory z, int256 a, int256 b) private pure {
        if (isInfinite(a) && isInfinite(b)) return;
        take(z, Interval(Float32.div(a, b, false), Float32.div(a, b, true), false));
    }

    function holdsZero(Interval memory x) private pure returns (bool) {
        return x.lo <= 0 && x.hi >= 0;
    }

    function holdsInfinity(Interval memory x) private pure returns (bool) {
        return x.lo == -INF || x.hi == INF;
    }

    function isInfinite(int256 key) private pure returns (bool) {
        return key == INF || key == -INF;
    }

    function lesser(int256 a, int256 b) private pure returns (int256) {
        return a < b ? a : b;
    }

    function greater(int256 a, int256 b) private pure returns (int256) {
        return a > b ? a : b;
    }
}
