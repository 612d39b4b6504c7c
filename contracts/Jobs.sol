// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobs} from "./interfaces/IJobs.sol";
import {IModels} from "./interfaces/IModels.sol";
import {IStakes} from "./interfaces/IStakes.sol";
import {Domains} from "./lib/Domains.sol";
import {MerkleTree} from "./lib/MerkleTree.sol";
import {ProgramLib} from "./lib/ProgramLib.sol";
import {Wei} from "./lib/Wei.sol";
import {JobId} from "./types/Identifiers.sol";
import {Job, JobLimits, JobStatus, Submission} from "./types/Job.sol";
import {ProgramHeader} from "./types/Program.sol";
import {Claim} from "./types/Witness.sol";

/// @title Paid inferences, from submission to finality
/// @dev INVARIANT: the balance is the sum of the fees of all jobs that are `Open`, `Claimed` or `Committed`. A fee enters in
/// `submit` and leaves once: with `finalize`, with `cancel`, or when the last attempt is convicted.
/// INVARIANT: a job that is `Claimed` or `Committed` has exactly its collateral locked in `Stakes`, and no other has any.
contract Jobs is IJobs {
    using Wei for uint256;

    /// @dev Six words; `submit` writes four of them and `commit` two, which is most of what a job costs.
    struct Record {
        bytes32 inputRoot;
        address requester;
        uint96 fee;
        address executor;
        uint96 collateral;
        JobStatus status;
        uint8 attempt;
        uint32 openDisputes;
        uint40 deadline;
        uint40 expiry;
        uint24 claimWindow;
        uint24 deliveryWindow;
        uint24 challengeWindow;
        uint32 modelId;
        bytes32 traceRoot;
        bytes32 outputRoot;
    }

    /// @notice Bytes of input that may travel with a submission.
    uint256 public constant MAX_INPUT_BYTES = 65_536;

    /// @notice Commitments of one job that may be convicted before it ends with a refund. Bounds the life of a job.
    uint8 public constant MAX_ATTEMPTS = 64;

    uint256 private constant BPS = 10_000;

    /// @notice Part of the collateral that a missed delivery costs, in basis points; it goes to the requester.
    uint256 public constant NO_SHOW_BPS = 500;

    /// @notice Part of the slashed collateral for the challenger, in basis points, before the cap.
    uint256 public constant REWARD_BPS = 5_000;

    /// @notice Part of the slashed collateral for the requester, in basis points.
    /// @dev INVARIANT: REWARD_BPS + COMPENSATION_BPS < BPS. The rest, at least 30 %, is burnt: an executor that is its own
    /// challenger and its own requester still loses that much, so convicting oneself never pays.
    uint256 public constant COMPENSATION_BPS = 2_000;

    IStakes public immutable STAKES;
    IModels public immutable MODELS;

    /// @inheritdoc IJobs
    address public immutable DISPUTES;

    uint32 private immutable MIN_CLAIM_WINDOW;
    uint32 private immutable MAX_CLAIM_WINDOW;
    uint32 private immutable MIN_DELIVERY_WINDOW;
    uint32 private immutable MAX_DELIVERY_WINDOW;
    uint32 private immutable MIN_CHALLENGE_WINDOW;
    uint32 private immutable MAX_CHALLENGE_WINDOW;
    uint96 private immutable MIN_COLLATERAL;
    uint96 private immutable REWARD_CAP;

    /// @inheritdoc IJobs
    uint256 public jobCount;

    mapping(JobId => Record) private _jobs;
    mapping(JobId => mapping(address => bool)) private _convicted;

    modifier onlyDisputes() {
        require(msg.sender == DISPUTES, Unauthorized(msg.sender, DISPUTES));
        _;
    }

    /// @param disputes deployed after this one, at the address computed for it
    constructor(IStakes stakes, IModels models, address disputes, JobLimits memory bounds) {
        // Nobody can repair the wiring later, so a deployment whose computed addresses are off must fail here.
        require(stakes.JOBS() == address(this), WrongWiring(address(stakes), address(this)));
        // Windows are kept in 24 bits (194 days). A minimum of one second keeps deadlines after the moment they are set.
        _checkBounds("claimWindow", bounds.minClaimWindow, bounds.maxClaimWindow);
        _checkBounds("deliveryWindow", bounds.minDeliveryWindow, bounds.maxDeliveryWindow);
        _checkBounds("challengeWindow", bounds.minChallengeWindow, bounds.maxChallengeWindow);
        // Without collateral nobody would be paid for watching.
        require(bounds.minCollateral != 0, BadLimits("minCollateral"));
        require(bounds.rewardCap != 0, BadLimits("rewardCap"));
        STAKES = stakes;
        MODELS = models;
        DISPUTES = disputes;
        MIN_CLAIM_WINDOW = bounds.minClaimWindow;
        MAX_CLAIM_WINDOW = bounds.maxClaimWindow;
        MIN_DELIVERY_WINDOW = bounds.minDeliveryWindow;
        MAX_DELIVERY_WINDOW = bounds.maxDeliveryWindow;
        MIN_CHALLENGE_WINDOW = bounds.minChallengeWindow;
        MAX_CHALLENGE_WINDOW = bounds.maxChallengeWindow;
        MIN_COLLATERAL = bounds.minCollateral;
        REWARD_CAP = bounds.rewardCap;
    }

    /// @inheritdoc IJobs
    function submit(Submission calldata submission) external payable returns (JobId jobId) {
        _checkWindow("claimWindow", submission.claimWindow, MIN_CLAIM_WINDOW, MAX_CLAIM_WINDOW);
        _checkWindow("deliveryWindow", submission.deliveryWindow, MIN_DELIVERY_WINDOW, MAX_DELIVERY_WINDOW);
        _checkWindow("challengeWindow", submission.challengeWindow, MIN_CHALLENGE_WINDOW, MAX_CHALLENGE_WINDOW);
        require(submission.collateral >= MIN_COLLATERAL, CollateralTooSmall(submission.collateral, MIN_COLLATERAL));
        require(submission.input.length <= MAX_INPUT_BYTES, InputTooLarge(submission.input.length, MAX_INPUT_BYTES));
        uint64 expiry = submission.expiry;
        require(
            expiry == 0 || (expiry >= block.timestamp && expiry <= type(uint40).max),
            BadExpiry(expiry, block.timestamp)
        );
        uint256 modelId = MODELS.modelIdOf(submission.programRoot);
        require(modelId != 0, UnknownProgram(submission.programRoot));

        jobId = JobId.wrap(++jobCount);
        Record storage job = _jobs[jobId];
        job.inputRoot = submission.inputRoot;
        job.requester = msg.sender;
        job.fee = msg.value.toWei96();
        job.collateral = submission.collateral;
        job.status = JobStatus.Open;
        job.attempt = 1;
        // SAFETY: the windows are at most 2^24 - 1 by the constructor's bounds, expiry fits 40 bits by the check above, and
        // 2^32 registrations would cost more gas than a century of blocks holds.
        job.expiry = uint40(expiry);
        job.claimWindow = uint24(submission.claimWindow);
        job.deliveryWindow = uint24(submission.deliveryWindow);
        job.challengeWindow = uint24(submission.challengeWindow);
        job.modelId = uint32(modelId);
        job.deadline = _openUntil(submission.claimWindow, expiry);
        emit Submitted(
            jobId,
            submission.programRoot,
            msg.sender,
            submission.inputRoot,
            msg.value,
            submission.collateral,
            job.deadline
        );
        if (submission.input.length != 0) emit InputPublished(jobId, submission.input);
    }

    /// @inheritdoc IJobs
    function claim(JobId jobId) external {
        Record storage job = _inStatus(jobId, JobStatus.Open);
        require(block.timestamp <= job.deadline, DeadlinePassed(jobId, job.deadline, block.timestamp));
        uint8 attempt = job.attempt;
        // Nobody has been convicted before the second attempt, which saves the honest path a cold read.
        require(attempt == 1 || !_convicted[jobId][msg.sender], ConvictedOnThisJob(jobId, msg.sender));
        uint40 deadline = _after(job.deliveryWindow);
        job.status = JobStatus.Claimed;
        job.deadline = deadline;
        job.executor = msg.sender;
        emit Claimed(jobId, msg.sender, attempt, deadline);
        STAKES.lock(msg.sender, job.collateral);
    }

    /// @inheritdoc IJobs
    function commit(
        JobId jobId,
        ProgramHeader calldata header,
        bytes32 traceRoot,
        bytes32[] calldata outputRoots,
        bytes32[][] calldata proofs
    ) external {
        Record storage job = _inStatus(jobId, JobStatus.Claimed);
        require(msg.sender == job.executor, Unauthorized(msg.sender, job.executor));
        require(block.timestamp <= job.deadline, DeadlinePassed(jobId, job.deadline, block.timestamp));
        bytes32 programRoot = ProgramLib.rootOf(header);
        if (MODELS.modelIdOf(programRoot) != job.modelId) {
            revert WrongProgram(jobId, MODELS.programRootOf(job.modelId), programRoot);
        }
        _checkOutputs(header, traceRoot, outputRoots, proofs);

        bytes32 outputRoot =
            MerkleTree.listRoot(Domains.OUTPUTS, outputRoots.length, MerkleTree.topOf(outputRoots));
        uint40 deadline = _after(job.challengeWindow);
        job.status = JobStatus.Committed;
        job.deadline = deadline;
        job.traceRoot = traceRoot;
        job.outputRoot = outputRoot;
        emit Committed(jobId, msg.sender, job.attempt, traceRoot, outputRoot, outputRoots, deadline);
    }

    /// @inheritdoc IJobs
    function finalize(JobId jobId) external {
        Record storage job = _inStatus(jobId, JobStatus.Committed);
        require(block.timestamp > job.deadline, DeadlineNotPassed(jobId, job.deadline, block.timestamp));
        require(job.openDisputes == 0, DisputesOpen(jobId, job.openDisputes));
        job.status = JobStatus.Final;
        emit Finalized(jobId, job.executor, job.attempt, job.fee);
        STAKES.settle{value: job.fee}(job.executor, job.collateral);
    }

    /// @inheritdoc IJobs
    function expire(JobId jobId) external {
        Record storage job = _inStatus(jobId, JobStatus.Claimed);
        require(block.timestamp > job.deadline, DeadlineNotPassed(jobId, job.deadline, block.timestamp));
        address executor = job.executor;
        uint256 collateral = job.collateral;
        uint256 penalty = collateral * NO_SHOW_BPS / BPS;
        emit Expired(jobId, executor, penalty);
        _reopen(jobId, job, job.attempt);
        STAKES.slash(IStakes.Slash(executor, penalty, address(0), 0, job.requester, penalty));
        STAKES.unlock(executor, collateral - penalty);
    }

    /// @inheritdoc IJobs
    function cancel(JobId jobId) external {
        Record storage job = _inStatus(jobId, JobStatus.Open);
        // While executors can still claim, only the requester decides; afterwards the money must not depend on it.
        require(
            msg.sender == job.requester || block.timestamp > job.deadline, Unauthorized(msg.sender, job.requester)
        );
        _cancel(jobId, job);
    }

    /// @inheritdoc IJobs
    function enterDispute(JobId jobId, uint8 attempt) external onlyDisputes {
        Record storage job = _standing(jobId, attempt);
        require(block.timestamp <= job.deadline, DeadlinePassed(jobId, job.deadline, block.timestamp));
        job.openDisputes++;
    }

    /// @inheritdoc IJobs
    function leaveDispute(JobId jobId, uint8 attempt) external onlyDisputes returns (address executor) {
        Record storage job = _standing(jobId, attempt);
        job.openDisputes--;
        return job.executor;
    }

    /// @inheritdoc IJobs
    function convict(JobId jobId, uint8 attempt, address challenger) external onlyDisputes {
        Record storage job = _standing(jobId, attempt);
        address executor = job.executor;
        uint256 collateral = job.collateral;
        uint256 reward = collateral * REWARD_BPS / BPS;
        if (reward > REWARD_CAP) reward = REWARD_CAP;
        uint256 compensation = collateral * COMPENSATION_BPS / BPS;
        emit Convicted(
            jobId, executor, challenger, attempt, reward, compensation, collateral - reward - compensation
        );
        _convicted[jobId][executor] = true;
        job.traceRoot = 0;
        job.outputRoot = 0;
        // The other disputes of this commitment are void from here on; each is closed by itself, at its own cost.
        job.openDisputes = 0;
        address requester = job.requester;
        if (attempt < MAX_ATTEMPTS) _reopen(jobId, job, attempt + 1);
        else _cancel(jobId, job);
        STAKES.slash(IStakes.Slash(executor, collateral, challenger, reward, requester, compensation));
    }

    /// @inheritdoc IJobs
    function getJob(JobId jobId) external view returns (Job memory) {
        Record storage job = _jobs[jobId];
        require(job.status != JobStatus.None, UnknownJob(jobId));
        return Job({
            status: job.status,
            attempt: job.attempt,
            openDisputes: job.openDisputes,
            deadline: job.deadline,
            requester: job.requester,
            executor: job.executor,
            programRoot: MODELS.programRootOf(job.modelId),
            inputRoot: job.inputRoot,
            traceRoot: job.traceRoot,
            outputRoot: job.outputRoot,
            fee: job.fee,
            collateral: job.collateral,
            claimWindow: job.claimWindow,
            deliveryWindow: job.deliveryWindow,
            challengeWindow: job.challengeWindow,
            expiry: job.expiry
        });
    }

    /// @inheritdoc IJobs
    function claimOf(JobId jobId, uint8 attempt) external view returns (Claim memory claim_, uint256 modelId) {
        Record storage job = _standing(jobId, attempt);
        modelId = job.modelId;
        claim_ = Claim(MODELS.programRootOf(modelId), job.inputRoot, job.traceRoot);
    }

    /// @inheritdoc IJobs
    function isStanding(JobId jobId, uint8 attempt) external view returns (bool) {
        return _stands(_jobs[jobId], attempt);
    }

    /// @inheritdoc IJobs
    function isConvicted(JobId jobId, address account) external view returns (bool) {
        return _convicted[jobId][account];
    }

    /// @inheritdoc IJobs
    function limits() external view returns (JobLimits memory) {
        return JobLimits(
            MIN_CLAIM_WINDOW,
            MAX_CLAIM_WINDOW,
            MIN_DELIVERY_WINDOW,
            MAX_DELIVERY_WINDOW,
            MIN_CHALLENGE_WINDOW,
            MAX_CHALLENGE_WINDOW,
            MIN_COLLATERAL,
            REWARD_CAP
        );
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

    function _reopen(JobId jobId, Record storage job, uint8 attempt) private {
        uint40 deadline = _openUntil(job.claimWindow, job.expiry);
        job.status = JobStatus.Open;
        job.attempt = attempt;
        job.deadline = deadline;
        job.executor = address(0);
        emit Reopened(jobId, attempt, deadline);
    }

    function _cancel(JobId jobId, Record storage job) private {
        job.status = JobStatus.Cancelled;
        emit Cancelled(jobId, job.requester, job.fee);
        STAKES.credit{value: job.fee}(job.requester);
    }

    function _inStatus(JobId jobId, JobStatus needed) private view returns (Record storage job) {
        job = _jobs[jobId];
        require(job.status != JobStatus.None, UnknownJob(jobId));
        require(job.status == needed, WrongStatus(jobId, job.status, needed));
    }

    function _standing(JobId jobId, uint8 attempt) private view returns (Record storage job) {
        job = _jobs[jobId];
        require(_stands(job, attempt), NoSuchCommitment(jobId, attempt));
    }

    function _stands(Record storage job, uint8 attempt) private view returns (bool) {
        return job.status == JobStatus.Committed && job.attempt == attempt;
    }

    /// @dev The earlier of the claim window's end and the expiry. After a late reopening it may lie in the past: then the
    /// job can only be cancelled.
    function _openUntil(uint256 claimWindow, uint256 expiry) private view returns (uint40) {
        uint40 end = _after(claimWindow);
        // SAFETY: expiry < end < 2^40.
        return expiry != 0 && expiry < end ? uint40(expiry) : end;
    }

    function _after(uint256 window) private view returns (uint40) {
        // SAFETY: 2^40 seconds are 34,000 years after 1970.
        return uint40(block.timestamp + window);
    }

    function _checkWindow(bytes32 name, uint256 given, uint256 min, uint256 max) private pure {
        require(given >= min && given <= max, WindowOutOfBounds(name, given, min, max));
    }

    function _checkBounds(bytes32 name, uint256 min, uint256 max) private pure {
        require(min != 0 && min <= max && max <= type(uint24).max, BadLimits(name));
    }
}
