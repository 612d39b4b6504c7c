// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Batch} from "../../../contracts/Batch.sol";
import {Callback} from "../../../contracts/lib/Callback.sol";

/// @notice Calls that fail in every way in which a call of a batch can.
contract BatchHarness is Batch {
    uint256 public count;
    address public caller;

    error Refused(uint256 code);

    function note() external {
        count++;
        caller = msg.sender;
    }

    function refuse(uint256 code) external pure {
        revert Refused(code);
    }

    function fail(uint256 length) external pure {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, shl(248, 0xab))
            revert(free, length)
        }
    }

    function starve() external view {
        revert Callback.TooLittleGas(gasleft(), 5_000_000);
    }

    /// @notice Uses up so many parts in a thousand of what it is given, then refuses.
    function spend(uint256 share) external view {
        uint256 end = gasleft() / 1000 * (1000 - share);
        while (gasleft() > end) keccak256(new bytes(1024));
        revert Refused(share);
    }

    /// @notice Runs out of gas so many calls deep, each of which passes on what it is given.
    function drown(uint256 depth) external {
        if (depth != 0) this.drown(depth - 1);
        else assembly ("memory-safe") { invalid() }
    }
}
