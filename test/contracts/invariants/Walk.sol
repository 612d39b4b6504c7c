// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBatch} from "../../../contracts/interfaces/IBatch.sol";
import {IStakes} from "../../../contracts/interfaces/IStakes.sol";
import {Dispute, Phase} from "../../../contracts/types/Dispute.sol";
import {DisputeId, JobId} from "../../../contracts/types/Identifiers.sol";
import {JobStatus, Submission, Terms} from "../../../contracts/types/Job.sol";
import {Rules} from "./Rules.sol";
import {vm} from "./Vm.sol";

/// @notice One random action after another, most of them possible where they are tried, some of them out of place.
abstract contract Walk is Rules {
    error Undone(bool[] done, bytes32 ledger);

    uint256 internal constant KINDS = 29;
    uint256 private constant MAX_JOBS = 5;
    uint256 private constant MAX_DISPUTES = 16;

    uint256 private _random;

    function startWalk(uint256 seed) internal {
        _random = seed;
        for (uint256 i = 0; i < ACTORS; i++) {
            staked[actorOf(i)] = 8000 + _below(20_000);
            act(actorOf(i), address(stakes), staked[actorOf(i)], abi.encodeCall(stakes.deposit, (staked[actorOf(i)])));
        }
    }

    /// @notice Tries one action. `kind` tells which; the walk is over money, so every kind but the passing of time is a call.
    function step() internal returns (uint256 kind, bool accepted) {
        kind = _below(KINDS);
        address actor = actorOf(_below(ACTORS));
        if (kind == 0) return (kind, _pass());
        if (kind <= 4) return (kind, _moveMoney(kind, actor));
        if (kind <= 11) return (kind, _moveJob(kind, actor));
        if (kind <= 22) return (kind, _moveDispute(kind, actor));
        if (kind <= 26) return (kind, _moveBlock(kind, actor));
        if (kind == 27) return (kind, _batch(actor));
        return (kind, _trespass(actor));
    }

    /// @dev Mostly to a boundary of a random job or dispute, where the rules change from one second to the next.
    function _pass() private returns (bool) {
        uint256 until = vm.getBlockTimestamp() + 1 + _below(3) * _below(150);
        (uint256 jobId, uint256 disputeId) = (_someJob(), _someDispute());
        if (jobId != 0 && _below(3) == 0) until = jobOf(jobId).deadline + _below(2);
        else if (disputeId != 0 && _below(2) == 0) until = disputeOf(disputeId).deadline + _below(2);
        passTo(until);
        return true;
    }

    function _moveMoney(uint256 kind, address actor) private returns (bool accepted) {
        uint256 amount = _below(10) == 0 ? 0 : _below(20_000);
        bytes memory data;
        if (kind == 1) {
            if (amount > actor.balance) amount = actor.balance;
            accepted = act(actor, address(stakes), amount, abi.encodeCall(stakes.deposit, (amount)));
            if (accepted) staked[actor] += amount;
            return accepted;
        }
        if (kind == 2) data = abi.encodeCall(stakes.requestWithdrawal, (amount));
        if (kind == 3) data = abi.encodeCall(stakes.collect, ());
        if (kind == 4) {
            uint256 pending = stakes.getAccount(actor).pending;
            if (pending != 0 && _below(2) == 0) passTo(stakes.getAccount(actor).availableAt);
            accepted = act(actor, address(stakes), 0, abi.encodeCall(stakes.withdraw, ()));
            if (accepted) staked[actor] -= pending;
            return accepted;
        }
        return act(actor, address(stakes), 0, data);
    }

    function _moveJob(uint256 kind, address actor) private returns (bool accepted) {
        if (kind == 5) return jobs.jobCount() < MAX_JOBS && _submit(actor);
        uint256 jobId = _jobIn(kind <= 7 ? JobStatus.Open : kind <= 9 ? JobStatus.Claimed : JobStatus.Committed);
        if (kind <= 7) return act(actor, address(jobs), 0, _stray(claimCall(jobId)));
        if (kind == 8 || kind == 9) return _commit(jobId, actor);
        bytes memory data = finalizeCall(jobId);
        if (kind == 11) {
            jobId = _jobIn(_below(2) == 0 ? JobStatus.Claimed : JobStatus.Open);
            data = _below(2) == 0 || jobId != 0 && jobOf(jobId).status == JobStatus.Claimed
                ? expireCall(jobId)
                : cancelCall(jobId);
        }
        return act(actor, address(jobs), 0, _stray(data));
    }

    /// @dev One call in sixteen names another job than the one whose record it carries.
    function _stray(bytes memory data) private returns (bytes memory) {
        if (_below(16) == 0) data[35] ^= bytes1(uint8(1 + _below(3)));
        return data;
    }

    function _submit(address actor) private returns (bool accepted) {
        uint256 fee = _below(3) * _below(3000);
        if (fee > actor.balance) fee = actor.balance;
        Submission memory made = Submission({
            programRoot: programRoot,
            inputRoot: bytes32(_below(9)),
            fee: uint96(fee),
            collateral: uint96(900 + _below(10_000)),
            claimWindow: uint32(9 + _below(500)),
            deliveryWindow: uint32(10 + _below(300)),
            challengeWindow: uint32(10 + _below(900)),
            expiry: _below(4) == 0 ? uint64(vm.getBlockTimestamp() + _below(1500)) : 0,
            consumer: address(0),
            callbackGas: 0,
            input: ""
        });
        accepted = act(actor, address(jobs), fee, abi.encodeCall(jobs.submit, (made)));
        if (accepted) _note(actor, made);
    }

    function _note(address requester, Submission memory made) private {
        uint64 latest = uint64(vm.getBlockTimestamp() + MAX_LIFETIME);
        termsOf[jobs.jobCount()] = Terms({
            programRoot: made.programRoot,
            inputRoot: made.inputRoot,
            requester: requester,
            fee: made.fee,
            collateral: made.collateral,
            claimWindow: made.claimWindow,
            deliveryWindow: made.deliveryWindow,
            challengeWindow: made.challengeWindow,
            expiry: made.expiry == 0 ? latest : made.expiry,
            consumer: address(0),
            callbackGas: 0
        });
    }

    function _commit(uint256 jobId, address actor) private returns (bool accepted) {
        uint256 kind = _below(3);
        if (jobId != 0 && _below(8) != 0 && jobOf(jobId).executor != address(0)) actor = jobOf(jobId).executor;
        if (isHonestExecutor(actor)) kind = TRUE_TRACE;
        accepted = act(actor, address(jobs), 0, commitCall(jobId, kind));
        if (!accepted) return false;
        committedAt[jobId] = vm.getBlockTimestamp();
        traceOf[jobId] = kind;
    }

    function _moveDispute(uint256 kind, address actor) private returns (bool) {
        if (kind <= 14) return _open(kind == 12, actor);
        uint256 id = _someDispute();
        if (id == 0) return act(actor, address(disputes), 0, abi.encodeCall(disputes.timeout, (DisputeId.wrap(9))));
        if (kind == 15 && _below(4) != 0) id = _voidDispute(id);
        if (kind == 15) return act(actor, address(disputes), 0, abi.encodeCall(disputes.close, (DisputeId.wrap(id))));
        if (kind == 16) return act(actor, address(disputes), 0, abi.encodeCall(disputes.timeout, (DisputeId.wrap(id))));
        if (kind == 17 && _below(2) == 0) {
            // A seal is too young at first.
            passTo(vm.getBlockTimestamp() + SEAL_AGE);
            id = _ripeDispute(id);
        }
        Dispute memory dispute = disputeOf(id);
        if (_below(8) != 0) actor = dispute.challenger;
        if (kind == 17) return _refute(id, actor);
        JobView memory job = jobOf(dispute.jobId);
        // Somebody with another trace at hand, or with none, tries as well.
        uint256 trace = stands(dispute) && _below(8) != 0 ? kindOf(job) : _below(3);
        bytes memory data;
        if (defenderMoves(dispute.phase)) {
            data = defenceCall(id, dispute, trace);
            if (dispute.phase == Phase.Expand && _below(4) != 0) actor = job.executor;
            // An inner root is a statement of whoever makes it, true or not; the honest state only what they computed.
            if (dispute.phase == Phase.Expand && isHonestExecutor(actor)) {
                return act(actor, address(disputes), 0, defenceCall(id, dispute, TRUE_TRACE));
            }
            // Of a fraud an answer is as old as a seal.
            if (dispute.phase == Phase.Answer && _below(2) == 0) passTo(vm.getBlockTimestamp() + SEAL_AGE);
        } else if (dispute.phase == Phase.Refute || dispute.phase == Phase.Expanded) data = refutationCall(id, dispute, sealedElement[id]);
        // A demand has no node to choose.
        else if (dispute.demands != 0) data = concedeCall(id, dispute);
        // An honest challenger descends to the fault; any other goes astray, and into the padding at times.
        else data = choiceCall(id, dispute, trace, _aim(actor, dispute), !isHonestChallenger(actor) && _below(2) == 0);
        if (data.length == 0 || isHonestChallenger(actor) && trace == TRUE_TRACE) return false;
        // Any 32 bytes are a seal; the honest give none by mistake.
        bool isSeal = dispute.phase == Phase.Refute || dispute.phase == Phase.Expanded;
        if (data.length > 36 && !(isSeal && isHonestChallenger(actor)) && _below(10) == 0) {
            return act(actor, address(disputes), 0, _spoil(data), true);
        }
        return act(actor, address(disputes), 0, data);
    }

    function _open(bool bisect, address actor) private returns (bool accepted) {
        uint256 jobId = _jobIn(JobStatus.Committed);
        if (disputes.disputeCount() >= MAX_DISPUTES || jobId == 0 || actor.balance < BOND) return false;
        JobView memory job = jobOf(jobId);
        if (isHonestChallenger(actor) && (job.status != JobStatus.Committed || kindOf(job) == TRUE_TRACE)) return false;
        if (!job.unfolded && _below(12) != 0) act(actor, address(jobs), 0, unfoldCall(jobId));
        uint64 element = isHonestChallenger(actor) ? 1 : uint64(_below(4));
        bytes32 seal = bisect ? bytes32(0) : sealOf(actor, element);
        bytes32 digest = _below(10) == 0 ? keccak256(abi.encode(job.digest)) : job.digest;
        bytes memory data = abi.encodeCall(disputes.open, (JobId.wrap(jobId), digest, seal));
        accepted = act(actor, address(disputes), _below(12) == 0 ? BOND - 1 : BOND, data);
        if (!accepted) return false;
        uint256 id = disputes.disputeCount();
        _opened(id, BOND);
        sealedElement[id] = element;
        // Often not the only one, so that convictions leave others behind.
        if (_below(2) == 0) _open(true, actorOf(4 + _below(4)));
    }

    function _opened(uint256 id, uint256 paid) private {
        openedAt[id] = vm.getBlockTimestamp();
        paidFor[id] = paid;
    }

    /// @dev 23 opens with a block, 24 with a demand, 25 asks on, 26 goes elsewhere after an expansion or gives up.
    function _moveBlock(uint256 kind, address actor) private returns (bool) {
        if (kind <= 24) return _openBlock(kind == 23, actor);
        uint256 id = _phaseDispute(kind == 25 ? Phase.Demand : _below(2) == 0 ? Phase.Expanded : Phase.Choose);
        if (id == 0) return act(actor, address(disputes), 0, abi.encodeCall(disputes.descend, (DisputeId.wrap(9), 0)));
        Dispute memory dispute = disputeOf(id);
        if (_below(8) != 0) actor = dispute.challenger;
        if (isHonestChallenger(actor)) return false;
        if (kind == 25) {
            if (actor.balance < DEMAND_BOND) return false;
            bytes memory question = demandNextCall(id, dispute, _below(STEPS), _question(actor));
            if (!act(actor, address(disputes), _below(12) == 0 ? DEMAND_BOND - 1 : DEMAND_BOND, question)) return false;
            paidFor[id] += DEMAND_BOND;
            return true;
        }
        uint256 way = _below(6);
        bytes memory data = abi.encodeCall(disputes.descend, (DisputeId.wrap(id), dispute.turn));
        if (way == 0) data = concedeCall(id, dispute);
        if (way >= 4) data = borderCall(id, dispute, stands(dispute) ? kindOf(jobOf(dispute.jobId)) : _below(3), _below(TENSORS));
        return act(actor, address(disputes), 0, data);
    }

    function _openBlock(bool byBlock, address actor) private returns (bool) {
        uint256 jobId = _jobIn(JobStatus.Committed);
        if (disputes.disputeCount() >= MAX_DISPUTES || jobId == 0 || actor.balance < DEMAND_BOND) return false;
        JobView memory job = jobOf(jobId);
        if (isHonestChallenger(actor) && (job.status != JobStatus.Committed || kindOf(job) == TRUE_TRACE)) return false;
        if (!job.unfolded && _below(12) != 0) act(actor, address(jobs), 0, unfoldCall(jobId));
        uint256 bond = byBlock ? BOND : DEMAND_BOND;
        bytes memory data = byBlock
            ? abi.encodeCall(disputes.openBlock, (JobId.wrap(jobId), job.digest, provedBlock(_below(6) == 0 ? 0 : INNER_BLOCK)))
            : demandCall(jobId, job.digest, _below(STEPS), _question(actor));
        if (!act(actor, address(disputes), _below(12) == 0 ? bond - 1 : bond, data)) return false;
        uint256 id = disputes.disputeCount();
        _opened(id, bond);
        sealedElement[id] = isHonestChallenger(actor) ? 1 : uint64(_below(4));
        return true;
    }

    /// @dev Not 2, which the judge calls malformed: executors refuse programs with an element that cannot be judged.
    function _question(address actor) private returns (uint64) {
        return isHonestChallenger(actor) || _below(2) == 0 ? 1 : 3;
    }

    /// @dev A live dispute in this phase, if there is one; else any.
    function _phaseDispute(Phase phase) private returns (uint256 id) {
        id = _someDispute();
        uint256 count = disputes.disputeCount();
        for (uint256 i = 0; i < count && disputeOf(id).phase != phase; i++) id = id % count + 1;
    }

    function _refute(uint256 id, address actor) private returns (bool) {
        uint64 element = _below(5) == 0 ? uint64(_below(4)) : sealedElement[id];
        return act(actor, address(disputes), 0, refuteCall(id, element));
    }

    function _aim(address actor, Dispute memory dispute) private returns (uint256) {
        if (isHonestChallenger(actor)) return faultOf(dispute);
        return _below(dispute.position.leaves == 0 ? 4 : dispute.position.leaves + 2);
    }

    /// @dev Changes one byte behind the dispute's number, so that the call is for the same dispute and about something else.
    function _spoil(bytes memory data) private returns (bytes memory) {
        uint256 place = 36 + _below(data.length - 36);
        data[place] ^= bytes1(uint8(1 + _below(255)));
        return data;
    }

    /// @dev Some calls of all kinds in one transaction, which must do what they do one after another. One batch in six holds another.
    function _batch(address actor) private returns (bool accepted) {
        uint256 count = 1 + _below(5);
        bytes[] memory made = new bytes[](count);
        uint256[] memory commits = new uint256[](count);
        uint256[] memory kinds = new uint256[](count);
        for (uint256 i = 0; i < count; i++) (made[i], commits[i], kinds[i]) = _batched(actor);
        bool nests = _below(6) == 0;
        if (nests) made[_below(count)] = abi.encodeCall(IBatch.batch, (new bytes[](0)));
        (bool[] memory done, bytes32 ledger) = _oneByOne(actor, made);
        accepted = act(actor, address(jobs), 0, abi.encodeCall(IBatch.batch, (made)));
        check(accepted != nests, "only a batch in a batch is refused", count, nests ? 0 : 1, accepted ? 1 : 0);
        if (!accepted) return false;
        check(_ledger() == ledger, "a batch does what its calls do", count, 0, 0);
        for (uint256 i = 0; i < count; i++) {
            if (commits[i] == 0 || !done[i]) continue;
            committedAt[commits[i]] = vm.getBlockTimestamp();
            traceOf[commits[i]] = kinds[i];
        }
    }

    /// @dev What the calls of a batch do one after another, each by itself. It is undone by a revert: states that are set aside and restored stay in
    /// the memory of a long run.
    function _oneByOne(address actor, bytes[] memory calls) private returns (bool[] memory done, bytes32 ledger) {
        try this.callAndUndo(actor, calls) {}
        catch (bytes memory reason) {
            require(bytes4(reason) == Undone.selector);
            bytes memory told = new bytes(reason.length - 4);
            for (uint256 i = 0; i < told.length; i++) told[i] = reason[i + 4];
            (done, ledger) = abi.decode(told, (bool[], bytes32));
        }
    }

    /// @notice Always reverts, with what has become of the calls.
    function callAndUndo(address actor, bytes[] calldata calls) external {
        bool[] memory done = new bool[](calls.length);
        for (uint256 i = 0; i < calls.length; i++) {
            vm.prank(actor);
            (done[i],) = address(jobs).call(calls[i]);
        }
        revert Undone(done, _ledger());
    }

    /// @return data of a call of `Jobs`
    /// @return commits the job that it commits to, if it does
    /// @return kind of the trace that it commits to
    function _batched(address actor) private returns (bytes memory data, uint256 commits, uint256 kind) {
        uint256 way = _below(6);
        uint256 jobId = _jobIn(way <= 1 ? JobStatus.Open : way <= 3 ? JobStatus.Claimed : JobStatus.Committed);
        if (way == 0) return (claimCall(jobId), 0, 0);
        if (way == 1) return (_below(3) == 0 ? cancelCall(jobId) : claimCall(jobId), 0, 0);
        if (way == 2) return (expireCall(jobId), 0, 0);
        if (way == 4) return (finalizeCall(jobId), 0, 0);
        if (way == 5) return (unfoldCall(jobId), 0, 0);
        kind = isHonestExecutor(actor) ? TRUE_TRACE : _below(3);
        return (commitCall(jobId, kind), jobId, kind);
    }

    /// @dev All that a call of `Jobs` can change.
    function _ledger() private view returns (bytes32 hash) {
        uint256 count = jobs.jobCount();
        hash = keccak256(abi.encode(address(jobs).balance, address(stakes).balance));
        for (uint256 i = 1; i <= count; i++) hash = keccak256(abi.encode(hash, jobs.getJob(JobId.wrap(i))));
        for (uint256 i = 0; i < ACTORS; i++) hash = keccak256(abi.encode(hash, stakes.getAccount(actorOf(i))));
    }

    /// @dev The doors that only the contracts themselves may use.
    function _trespass(address actor) private returns (bool accepted) {
        uint256 jobId = _someJob();
        bytes memory data = abi.encodeCall(stakes.unlock, (actor, 1));
        address to = address(stakes);
        uint256 door = _below(6);
        if (door == 1) data = abi.encodeCall(stakes.lock, (actorOf(0), 1));
        if (door == 2) data = abi.encodeCall(stakes.slash, (IStakes.Slash(actorOf(0), 1, actor, 1, actor, 0)));
        if (door >= 3) to = address(jobs);
        if (door == 3) data = abi.encodeCall(jobs.convict, (JobId.wrap(jobId), 1, actor));
        if (door == 4) data = abi.encodeCall(jobs.leaveDispute, (JobId.wrap(jobId), 1));
        if (door == 5) data = abi.encodeCall(jobs.enterDispute, (JobId.wrap(jobId), 0));
        accepted = act(actor, to, 0, data);
        check(!accepted, "nobody gets in by the back door", door, 0, 1);
    }

    function _someJob() private returns (uint256) {
        uint256 count = jobs.jobCount();
        return count == 0 ? 0 : 1 + _below(count);
    }

    /// @dev Three times in four a job of this status, if there is one.
    function _jobIn(JobStatus status) private returns (uint256 jobId) {
        jobId = _someJob();
        if (jobId == 0 || _below(4) == 0) return jobId;
        uint256 count = jobs.jobCount();
        for (uint256 i = 0; i < count && jobOf(jobId).status != status; i++) jobId = jobId % count + 1;
    }

    function _someDispute() private returns (uint256) {
        uint256 count = disputes.disputeCount();
        if (count == 0) return 0;
        uint256 id = 1 + _below(count);
        for (uint256 i = 0; i < count && _below(4) != 0 && !isLive(disputeOf(id)); i++) id = id % count + 1;
        return id;
    }

    /// @dev One whose commitment is gone, if there is one; else `id`.
    function _voidDispute(uint256 id) private view returns (uint256) {
        uint256 count = disputes.disputeCount();
        for (uint256 i = 1; i <= count; i++) {
            Dispute memory dispute = disputeOf(i);
            if (isLive(dispute) && !stands(dispute)) return i;
        }
        return id;
    }

    /// @dev One that a refutation of a false commitment can end now, if there is one; else `id`.
    function _ripeDispute(uint256 id) private view returns (uint256) {
        uint256 count = disputes.disputeCount();
        for (uint256 i = 1; i <= count; i++) {
            Dispute memory dispute = disputeOf(i);
            bool ripe = dispute.phase == Phase.Sealed && sealedElement[i] == 1 && stands(dispute);
            if (ripe && kindOf(jobOf(dispute.jobId)) != TRUE_TRACE) return i;
        }
        return id;
    }

    function _below(uint256 bound) private returns (uint256) {
        _random = uint256(keccak256(abi.encode(_random)));
        return _random % bound;
    }
}
