// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Domains} from "../lib/Domains.sol";
import {ElementType} from "../lib/ElementType.sol";
import {MerkleTree} from "../lib/MerkleTree.sol";
import {ProgramHeader} from "../types/Program.sol";
import {Claim, Opening, Range} from "../types/Witness.sol";

/// @notice Elements `first` to `end − 1` of a tensor stand in calldata from `start` on, proved.
struct Span {
    uint256 first;
    uint256 end;
    uint256 start;
}

/// @notice Checks openings against the roots of a claim and finds elements in them.
library Openings {
    uint256 internal constant INPUT = 0;
    uint256 internal constant WEIGHT = 1;
    uint256 internal constant TRACE = 2;
    uint256 internal constant INNER = 3;

    error UnsupportedSource(uint256 source);
    error InnerTraceMissing(uint256 blockIndex);
    error RootNotCommitted(uint256 source, uint256 index);
    error RangeNotInTensor(uint256 source, uint256 index, uint256 range);
    error RangesNotAscending(uint256 source, uint256 index, uint256 range);
    error ElementNotOpened(uint256 element);

    /// @notice Checks that the opening's root is tensor `index` of `source` and that its ranges belong to that root.
    /// @param blockIndex The step's block; an inner trace must be this one's.
    /// @param weightRoot The root the descriptor names if the source is a weight.
    /// @param dtype A judged type; its size divides that of a chunk, so no element straddles two.
    function open(
        Claim calldata claim,
        ProgramHeader calldata header,
        Opening calldata opening,
        uint256 source,
        uint256 index,
        uint256 blockIndex,
        bytes32 weightRoot,
        uint256 elements,
        uint256 dtype
    ) internal view returns (Span[] memory spans) {
        if (source == WEIGHT) {
            require(opening.root == weightRoot && opening.proof.length == 0, RootNotCommitted(source, index));
        } else if (source == INPUT) {
            checkListed(opening, source, index, header.inputCount, Domains.INPUTS, claim.inputRoot);
        } else if (source == TRACE) {
            checkListed(opening, source, index, header.traceCount, Domains.TRACE, claim.traceRoot);
        } else if (source == INNER) {
            require(claim.innerRoot != 0 && claim.innerBlock == blockIndex, InnerTraceMissing(blockIndex));
            checkListed(opening, source, index, claim.innerCount, Domains.INNER, claim.innerRoot);
        } else {
            revert UnsupportedSource(source);
        }
        uint256 size = ElementType.size(dtype);
        Range[] calldata ranges = opening.ranges;
        spans = new Span[](ranges.length);
        uint256 free = 0;
        for (uint256 i = 0; i < ranges.length; ++i) {
            Range calldata range = ranges[i];
            uint256 first = range.first;
            // Neighbouring chunks are one range, so a chunk lies between two ranges.
            require(i == 0 || first > free, RangesNotAscending(source, index, i));
            bytes32 top = MerkleTree.rangeTop(range.data, first, elements * size, range.siblings);
            require(
                MerkleTree.tensorRoot(elements * size, top) == opening.root, RangeNotInTensor(source, index, i)
            );
            bytes calldata data = range.data;
            uint256 start;
            assembly ("memory-safe") {
                start := data.offset
            }
            free = first + (data.length + MerkleTree.CHUNK - 1) / MerkleTree.CHUNK;
            uint256 from = first * (MerkleTree.CHUNK / size);
            spans[i] = Span(from, from + data.length / size, start);
        }
    }

    /// @notice The span that has element `element`; `hint` is tried first.
    function find(Span[] memory spans, uint256 element, uint256 hint) internal pure returns (uint256) {
        if (hint < spans.length && spans[hint].first <= element && element < spans[hint].end) return hint;
        uint256 low = 0;
        uint256 high = spans.length;
        while (low < high) {
            uint256 middle = (low + high) >> 1;
            if (spans[middle].end <= element) low = middle + 1;
            else high = middle;
        }
        require(low < spans.length && spans[low].first <= element, ElementNotOpened(element));
        return low;
    }

    /// @notice An element, as `ElementType` has it.
    function read(Span[] memory spans, uint256 element, uint256 dtype) internal pure returns (uint256) {
        Span memory span = spans[find(spans, element, 0)];
        return ElementType.load(span.start + (element - span.first) * ElementType.size(dtype), dtype);
    }

    function checkListed(
        Opening calldata opening,
        uint256 source,
        uint256 index,
        uint256 count,
        bytes32 domain,
        bytes32 root
    ) private view {
        bytes32 top = MerkleTree.verifyPath(opening.root, index, count, opening.proof);
        require(MerkleTree.listRoot(domain, count, top) == root, RootNotCommitted(source, index));
    }
}
