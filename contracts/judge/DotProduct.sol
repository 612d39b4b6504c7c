// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ElementType} from "../lib/ElementType.sol";
import {ExactSum, ExactSumLib} from "../lib/ExactSum.sol";

/// @notice The inner loop of a contraction: adds the products of two evenly spaced runs of little-endian float32 in calldata.
library DotProduct {
    /// @notice Adds the `count` products of the floats at a, a + stepA, … and at b, b + stepB, …; steps are in bytes, modulo 2^256.
    /// @dev Equal to `addRunPlain`, which it is fuzzed against. Eight floats of each side at a time, in the eight 32-bit lanes of a
    /// word: significands, sums of exponents and signs come out of whole-word operations, and a lane of `where` has the bin
    /// (sign and s / 128) in its top three bits and s mod 128 below. Only words with NaN, infinities or subnormals, where more
    /// than the product counts, take the plain path. Lanes beyond the run are zeros, which add nothing.
    function addRun(ExactSum memory sum, uint256 a, uint256 stepA, uint256 b, uint256 stepB, uint256 count)
        internal
        pure
    {
        while (count != 0) {
            uint256 width = count < 8 ? count : 8;
            bool plain;
            assembly ("memory-safe") {
                let bins := mload(sum)
                let contiguous := and(eq(stepA, 4), eq(stepB, 4))
                for {} count {} {
                    let x
                    let y
                    switch and(contiguous, gt(count, 7))
                    case 1 {
                        x := swap(calldataload(a))
                        y := swap(calldataload(b))
                    }
                    default {
                        if lt(count, 8) { width := count }
                        x := swap(gather(a, stepA, width))
                        y := swap(gather(b, stepB, width))
                    }
                    let special, mx, ex := split(x)
                    let other, my, ey := split(y)
                    plain := iszero(iszero(or(special, other)))
                    if plain { break }
                    // Eight exponent sums of nine bits; halved, with the sign of the product on top.
                    let where := or(
                        shr(1, add(ex, ey)),
                        and(xor(x, y), 0x8000000080000000800000008000000080000000800000008000000080000000)
                    )
                    accumulate(
                        bins, shr(224, mx), shr(224, my), and(shr(248, where), 0xe0), and(shr(246, where), 0x7f)
                    )
                    accumulate(
                        bins, and(shr(192, mx), 0xffffff), and(shr(192, my), 0xffffff), and(shr(216, where), 0xe0), and(shr(214, where), 0x7f)
                    )
                    accumulate(
                        bins, and(shr(160, mx), 0xffffff), and(shr(160, my), 0xffffff), and(shr(184, where), 0xe0), and(shr(182, where), 0x7f)
                    )
                    accumulate(
                        bins, and(shr(128, mx), 0xffffff), and(shr(128, my), 0xffffff), and(shr(152, where), 0xe0), and(shr(150, where), 0x7f)
                    )
                    accumulate(
                        bins, and(shr(96, mx), 0xffffff), and(shr(96, my), 0xffffff), and(shr(120, where), 0xe0), and(shr(118, where), 0x7f)
                    )
                    accumulate(
                        bins, and(shr(64, mx), 0xffffff), and(shr(64, my), 0xffffff), and(shr(88, where), 0xe0), and(shr(86, where), 0x7f)
                    )
                    accumulate(
                        bins, and(shr(32, mx), 0xffffff), and(shr(32, my), 0xffffff), and(shr(56, where), 0xe0), and(shr(54, where), 0x7f)
                    )
                    accumulate(
                        bins, and(mx, 0xffffff), and(my, 0xffffff), and(shr(24, where), 0xe0), and(shr(22, where), 0x7f)
                    )
                    a := add(a, mul(stepA, width))
                    b := add(b, mul(stepB, width))
                    count := sub(count, width)
                }

                function accumulate(to, m, n, bin, shift) {
                    let slot := add(to, bin)
                    mstore(slot, add(mload(slot), shl(shift, mul(m, n))))
                }

                // The first `n` floats of a run in the lanes of a word, first one on top, zeros behind.
                function gather(from, step, n) -> w {
                    for { let i := 0 } lt(i, n) { i := add(i, 1) } {
                        w := or(w, shr(shl(5, i), shl(224, shr(224, calldataload(from)))))
                        from := add(from, step)
                    }
                }

                // Reverses the bytes of each lane.
                function swap(w) -> v {
                    v := or(
                        shl(8, and(w, 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff)),
                        and(shr(8, w), 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff)
                    )
                    v := or(
                        shl(16, and(v, 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff)),
                        and(shr(16, v), 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff)
                    )
                }

                // Significands and exponents in place, the exponent of zero as 1; special is not zero if a lane is NaN, ±∞ or
                // subnormal. No lane carries into the next: its sums stay below 2^32.
                function split(w) -> special, significands, exponents {
                    let high := 0x8000000080000000800000008000000080000000800000008000000080000000
                    let e := and(w, 0x7f8000007f8000007f8000007f8000007f8000007f8000007f8000007f800000)
                    let m := and(w, 0x007fffff007fffff007fffff007fffff007fffff007fffff007fffff007fffff)
                    let normal := and(add(e, 0x7f8000007f8000007f8000007f8000007f8000007f8000007f8000007f800000), high)
                    let filled := and(add(m, 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff), high)
                    let infinite := and(add(e, 0x0080000000800000008000000080000000800000008000000080000000800000), high)
                    special := or(infinite, and(filled, not(normal)))
                    significands := or(m, shr(8, normal))
                    exponents := add(e, shr(8, xor(normal, high)))
                }
            }
            if (!plain) break;
            addRunPlain(sum, a, stepA, b, stepB, width);
            unchecked {
                a += stepA * width;
                b += stepB * width;
                count -= width;
            }
        }
    }

    /// @notice The same, one float at a time.
    function addRunPlain(ExactSum memory sum, uint256 a, uint256 stepA, uint256 b, uint256 stepB, uint256 count)
        internal
        pure
    {
        for (uint256 i = 0; i < count; ++i) {
            ExactSumLib.addProduct(sum, ElementType.load32(a), ElementType.load32(b));
            unchecked {
                a += stepA;
                b += stepB;
            }
        }
    }
}
