// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJudge} from "../../../contracts/interfaces/IJudge.sol";
import {Claim, Verdict, Witness} from "../../../contracts/types/Witness.sol";

/// @notice A judge that knows the one true trace: element 1 of any other trace is a fraud, element 2 is malformed, and
/// everything else is sound, whatever the trace.
contract TruthJudge is IJudge {
    error MalformedElement(uint64 element);

    bytes32 public immutable truth;

    constructor(bytes32 traceRoot) {
        truth = traceRoot;
    }

    function judge(Claim calldata claim, Witness calldata witness) external view returns (Verdict memory) {
        require(witness.element != 2, MalformedElement(witness.element));
        return Verdict({fraud: claim.traceRoot != truth && witness.element == 1, claimed: 7, lo: 1, hi: 3, nan: false});
    }
}
