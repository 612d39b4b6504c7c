// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Descriptor} from "../../../contracts/judge/Descriptor.sol";
import {Operand, Stage, Step, Window} from "../../../contracts/types/Program.sol";

/// @notice The one-pass reader against its plain twin: `abi.decode`, and the same bytes again from `abi.encode`.
contract DescriptorTest {
    error Differ();
    error Verdicts(bool read, bool canonical);

    function plain(bytes calldata encoded) external pure returns (bytes32) {
        Step memory step = abi.decode(encoded, (Step));
        require(keccak256(abi.encode(step)) == keccak256(encoded), Differ());
        return keccak256(encoded);
    }

    function read(bytes calldata encoded) external pure returns (bytes32) {
        return keccak256(abi.encode(Descriptor.decode(encoded)));
    }

    /// @dev A random step as it is, with one word changed, and cut or lengthened.
    function testFuzz_Descriptors(uint256 seed, uint256 change, uint16 place) external view {
        bytes memory encoded = abi.encode(made(seed));
        compare(encoded, true);
        uint256 word = uint256(place) % (encoded.length / 32);
        uint256 old;
        uint256 delta = change >> (change % 7 == 0 ? 0 : change % 7 == 1 ? 192 : 250);
        assembly ("memory-safe") {
            let at := add(add(encoded, 32), mul(word, 32))
            old := mload(at)
            mstore(at, xor(old, delta))
        }
        compare(encoded, delta == 0);
        assembly ("memory-safe") {
            mstore(add(add(encoded, 32), mul(word, 32)), old)
            mstore(encoded, sub(mload(encoded), 1))
        }
        compare(encoded, false);
        assembly ("memory-safe") {
            mstore(encoded, add(mload(encoded), 1))
        }
        compare(abi.encodePacked(encoded, uint8(place)), false);
    }

    function testFuzz_AnyBytes(bytes calldata encoded) external view {
        compare(encoded, false);
    }

    function compare(bytes memory encoded, bool good) private view {
        (bool ok, bytes memory answer) = address(this).staticcall(abi.encodeCall(this.read, (encoded)));
        (bool canonical, bytes memory expected) = address(this).staticcall(abi.encodeCall(this.plain, (encoded)));
        require(ok == canonical && (ok || !good), Verdicts(ok, canonical));
        if (ok) require(keccak256(answer) == keccak256(expected), Differ());
        else require(bytes4(answer) == Descriptor.DescriptorMalformed.selector, Differ());
    }

    function made(uint256 seed) private pure returns (Step memory step) {
        step.version = uint8(seed);
        step.kind = uint8(seed >> 8);
        step.op = uint8(seed >> 16);
        step.profile = uint16(seed >> 24);
        step.blockIndex = uint32(seed >> 40);
        step.result.dtype = uint8(seed >> 72);
        step.result.source = uint8(seed >> 80);
        step.result.index = uint32(seed >> 88);
        step.result.shape = sizes(seed, 0);
        step.reduce = sizes(seed, 1);
        step.operands = new Operand[](seed % 4);
        for (uint256 i = 0; i < step.operands.length; ++i) fill(step.operands[i], uint256(keccak256(abi.encode(seed, i))));
        step.expression = octets(seed, 2);
        step.attributes = octets(seed, 3);
    }

    function fill(Operand memory operand, uint256 seed) private pure {
        operand.role = uint8(seed);
        operand.dtype = uint8(seed >> 8);
        operand.source = uint8(seed >> 16);
        operand.index = uint32(seed >> 24);
        operand.root = keccak256(abi.encode(seed));
        operand.elements = uint64(seed >> 56);
        operand.access.offset = int64(uint64(seed >> 120));
        operand.access.outStrides = strides(seed, 4);
        operand.access.reduceStrides = strides(seed, 5);
        operand.access.windows = new Window[]((seed >> 130) % 3);
        for (uint256 i = 0; i < operand.access.windows.length; ++i) {
            uint256 r = uint256(keccak256(abi.encode(seed, i, 6)));
            operand.access.windows[i] = Window(
                uint8(r), uint8(r >> 8), int32(uint32(r >> 16)), int32(uint32(r >> 48)), int32(uint32(r >> 80)), uint32(r >> 112)
            );
        }
        operand.access.stages = new Stage[]((seed >> 140) % 3);
        for (uint256 i = 0; i < operand.access.stages.length; ++i) {
            uint256 r = uint256(keccak256(abi.encode(seed, i, 7)));
            operand.access.stages[i] = Stage(int64(uint64(r)), sizes(r, 8), strides(r, 9));
        }
    }

    function sizes(uint256 seed, uint256 salt) private pure returns (uint32[] memory list) {
        uint256 r = uint256(keccak256(abi.encode(seed, salt)));
        list = new uint32[](r % 4);
        for (uint256 i = 0; i < list.length; ++i) list[i] = uint32(r >> (8 + 32 * i));
    }

    function strides(uint256 seed, uint256 salt) private pure returns (int64[] memory list) {
        uint256 r = uint256(keccak256(abi.encode(seed, salt)));
        list = new int64[](r % 4);
        for (uint256 i = 0; i < list.length; ++i) list[i] = int64(uint64(r >> (8 + 64 * i)));
    }

    function octets(uint256 seed, uint256 salt) private pure returns (bytes memory data) {
        uint256 r = uint256(keccak256(abi.encode(seed, salt)));
        data = new bytes(r % 70);
        for (uint256 i = 0; i < data.length; ++i) data[i] = bytes1(uint8(r >> (i % 32)));
    }
}
