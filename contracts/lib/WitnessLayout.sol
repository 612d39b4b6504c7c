// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Witness} from "../types/Witness.sol";

/// @title How a witness must lie in calldata: its parts in order, each right behind the one before
/// @dev Solidity takes the offsets of a calldata argument as signed and reads what they lead to only when it is used. So an
/// encoding may lead in front of itself, where the call has other bytes than the event that repeats the witness, or lead many
/// offsets to the same bytes. Encoders lay the parts out in order, so each offset has one right value; with that the bytes mean
/// the same wherever they stand, and take no longer to read than they are long.
library WitnessLayout {
    /// @param position of the offset or length that is not right, in bytes from the start of the witness
    error WitnessMisplaced(uint256 position);

    uint256 private constant WORD = 32;

    /// @notice Reverts unless `witness` is laid out as `abi.encode` does it. Bytes may follow it.
    function check(Witness calldata witness) internal pure {
        uint256 base;
        assembly ("memory-safe") {
            base := witness
        }
        unchecked {
            // Seven words: header, stepIndex, step, stepProof, element, result, operands.
            uint256 next = base + 7 * WORD;
            _leads(base, base, base, next);
            // The tenth and last word of a header leads to its outputs.
            next = _afterWords(base, next, next + 9 * WORD, next + 10 * WORD);
            next = _afterBytes(base, base, base + 2 * WORD, next);
            next = _afterWords(base, base, base + 3 * WORD, next);
            next = _afterOpening(base, base, base + 5 * WORD, next);
            _leads(base, base, base + 6 * WORD, next);
            uint256 count = _length(base, next);
            uint256 list = next + WORD;
            next = list + count * WORD;
            for (uint256 slot = list; slot < list + count * WORD; slot += WORD) {
                next = _afterOpening(base, list, slot, next);
            }
            require(next <= msg.data.length, WitnessMisplaced(next - base));
        }
    }

    /// @dev Of the functions below: what the word at `slot` leads to, counted from `start`, must stand at `next`; they return where
    /// it ends. Root, proof, ranges.
    function _afterOpening(uint256 base, uint256 start, uint256 slot, uint256 next) private pure returns (uint256) {
        unchecked {
            _leads(base, start, slot, next);
            uint256 opening = next;
            next = _afterWords(base, opening, opening + WORD, opening + 3 * WORD);
            _leads(base, opening, opening + 2 * WORD, next);
            uint256 count = _length(base, next);
            uint256 list = next + WORD;
            next = list + count * WORD;
            for (slot = list; slot < list + count * WORD; slot += WORD) {
                _leads(base, list, slot, next);
                // First, data, siblings.
                uint256 range = next;
                next = _afterBytes(base, range, range + WORD, range + 3 * WORD);
                next = _afterWords(base, range, range + 2 * WORD, next);
            }
            return next;
        }
    }

    function _afterBytes(uint256 base, uint256 start, uint256 slot, uint256 next) private pure returns (uint256) {
        _leads(base, start, slot, next);
        unchecked {
            return next + WORD + ((_length(base, next) + 31) & ~uint256(31));
        }
    }

    function _afterWords(uint256 base, uint256 start, uint256 slot, uint256 next) private pure returns (uint256) {
        _leads(base, start, slot, next);
        unchecked {
            return next + WORD + _length(base, next) * WORD;
        }
    }

    function _leads(uint256 base, uint256 start, uint256 slot, uint256 next) private pure {
        unchecked {
            require(_word(slot) == next - start, WitnessMisplaced(slot - base));
        }
    }

    /// @dev SAFETY: no sum of lengths overflows, and a loop over more than there is ends at its first offset, a zero.
    function _length(uint256 base, uint256 position) private pure returns (uint256 length) {
        length = _word(position);
        unchecked {
            require(length <= msg.data.length, WitnessMisplaced(position - base));
        }
    }

    function _word(uint256 position) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(position)
        }
    }
}
