// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ExactSum} from "../lib/ExactSum.sol";

/// @notice The inner loop of a contraction: adds the products of two evenly spaced runs of little-endian float32 in calldata.
library DotProduct {
    /// @notice Adds the `count` products of the floats at a, a + stepA, … and at b, b + stepB, …; steps are in bytes, modulo 2^256.
    /// @dev The same as `ExactSumLib.addProduct` for each, which it is fuzzed against, but that a NaN may hide what else there is:
    /// nothing changes a sum that is NaN.
    /// Eight floats of each side at a time, in the 32-bit lanes of a word: significands, sums of exponents and signs come out of
    /// whole-word operations; then a lane of `slots` has the address of a term's bin (sign and s / 128) and one of `shifts` s mod
    /// 128. Zeros add nothing wherever their exponents lead, so lanes beyond the run are zeros. The terms are written out, because
    /// a call would cost a third of one. Disjoint parts are joined by `add`, because the compiler multiplies masks out over `or`;
    /// `prepared` and `accumulate` are called, because within the loop it would run out of stack and compute things twice.
    function addRun(ExactSum memory sum, uint256 a, uint256 stepA, uint256 b, uint256 stepB, uint256 count)
        internal
        pure
    {
        uint256 flags;
        assembly ("memory-safe") {
            let bins := mul(mload(sum), 0x0000000100000001000000010000000100000001000000010000000100000001)
            if and(eq(stepA, 4), eq(stepB, 4)) {
                let end := add(a, shl(5, shr(3, count)))
                b := sub(b, a)
                for {} lt(a, end) { a := add(a, 32) } {
                    let odd, mx, my, exponents, signs := prepared(calldataload(a), calldataload(add(a, b)))
                    if odd {
                        flags := or(
                            flags, special(calldataload(a), calldataload(add(a, b)), mx, my, exponents, signs, bins)
                        )
                        continue
                    }
                    accumulate(
                        mx,
                        my,
                        add(add(bins, signs), and(shr(9, exponents), 0x0000006000000060000000600000006000000060000000600000006000000060)),
                        and(shr(7, exponents), 0x0000007f0000007f0000007f0000007f0000007f0000007f0000007f0000007f)
                    )
                }
                b := add(b, a)
                count := and(count, 7)
            }
            for {} count {} {
                let width := count
                if gt(count, 8) { width := 8 }
                let x := gathered(a, stepA, width)
                let y := gathered(b, stepB, width)
                let odd, mx, my, exponents, signs := prepared(x, y)
                flags := or(flags, special(x, y, mx, my, exponents, signs, bins))
                a := add(a, mul(width, stepA))
                b := add(b, mul(width, stepB))
                count := sub(count, width)
            }

            // The first `n` floats of a run in the lanes of a word, first one on top, zeros behind.
            function gathered(from, step, n) -> w {
                for { let i := 0 } lt(i, n) { i := add(i, 1) } {
                    w := or(w, shr(shl(5, i), shl(224, shr(224, calldataload(from)))))
                    from := add(from, step)
                }
            }

            // Significands, sums of exponents (from bit 7 of a lane on) and signs (bit 7); `odd` is not 0 if there are NaN, infinities
            // or subnormals.
            function prepared(x, y) -> odd, mx, my, exponents, signs {
                // Bytes swapped in each half lane: the low half of a float's bits stands before the high half.
                x := add(
                    shl(8, and(x, 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff)),
                    and(shr(8, x), 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff)
                )
                y := add(
                    shl(8, and(y, 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff)),
                    and(shr(8, y), 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff)
                )
                signs := and(shr(8, xor(x, y)), 0x0000008000000080000000800000008000000080000000800000008000000080)
                let ex := and(x, 0x00007f8000007f8000007f8000007f8000007f8000007f8000007f8000007f80)
                exponents := and(y, 0x00007f8000007f8000007f8000007f8000007f8000007f8000007f8000007f80)
                // With the hidden bit, which zeros and subnormals lack.
                mx := add(
                    shl(
                        16,
                        add(
                            and(x, 0x0000007f0000007f0000007f0000007f0000007f0000007f0000007f0000007f),
                            and(
                                shr(8, add(ex, 0x00007f8000007f8000007f8000007f8000007f8000007f8000007f8000007f80)),
                                0x0000008000000080000000800000008000000080000000800000008000000080
                            )
                        )
                    ),
                    and(shr(16, x), 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff)
                )
                my := add(
                    shl(
                        16,
                        add(
                            and(y, 0x0000007f0000007f0000007f0000007f0000007f0000007f0000007f0000007f),
                            and(
                                shr(8, add(exponents, 0x00007f8000007f8000007f8000007f8000007f8000007f8000007f8000007f80)),
                                0x0000008000000080000000800000008000000080000000800000008000000080
                            )
                        )
                    ),
                    and(shr(16, y), 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff)
                )
                // A significand from 1 to 2^23 − 1 is that of a subnormal; an exponent of 255 and one more carries.
                odd := and(
                    or(
                        or(
                            and(add(mx, 0x007fffff007fffff007fffff007fffff007fffff007fffff007fffff007fffff), not(mx)),
                            and(add(my, 0x007fffff007fffff007fffff007fffff007fffff007fffff007fffff007fffff), not(my))
                        ),
                        shl(
                            8,
                            or(
                                add(ex, 0x0000008000000080000000800000008000000080000000800000008000000080),
                                add(exponents, 0x0000008000000080000000800000008000000080000000800000008000000080)
                            )
                        )
                    ),
                    0x0080000000800000008000000080000000800000008000000080000000800000
                )
                exponents := add(ex, exponents)
            }

            function accumulate(mx, my, slots, shifts) {
                let slot
                slot := shr(224, slots)
                mstore(slot, add(mload(slot), shl(byte(3, shifts), mul(shr(224, mx), shr(224, my)))))
                slot := and(shr(192, slots), 0xffffff)
                mstore(slot, add(mload(slot), shl(byte(7, shifts), mul(and(shr(192, mx), 0xffffff), and(shr(192, my), 0xffffff)))))
                slot := and(shr(160, slots), 0xffffff)
                mstore(slot, add(mload(slot), shl(byte(11, shifts), mul(and(shr(160, mx), 0xffffff), and(shr(160, my), 0xffffff)))))
                slot := and(shr(128, slots), 0xffffff)
                mstore(slot, add(mload(slot), shl(byte(15, shifts), mul(and(shr(128, mx), 0xffffff), and(shr(128, my), 0xffffff)))))
                slot := and(shr(96, slots), 0xffffff)
                mstore(slot, add(mload(slot), shl(byte(19, shifts), mul(and(shr(96, mx), 0xffffff), and(shr(96, my), 0xffffff)))))
                slot := and(shr(64, slots), 0xffffff)
                mstore(slot, add(mload(slot), shl(byte(23, shifts), mul(and(shr(64, mx), 0xffffff), and(shr(64, my), 0xffffff)))))
                slot := and(shr(32, slots), 0xffffff)
                mstore(slot, add(mload(slot), shl(byte(27, shifts), mul(and(shr(32, mx), 0xffffff), and(shr(32, my), 0xffffff)))))
                slot := and(slots, 0xffffff)
                mstore(slot, add(mload(slot), shl(byte(31, shifts), mul(and(mx, 0xffffff), and(my, 0xffffff)))))
            }

            // Any eight terms; x and y are the words they came from. Marks of lanes stand at bit 23. Flags: 1 for NaN and 0·∞; 2 and 4
            // for infinite terms; 8 for a subnormal times ∞, which is NaN if it is flushed.
            function special(x, y, mx, my, exponents, signs, to) -> found {
                x := infinities(x)
                y := infinities(y)
                let infinite := or(x, y)
                let fx := fractions(mx)
                let fy := fractions(my)
                let tinyX := and(fx, not(mx))
                let tinyY := and(fy, not(my))
                let tiny := or(tinyX, tinyY)
                if infinite {
                    // NaN, or a zero on the other side.
                    x := or(or(and(x, fx), and(y, fy)), or(not(or(mx, fx)), not(or(my, fy))))
                    y := shl(16, signs)
                    found := or(
                        or(iszero(iszero(and(infinite, x))), shl(1, iszero(iszero(and(infinite, not(y)))))),
                        or(shl(2, iszero(iszero(and(infinite, y)))), shl(3, iszero(iszero(and(infinite, tiny)))))
                    )
                    mx := and(mx, not(filled(infinite)))
                }
                // The exponent of a subnormal is 1.
                exponents := add(exponents, add(shr(16, tinyX), shr(16, tinyY)))
                signs := add(add(to, signs), and(shr(9, exponents), 0x0000006000000060000000600000006000000060000000600000006000000060))
                exponents := and(shr(7, exponents), 0x0000007f0000007f0000007f0000007f0000007f0000007f0000007f0000007f)
                accumulate(mx, my, signs, exponents)
                if tiny {
                    // Bins 8 to 11 for either sign.
                    signs := add(and(sub(signs, to), 0x0000006000000060000000600000006000000060000000600000006000000060), add(to, 0x0000010000000100000001000000010000000100000001000000010000000100))
                    accumulate(and(mx, filled(tiny)), my, signs, exponents)
                }
            }

            // Lanes with an exponent of 255, before bytes are swapped.
            function infinities(w) -> marks {
                marks := and(
                    shl(7, add(and(w, 0x0000807f0000807f0000807f0000807f0000807f0000807f0000807f0000807f), 0x00007f8100007f8100007f8100007f8100007f8100007f8100007f8100007f81)),
                    0x0080000000800000008000000080000000800000008000000080000000800000
                )
            }

            // Lanes with a fraction that is not zero.
            function fractions(m) -> marks {
                marks := and(add(and(m, 0x007fffff007fffff007fffff007fffff007fffff007fffff007fffff007fffff), 0x007fffff007fffff007fffff007fffff007fffff007fffff007fffff007fffff), 0x0080000000800000008000000080000000800000008000000080000000800000)
            }

            // The 24 bits of a significand in each marked lane.
            function filled(marks) -> w {
                w := sub(shl(1, marks), shr(23, marks))
            }
        }
        if (flags == 0) return;
        if (flags & 1 != 0) sum.nan = true;
        if (flags & 2 != 0) sum.plusInf = true;
        if (flags & 4 != 0) sum.minusInf = true;
        if (flags & 8 != 0) sum.flushNan = true;
    }
}
