// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Commitment, Terms} from "../types/Job.sol";

/// @title Hashes that stand for a job's terms and commitment
/// @dev The preimages have 352 and 96 bytes, so a hash of the one kind is never one of the other.
library JobRecord {
    uint256 private constant TERMS_BYTES = 352;

    /// @notice `keccak256(abi.encode(terms))`.
    /// @dev Taken over the bytes as they stand in calldata, which saves an encoding in every step of a job. Bytes that are no
    /// encoding of terms have another hash than any that was stored, because what is stored was encoded by `hashOfNew`.
    function hashOf(Terms calldata terms) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, terms, TERMS_BYTES)
            hash := keccak256(free, TERMS_BYTES)
        }
    }

    /// @notice The same hash, of terms in memory.
    function hashOfNew(Terms memory terms) internal pure returns (bytes32) {
        return keccak256(abi.encode(terms));
    }

    /// @notice Hash of a committed job's record: of the terms' hash and the commitment.
    function committed(bytes32 termsHash, bytes32 traceRoot, bytes32 outputRoot) internal pure returns (bytes32) {
        return keccak256(abi.encode(termsHash, traceRoot, outputRoot));
    }

    /// @notice As `committed`, of a whole record.
    function committed(Terms calldata terms, Commitment calldata commitment) internal pure returns (bytes32) {
        return committed(hashOf(terms), commitment.traceRoot, commitment.outputRoot);
    }
}
