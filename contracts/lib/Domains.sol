// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice First word of every domain-separated preimage: what the hash is a root of, ASCII, right-padded with zeros.
library Domains {
    bytes32 internal constant TENSOR = "gainsay.tensor.1";
    bytes32 internal constant TRACE = "gainsay.trace.1";
    bytes32 internal constant INNER = "gainsay.inner.1";
    bytes32 internal constant INPUTS = "gainsay.inputs.1";
    bytes32 internal constant OUTPUTS = "gainsay.outputs.1";
    bytes32 internal constant STEPS = "gainsay.steps.1";
    bytes32 internal constant BLOCKS = "gainsay.blocks.1";
    bytes32 internal constant PROGRAM = "gainsay.program.1";
}
