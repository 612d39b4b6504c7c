// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The cheat codes of Hardhat's Solidity tests that the walks use.
interface Vm {
    function warp(uint256 timestamp) external;
    /// @dev `block.timestamp` is a constant of a call to the optimiser, which knows nothing of `warp`.
    function getBlockTimestamp() external view returns (uint256);
    function roll(uint256 blockNumber) external;
    function getBlockNumber() external view returns (uint256);
    function deal(address account, uint256 balance) external;
    function prank(address sender) external;
    function getNonce(address account) external view returns (uint64);
    function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);
    function getCode(string calldata artifact) external view returns (bytes memory);
    function envOr(string calldata name, uint256 otherwise) external view returns (uint256);
    function snapshotState() external returns (uint256 id);
    function revertToState(uint256 id) external returns (bool);
}

Vm constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
