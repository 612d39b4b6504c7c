// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Dispute, Phase} from "../../../contracts/types/Dispute.sol";
import {JobStatus} from "../../../contracts/types/Job.sol";
import {Moves} from "./Moves.sol";
import {vm} from "./Vm.sol";

/// @notice Time, and what honest actors owe to it. They deliver, defend and refute, each in the very last second that the
/// rules give them, so a clock that is a second short would cost them their money.
abstract contract Duties is Moves {
    /// @notice Lets time pass up to `until`; on the way every honest actor does its duty in its last second.
    function passTo(uint256 until) internal {
        for (;;) {
            (bool isJob, uint256 id, uint256 deadline) = _nextDuty();
            if (id == 0 || deadline > until) break;
            if (deadline > vm.getBlockTimestamp()) vm.warp(deadline);
            isJob ? _deliver(id) : _play(id);
        }
        if (until > vm.getBlockTimestamp()) vm.warp(until);
        vm.roll(vm.getBlockNumber() + 1);
    }

    function _nextDuty() private view returns (bool isJob, uint256 id, uint256 deadline) {
        deadline = type(uint256).max;
        uint256 count = jobs.jobCount();
        for (uint256 i = 1; i <= count; i++) {
            JobView memory job = jobOf(i);
            if (job.status != JobStatus.Claimed || !isHonestExecutor(job.executor)) continue;
            if (job.deadline < deadline && vm.getBlockTimestamp() <= job.deadline) (isJob, id, deadline) = (true, i, job.deadline);
        }
        count = disputes.disputeCount();
        for (uint256 i = 1; i <= count; i++) {
            Dispute memory dispute = disputeOf(i);
            if (!isLive(dispute) || !stands(dispute) || !_isDuty(dispute)) continue;
            uint256 latest = _latest(dispute);
            if (latest < deadline) (isJob, id, deadline) = (false, i, latest);
        }
    }

    /// @dev A seal that is given later than that is too young when the clock runs out.
    function _latest(Dispute memory dispute) private pure returns (uint256) {
        bool isUnsealed = (dispute.phase == Phase.Refute || dispute.phase == Phase.Expanded) && dispute.sealedAt == 0;
        return isUnsealed ? dispute.deadline - SEAL_AGE : dispute.deadline;
    }

    function _isDuty(Dispute memory dispute) private view returns (bool) {
        if (defenderMoves(dispute.phase)) {
            JobView memory job = jobOf(dispute.jobId);
            // Nobody can expand a block in the name of an executor that does not.
            if (dispute.phase == Phase.Expand && !isHonestExecutor(job.executor)) return false;
            // Nor can anybody open what an executor with the true trace has said falsely of a block.
            if (dispute.position.innerRoot != 0 && dispute.position.innerRoot != innerRoot) return false;
            return job.traceRoot == traceRoots[TRUE_TRACE];
        }
        return isHonestChallenger(dispute.challenger);
    }

    function _deliver(uint256 jobId) private {
        JobView memory job = jobOf(jobId);
        must("an honest delivery is in time", jobId, job.executor, address(jobs), 0, commitCall(jobId, TRUE_TRACE));
        committedAt[jobId] = vm.getBlockTimestamp();
        traceOf[jobId] = TRUE_TRACE;
    }

    function _play(uint256 disputeId) private {
        Dispute memory dispute = disputeOf(disputeId);
        if (defenderMoves(dispute.phase)) {
            bytes memory answer = defenceCall(disputeId, dispute, TRUE_TRACE);
            address by = dispute.phase == Phase.Expand ? jobOf(dispute.jobId).executor : actorOf(0);
            must("an honest defence is in time", disputeId, by, address(disputes), 0, answer);
        } else {
            bytes memory answer = attackCall(disputeId, dispute, jobOf(dispute.jobId));
            must("an honest attack is in time", disputeId, dispute.challenger, address(disputes), 0, answer);
        }
    }
}
