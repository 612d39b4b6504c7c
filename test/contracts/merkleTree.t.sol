// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree} from "../../contracts/lib/MerkleTree.sol";
import {TensorSize} from "../../contracts/lib/TensorSize.sol";

/// @notice Range proofs and tops against a tree that is built whole, by the rules of docs/protocol.md §1.
contract MerkleTreeTest {
    error Differs(bytes32 left, bytes32 right);
    error NotRefused();

    function rangeTop(bytes calldata data, uint256 first, uint256 byteLength, bytes32[] calldata siblings)
        external
        view
        returns (bytes32)
    {
        return MerkleTree.rangeTop(data, first, byteLength, siblings);
    }

    /// @dev A tensor, some of its consecutive chunks, and their proof.
    struct Run {
        bytes tensor;
        uint256 first;
        bytes data;
        bytes32[] siblings;
        bytes32 top;
    }

    function testFuzz_runsOfChunksGiveTheTop(uint16 length, uint8 first, uint8 count, bytes32 seed) external view {
        Run memory run = runOf(length, first, count, seed);
        same(this.rangeTop(run.data, run.first, run.tensor.length, run.siblings), run.top);
        same(MerkleTree.topOf(leavesOf(run.tensor)), run.top);
    }

    function testFuzz_otherProofsAreRefused(uint16 length, uint8 first, uint8 count, bytes32 seed, uint8 which) external view {
        Run memory run = runOf(length, first, count, seed);
        uint256 proofLength = run.siblings.length;
        bytes32[] memory longer = new bytes32[](proofLength + 1);
        for (uint256 i = 0; i < proofLength; i++) longer[i] = run.siblings[i];
        refused(run, longer, MerkleTree.ProofLength.selector, proofLength, proofLength + 1);
        if (proofLength == 0) return;
        bytes32[] memory shorter = new bytes32[](proofLength - 1);
        for (uint256 i = 0; i + 1 < proofLength; i++) shorter[i] = run.siblings[i];
        refused(run, shorter, MerkleTree.ProofLength.selector, proofLength, proofLength - 1);
        run.siblings[which % proofLength] ^= bytes32(uint256(1) << which);
        if (this.rangeTop(run.data, run.first, run.tensor.length, run.siblings) == run.top) revert NotRefused();
    }

    function testFuzz_runsMustBeWholeChunksOfTheTensor(uint16 length, uint8 first, uint8 count, bytes32 seed) external view {
        Run memory run = runOf(length, first, count, seed);
        uint256 chunks = chunksOf(run.tensor.length);
        uint256 width = chunksOf(run.data.length);
        bytes memory data = run.data;
        run.data = abi.encodePacked(data, bytes1(0));
        // One byte more begins another chunk, or is one too many.
        bool isWhole = data.length % 1024 == 0;
        bool fits = run.first + width < chunks;
        uint256 needed = expected(run, isWhole ? width + 1 : width);
        if (isWhole && !fits) refused(run, run.siblings, MerkleTree.IndexOutOfTree.selector, chunks + 1, chunks);
        else if (needed != run.data.length) refused(run, run.siblings, MerkleTree.RangeLength.selector, needed, data.length + 1);
        run.data = new bytes(0);
        refused(run, run.siblings, MerkleTree.IndexOutOfTree.selector, run.first, chunks);
        run.data = data;
        run.first = chunks;
        refused(run, run.siblings, MerkleTree.IndexOutOfTree.selector, chunks + width, chunks);
        if (data.length == 1) return;
        run.first = chunks - width;
        run.data = new bytes(data.length - 1);
        needed = expected(run, chunksOf(run.data.length));
        if (needed != run.data.length) refused(run, run.siblings, MerkleTree.RangeLength.selector, needed, data.length - 1);
    }

    /// @dev Lengths that fuzzing seldom finds: whole chunks, and one byte less and more.
    function test_lengthsAroundWholeChunks() external view {
        for (uint256 chunks = 1; chunks <= 5; chunks++) {
            for (uint256 length = chunks * 1024 - 1; length <= chunks * 1024 + 1; length++) {
                for (uint8 first = 0; first < chunks; first++) {
                    for (uint8 count = 0; count < chunks - first; count++) {
                        // A run is made of its length less one, and of its number of chunks less one.
                        this.testFuzz_runsOfChunksGiveTheTop(uint16(length - 1), first, count, bytes32(length));
                        this.testFuzz_runsMustBeWholeChunksOfTheTensor(uint16(length - 1), first, count, bytes32(length));
                    }
                }
            }
        }
    }

    function test_elementCountsUpToTheLargest() external pure {
        uint32[] memory shape = new uint32[](2);
        (shape[0], shape[1]) = (1 << 24, 1 << 24);
        require(TensorSize.elementCount(shape) == TensorSize.MAX_ELEMENTS);
        shape[1]++;
        require(TensorSize.elementCount(shape) == 0);
        // Their product is one more than the largest: 2^48 + 1 = (2^16 + 1)·(2^32 - 2^16 + 1).
        (shape[0], shape[1]) = (65_537, 4_294_901_761);
        require(TensorSize.elementCount(shape) == 0);
    }

    function depthOf(uint256 count) external pure returns (uint256) {
        return MerkleTree.depthOf(count);
    }

    function topOf(bytes32[] memory leaves) external view returns (bytes32) {
        return MerkleTree.topOf(leaves);
    }

    function test_thereIsNoEmptyTree() external view {
        try this.depthOf(0) {
            revert NotRefused();
        } catch (bytes memory reason) {
            require(bytes4(reason) == MerkleTree.EmptyTree.selector);
        }
        try this.topOf(new bytes32[](0)) {
            revert NotRefused();
        } catch (bytes memory reason) {
            require(bytes4(reason) == MerkleTree.EmptyTree.selector);
        }
    }

    /// @dev What `width` chunks from the run's first one must hold.
    function expected(Run memory run, uint256 width) private pure returns (uint256) {
        uint256 chunks = chunksOf(run.tensor.length);
        return run.first + width == chunks ? run.tensor.length - run.first * 1024 : width * 1024;
    }

    function refused(Run memory run, bytes32[] memory siblings, bytes4 selector, uint256 a, uint256 b) private view {
        try this.rangeTop(run.data, run.first, run.tensor.length, siblings) {
            revert NotRefused();
        } catch (bytes memory reason) {
            same(keccak256(reason), keccak256(abi.encodeWithSelector(selector, a, b)));
        }
    }

    function runOf(uint16 length, uint8 first, uint8 count, bytes32 seed) private pure returns (Run memory run) {
        run.tensor = new bytes(uint256(length) % 12_000 + 1);
        for (uint256 i = 0; i < run.tensor.length; i += 97) run.tensor[i] = bytes1(keccak256(abi.encode(seed, i)));
        uint256 chunks = chunksOf(run.tensor.length);
        run.first = first % chunks;
        uint256 width = count % (chunks - run.first) + 1;
        uint256 end = run.first + width == chunks ? run.tensor.length : (run.first + width) * 1024;
        run.data = slice(run.tensor, run.first * 1024, end);
        (run.top, run.siblings) = proofOf(leavesOf(run.tensor), run.first, width);
    }

    /// @dev Level by level: an odd first takes its left neighbour, then an even last its right one.
    function proofOf(bytes32[] memory level, uint256 first, uint256 width)
        private
        pure
        returns (bytes32 top, bytes32[] memory siblings)
    {
        siblings = new bytes32[](0);
        uint256 last = first + width - 1;
        while (level.length > 1) {
            if (first % 2 == 1) siblings = append(siblings, level[first - 1]);
            if (last % 2 == 0) siblings = append(siblings, level[last + 1]);
            (first, last) = (first / 2, last / 2);
            bytes32[] memory above = new bytes32[](level.length / 2);
            for (uint256 i = 0; i < above.length; i++) above[i] = sha256(abi.encode(level[2 * i], level[2 * i + 1]));
            level = above;
        }
        top = level[0];
    }

    /// @dev Hashes of the chunks, and zeros up to a power of two.
    function leavesOf(bytes memory tensor) private pure returns (bytes32[] memory leaves) {
        uint256 chunks = chunksOf(tensor.length);
        uint256 width = 1;
        while (width < chunks) width *= 2;
        leaves = new bytes32[](width);
        for (uint256 i = 0; i < chunks; i++) {
            leaves[i] = sha256(slice(tensor, i * 1024, (i + 1) * 1024 < tensor.length ? (i + 1) * 1024 : tensor.length));
        }
    }

    function chunksOf(uint256 length) private pure returns (uint256) {
        return (length + 1023) / 1024;
    }

    function slice(bytes memory data, uint256 from, uint256 to) private pure returns (bytes memory part) {
        part = new bytes(to - from);
        for (uint256 i = from; i < to; i++) part[i - from] = data[i];
    }

    function append(bytes32[] memory list, bytes32 item) private pure returns (bytes32[] memory longer) {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; i++) longer[i] = list[i];
        longer[list.length] = item;
    }

    function same(bytes32 left, bytes32 right) private pure {
        require(left == right, Differs(left, right));
    }
}
