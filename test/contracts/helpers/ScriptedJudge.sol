// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJudge} from "../../../contracts/interfaces/IJudge.sol";
import {Claim, Verdict, Witness} from "../../../contracts/types/Witness.sol";

/// @notice A judge for games in which its arithmetic is not the point: element 1 of any step is a fraud, element 2 is
/// malformed, every other element is sound. It insists on being asked about the claim it was told to expect.
contract ScriptedJudge is IJudge {
    error MalformedElement(uint64 element);
    error UnexpectedClaim(bytes32 expected, bytes32 given);

    bytes32 public expectedClaim;

    function expectClaim(Claim calldata claim) external {
        expectedClaim = keccak256(abi.encode(claim));
    }

    function judge(Claim calldata claim, Witness calldata witness) external view returns (Verdict memory) {
        bytes32 given = keccak256(abi.encode(claim));
        require(expectedClaim == 0 || given == expectedClaim, UnexpectedClaim(expectedClaim, given));
        require(witness.element != 2, MalformedElement(witness.element));
        return Verdict({fraud: witness.element == 1, claimed: 7, lo: 1, hi: 3, nan: false});
    }
}
