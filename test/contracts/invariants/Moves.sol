// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Dispute, Phase} from "../../../contracts/types/Dispute.sol";
import {DisputeId, JobId} from "../../../contracts/types/Identifiers.sol";
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

    /// @notice At the end of a bisection: the seal, or the refutation if that is given.
    function refutationCall(uint256 disputeId, Dispute memory dispute, uint64 element) internal view returns (bytes memory) {
        if (dispute.sealedAt != 0) return refuteCall(disputeId, element);
        bytes32 seal = sealOf(dispute.challenger, element);
        return abi.encodeCall(disputes.seal, (DisputeId.wrap(disputeId), dispute.turn, seal));
    }

    /// @notice The defender's move from a trace of `kind`; empty if nobody has what is asked for.
    function defenceCall(uint256 disputeId, Dispute memory dispute, uint256 kind) internal view returns (bytes memory) {
        if (dispute.phase == Phase.RevealChunk) {
            bytes memory data = chunkOf(kind, dispute.position.tensor, dispute.position.index);
            return abi.encodeCall(disputes.revealChunk, (DisputeId.wrap(disputeId), dispute.turn, data));
        }
        (bytes32[] storage heap, uint256 place, uint256 down) = _whereIs(dispute, kind);
        if (heap.length == 0) return "";
        bytes32[] memory children = new bytes32[](1 << down);
        for (uint256 i = 0; i < children.length; i++) children[i] = heap[(place << down) + i];
        return abi.encodeCall(disputes.reveal, (DisputeId.wrap(disputeId), dispute.turn, children));
    }

    /// @notice The challenger's choice that leads towards leaf `leaf` of the tree being descended.
    function choiceCall(uint256 disputeId, Dispute memory dispute, uint256 kind, uint256 leaf)
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
        bytes32[] memory stepProof = siblingsOf(stepTree, stepTree.length / 2 + leaf % 4, 2);
        bytes memory step = stepOf(leaf % TENSORS);
        return abi.encodeCall(
            disputes.chooseTensor,
            (id, dispute.turn, index, heap[child], path, uint32(leaf % 4), step, stepProof)
        );
    }

    /// @notice The leaf that proves a false trace false: the last tensor, then its false chunk.
    function faultOf(Dispute memory dispute) internal pure returns (uint256) {
        return dispute.position.byteLength == 0 ? TENSORS - 1 : 7;
    }

    /// @notice What an honest challenger does next against a commitment of `kind`; empty while it is not its turn.
    function attackCall(uint256 disputeId, Dispute memory dispute, JobView memory job) internal view returns (bytes memory) {
        if (dispute.phase == Phase.Choose) return choiceCall(disputeId, dispute, kindOf(job), faultOf(dispute));
        if (dispute.phase == Phase.Sealed) return refuteCall(disputeId, 1);
        if (dispute.phase == Phase.Refute) return refutationCall(disputeId, dispute, 1);
        return "";
    }

    function _whereIs(Dispute memory dispute, uint256 kind)
        private
        view
        returns (bytes32[] storage heap, uint256 place, uint256 down)
    {
        heap = treeOf(kind, dispute.position.byteLength == 0 ? TRACE_TREE : dispute.position.tensor);
        uint256 levels = dispute.position.levels;
        down = levels < 4 ? levels : 4;
        place = ((heap.length / 2) >> levels) + dispute.position.index;
    }
}
