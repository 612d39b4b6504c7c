// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";

/// @title The one asset of a deployment: ether, or an ERC-20 token
/// @dev `token` zero is ether. Tokens that return nothing are taken for what they do; ones that return false, or have no code, fail.
library Asset {
    /// @notice The value sent along is not the amount, or not zero where the amount is taken in a token.
    error WrongValue(uint256 sent, uint256 required);
    /// @notice The token could not be taken from the sender: it has too little, or has not allowed it.
    error PaymentRefused(address token, uint256 amount);
    /// @notice The token delivered another amount than it was asked for: tokens that take a fee, or call back and change the
    /// balance meanwhile, are refused.
    error WrongReceipt(uint256 expected, uint256 balanceBefore, uint256 balanceAfter);
    /// @notice The receiver refused the payment.
    error TransferFailed(address to, uint256 amount);

    /// @notice Takes `amount` from the sender.
    /// @dev SAFETY, against re-entry: the balance must have grown by exactly the amount. Whatever a token's hook does here in between,
    /// a deposit counted twice or a payout slipped in makes the sum differ.
    function take(address token, uint256 amount) internal {
        uint256 value = token == address(0) ? amount : 0;
        require(msg.value == value, WrongValue(msg.value, value));
        if (token == address(0) || amount == 0) return;
        uint256 before = SafeTransferLib.balanceOf(token, address(this));
        require(
            SafeTransferLib.trySafeTransferFrom(token, msg.sender, address(this), amount), PaymentRefused(token, amount)
        );
        uint256 afterwards = SafeTransferLib.balanceOf(token, address(this));
        require(
            afterwards >= before && afterwards - before == amount, WrongReceipt(amount, before, afterwards)
        );
    }

    /// @notice Sends `amount` to `to`. Always the last act of a call: a receiver that calls back finds the ledger settled.
    function send(address token, address to, uint256 amount) internal {
        if (token != address(0)) return SafeTransferLib.safeTransfer(token, to, amount);
        (bool sent,) = to.call{value: amount}("");
        require(sent, TransferFailed(to, amount));
    }

    /// @notice What goes along with a call that hands `amount` over: in ether the amount, in a token nothing, for the other
    /// side takes it.
    function valueOf(address token, uint256 amount) internal pure returns (uint256) {
        return token == address(0) ? amount : 0;
    }

    /// @notice Allows `spender` to take what it is told to take.
    function allow(address token, address spender) internal {
        if (token != address(0)) SafeTransferLib.safeApprove(token, spender, type(uint256).max);
    }
}
