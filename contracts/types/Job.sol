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

/// @notice What a requester asks for.
/// @param programRoot the program to run; it must be registered in `Models`
/// @param inputRoot list root of the tensor roots of the inputs
/// @param fee what the executor of the final commitment gets; it enters escrow with the submission
/// @param collateral what the executor must lock; at least the deployment's minimum and its multiple of the fee
/// @param claimWindow seconds that the job stays open to executors, after submission and after each reopening
/// @param deliveryWindow seconds from the claim to the last moment for the commitment
/// @param challengeWindow seconds from the commitment to the last moment for a challenge
/// @param expiry timestamp after which nobody may claim the job any more; 0 is the latest that the deployment allows
/// @param consumer contract to be told the final result by `deliver`, or zero
/// @param callbackGas gas that the consumer is given for it
/// @param input committed bytes of the inputs, one after another, or empty if they are delivered off chain. Nothing on
/// chain checks them: an executor hashes them and compares with `inputRoot` before it claims.
struct Submission {
    bytes32 programRoot;
    bytes32 inputRoot;
    uint96 fee;
    uint96 collateral;
    uint32 claimWindow;
    uint32 deliveryWindow;
    uint32 challengeWindow;
    uint64 expiry;
    address consumer;
    uint32 callbackGas;
    bytes input;
}

/// @notice What was agreed at the submission and never changes. The chain keeps its hash; whoever moves the job on repeats it.
/// @dev The fields are those of `Submission`; `requester` is who sent it, and `expiry` is never 0.
struct Terms {
    bytes32 programRoot;
    bytes32 inputRoot;
    address requester;
    uint96 fee;
    uint96 collateral;
    uint32 claimWindow;
    uint32 deliveryWindow;
    uint32 challengeWindow;
    uint64 expiry;
    address consumer;
    uint32 callbackGas;
}

/// @notice What an executor committed to: list roots of the trace and of the outputs' tensor roots.
struct Commitment {
    bytes32 traceRoot;
    bytes32 outputRoot;
}

/// @notice What the chain keeps of a job.
/// @param attempt numbers the commitments of a job from 1; a conviction starts the next one
/// @param missed deliveries that were claimed and not made, up to 255
/// @param deadline last second for the next step: a claim while `Open`, the commitment while `Claimed`, a challenge while
/// `Committed`; the last one that applied once the job has ended
/// @param recordBlock lowest 24 bits of the number of the block whose events `Submitted`, `Expired` or `Committed` tell what
/// `digest` is the hash of
/// @param executor the last one to claim; zero before the first claim and after a reopening
/// @param digest hash of the terms, and of terms and commitment from the commitment on: see `JobRecord`
/// @param unfolded whether the commitment of this attempt has been unfolded, so that it can be disputed
/// @param openDisputes disputes against the commitment of this attempt that have not ended
struct Job {
    JobStatus status;
    uint8 attempt;
    uint8 missed;
    uint64 deadline;
    uint24 recordBlock;
    address executor;
    bytes32 digest;
    bool unfolded;
    uint32 openDisputes;
}

/// @notice Bounds that one deployment puts on all its jobs. Windows in seconds, money in the deployment's units.
/// @param maxLifetime seconds from the submission to the latest expiry
/// @param collateralPerFee the collateral is at least this many times the fee
struct JobLimits {
    uint32 minClaimWindow;
    uint32 maxClaimWindow;
    uint32 minDeliveryWindow;
    uint32 maxDeliveryWindow;
    uint32 minChallengeWindow;
    uint32 maxChallengeWindow;
    uint96 minCollateral;
    uint96 rewardCap;
    uint32 maxLifetime;
    uint16 collateralPerFee;
}
