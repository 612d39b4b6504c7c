// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Interval} from "../lib/Interval.sol";

/// @notice Evaluates the postfix bytecode of docs/protocol.md §2.
interface IExpression {
    /// @notice In the float domain, over intervals.
    /// @return The enclosure of the expression's sound values; slot 0 if the code is empty.
    function evaluate(bytes calldata code, Interval[] calldata slots) external pure returns (Interval memory);

    /// @notice In the integer domain, modulo 2^256.
    /// @return defined Whether nothing was divided by zero; otherwise every value is sound.
    /// @return value Slot 0 if the code is empty.
    function evaluateIntegers(bytes calldata code, int256[] calldata slots)
        external
        pure
        returns (bool defined, int256 value);
}
