// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ElementType} from "../lib/ElementType.sol";
import {ExactSumLib, SumBound} from "../lib/ExactSum.sol";
import {Float32} from "../lib/Float32.sol";
import {Verdict} from "../types/Witness.sol";
import {StepJudge} from "./StepJudge.sol";

/// @notice Common to the judges of float32 sums: what the rounding bound of a sum means for the claimed value.
abstract contract SummingJudge is StepJudge {
    /// @notice The verdict if the result is the step's expression of a sum with this bound; without one the bound is exact.
    function concludeSum(Case memory item, SumBound memory bound) internal view returns (Verdict memory verdict) {
        if (item.step.expression.length != 0 || !ElementType.isFloat(item.step.result.dtype)) {
            return concludeFloats(item, floatCore(ExactSumLib.enclosure(bound, true)));
        }
        // Values without an expression have no say, but are opened and so must be in range.
        floatSlots(item, floatCore(ExactSumLib.enclosure(bound, true)), firstValue(item));
        verdict = verdictOf(item, ExactSumLib.enclosure(bound, false));
        // An infinity beside finite values leaves a gap that the enclosure does not show.
        if (!Float32.isNaN(item.claimed)) verdict.fraud = !ExactSumLib.admits(bound, Float32.keyOf(item.claimed));
    }
}
