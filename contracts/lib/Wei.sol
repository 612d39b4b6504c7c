// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Checked amounts of the ledger
/// @dev 2^88 wei are 3e8 ether and 2^80 are 1.2e6; the checks are there so that no cast can lose money.
library Wei {
    /// @notice The amount does not fit the ledger.
    error AmountTooLarge(uint256 amount);

    function toWei88(uint256 amount) internal pure returns (uint88) {
        require(amount <= type(uint88).max, AmountTooLarge(amount));
        // SAFETY: checked on the line above.
        return uint88(amount);
    }

    function toWei80(uint256 amount) internal pure returns (uint80) {
        require(amount <= type(uint80).max, AmountTooLarge(amount));
        // SAFETY: checked on the line above.
        return uint80(amount);
    }
}
