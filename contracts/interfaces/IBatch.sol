// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Many calls of one account in one transaction
interface IBatch {
    /// @notice Call `index` of the batch reverted and changed nothing.
    /// @param reason the first 256 bytes of what it reverted with
    event CallFailed(uint256 indexed index, bytes reason);

    /// @notice A batch cannot hold another one.
    error NestedBatch(uint256 index);
    /// @notice Call `index` failed when nearly all gas was spent, or for want of gas: the batch needs more.
    error StarvedCall(uint256 index, uint256 gasLeft);

    /// @notice Makes each call as if the sender had made it by itself, without value. One that reverts is left out and told by
    /// `CallFailed`; the others stand.
    /// @param calls encoded calls of this contract
    /// @return done which of them succeeded
    function batch(bytes[] calldata calls) external returns (bool[] memory done);
}
