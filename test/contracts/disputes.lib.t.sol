// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJudge} from "../../contracts/interfaces/IJudge.sol";
import {ChessClock} from "../../contracts/lib/ChessClock.sol";
import {MerkleTree} from "../../contracts/lib/MerkleTree.sol";
import {TensorSize} from "../../contracts/lib/TensorSize.sol";
import {WitnessCall} from "../../contracts/lib/WitnessCall.sol";
import {Claim, Witness} from "../../contracts/types/Witness.sol";

/// @notice The quick forms against their plain twins.
contract DisputeLibrariesTest {
    using ChessClock for uint32;

    error Differs(uint256 left, uint256 right);

    function same(uint256 left, uint256 right) private pure {
        require(left == right, Differs(left, right));
    }

    function testFuzz_clockNeverGrowsAndNeverReverts(uint32 clock, uint40 start, uint40 end) external pure {
        uint256 left = clock.spend(start, end);
        uint256 used = end > start ? end - start : 0;
        same(left, used > clock ? 0 : clock - used);
    }

    function testFuzz_extensionIsTheLarger(uint32 clock, uint32 extension) external pure {
        uint256 extended = clock.extend(extension);
        require(extended >= clock && extended >= extension && (extended == clock || extended == extension));
    }

    function testFuzz_chunksCoverTheTensor(uint48 length) external pure {
        if (length == 0) return;
        uint256 count = TensorSize.chunkCount(length);
        uint256 last = TensorSize.chunkLength(length, count - 1);
        require(last != 0 && last <= MerkleTree.CHUNK);
        same((count - 1) * MerkleTree.CHUNK + last, length);
        if (count > 1) same(TensorSize.chunkLength(length, 0), MerkleTree.CHUNK);
    }

    function testFuzz_elementCountNeverOverflows(uint32[] calldata shape) external pure {
        uint256 product = 1;
        bool fits = true;
        for (uint256 i = 0; i < shape.length && fits; i++) {
            product *= shape[i];
            fits = product <= TensorSize.MAX_ELEMENTS;
        }
        same(TensorSize.elementCount(shape), fits ? product : 0);
    }

    function topOfRow(bytes32[] calldata row) external view returns (bytes32) {
        return MerkleTree.topOfRow(row);
    }

    function testFuzz_rowsHaveTheirTop(uint256 seed, uint8 levels) external view {
        bytes32[] memory row = new bytes32[](1 << (levels % 6));
        for (uint256 i = 0; i < row.length; i++) row[i] = keccak256(abi.encode(seed, i));
        same(uint256(MerkleTree.topOf(row)), uint256(this.topOfRow(row)));
    }

    /// @dev The witness must be the last parameter, as in `IDisputes.refute`.
    function encodeQuickly(Claim calldata claim, Witness calldata witness)
        external
        pure
        returns (bytes memory request, bytes32 hash)
    {
        request = WitnessCall.encode(claim, witness);
        hash = WitnessCall.witnessHash(request);
    }

    function testFuzz_witnessCallIsThePlainEncoding(
        Claim calldata claim,
        bytes calldata step,
        bytes32[] calldata proof,
        uint64 element,
        uint32 stepIndex
    ) external view {
        Witness memory witness;
        witness.step = step;
        witness.stepProof = proof;
        witness.element = element;
        witness.stepIndex = stepIndex;
        (bytes memory request, bytes32 hash) = this.encodeQuickly(claim, witness);
        same(uint256(keccak256(request)), uint256(keccak256(abi.encodeCall(IJudge.judge, (claim, witness)))));
        same(uint256(hash), uint256(keccak256(abi.encode(witness))));
    }
}
