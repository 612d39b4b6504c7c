// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModels} from "../interfaces/IModels.sol";
import {ProvedBlock} from "../types/Program.sol";
import {Domains} from "./Domains.sol";
import {MerkleTree} from "./MerkleTree.sol";

/// @title Proof that a block belongs to a program
library NamedBlock {
    /// @notice Reverts unless the block is number `proved.index` under `blocksRoot`.
    function check(bytes32 blocksRoot, uint256 blockCount, ProvedBlock calldata proved) internal view {
        bytes32 leaf = sha256(abi.encode(proved.content));
        bytes32 top = MerkleTree.verifyPath(leaf, proved.index, blockCount, proved.proof);
        require(
            MerkleTree.listRoot(Domains.BLOCKS, blockCount, top) == blocksRoot,
            IModels.BlockNotInProgram(proved.index)
        );
    }
}
