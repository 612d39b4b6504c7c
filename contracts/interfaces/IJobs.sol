// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobId} from "../types/Identifiers.sol";
import {Commitment, Job, JobLimits, JobStatus, Submission, Terms} from "../types/Job.sol";
import {ProgramHeader} from "../types/Program.sol";
import {Claim} from "../types/Witness.sol";
import {IStakes} from "./IStakes.sol";

/// @title Paid inferences, from submission to finality
/// @notice `submit` → `claim` → `commit` → challenge window → `finalize`. The fee waits here; collateral waits in `Stakes`.
/// @dev Of terms and commitment only a hash is kept. The events `Submitted`, `Expired` and `Committed` tell them, and each call
/// repeats them; other ones than those of the job are refused (`WrongRecord`).
interface IJobs {
    event Submitted(
        JobId indexed jobId,
        bytes32 indexed programRoot,
        address indexed requester,
        Terms terms,
        uint256 deadline
    );
    /// @notice The input travelled with the submission: committed bytes of the input tensors, one after another, unchecked.
    event InputPublished(JobId indexed jobId, bytes input);
    event Claimed(JobId indexed jobId, address indexed executor, uint8 attempt, uint256 deadline);
    /// @param outputRoots tensor roots of the outputs, in the order of the header
    /// @param deadline last second for a challenge
    event Committed(
        JobId indexed jobId,
        address indexed executor,
        uint8 attempt,
        bytes32 traceRoot,
        bytes32 outputRoot,
        bytes32[] outputRoots,
        uint256 deadline,
        Terms terms
    );
    /// @notice The commitment's fields are in storage now: it can be disputed.
    event CommitmentUnfolded(JobId indexed jobId, uint8 attempt);
    event Finalized(JobId indexed jobId, address indexed executor, uint8 attempt, uint256 fee);
    /// @notice The executor missed the delivery; `penalty` of its collateral went to the requester.
    event Expired(JobId indexed jobId, address indexed executor, uint256 penalty, Terms terms);
    event Convicted(
        JobId indexed jobId,
        address indexed executor,
        address indexed challenger,
        uint8 attempt,
        uint256 reward,
        uint256 compensation,
        uint256 burned
    );
    /// @notice The job can be claimed again until `deadline`.
    event Reopened(JobId indexed jobId, uint8 attempt, uint256 deadline);
    event Cancelled(JobId indexed jobId, address indexed requester, uint256 refund);
    /// @notice The consumer was called, once and for all; `accepted` tells whether it returned.
    event Delivered(JobId indexed jobId, address indexed consumer, bool accepted);

    /// @notice Only `expected` may call this.
    error Unauthorized(address caller, address expected);
    /// @notice The program is not registered in `Models`.
    error UnknownProgram(bytes32 programRoot);
    /// @notice No job has this number.
    error UnknownJob(JobId jobId);
    /// @notice The job is not in the state that the call needs.
    error WrongStatus(JobId jobId, JobStatus actual, JobStatus needed);
    /// @notice A window of the submission is outside this deployment's bounds. `window` is its name.
    error WindowOutOfBounds(bytes32 window, uint256 given, uint256 min, uint256 max);
    /// @notice Terms or commitment are not those whose hash the job keeps.
    error WrongRecord(JobId jobId, bytes32 expected, bytes32 given);
    /// @notice The commitment has to be unfolded before it is disputed.
    error NotUnfolded(JobId jobId, uint8 attempt);
    /// @notice A consumer needs callback gas, at most `max`, and callback gas a consumer.
    error BadCallback(address consumer, uint256 callbackGas, uint256 max);
    /// @notice The job names no consumer.
    error NoConsumer(JobId jobId);
    /// @notice The consumer has been called.
    error AlreadyDelivered(JobId jobId);
    /// @notice The collateral is below this deployment's minimum, or its multiple of the fee.
    error CollateralTooSmall(uint256 given, uint256 min);
    /// @notice The input is longer than what a transaction may carry.
    error InputTooLarge(uint256 length, uint256 max);
    /// @notice The expiry lies in the past, or later than a job may live.
    error BadExpiry(uint256 expiry, uint256 now_, uint256 latest);
    /// @notice The deadline for this call has passed.
    error DeadlinePassed(JobId jobId, uint256 deadline, uint256 now_);
    /// @notice The deadline has to pass first.
    error DeadlineNotPassed(JobId jobId, uint256 deadline, uint256 now_);
    /// @notice The account was convicted on this job, or missed a delivery of it, and cannot claim it again.
    error BarredFromJob(JobId jobId, address executor);
    /// @notice A missed delivery reopened the job in this block: it can be claimed from the next one on.
    error JustReopened(JobId jobId, uint256 blockNumber);
    /// @notice The header is not the header of the job's program.
    error WrongProgram(JobId jobId, bytes32 expected, bytes32 given);
    /// @notice The program has `expected` outputs; `given` roots or proofs were sent.
    error WrongOutputCount(uint256 expected, uint256 given);
    /// @notice The proof of output `position` does not lead to the trace root.
    error OutputNotInTrace(uint256 position);
    /// @notice Disputes against the commitment have not ended.
    error DisputesOpen(JobId jobId, uint256 count);
    /// @notice The job has no standing commitment with this attempt number.
    error NoSuchCommitment(JobId jobId, uint8 attempt);
    /// @notice The commitment that stands on the job has the digest `standing`, zero if none does, and not `named`.
    error NotStanding(JobId jobId, bytes32 standing, bytes32 named);
    /// @notice A constructor bound does not hold. `parameter` is its name.
    error BadLimits(bytes32 parameter);
    /// @notice A contract given to the constructor does not name this one as its counterpart.
    error WrongWiring(address counterpart, address expected);

