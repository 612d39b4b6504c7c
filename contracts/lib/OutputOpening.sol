// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Domains} from "./Domains.sol";
import {MerkleTree} from "./MerkleTree.sol";

/// @title Bytes of a job's outputs, proved against a final commitment
/// @dev For contracts that use results; the project's own contracts do not. The roots bind the number of outputs and the length of
/// each, so a proof for another output, another place or another length does not lead to the same root.
library OutputOpening {
    /// @notice Whole chunks `first, first + 1, …` of one output, with their proofs.
    /// @param outputs number of outputs of the program
    /// @param position of the output among them
    /// @param outputProof path of the output's tensor root in the list, leaf side first
    /// @param byteLength committed bytes of the output
    /// @param first number of the first chunk; a chunk has 1024 bytes
    /// @param data the chunks; the last chunk of the output may be shorter
    /// @param siblings range proof of the chunks
    struct Opening {
        uint32 outputs;
        uint32 position;
        bytes32[] outputProof;
        uint64 byteLength;
        uint64 first;
        bytes data;
        bytes32[] siblings;
    }

    /// @notice The opening does not lead to the output root.
    error NotThisOutput(bytes32 expected, bytes32 computed);

    /// @notice Checks an opening against the output root of a commitment; `opening.data` are then bytes of that output.
    function check(bytes32 outputRoot, Opening calldata opening) internal view {
        bytes32 top =
            MerkleTree.rangeTop(opening.data, opening.first, opening.byteLength, opening.siblings);
        bytes32 tensor = MerkleTree.tensorRoot(opening.byteLength, top);
        bytes32 list = MerkleTree.verifyPath(tensor, opening.position, opening.outputs, opening.outputProof);
        bytes32 computed = MerkleTree.listRoot(Domains.OUTPUTS, opening.outputs, list);
        require(computed == outputRoot, NotThisOutput(outputRoot, computed));
    }
}
