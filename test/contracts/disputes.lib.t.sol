// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJudge} from "../../contracts/interfaces/IJudge.sol";
import {ChessClock} from "../../contracts/lib/ChessClock.sol";
import {MerkleTree} from "../../contracts/lib/MerkleTree.sol";
import {TensorSize} from "../../contracts/lib/TensorSize.sol";
import {WitnessCall} from "../../contracts/lib/WitnessCall.sol";
import {WitnessLayout} from "../../contracts/lib/WitnessLayout.sol";
import {Claim, Opening, Range, Witness} from "../../contracts/types/Witness.sol";

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

    /// @dev Reverts where a value or an offset cannot be read at all.
    function hashPlainly(Claim calldata, Witness calldata witness) external pure returns (bytes32) {
        return keccak256(abi.encode(witness));
    }

    /// @dev No bytes that need padding, so an encoding is the plain one or has another layout.
    function witnessWithAll() private pure returns (Witness memory witness) {
        witness.header.outputs = new uint32[](2);
        witness.step = new bytes(64);
        witness.stepProof = new bytes32[](3);
        witness.result = openingWith(1, 32);
        witness.operands = new Opening[](3);
        witness.operands[0] = openingWith(2, 64);
        witness.operands[2] = openingWith(1, 0);
    }

    function openingWith(uint256 ranges, uint256 length) private pure returns (Opening memory opening) {
        opening.proof = new bytes32[](ranges);
        opening.ranges = new Range[](ranges);
        for (uint256 i = 0; i < ranges; i++) {
            opening.ranges[i] = Range(uint64(i), new bytes(length), new bytes32[](i));
        }
    }

    uint256 private constant WITNESS_START = 4 + 7 * 32;

    function wordAt(bytes memory data, uint256 position) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(data, 32), position))
        }
    }

    function putWord(bytes memory data, uint256 position, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(add(add(data, 32), position), word)
        }
    }

    function hashFrom(bytes memory data, uint256 position) private pure returns (bytes32 hash) {
        bytes memory copy = abi.encodePacked(uint256(32), data);
        assembly ("memory-safe") {
            // The offset of a witness that stands alone, right in front of it.
            let head := add(copy, add(32, position))
            mstore(head, 32)
            hash := keccak256(head, sub(mload(copy), position))
        }
    }

    function selected(bytes memory sent, bytes4 selector) private pure returns (bytes memory copy) {
        copy = bytes.concat(sent);
        for (uint256 i = 0; i < 4; i++) copy[i] = selector[i];
    }

    function changedWords(bytes memory sent) private view {
        (bool taken,) = address(this).staticcall(sent);
        (bool readable, bytes memory plain) = address(this).staticcall(selected(sent, this.hashPlainly.selector));
        if (!readable) return;
        bool canonical = abi.decode(plain, (bytes32)) == hashFrom(sent, WITNESS_START);
        same(taken ? 1 : 0, canonical ? 1 : 0);
    }

    function testFuzz_aWitnessIsTakenIfItIsLaidOutAsThePlainEncoding(uint256 where, int8 by, uint256 other, int8 otherBy)
        external
        view
    {
        Claim memory claim;
        bytes memory sent = abi.encodeCall(this.encodeQuickly, (claim, witnessWithAll()));
        uint256 words = (sent.length - WITNESS_START) / 32;
        unchecked {
            uint256 position = WITNESS_START + (where % words) * 32;
            putWord(sent, position, wordAt(sent, position) + uint256(int256(by) * 32));
            changedWords(sent);
            position = WITNESS_START + (other % words) * 32;
            putWord(sent, position, wordAt(sent, position) + uint256(int256(otherBy) * 32));
            changedWords(sent);
        }
    }

    function test_everyWordOfTheLayoutHasOneRightValue() external view {
        Claim memory claim;
        bytes memory sent = abi.encodeCall(this.encodeQuickly, (claim, witnessWithAll()));
        changedWords(sent);
        for (uint256 position = WITNESS_START; position < sent.length; position += 32) {
            uint256 word = wordAt(sent, position);
            for (uint256 i = 1; i < 12; i++) {
                unchecked {
                    putWord(sent, position, word + 32 * i);
                    changedWords(sent);
                    putWord(sent, position, word - 32 * i);
                    changedWords(sent);
                    // Times 32 this is the same.
                    putWord(sent, position, word + (i << 251));
                    changedWords(sent);
                }
            }
            putWord(sent, position, word);
        }
    }

    function test_noOffsetLeadsInFrontOfTheWitness() external view {
        Claim memory claim;
        bytes memory sent = abi.encodeCall(this.encodeQuickly, (claim, witnessWithAll()));
        uint256 result = WITNESS_START + wordAt(sent, WITNESS_START + 5 * 32);
        // The zero inner root of the claim, as an empty proof.
        unchecked {
            putWord(sent, result + 32, 4 + 3 * 32 - result);
        }
        (bool taken, bytes memory reason) = address(this).staticcall(sent);
        require(!taken && bytes4(reason) == WitnessLayout.WitnessMisplaced.selector);
        same(wordAt(reason, 4), result + 32 - WITNESS_START);
    }

    function test_bytesMayFollowAWitness() external view {
        Claim memory claim;
        bytes memory sent = abi.encodeCall(this.encodeQuickly, (claim, witnessWithAll()));
        (bool taken,) = address(this).staticcall(bytes.concat(sent, "more"));
        require(taken);
        // But nothing of it may lie beyond the end.
        assembly ("memory-safe") {
            mstore(sent, sub(mload(sent), 1))
        }
        (taken,) = address(this).staticcall(sent);
        require(!taken);
    }
}
