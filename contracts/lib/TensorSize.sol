// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree} from "./MerkleTree.sol";

/// @title Sizes of committed tensors in bytes and chunks
library TensorSize {
    /// @dev Far above any tensor that can be hashed, far below any overflow: the product is checked after each factor,
    /// and 2^48 times a 32-bit factor fits 80 bits.
    uint256 internal constant MAX_ELEMENTS = 1 << 48;

    /// @notice Bytes of one element of an ONNX `TensorProto.DataType`, or 0 if this protocol version has no such type.
    function elementSize(uint8 dtype) internal pure returns (uint256) {
        if (dtype == 1 || dtype == 6 || dtype == 12) return 4; // float32, int32, uint32
        if (dtype == 2 || dtype == 3 || dtype == 9) return 1; // uint8, int8, bool
        if (dtype == 7 || dtype == 13) return 8; // int64, uint64
        if (dtype == 10 || dtype == 16 || dtype == 4 || dtype == 5) return 2; // float16, bfloat16, uint16, int16
        return 0;
    }

    /// @notice Elements of a shape, or 0 if there are none or too many.
    function elementCount(uint32[] memory shape) internal pure returns (uint256 count) {
        count = 1;
        for (uint256 i = 0; i < shape.length; i++) {
            count *= shape[i];
            if (count > MAX_ELEMENTS) return 0;
        }
    }

    /// @notice Chunks of a tensor of `byteLength` > 0 bytes.
    function chunkCount(uint256 byteLength) internal pure returns (uint256) {
        return (byteLength + MerkleTree.CHUNK - 1) / MerkleTree.CHUNK;
    }

    /// @notice Bytes of chunk `index` of a tensor; `index` must be below `chunkCount(byteLength)`.
    function chunkLength(uint256 byteLength, uint256 index) internal pure returns (uint256) {
        uint256 rest = byteLength - index * MerkleTree.CHUNK;
        return rest < MerkleTree.CHUNK ? rest : MerkleTree.CHUNK;
    }
}
