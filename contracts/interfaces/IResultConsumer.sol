// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobId} from "../types/Identifiers.sol";
import {Commitment, Terms} from "../types/Job.sol";

/// @title A contract that is told the result of a job
interface IResultConsumer {
    /// @notice Called by `Jobs` once, after the job's commitment has become final. Anybody may name any consumer, so an implementation
    /// checks that the caller is `Jobs`, that the terms are ones it relies on (program, input, and a collateral and challenge window
    /// that deter), or that it submitted the job itself. If it reverts or needs more than `terms.callbackGas`, it is not called again.
    /// @param commitment its `outputRoot` is the list root of the outputs' tensor roots: `OutputOpening` proves bytes against it
    function onResult(JobId jobId, Terms calldata terms, Commitment calldata commitment) external;
}
