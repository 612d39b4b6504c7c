// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Step} from "../types/Program.sol";

/// @notice Reads the canonical encoding of a step descriptor (docs/protocol.md §2): `abi.encode` of a struct puts what is dynamic in
/// the order of the fields, each part right behind the one before, so every offset is known before it is read.
/// @dev The same as `abi.decode` and a comparison with `abi.encode` of the outcome, which it is fuzzed against, for half of the gas.
/// A struct in memory has the words of its encoding, with pointers where that has offsets: heads are copied whole, and checked there.
library Descriptor {
    error DescriptorMalformed();

    function decode(bytes calldata encoded) internal pure returns (Step memory step) {
        uint256 fault;
        assembly ("memory-safe") {
            // Scratch space: at 0x00 whatever is wrong so far, at 0x20 where reading stands.
            let head := add(encoded.offset, 0x20)
            mstore(0x00, xor(calldataload(encoded.offset), 0x20))
            mstore(0x20, add(head, 0x140))
            calldatacopy(step, head, 0x140)
            fail(shr(8, or(or(mload(step), mload(add(step, 0x20))), mload(add(step, 0x40)))))
            fail(or(shr(16, mload(add(step, 0x60))), shr(32, mload(add(step, 0x80)))))
            let slot := add(step, 0xa0)
            leadHere(slot, head)
            mstore(slot, result())
            slot := add(step, 0xc0)
            leadHere(slot, head)
            mstore(slot, sizes())
            slot := add(step, 0xe0)
            leadHere(slot, head)
            mstore(slot, operands())
            slot := add(step, 0x100)
            leadHere(slot, head)
            mstore(slot, octets())
            slot := add(step, 0x120)
            leadHere(slot, head)
            mstore(slot, octets())
            fail(xor(mload(0x20), add(encoded.offset, encoded.length)))
            fault := mload(0x00)

            function fail(unlessZero) {
                mstore(0x00, or(mload(0x00), unlessZero))
            }

            // The offset in memory at `slot`, counted from `base`, must lead to where reading stands.
            function leadHere(slot_, base) {
                fail(xor(mload(slot_), sub(mload(0x20), base)))
            }

            // The next `size` bytes.
            function taken(size) -> pointer {
                pointer := mload(0x40)
                mstore(0x40, add(pointer, size))
                let at := mload(0x20)
                calldatacopy(pointer, at, size)
                mstore(0x20, add(at, size))
            }

            // The next word, a number of words (`unit` 5) or bytes (0): 0 if it cannot be one. Reading never goes back, so that the descriptor ends where
            // it should is checked once, at the end.
            function count(unit) -> n {
                n := calldataload(mload(0x20))
                let tooMany := gt(n, shr(unit, calldatasize()))
                fail(tooMany)
                n := mul(n, iszero(tooMany))
            }

            // An array of as many words as the next one says.
            function words() -> pointer {
                let n := count(5)
                pointer := taken(add(shl(5, n), 0x20))
                mstore(pointer, n)
            }

            // uint32[].
            function sizes() -> pointer {
                pointer := words()
                let all := 0
                let last := add(pointer, shl(5, mload(pointer)))
                for { let at := pointer } lt(at, last) {} {
                    at := add(at, 0x20)
                    all := or(all, mload(at))
                }
                fail(shr(32, all))
            }

            // int64[].
            function strides() -> pointer {
                pointer := words()
                let last := add(pointer, shl(5, mload(pointer)))
                for { let at := pointer } lt(at, last) {} {
                    at := add(at, 0x20)
                    fitSigned(7, at)
                }
            }

            // The word in memory must be that of a signed number of `last` + 1 bytes.
            function fitSigned(last, at) {
                fail(xor(mload(at), signextend(last, mload(at))))
            }

            // bytes; behind the last one stand zeros up to a whole word.
            function octets() -> pointer {
                let n := count(0)
                pointer := taken(and(add(n, 0x3f), not(0x1f)))
                mstore(pointer, n)
                if and(n, 0x1f) { fail(shl(shl(3, and(n, 0x1f)), calldataload(sub(mload(0x20), 0x20)))) }
            }

            function result() -> pointer {
                pointer := taken(0x80)
                fail(or(shr(8, or(mload(pointer), mload(add(pointer, 0x20)))), shr(32, mload(add(pointer, 0x40)))))
                fail(xor(mload(add(pointer, 0x60)), 0x80))
                mstore(add(pointer, 0x60), sizes())
            }

            function operands() -> pointer {
                pointer := words()
                let n := mload(pointer)
                let base := sub(mload(0x20), shl(5, n))
                for { let at := pointer } n { n := sub(n, 1) } {
                    at := add(at, 0x20)
                    leadHere(at, base)
                    mstore(at, operand())
                }
            }

            function operand() -> pointer {
                pointer := taken(0xe0)
                fail(shr(8, or(or(mload(pointer), mload(add(pointer, 0x20))), mload(add(pointer, 0x40)))))
                fail(or(shr(32, mload(add(pointer, 0x60))), shr(64, mload(add(pointer, 0xa0)))))
                fail(xor(mload(add(pointer, 0xc0)), 0xe0))
                mstore(add(pointer, 0xc0), access())
            }

            function access() -> pointer {
                let base := mload(0x20)
                pointer := taken(0xa0)
                fitSigned(7, pointer)
                let at := add(pointer, 0x20)
                leadHere(at, base)
                mstore(at, strides())
                at := add(pointer, 0x40)
                leadHere(at, base)
                mstore(at, strides())
                at := add(pointer, 0x60)
                leadHere(at, base)
                mstore(at, windows())
                at := add(pointer, 0x80)
                leadHere(at, base)
                mstore(at, stages())
            }

            function windows() -> pointer {
                let at := mload(0x20)
                pointer := words()
                // Not single words, but six each.
                mstore(0x20, add(at, 0x20))
                at := pointer
                for { let n := mload(pointer) } n { n := sub(n, 1) } {
                    at := add(at, 0x20)
                    let window := taken(0xc0)
                    mstore(at, window)
                    fail(shr(8, or(mload(window), mload(add(window, 0x20)))))
                    fitSigned(3, add(window, 0x40))
                    fitSigned(3, add(window, 0x60))
                    fitSigned(3, add(window, 0x80))
                    fail(shr(32, mload(add(window, 0xa0))))
                }
            }

            function stages() -> pointer {
                pointer := words()
                let n := mload(pointer)
                let base := sub(mload(0x20), shl(5, n))
                for { let at := pointer } n { n := sub(n, 1) } {
                    at := add(at, 0x20)
                    leadHere(at, base)
                    mstore(at, stage())
                }
            }

            function stage() -> pointer {
                let base := mload(0x20)
                pointer := taken(0x60)
                fitSigned(7, pointer)
                let at := add(pointer, 0x20)
                leadHere(at, base)
                mstore(at, sizes())
                at := add(pointer, 0x40)
                leadHere(at, base)
                mstore(at, strides())
            }
        }
        require(fault == 0, DescriptorMalformed());
    }
}
