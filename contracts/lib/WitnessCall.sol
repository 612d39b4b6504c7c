// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJudge} from "../interfaces/IJudge.sol";
import {Claim, Verdict, Witness} from "../types/Witness.sol";
import {WitnessLayout} from "./WitnessLayout.sol";

/// @title The call to the judge, made once in memory and hashed from there
/// @dev A witness can have hundreds of kilobytes. `abi.encode(witness)` for the seal and again for the call costs two traversals
/// and twice the memory, which is paid quadratically; its bytes stand in calldata already. Measured with 150 kB: docs/contracts.md.
library WitnessCall {
    /// @notice Calldata of `IJudge.judge(claim, witness)`.
    /// @dev SAFETY: `witness` must be the last parameter of the external function, so that its encoding reaches to the end of
    /// calldata. Offsets within an encoding are relative to its start, and the layout is checked, so the bytes mean the same
    /// here, in the call and in the event; a caller may append bytes, which nobody reads.
    function encode(Claim memory claim, Witness calldata witness) internal pure returns (bytes memory request) {
        WitnessLayout.check(witness);
        bytes4 selector = IJudge.judge.selector;
        assembly ("memory-safe") {
            let size := sub(calldatasize(), witness)
            request := mload(0x40)
            // Length, selector, six words of claim, offset of the witness, witness.
            mstore(request, add(size, 228))
            mstore(add(request, 32), selector)
            mcopy(add(request, 36), claim, 192)
            mstore(add(request, 228), 224)
            calldatacopy(add(request, 260), witness, size)
            mstore(0x40, and(add(add(request, add(size, 260)), 31), not(31)))
        }
    }

    /// @notice `keccak256(abi.encode(witness))` of the witness in `request`, which is as `encode` made it.
    function witnessHash(bytes memory request) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            // An encoding alone starts with the offset 32 where the request has 224.
            let head := add(request, 228)
            mstore(head, 32)
            hash := keccak256(head, sub(mload(request), 196))
            mstore(head, 224)
        }
    }

    /// @notice Emits the witness in `request`, which is as `encode` made it, as the only data of an event with two more topics.
    /// @dev The encoding of one dynamic argument is the offset 32 and what follows, which stands in memory already: `emit` would
    /// copy the witness twice.
    function log(bytes memory request, bytes32 selector, uint256 first, uint256 second) internal {
        assembly ("memory-safe") {
            let head := add(request, 228)
            mstore(head, 32)
            log3(head, sub(mload(request), 196), selector, first, second)
            mstore(head, 224)
        }
    }

    /// @notice The judge's verdict on `request`; its errors are handed on.
    function ask(IJudge judge, bytes memory request) internal view returns (Verdict memory) {
        (bool answered, bytes memory answer) = address(judge).staticcall(request);
        if (!answered) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
        return abi.decode(answer, (Verdict));
    }
}
