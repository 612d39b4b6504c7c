// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Batch} from "./Batch.sol";
import {JobBook} from "./JobBook.sol";
import {IJobs} from "./interfaces/IJobs.sol";
import {IModels} from "./interfaces/IModels.sol";
import {IStakes} from "./interfaces/IStakes.sol";
import {Asset} from "./lib/Asset.sol";
import {Callback} from "./lib/Callback.sol";
import {Domains} from "./lib/Domains.sol";
import {JobRecord} from "./lib/JobRecord.sol";
import {MerkleTree} from "./lib/MerkleTree.sol";
import {ProgramLib} from "./lib/ProgramLib.sol";
import {JobId} from "./types/Identifiers.sol";
import {Commitment, JobLimits, JobStatus, Submission, Terms} from "./types/Job.sol";
import {ProgramHeader} from "./types/Program.sol";

/// @title Paid inferences, from submission to finality: the steps
/// @dev What they share, and the invariants of money, are in `JobBook`.
contract Jobs is JobBook, Batch {
    constructor(IStakes stakes, IModels models, address disputes, JobLimits memory bounds)
        JobBook(stakes, models, disputes, bounds)
    {}

    /// @inheritdoc IJobs
    function submit(Submission calldata submission) external payable returns (JobId jobId) {
        _checkWindow("claimWindow", submission.claimWindow, MIN_CLAIM_WINDOW, MAX_CLAIM_WINDOW);
        _checkWindow("deliveryWindow", submission.deliveryWindow, MIN_DELIVERY_WINDOW, MAX_DELIVERY_WINDOW);
        _checkWindow("challengeWindow", submission.challengeWindow, MIN_CHALLENGE_WINDOW, MAX_CHALLENGE_WINDOW);
        _checkCollateral(submission.collateral, submission.fee);
        require(submission.input.length <= MAX_INPUT_BYTES, InputTooLarge(submission.input.length, MAX_INPUT_BYTES));
        require(
            submission.callbackGas <= MAX_CALLBACK_GAS && (submission.callbackGas == 0) == (submission.consumer == address(0)),
            BadCallback(submission.consumer, submission.callbackGas, MAX_CALLBACK_GAS)
        );
        require(MODELS.modelIdOf(submission.programRoot) != 0, UnknownProgram(submission.programRoot));
        Asset.take(TOKEN, submission.fee);

        Terms memory terms = Terms({
            programRoot: submission.programRoot,
            inputRoot: submission.inputRoot,
            requester: msg.sender,
            fee: submission.fee,
            collateral: submission.collateral,
            claimWindow: submission.claimWindow,
            deliveryWindow: submission.deliveryWindow,
            challengeWindow: submission.challengeWindow,
            expiry: _expiryOf(submission.expiry),
            consumer: submission.consumer,
            callbackGas: submission.callbackGas
        });
        uint40 deadline = _openUntil(terms.claimWindow, terms.expiry);
        jobId = JobId.wrap(_nextJob++);
        _jobs[jobId] = Record({
            executor: address(0),
            deadline: deadline,
            recordBlock: uint24(block.number),
            status: JobStatus.Open,
            attempt: 1,
            missed: 0,
            isUnfolded: false,
            digest: JobRecord.hashOfNew(terms)
        });
        emit Submitted(jobId, terms.programRoot, msg.sender, terms, deadline);
        if (submission.input.length != 0) emit InputPublished(jobId, submission.input);
    }

    /// @inheritdoc IJobs
    function claim(JobId jobId, Terms calldata terms) external {
        Record storage job = _inStatus(jobId, JobStatus.Open);
        _checkTerms(jobId, job, terms);
        require(block.timestamp <= job.deadline, DeadlinePassed(jobId, job.deadline, block.timestamp));
        uint8 attempt = job.attempt;
        uint8 missed = job.missed;
        // Nobody is barred before the first failure, which saves the honest path a cold read.
        require(attempt == 1 && missed == 0 || !_barred[jobId][msg.sender], BarredFromJob(jobId, msg.sender));
        // SAFETY, against whoever holds a job by missed deliveries: if it could be taken again in the transaction that
        // reopens it, its requester would never find it open to cancel it.
        require(missed == 0 || job.recordBlock != uint24(block.number), JustReopened(jobId, block.number));
        uint40 deadline = _after(terms.deliveryWindow);
        job.status = JobStatus.Claimed;
        job.deadline = deadline;
        job.executor = msg.sender;
        emit Claimed(jobId, msg.sender, attempt, deadline);
        STAKES.lock(msg.sender, terms.collateral);
    }

    /// @inheritdoc IJobs
    function commit(
        JobId jobId,
        Terms calldata terms,
        ProgramHeader calldata header,
        bytes32 traceRoot,
        bytes32[] calldata outputRoots,
        bytes32[][] calldata proofs
    ) external {
        Record storage job = _inStatus(jobId, JobStatus.Claimed);
        bytes32 termsHash = _checkTerms(jobId, job, terms);
        require(msg.sender == job.executor, Unauthorized(msg.sender, job.executor));
        require(block.timestamp <= job.deadline, DeadlinePassed(jobId, job.deadline, block.timestamp));
        bytes32 programRoot = ProgramLib.rootOf(header);
        require(programRoot == terms.programRoot, WrongProgram(jobId, terms.programRoot, programRoot));
        _checkOutputs(header, traceRoot, outputRoots, proofs);

        bytes32 outputRoot =
            MerkleTree.listRoot(Domains.OUTPUTS, outputRoots.length, MerkleTree.topOf(outputRoots));
        uint40 deadline = _after(terms.challengeWindow);
        job.status = JobStatus.Committed;
        job.deadline = deadline;
        job.recordBlock = uint24(block.number);
        job.digest = JobRecord.committed(termsHash, traceRoot, outputRoot);
        emit Committed(jobId, msg.sender, job.attempt, traceRoot, outputRoot, outputRoots, deadline, terms);
    }

    /// @inheritdoc IJobs
    function finalize(JobId jobId, Terms calldata terms, Commitment calldata commitment) external {
        Record storage job = _inStatus(jobId, JobStatus.Committed);
        _checkRecord(jobId, job, terms, commitment);
        require(block.timestamp > job.deadline, DeadlineNotPassed(jobId, job.deadline, block.timestamp));
        uint8 attempt = job.attempt;
        if (job.isUnfolded) {
            uint256 disputes = _unfolded[jobId].openDisputes;
            require(disputes == 0, DisputesOpen(jobId, disputes));
        }
        job.status = JobStatus.Final;
        address executor = job.executor;
        emit Finalized(jobId, executor, attempt, terms.fee);
        STAKES.settle{value: Asset.valueOf(TOKEN, terms.fee)}(executor, terms.collateral, terms.fee);
    }

    /// @inheritdoc IJobs
    function expire(JobId jobId, Terms calldata terms) external {
        Record storage job = _inStatus(jobId, JobStatus.Claimed);
        _checkTerms(jobId, job, terms);
        require(block.timestamp > job.deadline, DeadlineNotPassed(jobId, job.deadline, block.timestamp));
        address executor = job.executor;
        uint256 collateral = terms.collateral;
        uint256 penalty = collateral * _noShowBps(job.missed) / BPS;
        _barred[jobId][executor] = true;
        if (job.missed != type(uint8).max) job.missed++;
        job.recordBlock = uint24(block.number);
        emit Expired(jobId, executor, penalty, terms);
        _reopen(jobId, job, job.attempt, terms.claimWindow, terms.expiry);
        STAKES.slash(IStakes.Slash(executor, penalty, address(0), 0, terms.requester, penalty));
        STAKES.unlock(executor, collateral - penalty);
    }

    /// @inheritdoc IJobs
    function cancel(JobId jobId, Terms calldata terms) external {
        Record storage job = _inStatus(jobId, JobStatus.Open);
        _checkTerms(jobId, job, terms);
        // While executors can still claim, only the requester decides; afterwards the money must not depend on it.
        require(
            msg.sender == terms.requester || block.timestamp > job.deadline,
            Unauthorized(msg.sender, terms.requester)
        );
        _cancel(jobId, job, terms.requester, terms.fee);
    }

    /// @inheritdoc IJobs
    function unfold(JobId jobId, Terms calldata terms, Commitment calldata commitment) external {
        Record storage job = _inStatus(jobId, JobStatus.Committed);
        // Somebody else was faster, which is as good.
        if (job.isUnfolded) return;
        _checkRecord(jobId, job, terms, commitment);
        job.isUnfolded = true;
        Unfolded storage unfolded = _unfolded[jobId];
        unfolded.inputRoot = terms.inputRoot;
        unfolded.traceRoot = commitment.traceRoot;
        unfolded.termsHash = JobRecord.hashOf(terms);
        unfolded.requester = terms.requester;
        unfolded.collateral = terms.collateral;
        unfolded.fee = terms.fee;
        // SAFETY: the expiry is at most MAX_LIFETIME behind a submission; 2^32 registrations would cost more gas than a century
        // of blocks holds; windows are at most 2^24 - 1 by the constructor's bounds.
        unfolded.expiry = uint40(terms.expiry);
        unfolded.modelId = uint32(MODELS.modelIdOf(terms.programRoot));
        unfolded.openDisputes = 0;
        unfolded.claimWindow = uint24(terms.claimWindow);
        emit CommitmentUnfolded(jobId, job.attempt);
    }

    /// @inheritdoc IJobs
    function deliver(JobId jobId, Terms calldata terms, Commitment calldata commitment) external returns (bool accepted) {
        Record storage job = _inStatus(jobId, JobStatus.Final);
        _checkRecord(jobId, job, terms, commitment);
        require(terms.consumer != address(0), NoConsumer(jobId));
        require(!isDelivered[jobId], AlreadyDelivered(jobId));
        // Before the call: a consumer that calls back is told that it has been delivered.
        isDelivered[jobId] = true;
        accepted = Callback.deliver(jobId, terms, commitment);
        emit Delivered(jobId, terms.consumer, accepted);
    }

    /// @inheritdoc IJobs
    /// @dev SAFETY, against reorganisations: the same job and attempt may have another commitment on the chain that takes the
    /// place of the one that the challenger has seen. What it objects to is named by its hash.
    function enterDispute(JobId jobId, bytes32 digest) external onlyDisputes returns (uint8 attempt) {
        Record storage job = _jobs[jobId];
        bytes32 standing = job.status == JobStatus.Committed ? job.digest : bytes32(0);
        require(standing != 0 && standing == digest, NotStanding(jobId, standing, digest));
        attempt = job.attempt;
        require(job.isUnfolded, NotUnfolded(jobId, attempt));
        require(block.timestamp <= job.deadline, DeadlinePassed(jobId, job.deadline, block.timestamp));
        _unfolded[jobId].openDisputes++;
    }

    /// @inheritdoc IJobs
    function leaveDispute(JobId jobId, uint8 attempt) external onlyDisputes returns (address executor) {
        (Record storage job, Unfolded storage unfolded) = _standingUnfolded(jobId, attempt);
        executor = job.executor;
        unfolded.openDisputes--;
    }

    /// @inheritdoc IJobs
    function convict(JobId jobId, uint8 attempt, address challenger) external onlyDisputes {
        (Record storage job, Unfolded storage unfolded) = _standingUnfolded(jobId, attempt);
        address executor = job.executor;
        address requester = unfolded.requester;
        uint256 collateral = unfolded.collateral;
        uint256 reward = collateral * REWARD_BPS / BPS;
        if (reward > REWARD_CAP) reward = REWARD_CAP;
        uint256 compensation = collateral * COMPENSATION_BPS / BPS;
        emit Convicted(
            jobId, executor, challenger, attempt, reward, compensation, collateral - reward - compensation
        );
        _barred[jobId][executor] = true;
        job.digest = unfolded.termsHash;
        // The other disputes of this commitment are void from here on; each is closed by itself, at its own cost.
        if (attempt < MAX_ATTEMPTS) _reopen(jobId, job, attempt + 1, unfolded.claimWindow, unfolded.expiry);
        else _cancel(jobId, job, requester, unfolded.fee);
        STAKES.slash(IStakes.Slash(executor, collateral, challenger, reward, requester, compensation));
    }

    /// @dev Each output's root lies in the trace at the index that the header gives. As a side effect `traceRoot` is known to
    /// be the list root over exactly `header.traceCount` tensors, on which the descent of a bisection relies.
    function _checkOutputs(
        ProgramHeader calldata header,
        bytes32 traceRoot,
        bytes32[] calldata outputRoots,
        bytes32[][] calldata proofs
    ) private view {
        uint256 count = header.outputs.length;
        require(outputRoots.length == count, WrongOutputCount(count, outputRoots.length));
        require(proofs.length == count, WrongOutputCount(count, proofs.length));
        for (uint256 i = 0; i < count; i++) {
            bytes32 top =
                MerkleTree.verifyPath(outputRoots[i], header.outputs[i], header.traceCount, proofs[i]);
            require(
                MerkleTree.listRoot(Domains.TRACE, header.traceCount, top) == traceRoot, OutputNotInTrace(i)
            );
        }
    }
}
