// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakes} from "../../../contracts/interfaces/IStakes.sol";
import {Dispute, Outcome} from "../../../contracts/types/Dispute.sol";
import {DisputeId, JobId} from "../../../contracts/types/Identifiers.sol";
import {JobStatus} from "../../../contracts/types/Job.sol";
import {Duties} from "./Duties.sol";
import {vm} from "./Vm.sol";

/// @notice What holds whatever anybody does. Each rule is checked against the contracts' own answers after every action.
abstract contract Rules is Duties {
    address private constant BURN = 0x000000000000000000000000000000000000dEaD;

    function checkRules() internal view {
        (uint256 locked, uint256 bonds) = (_checkJobs(), _checkDisputes());
        uint256 owed;
        uint256 inStake;
        uint256 purses;
        for (uint256 i = 0; i < ACTORS; i++) {
            address actor = actorOf(i);
            IStakes.Account memory account = stakes.getAccount(actor);
            uint256 stake = account.free + account.locked + account.pending;
            owed += stake + account.credits;
            inStake += account.locked;
            purses += actor.balance;
            if (isHonestExecutor(actor)) checkEqual("honest executors are never slashed", i, staked[actor], stake);
        }
        checkEqual("stakes hold what they owe", 0, owed, address(stakes).balance);
        checkEqual("disputes hold their bonds", 0, bonds, address(disputes).balance);
        checkEqual("what is locked is the collateral of running jobs", 0, locked, inStake);
        uint256 held = address(stakes).balance + address(disputes).balance + address(jobs).balance + BURN.balance;
        checkEqual("money is neither made nor lost", 0, ACTORS * PURSE, purses + held);
    }

    function _checkJobs() private view returns (uint256 locked) {
        uint256 fees;
        uint256 count = jobs.jobCount();
        for (uint256 i = 1; i <= count; i++) {
            JobView memory job = jobOf(i);
            bool runs = job.status == JobStatus.Claimed || job.status == JobStatus.Committed;
            if (runs) locked += job.collateral;
            if (runs || job.status == JobStatus.Open) fees += job.fee;
            if (job.status == JobStatus.Committed) {
                checkEqual("a challenge window runs from its commitment", i, committedAt[i] + job.challengeWindow, job.deadline);
            }
            check(job.status != JobStatus.Final || job.openDisputes == 0, "nothing open is final", i, 0, job.openDisputes);
        }
        checkEqual("jobs hold their fees", 0, fees, address(jobs).balance);
    }

    function _checkDisputes() private view returns (uint256 bonds) {
        uint256 count = disputes.disputeCount();
        uint256[] memory open = new uint256[](jobs.jobCount() + 1);
        for (uint256 i = 1; i <= count; i++) {
            Dispute memory dispute = disputeOf(i);
            if (isLive(dispute)) {
                bonds += paidFor[i];
                uint256 latest = openedAt[i] + MAX_DURATION;
                check(dispute.deadline <= latest, "a dispute ends in time", i, latest, dispute.deadline);
                if (stands(dispute)) open[JobId.unwrap(dispute.jobId)]++;
            } else if (isHonestChallenger(dispute.challenger)) {
                check(dispute.outcome != Outcome.DefenderWon, "honest challengers never lose a bond", i, 0, uint256(dispute.outcome));
            }
        }
        for (uint256 i = 1; i < open.length; i++) {
            checkEqual("a job counts its open disputes", i, open[i], jobOf(i).openDisputes);
        }
    }

    /// @notice Every false commitment whose window is open can be convicted by a sealed refutation, whatever else runs.
    function checkConvictable() internal {
        uint256 count = jobs.jobCount();
        for (uint256 i = 1; i <= count; i++) {
            JobView memory job = jobOf(i);
            if (job.status != JobStatus.Committed || vm.getBlockTimestamp() > job.deadline) continue;
            uint256 before = vm.snapshotState();
            bool honest = job.traceRoot == traceRoots[TRUE_TRACE];
            address witness = actorOf(2);
            vm.deal(witness, BOND);
            uint256 id = disputes.disputeCount() + 1;
            must("a standing commitment can be unfolded", i, witness, address(jobs), 0, unfoldCall(i));
            bytes memory open = abi.encodeCall(disputes.open, (JobId.wrap(i), job.digest, sealOf(witness, 1)));
            must("a standing commitment can be challenged", i, witness, address(disputes), BOND, open);
            vm.warp(vm.getBlockTimestamp() + SEAL_AGE);
            vm.prank(witness);
            (bool convicted,) = address(disputes).call(refuteCall(id, 1));
            check(convicted != honest, "exactly the cheaters are convicted", i, honest ? 0 : 1, convicted ? 1 : 0);
            check(honest || jobs.isBarred(JobId.wrap(i), job.executor), "a conviction is remembered", i, 1, 0);
            vm.revertToState(before);
        }
    }

    /// @notice Every state has an exit: within the documented bounds every dispute and job ends by calls that anybody may
    /// make, and everybody can take out what is theirs, down to nothing.
    function drain() internal {
        address anybody = actorOf(7);
        uint256 count = jobs.jobCount();
        for (uint256 i = 1; i <= count; i++) {
            // A conviction reopens a job, and each round of this loop takes it one step on.
            for (JobView memory job = jobOf(i); job.status < JobStatus.Final; job = jobOf(i)) {
                if (job.status == JobStatus.Committed) {
                    passTo(committedAt[i] + job.challengeWindow + MAX_DURATION + 1);
                    _endDisputes(anybody);
                    if (jobOf(i).status != JobStatus.Committed) continue;
                    must("a commitment settles within its bound", i, anybody, address(jobs), 0, finalizeCall(i));
                } else if (job.status == JobStatus.Claimed) {
                    passTo(job.deadline + 1);
                    if (jobOf(i).status != JobStatus.Claimed) continue;
                    must("a missed delivery expires", i, anybody, address(jobs), 0, expireCall(i));
                } else {
                    passTo(job.deadline + 1);
                    must("an unclaimed job is refunded", i, anybody, address(jobs), 0, cancelCall(i));
                }
            }
        }
        _endDisputes(anybody);
        checkRules();
        _payOut();
    }

    function _endDisputes(address anybody) private {
        uint256 count = disputes.disputeCount();
        for (uint256 i = 1; i <= count; i++) {
            Dispute memory dispute = disputeOf(i);
            if (!isLive(dispute)) continue;
            DisputeId id = DisputeId.wrap(i);
            if (!stands(dispute)) must("a void dispute closes", i, anybody, address(disputes), 0, abi.encodeCall(disputes.close, (id)));
            else if (vm.getBlockTimestamp() > dispute.deadline) must("a late dispute times out", i, anybody, address(disputes), 0, abi.encodeCall(disputes.timeout, (id)));
        }
    }

    function _payOut() private {
        for (uint256 i = 0; i < ACTORS; i++) {
            address actor = actorOf(i);
            IStakes.Account memory account = stakes.getAccount(actor);
            checkEqual("nothing stays locked", i, 0, account.locked);
            uint256 stake = account.free + account.pending;
            if (account.credits != 0) must("credits are paid", i, actor, address(stakes), 0, abi.encodeCall(stakes.collect, ()));
            if (stake == 0) continue;
            must("stake can be withdrawn", i, actor, address(stakes), 0, abi.encodeCall(stakes.requestWithdrawal, (stake)));
            vm.warp(vm.getBlockTimestamp() + WITHDRAWAL_DELAY);
            must("stake is paid", i, actor, address(stakes), 0, abi.encodeCall(stakes.withdraw, ()));
        }
        uint256 left = address(stakes).balance + address(jobs).balance + address(disputes).balance;
        checkEqual("nothing is left behind", 0, 0, left);
    }
}
