// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Checked 96-bit amounts of wei
/// @dev 2^96 wei is 7.9e10 ether, more than will ever exist; the check is there so that no cast can lose money.
library Wei {
    /// @notice The amount does not fit the ledger (96 bits).
    error AmountTooLarge(uint256 amount);

    function toWei96(uint256 amount) internal pure returns (uint96) {
        require(amount <= type(uint96).max, AmountTooLarge(amount));
        // SAFETY: checked on the line above.
        return uint96(amount);
    }
}