    /// @notice Opens a job and takes its fee.
    function submit(Submission calldata submission) external payable returns (JobId jobId);

    /// @notice Takes an open job and locks the collateral out of the sender's free stake.
    function claim(JobId jobId, Terms calldata terms) external;

    /// @notice Commits to a trace. Only the executor, until the delivery deadline.
    /// @param header of the job's program
    /// @param outputRoots tensor roots of the outputs, in the order of the header
    /// @param proofs path of each output's root in the trace
    function commit(
        JobId jobId,
        Terms calldata terms,
        ProgramHeader calldata header,
        bytes32 traceRoot,
        bytes32[] calldata outputRoots,
        bytes32[][] calldata proofs
    ) external;

    /// @notice Makes an unchallenged commitment final and pays the executor. Anybody, after the challenge window.
    function finalize(JobId jobId, Terms calldata terms, Commitment calldata commitment) external;

    /// @notice Takes the job from an executor that missed the delivery deadline, bars it from the job, and reopens it. Anybody.
    function expire(JobId jobId, Terms calldata terms) external;

    /// @notice Ends an open job and refunds the fee. The requester at any time; anybody once nobody can claim it any more.
    function cancel(JobId jobId, Terms calldata terms) external;

    /// @notice Puts a commitment's fields into storage, so that it can be disputed. Anybody; nothing happens the second time.
    function unfold(JobId jobId, Terms calldata terms, Commitment calldata commitment) external;

    /// @notice Calls the consumer of a final job with its result, with exactly the callback gas of the terms. Anybody, once:
    /// a consumer that fails is not called again, and blocks nothing.
    /// @return accepted whether the consumer returned
    function deliver(JobId jobId, Terms calldata terms, Commitment calldata commitment) external returns (bool accepted);

    /// @notice Counts a new dispute against a commitment within its challenge window. Only `Disputes`.
    /// @param digest of the commitment, as `getJob` tells it
    /// @return attempt the commitment's number
    function enterDispute(JobId jobId, bytes32 digest) external returns (uint8 attempt);

    /// @notice Counts a dispute that the challenger lost. Only `Disputes`.
    /// @return executor the defender, to whom the bond goes
    function leaveDispute(JobId jobId, uint8 attempt) external returns (address executor);

    /// @notice Slashes the executor of a commitment, rewards `challenger`, reopens the job. Only `Disputes`.
    function convict(JobId jobId, uint8 attempt, address challenger) external;

    /// @notice What storage holds of a job. Reverts with `UnknownJob`.
    function getJob(JobId jobId) external view returns (Job memory);

    /// @notice The claim of a standing commitment that has been unfolded, without any inner trace, and the number of the program in `Models`.
    function claimOf(JobId jobId, uint8 attempt) external view returns (Claim memory claim_, uint256 modelId);

    /// @notice Digest and author of this attempt's commitment while it can be disputed or made final; zeros otherwise.
    function commitmentOf(JobId jobId, uint8 attempt) external view returns (bytes32 digest, address executor);

    /// @notice Whether this attempt of the job has a commitment that can still be disputed or made final.
    function isStanding(JobId jobId, uint8 attempt) external view returns (bool);

    /// @notice Whether the job is final and its terms and commitment are these.
    function isFinal(JobId jobId, Terms calldata terms, Commitment calldata commitment) external view returns (bool);

    /// @notice Whether the job's consumer has been called.
    function isDelivered(JobId jobId) external view returns (bool);

    /// @notice Whether the account was convicted on the job or missed a delivery of it, and cannot claim it again.
    function isBarred(JobId jobId, address account) external view returns (bool);

    /// @notice How many jobs were submitted; the last one has this number.
    function jobCount() external view returns (uint256);

    /// @notice The bounds on jobs.
    function limits() external view returns (JobLimits memory);

    /// @notice The contract that holds stakes and credits; fixed at construction.
    function STAKES() external view returns (IStakes);

    /// @notice The contract that may count disputes and convict; fixed at construction.
    function DISPUTES() external view returns (address);
}
