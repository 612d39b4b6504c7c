// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ElementType} from "../lib/ElementType.sol";
import {ExactSum} from "../lib/ExactSum.sol";

/// @notice The inner loop of a contraction of half floats: adds the products of two evenly spaced runs of float16 or bfloat16.
library HalfProduct {
    /// @notice Adds the `count` products of the elements at a, a + stepA, … and at b, b + stepB, …; steps are in bytes, modulo 2^256.
    /// @dev The same as `ExactSumLib.addProduct` for each. A float16 is ±m·2^(e−25) with m < 2^11, a bfloat16 ±m·2^(e−134) with
    /// m < 2^8, 1 <= e. So in units of 2^−300 a product of float16 is m·m'·2^26·2^(e+e'+224), of bfloat16 m·m'·2^32·2^(e+e'),
    /// which is how `addProduct` has it. Eight
    /// elements of each side at a time, in the 32-bit lanes of a word: a lane of `slots` has the address of a term's bin (sign and
    /// s / 128), one of `shifts` s mod 128 and what lifts the product. Words with NaN, infinities or subnormal bfloat16, where more
    /// than the product counts, are taken element by element.
    function addRun(
        ExactSum memory sum,
        uint256 a,
        uint256 stepA,
        uint256 b,
        uint256 stepB,
        uint256 count,
        uint256 dtype
    ) internal pure {
        // Bits of the fraction.
        uint256 bits = dtype == ElementType.FLOAT16 ? 10 : 7;
        uint256 flags;
        assembly ("memory-safe") {
            flags := run(mload(sum), a, stepA, b, stepB, count, bits)

            function run(bins, x, stepX, y, stepY, n, p) -> found {
                for {} n {} {
                    let width := n
                    if gt(n, 8) { width := 8 }
                    found := or(found, multiply(bins, load(x, stepX, width), load(y, stepY, width), p))
                    x := add(x, mul(stepX, width))
                    y := add(y, mul(stepY, width))
                    n := sub(n, width)
                }
            }

            // The first `n` elements of a run as they stand, in the upper half of a word; zeros behind.
            function load(from, step, n) -> w {
                switch and(eq(step, 2), eq(n, 8))
                case 1 { w := calldataload(from) }
                default {
                    for { let i := 0 } lt(i, n) { i := add(i, 1) } {
                        w := or(w, shr(shl(4, i), shl(240, shr(240, calldataload(from)))))
                        from := add(from, step)
                    }
                }
            }

            function multiply(bins, x, y, p) -> found {
                let u, m, e := split(x, p)
                let v, n, f := split(y, p)
                switch or(shr(255, u), shr(255, v))
                case 0 {
                    e := add(e, f)
                    if eq(p, 10) {
                        e := add(e, 0x000000e0000000e0000000e0000000e0000000e0000000e0000000e0000000e0)
                    }
                    let slots := add(
                        mul(bins, 0x0000000100000001000000010000000100000001000000010000000100000001),
                        add(
                            and(shr(2, e), 0x0000006000000060000000600000006000000060000000600000006000000060),
                            and(shr(8, xor(u, v)), 0x0000008000000080000000800000008000000080000000800000008000000080)
                        )
                    )
                    let shifts := add(and(e, 0x0000007f0000007f0000007f0000007f0000007f0000007f0000007f0000007f), 0x0000001a0000001a0000001a0000001a0000001a0000001a0000001a0000001a)
                    if eq(p, 7) {
                        shifts := add(shifts, 0x0000000600000006000000060000000600000006000000060000000600000006)
                    }
                    sumLanes(slots, shifts, m, n)
                }
                default {
                    for { let k := 0 } lt(k, 256) { k := add(k, 32) } {
                        found := or(found, multiplyOne(bins, and(shr(k, u), 0xffff), and(shr(k, v), 0xffff), p))
                    }
                }
            }

            function sumLanes(slots, shifts, m, n) {
                    {
                        let slot := shr(224, slots)
                        mstore(
                            slot,
                            add(
                                mload(slot),
                                shl(shr(224, shifts), mul(shr(224, m), shr(224, n)))
                            )
                        )
                    }
                    {
                        let slot := and(shr(192, slots), 0xffffffff)
                        mstore(
                            slot,
                            add(
                                mload(slot),
                                shl(and(shr(192, shifts), 0xff), mul(and(shr(192, m), 0xffff), and(shr(192, n), 0xffff)))
                            )
                        )
                    }
                    {
                        let slot := and(shr(160, slots), 0xffffffff)
                        mstore(
                            slot,
                            add(
                                mload(slot),
                                shl(and(shr(160, shifts), 0xff), mul(and(shr(160, m), 0xffff), and(shr(160, n), 0xffff)))
                            )
                        )
                    }
                    {
                        let slot := and(shr(128, slots), 0xffffffff)
                        mstore(
                            slot,
                            add(
                                mload(slot),
                                shl(and(shr(128, shifts), 0xff), mul(and(shr(128, m), 0xffff), and(shr(128, n), 0xffff)))
                            )
                        )
                    }
                    {
                        let slot := and(shr(96, slots), 0xffffffff)
                        mstore(
                            slot,
                            add(
                                mload(slot),
                                shl(and(shr(96, shifts), 0xff), mul(and(shr(96, m), 0xffff), and(shr(96, n), 0xffff)))
                            )
                        )
                    }
                    {
                        let slot := and(shr(64, slots), 0xffffffff)
                        mstore(
                            slot,
                            add(
                                mload(slot),
                                shl(and(shr(64, shifts), 0xff), mul(and(shr(64, m), 0xffff), and(shr(64, n), 0xffff)))
                            )
                        )
                    }
                    {
                        let slot := and(shr(32, slots), 0xffffffff)
                        mstore(
                            slot,
                            add(
                                mload(slot),
                                shl(and(shr(32, shifts), 0xff), mul(and(shr(32, m), 0xffff), and(shr(32, n), 0xffff)))
                            )
                        )
                    }
                    {
                        let slot := and(slots, 0xffffffff)
                        mstore(
                            slot,
                            add(
                                mload(slot),
                                shl(and(shifts, 0xff), mul(and(m, 0xffff), and(n, 0xffff)))
                            )
                        )
                    }
            }

            // Eight elements in the lower halves of lanes, their significands and their exponents, that of zero and of subnormals
            // as 1. The topmost bit of the elements is set if one of them is NaN, infinite, or a subnormal bfloat16.
            function split(w, p) -> v, significands, exponents {
                // Halved three times, each time with the upper part moved up, until each element has a lane; then its bytes swapped.
                w := shr(128, w)
                w := and(or(shl(64, w), w), 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff)
                w := and(or(shl(32, w), w), 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff)
                w := and(or(shl(16, w), w), 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff)
                v := or(
                    shl(8, and(w, 0x000000ff000000ff000000ff000000ff000000ff000000ff000000ff000000ff)),
                    and(shr(8, w), 0x000000ff000000ff000000ff000000ff000000ff000000ff000000ff000000ff)
                )
                let ones := 0x0000000100000001000000010000000100000001000000010000000100000001
                let high := 0x0000800000008000000080000000800000008000000080000000800000008000
                let unit := shl(p, 1)
                significands := and(v, mul(ones, sub(unit, 1)))
                exponents := and(v, mul(ones, sub(0x8000, unit)))
                let odd := and(add(exponents, mul(ones, unit)), high)
                let normal := and(add(exponents, mul(ones, sub(0x8000, unit))), high)
                if eq(p, 7) {
                    let filled := and(add(significands, mul(ones, 0x7fff)), high)
                    odd := or(odd, and(filled, not(normal)))
                }
                if odd { v := or(v, shl(255, 1)) }
                significands := or(significands, shr(sub(15, p), normal))
                exponents := add(shr(p, exponents), xor(shr(15, normal), ones))
            }

            // One product, by the bits of its factors. Found: 1 NaN, 2 +∞, 4 −∞, 8 a flushed factor of ∞.
            function multiplyOne(bins, x, y, p) -> found {
                let m, e := unpacked(x, p)
                let n, f := unpacked(y, p)
                let negative := shr(15, xor(x, y))
                let flushable := and(eq(p, 7), or(lt(m, 128), lt(n, 128)))
                switch or(gt(e, 1023), gt(f, 1023))
                case 0 {
                    e := add(e, f)
                    m := mul(m, n)
                    switch p
                    case 7 { m := shl(32, m) }
                    default {
                        m := shl(26, m)
                        e := add(e, 224)
                    }
                    m := shl(and(e, 127), m)
                    bins := add(bins, shl(5, shr(7, e)))
                    if flushable { mstore(add(bins, 256), add(mload(add(bins, 256)), m)) }
                    bins := add(bins, shl(7, negative))
                    mstore(bins, add(mload(bins), m))
                }
                default {
                    // 0·∞ and NaN alike have a significand of 0.
                    found := add(shl(negative, 2), shl(3, flushable))
                    if or(iszero(m), iszero(n)) { found := 1 }
                }
            }

            // Significand and exponent; of ∞ a large significand, of NaN 0, and the exponent 1024.
            function unpacked(x, p) -> m, e {
                m := and(x, sub(shl(p, 1), 1))
                e := and(shr(p, x), sub(shl(sub(15, p), 1), 1))
                switch e
                case 0 { e := 1 }
                default {
                    switch eq(e, sub(shl(sub(15, p), 1), 1))
                    case 0 { m := or(m, shl(p, 1)) }
                    default {
                        e := 1024
                        m := shl(11, iszero(m))
                    }
                }
            }
        }
        if (flags & 1 != 0) sum.nan = true;
        if (flags & 2 != 0) sum.plusInf = true;
        if (flags & 4 != 0) sum.minusInf = true;
        if (flags & 8 != 0) sum.flushNan = true;
    }
}
