// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DisputeBook} from "./DisputeBook.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {Domains} from "./lib/Domains.sol";
import {MerkleTree} from "./lib/MerkleTree.sol";
import {TensorSize} from "./lib/TensorSize.sol";
import {Phase} from "./types/Dispute.sol";
import {DisputeId} from "./types/Identifiers.sol";
import {ProvedBlock, StepFacts} from "./types/Program.sol";
import {Claim} from "./types/Witness.sol";

/// @title Bisections: the descent of the posted trace, of a block's inner trace, and of one tensor
abstract contract Bisections is DisputeBook {
    /// @notice Levels of a tree that one reveal goes down: 16 nodes.
    uint256 public constant LEVELS_PER_REVEAL = 4;

    /// @inheritdoc IDisputes
    function reveal(DisputeId disputeId, uint16 turn, bytes32[] calldata children) external {
        Record storage dispute = _atTurn(disputeId, turn, Phase.Reveal);
        uint256 count = 1 << _step(dispute.levels);
        require(children.length == count, WrongChildCount(count, children.length));
        bytes32 top = MerkleTree.topOfRow(children);
        bytes32 node = dispute.node;
        bytes32 computed = top;
        if (dispute.atRoot) {
            computed = dispute.byteLength != 0
                ? MerkleTree.tensorRoot(dispute.byteLength, top)
                : MerkleTree.listRoot(dispute.isInner ? Domains.INNER : Domains.TRACE, dispute.leaves, top);
            dispute.atRoot = false;
            dispute.node = top;
        }
        require(computed == node, WrongChildren(node, computed));
        emit Revealed(disputeId, turn, node, children);
        _endTurn(dispute, Phase.Choose);
    }

    /// @inheritdoc IDisputes
    function choose(DisputeId disputeId, uint16 turn, uint256 index, bytes32 child, bytes32[] calldata siblings)
        external
    {
        Record storage dispute = _chosen(disputeId, turn, index, child, siblings);
        if (dispute.levels != 0) {
            _endTurn(dispute, Phase.Reveal);
        } else {
            require(dispute.byteLength != 0, StepNeeded(disputeId));
            _endTurn(dispute, Phase.RevealChunk);
        }
    }

    /// @inheritdoc IDisputes
    function chooseTensor(
        DisputeId disputeId,
        uint16 turn,
        uint256 index,
        bytes32 child,
        bytes32[] calldata siblings,
        uint32 stepIndex,
        bytes calldata step,
        bytes32[] calldata stepProof
    ) external {
        Record storage dispute = _chosenTensor(disputeId, turn, index, child, siblings);
        (, uint256 modelId) = _claimOf(dispute);
        StepFacts memory facts = MODELS.stepOf(modelId, stepIndex, step, stepProof);
        bool isInner = dispute.isInner;
        require(
            facts.source == (isInner ? SOURCE_INNER : SOURCE_TRACE) && facts.index == dispute.index,
            StepDefinesAnotherTensor(facts.source, facts.index, uint32(dispute.index))
        );
        if (isInner) _checkBlock(dispute, facts);
        _enterTensor(disputeId, dispute, turn, stepIndex, facts, child);
    }

    /// @inheritdoc IDisputes
    function chooseBlock(
        DisputeId disputeId,
        uint16 turn,
        uint256 index,
        bytes32 child,
        bytes32[] calldata siblings,
        ProvedBlock calldata proved
    ) external {
        Record storage dispute = _chosenTensor(disputeId, turn, index, child, siblings);
        require(!dispute.isInner, AlreadyInside(disputeId, dispute.blockIndex));
        (, uint256 modelId) = _claimOf(dispute);
        _nameBlock(disputeId, dispute, turn + 1, modelId, proved);
        // SAFETY: a leaf's index is below the trace count, which has 32 bits.
        uint32 tensor = uint32(dispute.index);
        require(_isBorder(proved.content.borders, tensor), NotABorder(proved.index, tensor));
        dispute.tensor = tensor;
        _endTurn(dispute, Phase.Expand);
    }

    /// @inheritdoc IDisputes
    function descend(DisputeId disputeId, uint16 turn) external {
        Record storage dispute = _atTurn(disputeId, turn, Phase.Expanded);
        _checkChallenger(disputeId, dispute);
        dispute.isInner = true;
        _enterTree(dispute, dispute.innerRoot, dispute.innerCount);
        emit Descended(disputeId, turn, dispute.blockIndex);
        _endTurn(dispute, Phase.Reveal);
    }

    /// @inheritdoc IDisputes
    function chooseBorder(
        DisputeId disputeId,
        uint16 turn,
        bytes32 tensorRoot,
        bytes32[] calldata proof,
        uint32 stepIndex,
        bytes calldata step,
        bytes32[] calldata stepProof
    ) external {
        Record storage dispute = _atTurn(disputeId, turn);
        Phase phase = dispute.phase;
        // A border tensor may come before what differs inside, which shows only in the descent of the inner trace.
        require(
            phase == Phase.Expanded || (phase == Phase.Choose && dispute.isInner && dispute.byteLength == 0),
            WrongPhase(disputeId, phase)
        );
        _checkChallenger(disputeId, dispute);
        _checkStands(disputeId, dispute);
        (Claim memory claim, uint256 modelId) = _claimOf(dispute);
        StepFacts memory facts = MODELS.stepOf(modelId, stepIndex, step, stepProof);
        require(facts.source == SOURCE_TRACE, NotABorder(facts.blockIndex, facts.index));
        _checkBlock(dispute, facts);
        dispute.isInner = false;
        bytes32 top = MerkleTree.verifyPath(tensorRoot, facts.index, facts.traceCount, proof);
        bytes32 computed = MerkleTree.listRoot(Domains.TRACE, facts.traceCount, top);
        require(computed == claim.traceRoot, WrongChoice(claim.traceRoot, computed));
        _enterTensor(disputeId, dispute, turn, stepIndex, facts, tensorRoot);
    }

    /// @inheritdoc IDisputes
    function revealChunk(DisputeId disputeId, uint16 turn, bytes calldata data) external {
        Record storage dispute = _atTurn(disputeId, turn, Phase.RevealChunk);
        uint256 expected = TensorSize.chunkLength(dispute.byteLength, dispute.index);
        require(data.length == expected, WrongChunkLength(expected, data.length));
        bytes32 leaf = sha256(data);
        require(leaf == dispute.node, WrongChunk(dispute.node, leaf));
        emit ChunkRevealed(disputeId, turn, dispute.tensor, dispute.index, data);
        _endTurn(dispute, Phase.Refute);
    }

    function _enterTree(Record storage dispute, bytes32 root, uint256 leaves) internal {
        dispute.node = root;
        dispute.atRoot = true;
        dispute.index = 0;
        // A seal stood where the position stands now.
        dispute.sealedAt = 0;
        // SAFETY: at most 2^41 leaves (2^51 bytes in chunks of 2^10), so at most 41 levels.
        dispute.leaves = uint48(leaves);
        dispute.levels = uint8(MerkleTree.depthOf(leaves));
    }

    function _enterTensor(
        DisputeId disputeId,
        Record storage dispute,
        uint16 turn,
        uint32 stepIndex,
        StepFacts memory facts,
        bytes32 root
    ) private {
        dispute.tensor = facts.index;
        dispute.stepIndex = stepIndex;
        dispute.byteLength = facts.byteLength;
        _enterTree(dispute, root, TensorSize.chunkCount(facts.byteLength));
        emit TensorNamed(disputeId, turn, facts.source, facts.index, stepIndex, facts.byteLength, root);
        _endTurn(dispute, Phase.Reveal);
    }

    /// @dev The part that all choices share: proves the child against the current node and moves there. An index out of range or a
    /// wrong number of siblings is an error of `MerkleTree`.
    function _chosen(DisputeId disputeId, uint16 turn, uint256 index, bytes32 child, bytes32[] calldata siblings)
        private
        returns (Record storage dispute)
    {
        dispute = _atTurn(disputeId, turn, Phase.Choose);
        _checkChallenger(disputeId, dispute);
        uint256 levels = dispute.levels;
        uint256 down = _step(levels);
        bytes32 computed = MerkleTree.verifyPath(child, index, 1 << down, siblings);
        require(computed == dispute.node, WrongChoice(dispute.node, computed));
        // SAFETY: down <= levels; index < 2^down, so the new position is below 2^depth <= 2^48.
        levels -= down;
        uint256 position = (uint256(dispute.index) << down) | index;
        // A subtree of padding alone has nothing in it to dispute, and a padding leaf has no tensor and no chunk.
        require(position << levels < dispute.leaves, PaddingLeaf(position << levels, dispute.leaves));
        dispute.levels = uint8(levels);
        dispute.index = uint56(position);
        dispute.node = child;
        emit Chosen(disputeId, turn, uint64(position), child);
    }

    /// @dev A choice that must reach a leaf of a list of tensors.
    function _chosenTensor(
        DisputeId disputeId,
        uint16 turn,
        uint256 index,
        bytes32 child,
        bytes32[] calldata siblings
    ) private returns (Record storage dispute) {
        dispute = _chosen(disputeId, turn, index, child, siblings);
        require(dispute.levels == 0 && dispute.byteLength == 0, NotAtTensor(disputeId, dispute.levels));
        _checkStands(disputeId, dispute);
    }

    function _checkBlock(Record storage dispute, StepFacts memory facts) private view {
        require(
            facts.blockIndex == dispute.blockIndex, StepOfAnotherBlock(facts.blockIndex, dispute.blockIndex)
        );
    }

    function _isBorder(uint32[] calldata borders, uint32 tensor) private pure returns (bool) {
        for (uint256 i = 0; i < borders.length; i++) if (borders[i] == tensor) return true;
        return false;
    }

    function _step(uint256 levels) private pure returns (uint256) {
        return levels < LEVELS_PER_REVEAL ? levels : LEVELS_PER_REVEAL;
    }
}
