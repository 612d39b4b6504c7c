// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IResultConsumer} from "../interfaces/IResultConsumer.sol";
import {JobId} from "../types/Identifiers.sol";
import {Commitment, Terms} from "../types/Job.sol";

/// @title The one call that tells a consumer a final result
library Callback {
    /// @dev What the caller needs for the event and the way out, once the consumer has spent all that it was given.
    uint256 private constant RESERVE = 20_000;

    /// @notice Too little gas is left to give the consumer all that was asked for it.
    error TooLittleGas(uint256 available, uint256 required);

    /// @return accepted whether the consumer returned; it had `terms.callbackGas`, and what it returned is not read
    /// @dev SAFETY: whoever delivers could starve the consumer and have the failure recorded for good, so it must send enough
    /// for the whole limit. A call passes on at most 63/64 of what is left (EIP-150). Nothing is copied back: a consumer that
    /// returns megabytes hurts only itself.
    function deliver(JobId jobId, Terms calldata terms, Commitment calldata commitment) internal returns (bool accepted) {
        address consumer = terms.consumer;
        uint256 limit = terms.callbackGas;
        bytes memory data = abi.encodeCall(IResultConsumer.onResult, (jobId, terms, commitment));
        uint256 required = limit * 64 / 63 + RESERVE;
        require(gasleft() >= required, TooLittleGas(gasleft(), required));
        // A call to an account without code would succeed and tell nobody.
        if (consumer.code.length == 0) return false;
        assembly ("memory-safe") {
            accepted := call(limit, consumer, 0, add(data, 32), mload(data), 0, 0)
        }
    }
}
