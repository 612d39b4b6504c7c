// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobs} from "./interfaces/IJobs.sol";
import {IModels} from "./interfaces/IModels.sol";
import {IStakes} from "./interfaces/IStakes.sol";
import {Asset} from "./lib/Asset.sol";
import {JobRecord} from "./lib/JobRecord.sol";
import {JobId} from "./types/Identifiers.sol";
import {Commitment, Job, JobLimits, JobStatus, Terms} from "./types/Job.sol";
import {Claim} from "./types/Witness.sol";

/// @title The jobs as they stand: what is kept of them, their bounds, and how they open again and end
/// @dev INVARIANT: the balance is the sum of the fees of all jobs that are `Open`, `Claimed` or `Committed`. A fee enters in
/// `submit` and leaves once: with `finalize`, with `cancel`, or when the last attempt is convicted.
/// INVARIANT: a job that is `Claimed` or `Committed` has exactly its collateral locked in `Stakes`, and no other has any.
abstract contract JobBook is IJobs {
    /// @dev Two words; each step of a job without a dispute writes them and no others.
    struct Record {
        address executor;
        uint40 deadline;
        uint24 recordBlock;
        JobStatus status;
        uint8 attempt;
        uint8 missed;
        bool isUnfolded;
        bytes32 digest;
    }

    /// @dev What disputes need of a commitment, written when the first challenger unfolds it.
    struct Unfolded {
        bytes32 inputRoot;
        bytes32 traceRoot;
        bytes32 termsHash;
        address requester;
        uint96 collateral;
        uint96 fee;
        uint40 expiry;
        uint32 modelId;
        uint32 openDisputes;
        uint24 claimWindow;
    }

    /// @notice Bytes of input that may travel with a submission.
    uint256 public constant MAX_INPUT_BYTES = 65_536;

    /// @notice Commitments of one job that may be convicted before it ends with a refund. Bounds the life of a job.
    uint8 public constant MAX_ATTEMPTS = 64;

    uint256 internal constant BPS = 10_000;

    /// @notice Part of the collateral that the first missed delivery of a job costs, in basis points; it goes to the requester.
    /// Each further one on the same job costs twice as much, up to `MAX_NO_SHOW_BPS`.
    uint256 public constant NO_SHOW_BPS = 500;

    /// @notice The most that a missed delivery costs, in basis points: an outage must not ruin anybody.
    uint256 public constant MAX_NO_SHOW_BPS = 4_000;

    /// @notice The most gas that a consumer may ask for.
    uint32 public constant MAX_CALLBACK_GAS = 5_000_000;

    /// @notice Part of the slashed collateral for the challenger, in basis points, before the cap.
    uint256 public constant REWARD_BPS = 5_000;

    /// @notice Part of the slashed collateral for the requester, in basis points.
    /// @dev INVARIANT: REWARD_BPS + COMPENSATION_BPS < BPS. The rest, at least 30 %, is burnt: an executor that is its own
    /// challenger and its own requester still loses that much, so convicting oneself never pays.
    uint256 public constant COMPENSATION_BPS = 2_000;

    /// @inheritdoc IJobs
    IStakes public immutable STAKES;
    IModels public immutable MODELS;

    /// @inheritdoc IJobs
    address public immutable DISPUTES;

    address internal immutable TOKEN;
    uint32 internal immutable MIN_CLAIM_WINDOW;
    uint32 internal immutable MAX_CLAIM_WINDOW;
    uint32 internal immutable MIN_DELIVERY_WINDOW;
    uint32 internal immutable MAX_DELIVERY_WINDOW;
    uint32 internal immutable MIN_CHALLENGE_WINDOW;
    uint32 internal immutable MAX_CHALLENGE_WINDOW;
    uint96 private immutable MIN_COLLATERAL;
    uint96 internal immutable REWARD_CAP;
    uint32 private immutable MAX_LIFETIME;
    uint16 private immutable COLLATERAL_PER_FEE;

    /// @dev From 1, and never zero, so that the first job costs no more than any other.
    uint256 internal _nextJob = 1;

    mapping(JobId => Record) internal _jobs;
    mapping(JobId => Unfolded) internal _unfolded;
    mapping(JobId => mapping(address => bool)) internal _barred;

    /// @inheritdoc IJobs
    mapping(JobId => bool) public isDelivered;

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
        // Without an expiry a job could be kept from its requester by missed deliveries for ever.
        require(bounds.maxLifetime != 0, BadLimits("maxLifetime"));
        require(bounds.collateralPerFee != 0, BadLimits("collateralPerFee"));
        STAKES = stakes;
        TOKEN = stakes.TOKEN();
        Asset.allow(TOKEN, address(stakes));
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
        MAX_LIFETIME = bounds.maxLifetime;
        COLLATERAL_PER_FEE = bounds.collateralPerFee;
    }

    /// @inheritdoc IJobs
    function getJob(JobId jobId) external view returns (Job memory) {
        Record storage job = _jobs[jobId];
        require(job.status != JobStatus.None, UnknownJob(jobId));
        bool stands = job.status == JobStatus.Committed;
        return Job({
            status: job.status,
            attempt: job.attempt,
            missed: job.missed,
            deadline: job.deadline,
            recordBlock: job.recordBlock,
            executor: job.executor,
            digest: job.digest,
            unfolded: job.isUnfolded,
            openDisputes: stands && job.isUnfolded ? _unfolded[jobId].openDisputes : 0
        });
    }

    /// @inheritdoc IJobs
    function jobCount() external view returns (uint256) {
        return _nextJob - 1;
    }

    /// @inheritdoc IJobs
    function claimOf(JobId jobId, uint8 attempt) external view returns (Claim memory claim_, uint256 modelId) {
        (, Unfolded storage unfolded) = _standingUnfolded(jobId, attempt);
        modelId = unfolded.modelId;
        claim_ = Claim(MODELS.programRootOf(modelId), unfolded.inputRoot, unfolded.traceRoot, 0, 0, 0);
    }

    /// @inheritdoc IJobs
    function commitmentOf(JobId jobId, uint8 attempt) external view returns (bytes32 digest, address executor) {
        Record storage job = _jobs[jobId];
        if (_stands(job, attempt)) (digest, executor) = (job.digest, job.executor);
    }

    /// @inheritdoc IJobs
    function isStanding(JobId jobId, uint8 attempt) external view returns (bool) {
        return _stands(_jobs[jobId], attempt);
    }

    /// @inheritdoc IJobs
    function isFinal(JobId jobId, Terms calldata terms, Commitment calldata commitment) external view returns (bool) {
        Record storage job = _jobs[jobId];
        return job.status == JobStatus.Final && job.digest == JobRecord.committed(terms, commitment);
    }

    /// @inheritdoc IJobs
    function isBarred(JobId jobId, address account) external view returns (bool) {
        return _barred[jobId][account];
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
            REWARD_CAP,
            MAX_LIFETIME,
            COLLATERAL_PER_FEE
        );
    }

    function _reopen(JobId jobId, Record storage job, uint8 attempt, uint256 claimWindow, uint256 expiry) internal {
        uint40 deadline = _openUntil(claimWindow, expiry);
        job.status = JobStatus.Open;
        job.attempt = attempt;
        job.deadline = deadline;
        job.executor = address(0);
        job.isUnfolded = false;
        emit Reopened(jobId, attempt, deadline);
    }

    function _cancel(JobId jobId, Record storage job, address requester, uint256 fee) internal {
        job.status = JobStatus.Cancelled;
        emit Cancelled(jobId, requester, fee);
        STAKES.credit{value: Asset.valueOf(TOKEN, fee)}(requester, fee);
    }

    /// @dev SAFETY, against a cheat who gains from the fee: half of the collateral, which it keeps if it wins the race to
    /// convict itself, is the least that it loses; docs/security.md has the sum for every coalition.
    function _checkCollateral(uint256 collateral, uint256 fee) internal view {
        uint256 least = fee * COLLATERAL_PER_FEE;
        if (least < MIN_COLLATERAL) least = MIN_COLLATERAL;
        require(collateral >= least, CollateralTooSmall(collateral, least));
    }

    function _expiryOf(uint256 asked) internal view returns (uint64) {
        uint256 latest = block.timestamp + MAX_LIFETIME;
        if (asked == 0) asked = latest;
        require(asked >= block.timestamp && asked <= latest, BadExpiry(asked, block.timestamp, latest));
        // SAFETY: at most 2^32 seconds from now.
        return uint64(asked);
    }

    function _noShowBps(uint256 missed) internal pure returns (uint256 bps) {
        bps = missed < 8 ? NO_SHOW_BPS << missed : MAX_NO_SHOW_BPS;
        if (bps > MAX_NO_SHOW_BPS) bps = MAX_NO_SHOW_BPS;
    }

    function _checkTerms(JobId jobId, Record storage job, Terms calldata terms) internal view returns (bytes32 termsHash) {
        termsHash = JobRecord.hashOf(terms);
        require(job.digest == termsHash, WrongRecord(jobId, job.digest, termsHash));
    }

    function _checkRecord(JobId jobId, Record storage job, Terms calldata terms, Commitment calldata commitment)
        internal
        view
    {
        bytes32 digest = JobRecord.committed(terms, commitment);
        require(job.digest == digest, WrongRecord(jobId, job.digest, digest));
    }

    /// @dev What is left of an earlier attempt must not be taken for the standing one, hence the flag in the job itself.
    function _standingUnfolded(JobId jobId, uint8 attempt)
        internal
        view
        returns (Record storage job, Unfolded storage unfolded)
    {
        job = _jobs[jobId];
        require(_stands(job, attempt), NoSuchCommitment(jobId, attempt));
        require(job.isUnfolded, NotUnfolded(jobId, attempt));
        unfolded = _unfolded[jobId];
    }

    function _inStatus(JobId jobId, JobStatus needed) internal view returns (Record storage job) {
        job = _jobs[jobId];
        require(job.status != JobStatus.None, UnknownJob(jobId));
        require(job.status == needed, WrongStatus(jobId, job.status, needed));
    }

    function _stands(Record storage job, uint8 attempt) internal view returns (bool) {
        return job.status == JobStatus.Committed && job.attempt == attempt;
    }

    /// @dev The earlier of the claim window's end and the expiry. After a late reopening it may lie in the past: then the
    /// job can only be cancelled.
    function _openUntil(uint256 claimWindow, uint256 expiry) internal view returns (uint40) {
        uint40 end = _after(claimWindow);
        // SAFETY: expiry < end < 2^40.
        return expiry < end ? uint40(expiry) : end;
    }

    function _after(uint256 window) internal view returns (uint40) {
        // SAFETY: 2^40 seconds are 34,000 years after 1970.
        return uint40(block.timestamp + window);
    }

    function _checkWindow(bytes32 name, uint256 given, uint256 min, uint256 max) internal pure {
        require(given >= min && given <= max, WindowOutOfBounds(name, given, min, max));
    }

    function _checkBounds(bytes32 name, uint256 min, uint256 max) private pure {
        require(min != 0 && min <= max && max <= type(uint24).max, BadLimits(name));
    }
}
