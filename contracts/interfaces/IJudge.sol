// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Claim, Verdict, Witness} from "../types/Witness.sol";

/// @title The part that decides one element of one step
interface IJudge {
    /// @notice Decides whether the witness's element could have been computed from the committed operands.
    /// @dev Total on committed bytes: each well-formed witness gets a verdict. A malformed one reverts with an error that names the fault.
    function judge(Claim calldata claim, Witness calldata witness) external view returns (Verdict memory);
}
