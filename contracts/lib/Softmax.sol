// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "./Float32.sol";
import {Interval} from "./Interval.sol";
import {Scalar} from "./Scalar.sol";

/// @notice Sums of e^(x − m) over a row whose largest element is m, in units of 2^−128.
/// @param total Σ e^(x − m).
/// @param weighted Σ e^(x − m)·(m − x).
struct ExpSum {
    uint256 total;
    uint256 weighted;
    uint256 terms;
}

/// @notice Enclosures of softmax and its logarithm over a row (docs/judge.md §5).
/// @dev m − x, the *distance*, is in units of 2^−96, within one unit.
library Softmax {
    uint256 private constant LN2 = 54916777467707473351141471128;
    /// @dev From this distance on e^−d is below 2^−150.
    uint256 private constant FAR = 110 << 96;
    /// @dev 3·2^−126: a flushed exponential, a flushed quotient, and one more.
    int256 private constant FLUSH = 0x01400000;
    /// @dev Results below 2^−100 are widened by FLUSH; above, it is part of the relative allowance.
    int256 private constant SMALL = 0x0d800000;

    /// @notice m − x of two finite keys, x <= m.
    function distance(int256 m, int256 x) internal pure returns (uint256) {
        unchecked {
            return uint256(fixedOf(m) - fixedOf(x));
        }
    }

    function add(ExpSum memory sum, uint256 d) internal pure {
        unchecked {
            ++sum.terms;
            if (d >= FAR) return;
            (uint256 f, uint256 k) = expNegative(d);
            uint256 e = (f << 63) >> k;
            sum.total += e;
            sum.weighted += (e * d) >> 96;
        }
    }

    /// @notice The values of e^−d divided by the sum.
    function quotient(ExpSum memory sum, uint256 d) internal pure returns (Interval memory x) {
        if (d >= FAR) return Interval(0, FLUSH, false);
        unchecked {
            (uint256 low, uint256 high, uint256 q) = ends(sum);
            (uint256 f, uint256 k) = expNegative(d);
            // 5·2^−23 for the exponential, 6u·d for its argument, 2^−21 for the division; in units of 2^−64.
            uint256 slack = (5 << 41) + (1 << 43) + ((6 * d) >> 56) + 1;
            int256 exponent = -97 - int256(k);
            uint256 n = (f * ((1 << 64) - slack) * q) << 96;
            x.lo = Float32.round(false, n / high, exponent, true, false);
            n = (f * ((1 << 64) + slack) * q) << 96;
            x.hi = Float32.round(false, n / low, exponent, true, true);
        }
        if (x.lo < SMALL) x.lo = Float32.add(x.lo, -FLUSH, false);
        if (x.lo < 0) x.lo = 0;
        if (x.hi < SMALL) x.hi = Float32.add(x.hi, FLUSH, true);
    }

    /// @notice The values of −d less the logarithm of the sum.
    function logarithm(ExpSum memory sum, uint256 d) internal pure returns (Interval memory) {
        unchecked {
            (uint256 low, uint256 high, uint256 q) = ends(sum);
            int256 least = logOf(low / q) - 1024;
            int256 greatest = logOf(high / q + 1) + 1024;
            uint256 size = d + Float32.abs(greatest);
            // 8 floats of the logarithm and 2^−21, then 4u for the subtractions.
            int256 slack = int256((Float32.abs(greatest) >> 20) + (1 << 75) + (size >> 22)) + 4096;
            int256 lo = -int256(d) - greatest - slack;
            int256 hi = -int256(d) - least + slack;
            return Interval(
                Float32.round(lo < 0, Float32.abs(lo), -96, false, false),
                Float32.round(hi < 0, Float32.abs(hi), -96, false, true),
                false
            );
        }
    }

    /// @notice What a kernel's sum lies between, as low/q and high/q: 5·2^−23 for each exponential, 6u·d for its argument, what is
    /// flushed and what was cut off here, and γ for the additions.
    function ends(ExpSum memory sum) private pure returns (uint256 low, uint256 high, uint256 q) {
        unchecked {
            uint256 slack = ((5 * sum.total) >> 23) + ((6 * sum.weighted) >> 24) + 8 * sum.terms + 8;
            uint256 n = sum.terms + 3;
            q = (1 << 24) - n;
            low = (sum.total - slack) * (q - n);
            high = (sum.total + slack) * (q + n);
        }
    }

    /// @notice e^−d = f·2^−(k + 1), f in units of 2^−64 and within 2^−40 of its value; d < FAR.
    function expNegative(uint256 d) private pure returns (uint256 f, uint256 k) {
        unchecked {
            k = d / LN2;
            uint256 r = (LN2 - d % LN2) >> 32;
            // The series of e^r to its 14th term.
            f = 211597908;
            f = 2962370717 + ((f * r) >> 64);
            f = 38510819324 + ((f * r) >> 64);
            f = 462129831893 + ((f * r) >> 64);
            f = 5083428150823 + ((f * r) >> 64);
            f = 50834281508238 + ((f * r) >> 64);
            f = 457508533574145 + ((f * r) >> 64);
            f = 3660068268593165 + ((f * r) >> 64);
            f = 25620477880152155 + ((f * r) >> 64);
            f = 153722867280912930 + ((f * r) >> 64);
            f = 768614336404564650 + ((f * r) >> 64);
            f = 3074457345618258602 + ((f * r) >> 64);
            f = 9223372036854775808 + ((f * r) >> 64);
            f = 18446744073709551616 + ((f * r) >> 64);
            f = 18446744073709551616 + ((f * r) >> 64);
        }
    }

    /// @notice ln of a number at least ½ in units of 2^−128.
    function logOf(uint256 x) private pure returns (int256) {
        unchecked {
            uint256 bits = Float32.log2(x);
            return Scalar.logFixed(x >> (bits - 96), int256(bits) - 128);
        }
    }

    function fixedOf(int256 key) private pure returns (int256) {
        int256 magnitude = int256(Scalar.fixedOf(Float32.abs(key)));
        return key < 0 ? -magnitude : magnitude;
    }
}
