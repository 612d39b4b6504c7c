// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {OutputOpening} from "../../../contracts/lib/OutputOpening.sol";

/// @notice The library that consumers use, as a contract.
contract OpeningHarness {
    function check(bytes32 outputRoot, OutputOpening.Opening calldata opening) external view {
        OutputOpening.check(outputRoot, opening);
    }
}
