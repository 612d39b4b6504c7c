// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Exact and directed arithmetic on float32 values held as *keys*: the integer that orders them. The key of a
/// non-negative value is its bits, of a negative value minus the bits without the sign, so −0 and +0 are the same key,
/// neighbouring floats differ by 1, and ±∞ are ±`INF`. NaN has no key.
/// @dev `up` means rounding towards +∞, otherwise towards −∞. A finite key k stands for ±m·2^(e−150), see `unpack`.
/// Nothing here can overflow: keys and exponents are below 2^32, and significands are shifted by no more than the words have room for.
library Float32 {
    int256 internal constant INF = 0x7f800000;
    int256 internal constant MAX_FINITE = 0x7f7fffff;
    int256 internal constant MIN_NORMAL = 0x00800000;
    int256 internal constant ONE = 0x3f800000;

    function isNaN(uint256 bits) internal pure returns (bool) {
        return bits & 0x7fffffff > 0x7f800000;
    }

    function keyOf(uint256 bits) internal pure returns (int256) {
        unchecked {
            int256 magnitude = int256(bits & 0x7fffffff);
            return bits >> 31 == 1 ? -magnitude : magnitude;
        }
    }

    function bitsOf(int256 key) internal pure returns (uint32) {
        unchecked {
            return key < 0 ? uint32(0x80000000 | uint256(-key)) : uint32(uint256(key));
        }
    }

    /// @return m Significand below 2^24, 0 for zero.
    /// @return e Exponent in 1…254: the magnitude is m·2^(e−150).
    function unpack(uint256 magnitude) internal pure returns (uint256 m, uint256 e) {
        e = magnitude >> 23;
        if (e == 0) return (magnitude, 1);
        m = (magnitude & 0x7fffff) | 0x800000;
    }

    /// @notice Rounds ±(m + f)·2^exponent with 0 <= f < 1, where f > 0 if and only if `sticky`.
    /// @dev With `sticky`, m must be at least 2^24 or the exponent below −149, so that f is less than a unit of the result.
    function round(bool negative, uint256 m, int256 exponent, bool sticky, bool up) internal pure returns (int256) {
        int256 magnitude = roundMagnitude(m, exponent, sticky, up != negative);
        return negative ? -magnitude : magnitude;
    }

    function add(int256 a, int256 b, bool up) internal pure returns (int256) {
        unchecked {
            if (a == INF || a == -INF) return a;
            if (b == INF || b == -INF) return b;
            (uint256 ma, uint256 ea) = unpack(abs(a));
            (uint256 mb, uint256 eb) = unpack(abs(b));
            if (ea < eb) {
                (a, b) = (b, a);
                (ma, mb) = (mb, ma);
                (ea, eb) = (eb, ea);
            }
            int256 exponent = int256(eb) - 150;
            uint256 d = ea - eb;
            bool tail = false;
            // Beyond this distance the smaller one is less than a unit of the larger one shifted by 64 bits.
            if (d > 200) {
                exponent = int256(ea) - 214;
                d = 64;
                tail = mb != 0;
                mb = 0;
            }
            int256 sum = a < 0 ? -int256(ma << d) : int256(ma << d);
            sum += b < 0 ? -int256(mb) : int256(mb);
            if (tail && (a < 0) != (b < 0)) sum += a < 0 ? int256(1) : int256(-1);
            return round(sum < 0, abs(sum), exponent, tail, up);
        }
    }

    function mul(int256 a, int256 b, bool up) internal pure returns (int256) {
        unchecked {
            bool negative = (a < 0) != (b < 0);
            uint256 x = abs(a);
            uint256 y = abs(b);
            if (x == uint256(INF) || y == uint256(INF)) return negative ? -INF : INF;
            (uint256 ma, uint256 ea) = unpack(x);
            (uint256 mb, uint256 eb) = unpack(y);
            return round(negative, ma * mb, int256(ea + eb) - 300, false, up);
        }
    }

    /// @dev The caller sees to b ≠ 0 and to ∞/∞.
    function div(int256 a, int256 b, bool up) internal pure returns (int256) {
        unchecked {
            bool negative = (a < 0) != (b < 0);
            uint256 x = abs(a);
            uint256 y = abs(b);
            if (x == uint256(INF)) return negative ? -INF : INF;
            if (y == uint256(INF)) return 0;
            (uint256 ma, uint256 ea) = unpack(x);
            (uint256 mb, uint256 eb) = unpack(y);
            ma <<= 64;
            return round(negative, ma / mb, int256(ea) - int256(eb) - 64, ma % mb != 0, up);
        }
    }

    /// @dev The caller sees to a ≥ 0.
    function sqrt(int256 a, bool up) internal pure returns (int256) {
        unchecked {
            if (a == INF) return INF;
            (uint256 m, uint256 e) = unpack(uint256(a));
            // An even exponent after shifting by 64 or 65 bits.
            uint256 shift = 64 + (e & 1);
            m <<= shift;
            uint256 root = floorSqrt(m);
            return round(false, root, (int256(e) - 150 - int256(shift)) / 2, root * root != m, up);
        }
    }

    /// @notice The key `steps` floats further away, not beyond ±∞.
    function move(int256 key, int256 steps) internal pure returns (int256) {
        unchecked {
            key += steps;
            if (key > INF) return INF;
            return key < -INF ? -INF : key;
        }
    }

    function abs(int256 a) internal pure returns (uint256) {
        unchecked {
            return a < 0 ? uint256(-a) : uint256(a);
        }
    }

    function roundMagnitude(uint256 m, int256 exponent, bool sticky, bool away) internal pure returns (int256) {
        unchecked {
            if (m == 0) return sticky && away ? int256(1) : int256(0);
            int256 top = int256(log2(m)) + exponent;
            if (top > 127) return away ? INF : MAX_FINITE;
            int256 unit = top < -126 ? int256(-149) : top - 23;
            int256 shift = unit - exponent;
            uint256 q;
            bool inexact = sticky;
            if (shift <= 0) {
                q = m << uint256(-shift);
            } else {
                q = shift > 255 ? 0 : m >> uint256(shift);
                inexact = sticky || shift > 255 || q << uint256(shift) != m;
            }
            if (inexact && away) ++q;
            return int256(q) + ((unit + 149) << 23);
        }
    }

    /// @notice Position of the highest bit; 0 of 0.
    function log2(uint256 x) internal pure returns (uint256 n) {
        assembly ("memory-safe") {
            n := shl(7, gt(x, 0xffffffffffffffffffffffffffffffff))
            n := or(n, shl(6, gt(shr(n, x), 0xffffffffffffffff)))
            n := or(n, shl(5, gt(shr(n, x), 0xffffffff)))
            n := or(n, shl(4, gt(shr(n, x), 0xffff)))
            n := or(n, shl(3, gt(shr(n, x), 0xff)))
            n := or(n, shl(2, gt(shr(n, x), 0xf)))
            n := or(n, shl(1, gt(shr(n, x), 3)))
            n := or(n, gt(shr(n, x), 1))
        }
    }

    /// @dev Newton's iteration from above: decreases until it meets the floor of the root.
    function floorSqrt(uint256 x) internal pure returns (uint256 root) {
        unchecked {
            if (x == 0) return 0;
            root = uint256(1) << (log2(x) / 2 + 1);
            while (true) {
                uint256 next = (root + x / root) >> 1;
                if (next >= root) return root;
                root = next;
            }
        }
    }
}
