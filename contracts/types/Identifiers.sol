// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Names a job. Jobs are numbered from 1 in the order of submission.
type JobId is uint256;

/// @notice Names a dispute. Disputes are numbered from 1 in the order of opening, over all jobs.
type DisputeId is uint256;
