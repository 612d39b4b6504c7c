// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Where a job is in its life. `Final` and `Cancelled` are the two ends.
enum JobStatus {
    None,
    Open,
    Claimed,
    Committed,
    Final,
    Cancelled
}

/// @notice What a requester asks for. The fee is the value sent along.
/// @param programRoot the program to run; it must be registered in `Models`
/// @param inputRoot list root of the tensor roots of the inputs
/// @param collateral wei that the executor must lock
/// @param claimWindow seconds that the job stays open to executors, after submission and after each reopening
/// @param deliveryWindow seconds from the claim to the last moment for the commitment
/// @param challengeWindow seconds from the commitment to the last moment for a challenge
/// @param expiry timestamp after which nobody may claim the job any more; 0 is never
/// @param input committed bytes of the inputs, one after another, or empty if they are delivered off chain. Nothing on
/// chain checks them: an executor hashes them and compares with `inputRoot` before it claims.
struct Submission {
    bytes32 programRoot;
    bytes32 inputRoot;
    uint96 collateral;
    uint32 claimWindow;
    uint32 deliveryWindow;
    uint32 challengeWindow;
    uint64 expiry;
    bytes input;
}

/// @notice All that the chain knows of a job.
/// @param attempt numbers the commitments of a job from 1; a conviction starts the next one
/// @param deadline last second for the next step: a claim while `Open`, the commitment while `Claimed`, a challenge while
/// `Committed`; the last one that applied once the job has ended
/// @param openDisputes disputes against the commitment of this attempt that have not ended
/// @param executor the last one to claim; zero before the first claim and after a reopening
/// @param traceRoot and `outputRoot`: the commitment of this attempt; zero before it
struct Job {
    JobStatus status;
    uint8 attempt;
    uint32 openDisputes;
    uint64 deadline;
    address requester;
    address executor;
    bytes32 programRoot;
    bytes32 inputRoot;
    bytes32 traceRoot;
    bytes32 outputRoot;
    uint256 fee;
    uint256 collateral;
    uint32 claimWindow;
    uint32 deliveryWindow;
    uint32 challengeWindow;
    uint64 expiry;
}

/// @notice Bounds that one deployment puts on all its jobs. Windows in seconds, money in wei.
struct JobLimits {
    uint32 minClaimWindow;
    uint32 maxClaimWindow;
    uint32 minDeliveryWindow;
    uint32 maxDeliveryWindow;
    uint32 minChallengeWindow;
    uint32 maxChallengeWindow;
    uint96 minCollateral;
    uint96 rewardCap;
}
