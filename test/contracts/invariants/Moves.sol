// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Dispute, Phase} from "../../../contracts/types/Dispute.sol";
import {DisputeId, JobId} from "../../../contracts/types/Identifiers.sol";
import {Witness} from "../../../contracts/types/Witness.sol";
import {Scene} from "./Scene.sol";
import {vm} from "./Vm.sol";

/// @notice Calls in an actor's name, and the right moves of a dispute. A rejection must carry one of the contracts' own
/// errors: a panic, or a revert without data, breaks a rule by itself.
abstract contract Moves is Scene {
    bytes4 private constant PANIC = 0x4e487b71;

    /// @dev Calls that actors have made of their own will.
    uint256 internal calls;

    function act(address from, address to, uint256 value, bytes memory data) internal returns (bool accepted) {
        return act(from, to, value, data, false);
    }

    /// @param garbled whether the data may be no encoding at all, which the decoder rejects without a name
    function act(address from, address to, uint256 value, bytes memory data, bool garbled)
        internal
        returns (bool accepted)
    {
        bytes memory answer;
        calls++;
        vm.prank(from);
        (accepted, answer) = to.call{value: value}(data);
        if (accepted || garbled && answer.length == 0) return accepted;
        check(answer.length >= 4 && bytes4(answer) != PANIC, "a rejection has a name", uint32(bytes4(data)), 4, answer.length);
    }

    /// @notice As `act`, where the rules leave no reason to reject.
    function must(string memory rule, uint256 subject, address from, address to, uint256 value, bytes memory data) internal {
        vm.prank(from);
        (bool accepted, bytes memory answer) = to.call{value: value}(data);
        check(accepted, rule, subject, uint32(bytes4(data)), answer.length < 4 ? 0 : uint32(bytes4(answer)));
    }

    function commitCall(uint256 jobId, uint256 kind) internal view returns (bytes memory) {
        bytes32[] storage heap = treeOf(kind, TRACE_TREE);
        uint256 place = heap.length / 2 + TENSORS - 1;
        bytes32[] memory roots = new bytes32[](1);
        bytes32[][] memory proofs = new bytes32[][](1);
        roots[0] = heap[place];
        proofs[0] = siblingsOf(heap, place, 2);
        return abi.encodeCall(jobs.commit, (JobId.wrap(jobId), termsOf[jobId], header(), traceRoots[kind], roots, proofs));
    }

    function claimCall(uint256 jobId) internal view returns (bytes memory) {
        return abi.encodeCall(jobs.claim, (JobId.wrap(jobId), termsOf[jobId]));
    }

    function finalizeCall(uint256 jobId) internal view returns (bytes memory) {
        return abi.encodeCall(jobs.finalize, (JobId.wrap(jobId), termsOf[jobId], commitmentOf(jobId)));
    }

    function expireCall(uint256 jobId) internal view returns (bytes memory) {
        return abi.encodeCall(jobs.expire, (JobId.wrap(jobId), termsOf[jobId]));
    }

    function cancelCall(uint256 jobId) internal view returns (bytes memory) {
        return abi.encodeCall(jobs.cancel, (JobId.wrap(jobId), termsOf[jobId]));
    }

    function unfoldCall(uint256 jobId) internal view returns (bytes memory) {
        return abi.encodeCall(jobs.unfold, (JobId.wrap(jobId), termsOf[jobId], commitmentOf(jobId)));
    }

    function refuteCall(uint256 disputeId, uint64 element) internal view returns (bytes memory) {
        return abi.encodeCall(disputes.refute, (DisputeId.wrap(disputeId), SALT, witnessOf(element)));
    }

    /// @notice At the end of a bisection, and after an expansion: the seal, or the refutation if that is given.
    function refutationCall(uint256 disputeId, Dispute memory dispute, uint64 element) internal view returns (bytes memory) {
        if (dispute.sealedAt != 0) return refuteCall(disputeId, element);
        bytes32 seal = sealOf(dispute.challenger, element);
        return abi.encodeCall(disputes.seal, (DisputeId.wrap(disputeId), dispute.turn, seal));
    }

    /// @notice The defender's move from a trace of `kind`; empty if nobody has what is asked for. Only the executor can expand.
    function defenceCall(uint256 disputeId, Dispute memory dispute, uint256 kind) internal view returns (bytes memory) {
        if (dispute.phase == Phase.Expand) {
            bytes32 digest = jobOf(dispute.jobId).digest;
            return abi.encodeCall(
                disputes.expand, (DisputeId.wrap(disputeId), dispute.turn, digest, dispute.position.blockIndex, innerRoot)
            );
        }
        if (dispute.phase == Phase.Answer) {
            Witness memory witness = witnessOf(uint64(dispute.position.index));
            witness.stepIndex = dispute.position.stepIndex;
            return abi.encodeCall(disputes.answer, (DisputeId.wrap(disputeId), dispute.turn, witness));
        }
        if (dispute.phase == Phase.RevealChunk) {
            bytes memory data = chunkOf(kind, _tensorTree(dispute), dispute.position.index);
            return abi.encodeCall(disputes.revealChunk, (DisputeId.wrap(disputeId), dispute.turn, data));
        }
        (bytes32[] storage heap, uint256 place, uint256 down) = _whereIs(dispute, kind);
        if (heap.length == 0) return "";
        bytes32[] memory children = new bytes32[](1 << down);
        for (uint256 i = 0; i < children.length; i++) children[i] = heap[(place << down) + i];
        return abi.encodeCall(disputes.reveal, (DisputeId.wrap(disputeId), dispute.turn, children));
    }

    /// @notice The challenger's choice that leads towards leaf `leaf` of the tree being descended.
    /// @param byBlock whether to name the block at a leaf of the posted trace, instead of the step
    function choiceCall(uint256 disputeId, Dispute memory dispute, uint256 kind, uint256 leaf, bool byBlock)
        internal
        view
        returns (bytes memory)
    {
        (bytes32[] storage heap, uint256 place, uint256 down) = _whereIs(dispute, kind);
        if (heap.length == 0) return "";
        uint256 rest = dispute.position.levels - down;
        uint256 index = (leaf >> rest) & ((1 << down) - 1);
        uint256 child = (place << down) + index;
        bytes32[] memory path = siblingsOf(heap, child, down);
        DisputeId id = DisputeId.wrap(disputeId);
        if (rest != 0 || dispute.position.byteLength != 0) {
            return abi.encodeCall(disputes.choose, (id, dispute.turn, index, heap[child], path));
        }
        bool isInner = dispute.position.source == 3;
        if (byBlock && !isInner) {
            return abi.encodeCall(disputes.chooseBlock, (id, dispute.turn, index, heap[child], path, provedBlock(leaf % TENSORS)));
        }
        uint256 step = definerOf(isInner, leaf);
        return abi.encodeCall(
            disputes.chooseTensor,
            (id, dispute.turn, index, heap[child], path, uint32(step), stepOf(step), stepProof(step))
        );
    }

    /// @notice The challenger's move into a posted tensor of the expanded block, out of a trace of `kind`.
    function borderCall(uint256 disputeId, Dispute memory dispute, uint256 kind, uint256 tensor)
        internal
        view
        returns (bytes memory)
    {
        bytes32[] storage heap = treeOf(kind, TRACE_TREE);
        uint256 place = heap.length / 2 + tensor;
        uint256 step = definerOf(false, tensor);
        return abi.encodeCall(
            disputes.chooseBorder,
            (
                DisputeId.wrap(disputeId),
                dispute.turn,
                heap[place],
                siblingsOf(heap, place, 2),
                uint32(step),
                stepOf(step),
                stepProof(step)
            )
        );
    }

    function demandCall(uint256 jobId, bytes32 digest, uint256 step, uint64 element) internal view returns (bytes memory) {
        return abi.encodeCall(
            disputes.demand,
            (
                JobId.wrap(jobId),
                digest,
                uint32(step),
                element,
                stepOf(step),
                stepProof(step),
                provedBlock(INNER_BLOCK)
            )
        );
    }

    function concedeCall(uint256 disputeId, Dispute memory dispute) internal view returns (bytes memory) {
        return abi.encodeCall(disputes.concede, (DisputeId.wrap(disputeId), dispute.turn, jobOf(dispute.jobId).digest));
    }

    function demandNextCall(uint256 disputeId, Dispute memory dispute, uint256 step, uint64 element)
        internal
        view
        returns (bytes memory)
    {
        return abi.encodeCall(
            disputes.demandNext,
            (
                DisputeId.wrap(disputeId),
                dispute.turn,
                jobOf(dispute.jobId).digest,
                uint32(step),
                element,
                stepOf(step),
                stepProof(step),
                provedBlock(INNER_BLOCK)
            )
        );
    }

    /// @notice The leaf that proves a false trace false: the last tensor, then its false chunk.
    function faultOf(Dispute memory dispute) internal pure returns (uint256) {
        return dispute.position.byteLength == 0 ? TENSORS - 1 : 7;
    }

    /// @notice What an honest challenger does next against a commitment of `kind`; empty while it is not its turn.
    function attackCall(uint256 disputeId, Dispute memory dispute, JobView memory job) internal view returns (bytes memory) {
        if (dispute.phase == Phase.Choose) return choiceCall(disputeId, dispute, kindOf(job), faultOf(dispute), false);
        if (dispute.phase == Phase.Sealed) return refuteCall(disputeId, 1);
        if (dispute.phase == Phase.Refute || dispute.phase == Phase.Expanded) return refutationCall(disputeId, dispute, 1);
        return "";
    }

    function _tensorTree(Dispute memory dispute) private pure returns (uint256) {
        return dispute.position.source == 3 ? INNER_TREE + 1 + dispute.position.tensor : dispute.position.tensor;
    }

    function _whereIs(Dispute memory dispute, uint256 kind)
        private
        view
        returns (bytes32[] storage heap, uint256 place, uint256 down)
    {
        bool isInner = dispute.position.source == 3;
        uint256 list = isInner ? INNER_TREE : TRACE_TREE;
        heap = treeOf(kind, dispute.position.byteLength == 0 ? list : _tensorTree(dispute));
        uint256 levels = dispute.position.levels;
        down = levels < 4 ? levels : 4;
        place = ((heap.length / 2) >> levels) + dispute.position.index;
    }
}
