// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Domains} from "../../../contracts/lib/Domains.sol";
import {MerkleTree} from "../../../contracts/lib/MerkleTree.sol";
import {TensorSize} from "../../../contracts/lib/TensorSize.sol";
import {Block, Operand, ProgramHeader, ProvedBlock, Step} from "../../../contracts/types/Program.sol";

/// @notice A program of three posted tensors, the second of which is computed in a block with two inner ones, and the traces that executors commit to: the true one, one that is false in a single
/// byte, and one whose leaves are no tensor roots at all. Trees are kept whole, as heaps whose entry 1 is the top.
abstract contract Traces {
    uint256 internal constant TENSORS = 3;
    uint256 internal constant TRUE_TRACE = 0;
    uint256 internal constant FALSE_TRACE = 1;
    uint256 internal constant JUNK_TRACE = 2;
    /// @dev Place in `_trees` of a trace's own tree, behind those of its tensors.
    uint256 internal constant TRACE_TREE = TENSORS;

    /// @dev Place of the inner trace's own tree, before those of its tensors.
    uint256 internal constant INNER_TREE = TRACE_TREE + 1;
    uint256 internal constant INNER = 2;
    uint32 internal constant INNER_BLOCK = 1;
    uint256 internal constant STEPS = TENSORS + INNER;

    /// @dev By place in `_trees`; the two in the middle are of lists.
    uint256[TENSORS + INNER + 2] internal sizes = [uint256(20), 3000, 17_500, 0, 0, 40, 2100];
    bytes32[] internal blockTree;
    /// @dev The same for every trace that has one at all.
    bytes32 internal innerRoot;
    bytes32[3] internal traceRoots;
    bytes32[] internal stepTree;
    mapping(uint256 kind => mapping(uint256 tree => bytes32[])) private _trees;

    function buildTraces() internal {
        bytes32[] memory hashes = new bytes32[](STEPS);
        for (uint256 i = 0; i < STEPS; i++) hashes[i] = sha256(stepOf(i));
        stepTree = heapOf(hashes);
        hashes = new bytes32[](TENSORS);
        for (uint256 i = 0; i < TENSORS; i++) hashes[i] = sha256(abi.encode(blockOf(i)));
        blockTree = heapOf(hashes);
        for (uint256 kind = 0; kind < 3; kind++) {
            bytes32[] memory roots = new bytes32[](TENSORS);
            for (uint256 i = 0; i < TENSORS; i++) roots[i] = _buildTensor(kind, i);
            _trees[kind][TRACE_TREE] = heapOf(roots);
            if (kind != JUNK_TRACE) {
                roots = new bytes32[](INNER);
                for (uint256 i = 0; i < INNER; i++) roots[i] = _buildTensor(kind, INNER_TREE + 1 + i);
                _trees[kind][INNER_TREE] = heapOf(roots);
                innerRoot = MerkleTree.listRoot(Domains.INNER, INNER, _trees[kind][INNER_TREE][1]);
            }
            traceRoots[kind] = MerkleTree.listRoot(Domains.TRACE, TENSORS, _trees[kind][TRACE_TREE][1]);
        }
    }

    function header() internal view returns (ProgramHeader memory made) {
        made.version = 1;
        made.stepsRoot = MerkleTree.listRoot(Domains.STEPS, STEPS, stepTree[1]);
        made.blocksRoot = MerkleTree.listRoot(Domains.BLOCKS, TENSORS, blockTree[1]);
        made.stepCount = uint32(STEPS);
        made.blockCount = uint32(TENSORS);
        made.inputCount = 1;
        made.traceCount = uint32(TENSORS);
        made.outputs = new uint32[](1);
        made.outputs[0] = uint32(TENSORS - 1);
    }

    /// @notice Descriptor of a step: 0 defines the first posted tensor, 1 and 2 the inner ones, 3 the second posted tensor out of these,
    /// and 4 the last.
    function stepOf(uint256 index) internal view returns (bytes memory) {
        bool isInner = index == 1 || index == 2;
        uint256 tensor = isInner ? index - 1 : index == 0 ? 0 : index - INNER;
        Step memory step;
        step.version = 1;
        step.kind = 2;
        step.blockIndex = index == 0 ? 0 : index == 4 ? 2 : INNER_BLOCK;
        step.result.dtype = 2;
        step.result.source = isInner ? 3 : 2;
        step.result.index = uint32(tensor);
        step.result.shape = new uint32[](1);
        step.result.shape[0] = uint32(sizes[isInner ? INNER_TREE + 1 + tensor : tensor]);
        if (index == 3) {
            step.operands = new Operand[](1);
            step.operands[0].source = 3;
        }
        return abi.encode(step);
    }

    /// @notice The step that defines tensor `tensor` of the posted trace, or of the inner one.
    function definerOf(bool isInner, uint256 tensor) internal pure returns (uint256) {
        return isInner ? (1 + tensor) % STEPS : tensor == 0 ? 0 : (tensor + INNER) % STEPS;
    }

    function blockOf(uint256 index) internal pure returns (Block memory made) {
        made.firstStep = index == 0 ? 0 : index == 1 ? 1 : 4;
        made.stepCount = index == INNER_BLOCK ? 3 : 1;
        made.borders = new uint32[](1);
        made.borders[0] = uint32(index);
        made.innerCount = index == INNER_BLOCK ? uint32(INNER) : 0;
    }

    function provedBlock(uint256 index) internal view returns (ProvedBlock memory) {
        return ProvedBlock(uint32(index), blockOf(index), siblingsOf(blockTree, blockTree.length / 2 + index, 2));
    }

    function stepProof(uint256 index) internal view returns (bytes32[] memory) {
        return siblingsOf(stepTree, stepTree.length / 2 + index, 3);
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
