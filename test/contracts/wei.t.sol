// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Wei} from "../../contracts/lib/Wei.sol";

/// @notice The largest amounts of the ledger, and what is above them.
contract WeiTest {
    error NotRefused(uint256 amount);

    function toWei88(uint256 amount) external pure returns (uint256) {
        return Wei.toWei88(amount);
    }

    function toWei80(uint256 amount) external pure returns (uint256) {
        return Wei.toWei80(amount);
    }

    function test_theLargestAmountsFit() external view {
        require(this.toWei88(type(uint88).max) == type(uint88).max);
        require(this.toWei80(type(uint80).max) == type(uint80).max);
    }

    function testFuzz_amountsAboveThemAreRefused(uint256 amount) external view {
        if (amount > type(uint80).max) refused(this.toWei80, amount);
        if (amount > type(uint88).max) refused(this.toWei88, amount);
        refused(this.toWei80, uint256(type(uint80).max) + 1);
        refused(this.toWei88, uint256(type(uint88).max) + 1);
    }

    function refused(function(uint256) external view returns (uint256) convert, uint256 amount) private view {
        try convert(amount) {
            revert NotRefused(amount);
        } catch (bytes memory reason) {
            require(keccak256(reason) == keccak256(abi.encodeWithSelector(Wei.AmountTooLarge.selector, amount)));
        }
    }
}
