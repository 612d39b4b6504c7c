// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Claim, Verdict, Witness} from "../types/Witness.sol";

/// @notice Judges the steps of one kind. It trusts the caller for the program: that `witness.header` and `witness.step` belong
/// to `claim.programRoot` is checked by `Judge`, whose answers are the only ones to act on.
interface IStepJudge {
    function judgeStep(Claim calldata claim, Witness calldata witness) external view returns (Verdict memory);
}
