// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Arithmetic of one side's clock, in seconds
/// @dev Everything saturates: a clock that reverted on underflow would make a dispute impossible to end.
library ChessClock {
    /// @notice What is left of `clock` after a turn that began at `start` and ends at `end`.
    function spend(uint32 clock, uint256 start, uint256 end) internal pure returns (uint32) {
        if (end <= start) return clock;
        uint256 used = end - start;
        // SAFETY: clock - used <= clock < 2^32.
        return used >= clock ? 0 : uint32(clock - used);
    }

    /// @notice `clock`, raised to `extension` if it is below it.
    function extend(uint32 clock, uint32 extension) internal pure returns (uint32) {
        return clock < extension ? extension : clock;
    }
}
