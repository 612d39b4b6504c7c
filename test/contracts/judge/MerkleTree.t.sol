// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree} from "../../../contracts/lib/MerkleTree.sol";

/// @notice Climbing a tree in place against doing so node by node.
contract MerkleTreeTest {
    error Differ();
    error Missing();

    /// @dev Runs of every place and length in trees of up to 64 leaves, with as many siblings as they need, one more and one less.
    function testFuzz_Climb(uint256 seed, uint8 place, uint8 size, uint8 levels) external view {
        uint256 depth = uint256(levels) % 7;
        uint256 first = uint256(place) % (1 << depth);
        bytes32[] memory leaves = new bytes32[](1 + uint256(size) % ((1 << depth) - first));
        for (uint256 i = 0; i < leaves.length; ++i) leaves[i] = keccak256(abi.encode(seed, i));
        bytes32[] memory siblings = new bytes32[](2 * depth + 1);
        for (uint256 i = 0; i < siblings.length; ++i) siblings[i] = keccak256(abi.encode(~seed, i));
        (bytes32 top, uint256 used) = plain(leaves, first, depth, siblings);
        require(this.climb(leaves, first, depth, cut(siblings, used)) == top, Differ());
        refuses(leaves, first, depth, cut(siblings, used + 1));
        if (used != 0) refuses(leaves, first, depth, cut(siblings, used - 1));
    }

    function testFuzz_Fold(bytes32 leaf, uint256 index, bytes32[] calldata siblings) external view {
        bytes32 top = leaf;
        for (uint256 i = 0; i < siblings.length; ++i) {
            bool right = i < 256 && (index >> i) & 1 == 1;
            top = right ? MerkleTree.node(siblings[i], top) : MerkleTree.node(top, siblings[i]);
        }
        require(MerkleTree.fold(leaf, index, siblings) == top, Differ());
    }

    function climb(bytes32[] memory leaves, uint256 first, uint256 depth, bytes32[] calldata siblings)
        external
        view
        returns (bytes32)
    {
        return MerkleTree.climb(leaves, first, depth, siblings);
    }

    function refuses(bytes32[] memory leaves, uint256 first, uint256 depth, bytes32[] memory siblings) private view {
        try this.climb(leaves, first, depth, siblings) {
            revert Missing();
        } catch (bytes memory reason) {
            require(bytes4(reason) == MerkleTree.ProofLength.selector, Differ());
        }
    }

    function plain(bytes32[] memory nodes, uint256 first, uint256 depth, bytes32[] memory siblings)
        private
        view
        returns (bytes32, uint256 used)
    {
        uint256 last = first + nodes.length - 1;
        for (; depth != 0; --depth) {
            bytes32[] memory above = new bytes32[]((last >> 1) - (first >> 1) + 1);
            for (uint256 i = 0; i < above.length; ++i) {
                uint256 left = 2 * ((first >> 1) + i);
                bytes32 a = left < first ? siblings[used++] : nodes[left - first];
                bytes32 b = left + 1 > last ? siblings[used++] : nodes[left + 1 - first];
                above[i] = MerkleTree.node(a, b);
            }
            (nodes, first, last) = (above, first >> 1, last >> 1);
        }
        return (nodes[0], used);
    }

    function cut(bytes32[] memory list, uint256 length) private pure returns (bytes32[] memory part) {
        part = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) part[i] = list[i];
    }
}
