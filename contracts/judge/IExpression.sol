// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Interval} from "../lib/Interval.sol";

/// @notice Evaluates the postfix bytecode of docs/protocol.md §2 over intervals.
interface IExpression {
    /// @return The enclosure of the expression's sound values; slot 0 if the code is empty.
    function evaluate(bytes calldata code, Interval[] calldata slots) external pure returns (Interval memory);
}
