// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "./Float32.sol";
import {Interval} from "./Interval.sol";

/// @notice A sum of float32 products and float32 terms, kept exactly.
/// @dev All in units of 2^−300. A product of two finite floats is m·2^s with m < 2^48 and 2 <= s <= 508, so it goes, shifted
/// by s mod 128, into bin s / 128, which stands for 2^(128·bin). 2^22 terms keep a bin below 2^197.
/// `bins`: 0–3 positive terms, 4–7 magnitudes of negative terms, 8–11 magnitudes of terms with a subnormal operand.
struct ExactSum {
    uint256[12] bins;
    uint256 terms;
    bool nan;
    bool plusInf;
    bool minusInf;
    bool flushNan;
}

/// @notice What an exact sum admits. `finite`: finite values are sound, those in [lo, hi], the floats inside the exact bound;
/// [outerLo, outerHi] are the floats that enclose it. `plusInf`, `minusInf`, `nan`: whether those are sound.
struct SumBound {
    bool finite;
    bool plusInf;
    bool minusInf;
    bool nan;
    int256 lo;
    int256 hi;
    int256 outerLo;
    int256 outerHi;
}

/// @notice Exact summation and its rounding bound (docs/protocol.md §5, proofs in docs/judge.md).
library ExactSumLib {
    uint256 internal constant MAX_TERMS = 1 << 22;

    error TooManyTerms(uint256 terms);

    /// @notice Adds the product of the floats with bits a and b. Counting it is the caller's part.
    function addProduct(ExactSum memory sum, uint256 a, uint256 b) internal pure {
        uint256 x = a & 0x7fffffff;
        uint256 y = b & 0x7fffffff;
        if (x >= 0x7f800000 || y >= 0x7f800000) return addSpecialProduct(sum, x, y, (a ^ b) >> 31 == 1);
        (uint256 ma, uint256 ea) = Float32.unpack(x);
        (uint256 mb, uint256 eb) = Float32.unpack(y);
        bool subnormal = x < 0x00800000 || y < 0x00800000;
        addTerm(sum, ma * mb, ea + eb, (a ^ b) >> 31, subnormal);
    }

    /// @notice Adds the float with bits a.
    function addFloat(ExactSum memory sum, uint256 a) internal pure {
        uint256 x = a & 0x7fffffff;
        if (x > 0x7f800000) {
            sum.nan = true;
        } else if (x == 0x7f800000) {
            addInfinity(sum, a >> 31 == 1);
        } else {
            (uint256 m, uint256 e) = Float32.unpack(x);
            addTerm(sum, m, e + 150, a >> 31, x < 0x00800000);
        }
    }

    /// @notice The values that some order of summation with float32 roundings can give.
    function bound(ExactSum memory sum) internal pure returns (SumBound memory result) {
        return boundOfMean(sum, 2, 1);
    }

    /// @notice The same for the sum divided by `count`, with `extra` roundings of a term besides those of the additions.
    function boundOfMean(ExactSum memory sum, uint256 extra, uint256 count)
        internal
        pure
        returns (SumBound memory result)
    {
        uint256 n = sum.terms + extra;
        require(n < MAX_TERMS, TooManyTerms(sum.terms));
        bool both = sum.plusInf && sum.minusInf;
        if (sum.nan || both) {
            result.nan = true;
            return result;
        }
        bool plus = canOverflow(sum.bins, 0, n);
        bool minus = canOverflow(sum.bins, 4, n);
        result.plusInf = sum.plusInf || (plus && !sum.minusInf);
        result.minusInf = sum.minusInf || (minus && !sum.plusInf);
        result.nan = sum.flushNan || ((plus || sum.plusInf) && (minus || sum.minusInf));
        if (sum.plusInf || sum.minusInf) return result;
        result.finite = true;
        setEnds(result, sum.bins, n, count);
    }

    /// @notice The bound as an interval that encloses every sound value.
    function enclosure(SumBound memory b, bool outer) internal pure returns (Interval memory x) {
        x = Interval(Float32.INF, -Float32.INF, b.nan);
        if (b.finite) (x.lo, x.hi) = outer ? (b.outerLo, b.outerHi) : (b.lo, b.hi);
        if (b.plusInf) x.hi = Float32.INF;
        if (b.minusInf) x.lo = -Float32.INF;
    }

    /// @notice Whether the number with this key is sound.
    function admits(SumBound memory b, int256 key) internal pure returns (bool) {
        if (key == Float32.INF) return b.plusInf;
        if (key == -Float32.INF) return b.minusInf;
        return b.finite && b.lo <= key && key <= b.hi;
    }

    function addTerm(ExactSum memory sum, uint256 m, uint256 s, uint256 sign, bool subnormal) private pure {
        uint256 shifted = m << (s & 127);
        unchecked {
            sum.bins[(sign << 2) | (s >> 7)] += shifted;
            if (subnormal) sum.bins[8 + (s >> 7)] += shifted;
        }
    }

    function addSpecialProduct(ExactSum memory sum, uint256 x, uint256 y, bool negative) private pure {
        if (x > 0x7f800000 || y > 0x7f800000 || x == 0 || y == 0) {
            sum.nan = true;
            return;
        }
        // A flushed subnormal makes 0·∞ of it.
        if (x < 0x00800000 || y < 0x00800000) sum.flushNan = true;
        addInfinity(sum, negative);
    }

    function addInfinity(ExactSum memory sum, bool negative) private pure {
        if (negative) sum.minusInf = true;
        else sum.plusInf = true;
    }

    /// @dev X·(1 + γ) + U >= T with γ = n/(2^24 − n), times q = 2^24 − n. U = 3n·2^−126 for underflow; T = 2^128 − 2^103, where
    /// rounding to nearest gives infinity.
    function canOverflow(uint256[12] memory bins, uint256 from, uint256 n) private pure returns (bool) {
        unchecked {
            if (bins[from + 3] == 0 && bins[from + 2] >> 160 == 0) return false;
            uint256 q = (1 << 24) - n;
            int256[5] memory digits;
            for (uint256 i = 0; i < 4; ++i) digits[i] = int256(bins[from + i] << 24);
            digits[1] += int256(q * ((3 * n) << 46));
            digits[3] -= int256(q * (((1 << 25) - 1) << 19));
            return carry(digits) >= 0;
        }
    }

    /// @dev The ends (S ± (γ·A + D))/count ± U times q·count, as signed digits of base 2^128.
    function setEnds(SumBound memory result, uint256[12] memory bins, uint256 n, uint256 count) private pure {
        unchecked {
            uint256 q = (1 << 24) - n;
            int256[5] memory low;
            int256[5] memory high;
            for (uint256 i = 0; i < 4; ++i) {
                (uint256 p, uint256 m) = (bins[i], bins[4 + i]);
                int256 centre = int256(q * p) - int256(q * m);
                uint256 radius = n * (p + m) + q * bins[8 + i];
                if (i == 1) radius += q * count * ((3 * n) << 46);
                low[i] = centre - int256(radius);
                high[i] = centre + int256(radius);
            }
            (result.outerLo, result.lo) = quotient(low, q * count);
            (result.hi, result.outerHi) = quotient(high, q * count);
        }
    }

    /// @notice digits / q in units of 2^−300, rounded to float32 downwards and upwards.
    function quotient(int256[5] memory digits, uint256 q) private pure returns (int256 down, int256 up) {
        unchecked {
            bool negative = carry(digits) < 0;
            if (negative) {
                for (uint256 i = 0; i < 5; ++i) digits[i] = -digits[i];
                carry(digits);
            }
            uint256 top = 4;
            while (top > 0 && digits[top] == 0) --top;
            uint256 w = uint256(digits[top]);
            int256 exponent = -300;
            bool sticky = false;
            if (top > 0) {
                w = (w << 128) | uint256(digits[top - 1]);
                exponent += int256(128 * (top - 1));
                for (uint256 i = 0; i + 1 < top; ++i) sticky = sticky || digits[i] != 0;
            }
            sticky = sticky || w % q != 0;
            down = Float32.round(negative, w / q, exponent, sticky, false);
            up = Float32.round(negative, w / q, exponent, sticky, true);
        }
    }

    /// @notice Makes all digits but the last lie in [0, 2^128); the last one then has the sign of the number.
    function carry(int256[5] memory digits) private pure returns (int256) {
        unchecked {
            for (uint256 i = 0; i < 4; ++i) {
                digits[i + 1] += digits[i] >> 128;
                digits[i] &= int256((1 << 128) - 1);
            }
            return digits[4];
        }
    }
}
