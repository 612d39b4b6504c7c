// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Domains} from "./Domains.sol";

/// @notice SHA-256 Merkle trees whose shape is fixed by the number of items, so that a proof binds its position: depth
/// `ceil(log2 count)`, missing leaves are zero words, a proof has exactly as many siblings as its index needs.
/// @dev The hash is the precompile at address 2; `staticcall` cannot fail there short of running out of gas, which the
/// result check turns into a revert.
library MerkleTree {
    /// @notice Bytes of a tensor chunk; the last chunk of a tensor may be shorter.
    uint256 internal constant CHUNK = 1024;

    error EmptyTree();
    error IndexOutOfTree(uint256 index, uint256 count);
    error ProofLength(uint256 expected, uint256 given);
    error RangeLength(uint256 expected, uint256 given);

    /// @return depth Levels between a leaf and the top of a tree of `count` leaves.
    function depthOf(uint256 count) internal pure returns (uint256 depth) {
        require(count != 0, EmptyTree());
        while ((uint256(1) << depth) < count) ++depth;
    }

    /// @return hash The inner node over two children.
    function node(bytes32 left, bytes32 right) internal view returns (bytes32 hash) {
        assembly ("memory-safe") {
            mstore(0x00, left)
            mstore(0x20, right)
            if iszero(staticcall(gas(), 2, 0x00, 0x40, 0x00, 0x20)) {
                revert(0, 0)
            }
            hash := mload(0x00)
        }
    }

    /// @notice The top that a leaf and its path imply.
    /// @param siblings From the leaf's level upwards; exactly `depthOf(count)` of them.
    function verifyPath(bytes32 leaf, uint256 index, uint256 count, bytes32[] calldata siblings)
        internal
        view
        returns (bytes32 top)
    {
        require(index < count, IndexOutOfTree(index, count));
        uint256 depth = depthOf(count);
        require(siblings.length == depth, ProofLength(depth, siblings.length));
        return fold(leaf, index, siblings);
    }

    /// @notice Climbs from a node to its ancestor `siblings.length` levels above.
    /// @param index Position among the ancestor's descendants on the node's level; higher bits are the caller's concern.
    function fold(bytes32 leaf, uint256 index, bytes32[] calldata siblings) internal view returns (bytes32 top) {
        assembly ("memory-safe") {
            top := leaf
            let hashed := 1
            let next := siblings.offset
            for { let end := add(next, shl(5, siblings.length)) } lt(next, end) { next := add(next, 0x20) } {
                // Of the two words of scratch space a right child takes the second.
                let place := shl(5, and(index, 1))
                mstore(place, top)
                mstore(xor(place, 0x20), calldataload(next))
                hashed := and(hashed, staticcall(gas(), 2, 0x00, 0x40, 0x00, 0x20))
                top := mload(0x00)
                index := shr(1, index)
            }
            if iszero(hashed) { revert(0, 0) }
        }
    }

    /// @notice The top of all `leaves`, missing ones being zero words.
    function topOf(bytes32[] memory leaves) internal view returns (bytes32) {
        uint256 depth = depthOf(leaves.length);
        uint256 width = uint256(1) << depth;
        bytes32[] memory level = new bytes32[](width);
        for (uint256 i = 0; i < leaves.length; ++i) level[i] = leaves[i];
        while (width > 1) {
            width >>= 1;
            for (uint256 i = 0; i < width; ++i) level[i] = node(level[2 * i], level[2 * i + 1]);
        }
        return level[0];
    }

    /// @notice The top of a row of nodes whose number is a power of two; the caller has checked that.
    function topOfRow(bytes32[] calldata row) internal view returns (bytes32 top) {
        assembly ("memory-safe") {
            let width := shl(5, row.length)
            let level := mload(0x40)
            calldatacopy(level, row.offset, width)
            for {} gt(width, 0x20) {} {
                width := shr(1, width)
                let from := level
                for { let to := level } lt(to, add(level, width)) { to := add(to, 0x20) } {
                    // The pair at `from` is read before its hash is written, never behind it.
                    if iszero(staticcall(gas(), 2, from, 0x40, to, 0x20)) {
                        revert(0, 0)
                    }
                    from := add(from, 0x40)
                }
            }
            top := mload(level)
        }
    }

    /// @notice The top of a tensor of `byteLength` bytes that the consecutive whole chunks in `data`, the first of which
    /// is chunk `first`, and their range proof imply.
    function rangeTop(bytes calldata data, uint256 first, uint256 byteLength, bytes32[] calldata siblings)
        internal
        view
        returns (bytes32)
    {
        uint256 chunks = (byteLength + CHUNK - 1) / CHUNK;
        uint256 width = (data.length + CHUNK - 1) / CHUNK;
        require(width != 0 && first < chunks && width <= chunks - first, IndexOutOfTree(first + width, chunks));
        uint256 expected = first + width == chunks ? byteLength - first * CHUNK : width * CHUNK;
        require(data.length == expected, RangeLength(expected, data.length));
        return climb(hashChunks(data, width), first, depthOf(chunks), siblings);
    }

    /// @notice The root of the tensor whose tree has this top.
    function tensorRoot(uint256 byteLength, bytes32 top) internal view returns (bytes32) {
        return listRoot(Domains.TENSOR, byteLength, top);
    }

    /// @notice The root of a list of `count` items whose tree has this top.
    function listRoot(bytes32 domain, uint256 count, bytes32 top) internal view returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, domain)
            mstore(add(free, 0x20), count)
            mstore(add(free, 0x40), top)
            if iszero(staticcall(gas(), 2, free, 0x60, 0x00, 0x20)) {
                revert(0, 0)
            }
            hash := mload(0x00)
        }
    }

    /// @notice The top over a run of nodes `first …` on the level `depth` below it. Level by level an odd start takes its left
    /// neighbour, an even end its right neighbour, from `siblings`; all of them must be used.
    /// @param level Overwritten.
    function climb(bytes32[] memory level, uint256 first, uint256 depth, bytes32[] calldata siblings)
        internal
        view
        returns (bytes32 top)
    {
        uint256 used;
        assembly ("memory-safe") {
            let nodes := add(level, 0x20)
            let end := add(nodes, shl(5, mload(level)))
            let next := siblings.offset
            let hashed := 1
            for {} depth { depth := sub(depth, 1) } {
                let from := nodes
                let to := nodes
                if and(first, 1) {
                    mstore(0x00, calldataload(next))
                    mstore(0x20, mload(from))
                    next := add(next, 0x20)
                    hashed := and(hashed, staticcall(gas(), 2, 0x00, 0x40, to, 0x20))
                    from := add(from, 0x20)
                    to := add(to, 0x20)
                }
                // Pairs stand side by side; their hashes take the places of those already hashed.
                for {} lt(add(from, 0x20), end) { from := add(from, 0x40) } {
                    hashed := and(hashed, staticcall(gas(), 2, from, 0x40, to, 0x20))
                    to := add(to, 0x20)
                }
                if lt(from, end) {
                    mstore(0x00, mload(from))
                    mstore(0x20, calldataload(next))
                    next := add(next, 0x20)
                    hashed := and(hashed, staticcall(gas(), 2, 0x00, 0x40, to, 0x20))
                    to := add(to, 0x20)
                }
                end := to
                first := shr(1, first)
            }
            if iszero(hashed) { revert(0, 0) }
            used := shr(5, sub(next, siblings.offset))
            top := mload(nodes)
        }
        // What was read beyond the end of a proof that is too short does not count.
        require(used == siblings.length, ProofLength(used, siblings.length));
    }

    function hashChunks(bytes calldata data, uint256 width) private view returns (bytes32[] memory leaves) {
        leaves = new bytes32[](width);
        assembly ("memory-safe") {
            let scratch := mload(0x40)
            let end := add(data.offset, data.length)
            let to := add(leaves, 0x20)
            for { let from := data.offset } lt(from, end) { from := add(from, CHUNK) } {
                let size := sub(end, from)
                if gt(size, CHUNK) { size := CHUNK }
                calldatacopy(scratch, from, size)
                if iszero(staticcall(gas(), 2, scratch, size, to, 0x20)) {
                    revert(0, 0)
                }
                to := add(to, 0x20)
            }
        }
    }
}
