// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Domains} from "./Domains.sol";
import {ProgramHeader} from "../types/Program.sol";

/// @notice The name of a program: the hash of its header.
library ProgramLib {
    /// @return SHA-256 of the program domain and the ABI encoding of the header.
    function rootOf(ProgramHeader calldata header) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(Domains.PROGRAM, abi.encode(header)));
    }
}
