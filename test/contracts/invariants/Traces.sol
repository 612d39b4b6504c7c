// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Domains} from "../../../contracts/lib/Domains.sol";
import {MerkleTree} from "../../../contracts/lib/MerkleTree.sol";
import {TensorSize} from "../../../contracts/lib/TensorSize.sol";
import {ProgramHeader, Step} from "../../../contracts/types/Program.sol";

/// @notice A program of three tensors, and the traces that executors commit to: the true one, one that is false in a single
/// byte, and one whose leaves are no tensor roots at all. Trees are kept whole, as heaps whose entry 1 is the top.
abstract contract Traces {
    uint256 internal constant TENSORS = 3;
    uint256 internal constant TRUE_TRACE = 0;
    uint256 internal constant FALSE_TRACE = 1;
    uint256 internal constant JUNK_TRACE = 2;
    /// @dev Place in `_trees` of a trace's own tree, behind those of its tensors.
    uint256 internal constant TRACE_TREE = TENSORS;

    uint256[TENSORS] internal sizes = [uint256(20), 3000, 17_500];
    bytes32[3] internal traceRoots;
    bytes32[] internal stepTree;
    mapping(uint256 kind => mapping(uint256 tree => bytes32[])) private _trees;

    function buildTraces() internal {
        bytes32[] memory hashes = new bytes32[](TENSORS);
        for (uint256 i = 0; i < TENSORS; i++) hashes[i] = sha256(stepOf(i));
        stepTree = heapOf(hashes);
        for (uint256 kind = 0; kind < 3; kind++) {
            bytes32[] memory roots = new bytes32[](TENSORS);
            for (uint256 i = 0; i < TENSORS; i++) roots[i] = _buildTensor(kind, i);
            _trees[kind][TRACE_TREE] = heapOf(roots);
            traceRoots[kind] = MerkleTree.listRoot(Domains.TRACE, TENSORS, _trees[kind][TRACE_TREE][1]);
        }
    }

    function header() internal view returns (ProgramHeader memory made) {
        made.version = 1;
        made.stepsRoot = MerkleTree.listRoot(Domains.STEPS, TENSORS, stepTree[1]);
        made.stepCount = uint32(TENSORS);
        made.blockCount = uint32(TENSORS);
        made.inputCount = 1;
        made.traceCount = uint32(TENSORS);
        made.outputs = new uint32[](1);
        made.outputs[0] = uint32(TENSORS - 1);
    }

    function stepOf(uint256 tensor) internal view returns (bytes memory) {
        Step memory step;
        step.version = 1;
        step.kind = 2;
        step.result.dtype = 2;
        step.result.source = 2;
        step.result.index = uint32(tensor);
        step.result.shape = new uint32[](1);
        step.result.shape[0] = uint32(sizes[tensor]);
        return abi.encode(step);
    }

    function chunkOf(uint256 kind, uint256 tensor, uint256 chunk) internal view returns (bytes memory data) {
        data = new bytes(TensorSize.chunkLength(sizes[tensor], chunk));
        for (uint256 i = 0; i < data.length; i += 61) data[i] = bytes1(uint8(i + chunk * 7 + tensor * 13));
        if (kind == FALSE_TRACE && tensor == 2 && chunk == 7) data[0] ^= 0x01;
    }

    /// @notice The heap of a tree of a trace; empty for a tensor that nobody has.
    function treeOf(uint256 kind, uint256 tree) internal view returns (bytes32[] storage) {
        return _trees[kind][tree];
    }

    /// @notice Siblings of heap entry `place`, `levels` of them, lowest first.
    function siblingsOf(bytes32[] storage heap, uint256 place, uint256 levels)
        internal
        view
        returns (bytes32[] memory path)
    {
        path = new bytes32[](levels);
        for (uint256 i = 0; i < levels; i++) path[i] = heap[(place >> i) ^ 1];
    }

    function heapOf(bytes32[] memory leaves) internal view returns (bytes32[] memory heap) {
        uint256 width = 1 << MerkleTree.depthOf(leaves.length);
        heap = new bytes32[](2 * width);
        for (uint256 i = 0; i < leaves.length; i++) heap[width + i] = leaves[i];
        for (uint256 i = width - 1; i != 0; i--) heap[i] = MerkleTree.node(heap[2 * i], heap[2 * i + 1]);
    }

    function _buildTensor(uint256 kind, uint256 tensor) private returns (bytes32) {
        if (kind == JUNK_TRACE) return keccak256(abi.encode("no tensor root", tensor));
        bytes32[] memory leaves = new bytes32[](TensorSize.chunkCount(sizes[tensor]));
        for (uint256 i = 0; i < leaves.length; i++) leaves[i] = sha256(chunkOf(kind, tensor, i));
        _trees[kind][tensor] = heapOf(leaves);
        return MerkleTree.tensorRoot(sizes[tensor], _trees[kind][tensor][1]);
    }
}
