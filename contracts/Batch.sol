// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBatch} from "./interfaces/IBatch.sol";
import {Callback} from "./lib/Callback.sol";

/// @title Many calls of one account in one transaction, none of which spoils the others
/// @dev Each call is delegated to this contract itself, so sender and storage are those of a call of its own, and the value is zero
/// because `batch` takes none. Between two calls nothing is kept, so whoever is called in the middle (a consumer, a token) finds the
/// contract in the state that it would have between two transactions.
abstract contract Batch is IBatch {
    /// @dev Longer than any custom error here; whatever else a call reverts with must not fill the sender's logs.
    uint256 private constant MAX_REASON_BYTES = 256;

    /// @dev See `_checkFed`.
    uint256 private constant LEAST_SHARE = 8;

    /// @inheritdoc IBatch
    function batch(bytes[] calldata calls) external returns (bool[] memory done) {
        done = new bool[](calls.length);
        for (uint256 i = 0; i < calls.length; i++) {
            bytes calldata data = calls[i];
            require(bytes4(data) != IBatch.batch.selector, NestedBatch(i));
            uint256 before = gasleft();
            done[i] = _try(data);
            if (!done[i]) _report(i, before);
        }
    }

    /// @dev Nothing is copied back: what a call returns its events tell.
    function _try(bytes calldata data) private returns (bool succeeded) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, data.offset, data.length)
            succeeded := delegatecall(gas(), address(), free, data.length, 0, 0)
        }
    }

    function _report(uint256 index, uint256 before) private {
        uint256 left = gasleft();
        bytes memory reason;
        assembly ("memory-safe") {
            let size := returndatasize()
            if gt(size, MAX_REASON_BYTES) { size := MAX_REASON_BYTES }
            reason := mload(0x40)
            mstore(reason, size)
            returndatacopy(add(reason, 32), 0, size)
            mstore(0x40, add(add(reason, 32), and(add(size, 31), not(31))))
        }
        _checkFed(index, before, left, reason);
        emit CallFailed(index, reason);
    }

    /// @dev SAFETY, against a sender who brings so little gas that calls fail which would succeed, and against an estimate that is content
    /// with that. A call that runs out of gas d calls deep leaves at most 1 - (63/64)^d of what it was given: 12 % for d = 8, and
    /// no call here goes deeper than 4. So one that leaves an eighth has failed for another reason. Only a delivery looks at
    /// the gas itself, and says so.
    function _checkFed(uint256 index, uint256 before, uint256 left, bytes memory reason) private pure {
        bool refused = bytes4(reason) == Callback.TooLittleGas.selector;
        require(!refused && left >= before / LEAST_SHARE, StarvedCall(index, left));
    }
}
