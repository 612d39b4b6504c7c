// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "./Float32.sol";
import {Interval, IntervalLib} from "./Interval.sol";

/// @notice Enclosures of exp, log, tanh, erf and sigmoid over float32 intervals: fixed point with 96 fractional bits and a
/// proven error (docs/judge.md §4), rounded outwards and widened by what profile 1 allows an implementation.
/// @dev All five are increasing, so an end of the result comes from the same end of the argument.
library Scalar {
    int256 private constant INF = Float32.INF;
    uint256 private constant ONE = 1 << 96;
    uint256 private constant LN2 = 54916777467707473351141471128;
    uint256 private constant TWO_OVER_SQRT_PI = 89399408028353504598410466558;

    // Budgets of profile 1, in floats next to the rounded value. ONNX Runtime on x86 was seen to err by 1 (exp), 3 (log),
    // 5 (tanh) and 1 (erf).
    int256 internal constant EXP_ULPS = 4;
    /// @dev −86.625 and 88.25: from −86.64 on and from 88.37 on there are kernels (Arm SVE) that give 0 and +∞ already.
    int256 private constant EXP_FLUSHED = -0x42ad4000;
    int256 private constant EXP_OVERFLOWN = 0x42b08000;
    int256 internal constant LOG_ULPS = 8;
    int256 internal constant TANH_ULPS = 16;
    int256 internal constant ERF_ULPS = 8;
    /// @dev Absolute, 2^−21 in units of 2^−96: kernels add ½ to a rational function, so their error does not shrink with the result.
    int256 internal constant SIGMOID_ABSOLUTE = 1 << 75;
    /// @dev Argument magnitude below which tanh and erf also get an absolute allowance of 2^−112: kernels multiply by small
    /// coefficients first, and such an intermediate may be flushed.
    int256 private constant TINY_RESULT = 0x07800000;

    /// @dev Error of a fixed-point result in units of 2^−96.
    uint256 private constant EXP_ERROR = 512;
    int256 internal constant LOG_ERROR = 512;
    uint256 private constant RATIO_ERROR = 2048;
    uint256 private constant ERF_ERROR = 8192;

    function exp(Interval memory x) internal pure returns (Interval memory z) {
        unchecked {
            z = IntervalLib.none(x.nan);
            if (IntervalLib.isNone(x)) return z;
            z.lo = Float32.move(expEnd(x.lo, false), -EXP_ULPS);
            if (z.lo < 0) z.lo = 0;
            z.hi = Float32.move(expEnd(x.hi, true), EXP_ULPS);
            if (x.lo <= EXP_FLUSHED) z.lo = 0;
            if (x.hi >= EXP_OVERFLOWN) z.hi = INF;
        }
    }

    function log(Interval memory x) internal pure returns (Interval memory z) {
        z = IntervalLib.none(x.nan);
        if (IntervalLib.isNone(x)) return z;
        if (x.lo < 0) z.nan = true;
        if (x.hi < 0) return z;
        z.lo = Float32.move(logEnd(x.lo < 0 ? int256(0) : x.lo, false), -LOG_ULPS);
        z.hi = Float32.move(logEnd(x.hi, true), LOG_ULPS);
    }

    function tanh(Interval memory x) internal pure returns (Interval memory z) {
        z = IntervalLib.none(x.nan);
        if (IntervalLib.isNone(x)) return z;
        z.lo = widen(oddEnd(x.lo, false, false), -TANH_ULPS);
        z.hi = widen(oddEnd(x.hi, true, false), TANH_ULPS);
    }

    function erf(Interval memory x) internal pure returns (Interval memory z) {
        z = IntervalLib.none(x.nan);
        if (IntervalLib.isNone(x)) return z;
        z.lo = widen(oddEnd(x.lo, false, true), -ERF_ULPS);
        z.hi = widen(oddEnd(x.hi, true, true), ERF_ULPS);
    }

    function sigmoid(Interval memory x) internal pure returns (Interval memory z) {
        unchecked {
            z = IntervalLib.none(x.nan);
            if (IntervalLib.isNone(x)) return z;
            int256 lo = sigmoidFixed(x.lo) - int256(RATIO_ERROR) - SIGMOID_ABSOLUTE;
            int256 hi = sigmoidFixed(x.hi) + int256(RATIO_ERROR) + SIGMOID_ABSOLUTE;
            z.lo = lo < 0 ? int256(0) : Float32.round(false, uint256(lo), -96, false, false);
            z.hi = Float32.round(false, uint256(hi), -96, false, true);
        }
    }

    function widen(int256 key, int256 ulps) private pure returns (int256) {
        unchecked {
            key = Float32.move(key, ulps);
            if (key > -TINY_RESULT && key < TINY_RESULT) {
                int256 tiny = 0x07800000; // 2^−112
                key = Float32.add(key, ulps < 0 ? -tiny : tiny, ulps > 0);
            }
            return key;
        }
    }

    /// @notice |value| in units of 2^−96, rounded down; exact from 2^−73 on.
    function fixedOf(uint256 magnitude) internal pure returns (uint256) {
        unchecked {
            (uint256 m, uint256 e) = Float32.unpack(magnitude);
            return e >= 54 ? m << (e - 54) : m >> (54 - e);
        }
    }

    /// @notice e^x as f·2^k, f in units of 2^−96, |error of f| < EXP_ERROR, for |x| <= 128 given as ±`magnitude` in those units
    /// (itself up to one unit short).
    function expFixed(bool negative, uint256 magnitude) private pure returns (uint256 f, int256 k) {
        unchecked {
            uint256 r = magnitude % LN2;
            k = int256(magnitude / LN2);
            if (negative) {
                k = -k;
                if (r != 0) (r, k) = (LN2 - r, k - 1);
            }
            uint256 term = ONE;
            f = ONE;
            for (uint256 j = 1; j < 29; ++j) {
                term = ((term * r) >> 96) / j;
                f += term;
            }
        }
    }

    function expEnd(int256 x, bool up) private pure returns (int256) {
        unchecked {
            // e^89 exceeds the largest float; e^−104 is below half of the smallest.
            if (x >= 0x42b20000) return up || x == INF ? INF : Float32.MAX_FINITE;
            if (x <= -0x42d00000) return up && x != -INF ? int256(1) : int256(0);
            (uint256 f, int256 k) = expFixed(x < 0, fixedOf(Float32.abs(x)));
            return Float32.round(false, up ? f + EXP_ERROR : f - EXP_ERROR, k - 96, false, up);
        }
    }

    /// @notice e^x for x in units of 2^−96, |x| < 2^104, rounded outward.
    function expOfFixed(int256 x, bool up) internal pure returns (int256) {
        unchecked {
            if (x >= 89 << 96) return up ? INF : Float32.MAX_FINITE;
            if (x <= -104 << 96) return up ? int256(1) : int256(0);
            (uint256 f, int256 k) = expFixed(x < 0, Float32.abs(x));
            return Float32.round(false, up ? f + EXP_ERROR : f - EXP_ERROR, k - 96, false, up);
        }
    }

    function logEnd(int256 x, bool up) private pure returns (int256) {
        unchecked {
            if (x == 0) return -INF;
            if (x == INF) return INF;
            int256 y = logFixedOf(uint256(x)) + (up ? LOG_ERROR : -LOG_ERROR);
            return Float32.round(y < 0, Float32.abs(y), -96, false, up);
        }
    }

    /// @notice ln of a positive finite float in units of 2^−96, within LOG_ERROR.
    function logFixedOf(uint256 magnitude) internal pure returns (int256) {
        (uint256 m, uint256 e) = Float32.unpack(magnitude);
        uint256 bits = Float32.log2(m);
        unchecked {
            return logFixed(m << (96 - bits), int256(e) - 150 + int256(bits));
        }
    }

    /// @notice k·ln 2 + 2·artanh((f − 1)/(f + 1)) for f·2^k, 1 <= f < 2, in units of 2^−96, within LOG_ERROR.
    function logFixed(uint256 f, int256 k) internal pure returns (int256) {
        unchecked {
            uint256 z = ((f - ONE) << 96) / (f + ONE);
            uint256 square = (z * z) >> 96;
            uint256 sum = 0;
            for (uint256 j = 1; j < 66; j += 2) {
                sum += z / j;
                z = (z * square) >> 96;
            }
            return k * int256(LN2) + 2 * int256(sum);
        }
    }

    /// @notice An end of tanh or erf, both odd.
    function oddEnd(int256 x, bool up, bool isErf) private pure returns (int256) {
        unchecked {
            if (x < 0) return -oddEnd(-x, !up, isErf);
            // From here on both exceed 1 − 2^−24: tanh from 10, erf from 4.
            if (x >= (isErf ? int256(0x40800000) : int256(0x41200000))) return up ? Float32.ONE : Float32.ONE - 1;
            // Below 2^−12 the cubic term is under one float: c·x·(1 − x²/3) <= y <= c·x.
            if (x < 0x39800000) {
                if (x == 0) return 0;
                if (!isErf) return up ? x : x - 1;
                (uint256 m, uint256 e) = Float32.unpack(uint256(x));
                int256 exponent = int256(e) - 246;
                return up
                    ? Float32.round(false, m * (TWO_OVER_SQRT_PI + 1), exponent, false, true)
                    : Float32.round(false, m * TWO_OVER_SQRT_PI, exponent, false, false) - 1;
            }
            uint256 a = fixedOf(uint256(x));
            uint256 y = isErf ? erfFixed(a) : tanhFixed(a);
            uint256 err = isErf ? ERF_ERROR : RATIO_ERROR;
            return Float32.round(false, up ? y + err : y - err, -96, false, up);
        }
    }

    /// @notice (1 − e^−2a)/(1 + e^−2a).
    function tanhFixed(uint256 a) private pure returns (uint256) {
        unchecked {
            uint256 t = expNegative(2 * a);
            return ((ONE - t) << 96) / (ONE + t);
        }
    }

    /// @notice 2/√π · e^−a² · Σ 2^j·a^(2j+1)/(2j+1)!!, all terms positive; a < 4.
    function erfFixed(uint256 a) private pure returns (uint256) {
        unchecked {
            uint256 square = (a * a) >> 96;
            uint256 term = a;
            uint256 sum = a;
            for (uint256 j = 3; term != 0; j += 2) {
                term = ((term * square) >> 95) / j;
                sum += term;
            }
            // The sum is below e^16·2 < 2^25, so it keeps its precision under the product with e^−a².
            (uint256 f, int256 k) = expFixed(true, square);
            uint256 scaled = (sum * f) >> 96;
            return ((scaled * TWO_OVER_SQRT_PI) >> 96) >> uint256(-k);
        }
    }

    function sigmoidFixed(int256 x) private pure returns (int256) {
        unchecked {
            uint256 magnitude = Float32.abs(x);
            // e^−80 is below a unit.
            uint256 t = magnitude >= 0x42a00000 ? 0 : expNegative(fixedOf(magnitude));
            return int256(((x < 0 ? t : ONE) << 96) / (ONE + t));
        }
    }

    function expNegative(uint256 a) private pure returns (uint256) {
        unchecked {
            (uint256 f, int256 k) = expFixed(true, a);
            return f >> uint256(-k);
        }
    }
}
