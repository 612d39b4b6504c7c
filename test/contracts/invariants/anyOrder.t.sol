// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Walk} from "./Walk.sol";
import {vm} from "./Vm.sol";

/// @notice Random walks over everything that anybody can do, with the rules checked after every step, and a way out at the
/// end. `GAINSAY_WALKS`, `GAINSAY_STEPS` and `GAINSAY_SEED` make it long, or repeat what failed: docs/security.md.
contract AnyOrderTest is Walk {
    address private constant CONSOLE = 0x000000000000000000636F6e736F6c652e6c6f67;

    /// @notice The walk that starts from `seed` broke a rule; it is repeated with `GAINSAY_SEED=seed GAINSAY_WALKS=1`.
    error BrokenWalk(uint256 seed, string rule, uint256 subject, uint256 expected, uint256 found);
    error FailedWalk(uint256 seed, bytes reason);
    error TestsNothing(uint256 kind, uint256 accepted, uint256 rejected);

    function test_rulesHoldInAnyOrder() external {
        uint256 walks = vm.envOr("GAINSAY_WALKS", uint256(24));
        uint256 steps = vm.envOr("GAINSAY_STEPS", uint256(120));
        uint256 seed = vm.envOr("GAINSAY_SEED", uint256(1));
        uint256[KINDS] memory taken;
        uint256[KINDS] memory refused;
        for (uint256 i = 0; i < walks; i++) {
            uint256 before = vm.snapshotState();
            try this.walk(seed + i, steps) returns (uint256[KINDS] memory accepted, uint256[KINDS] memory rejected) {
                for (uint256 k = 0; k < KINDS; k++) {
                    taken[k] += accepted[k];
                    refused[k] += rejected[k];
                }
            } catch (bytes memory reason) {
                _blame(seed + i, reason);
            }
            vm.revertToState(before);
        }
        _report(taken, refused);
    }

    function walk(uint256 seed, uint256 steps)
        external
        returns (uint256[KINDS] memory accepted, uint256[KINDS] memory rejected)
    {
        startWalk(seed);
        for (uint256 i = 0; i < steps; i++) {
            (uint256 kind, bool taken, bool tried) = this.tryStep(i);
            if (taken) accepted[kind]++;
            else if (tried) rejected[kind]++;
        }
        drain();
    }

    /// @dev A call of its own, which gives its memory back: a long walk would run out of it.
    function tryStep(uint256 index) external returns (uint256 kind, bool taken, bool tried) {
        uint256 before = calls;
        (kind, taken) = step();
        tried = calls != before;
        checkRules();
        if (index % 8 == 0) checkConvictable();
    }

    function _blame(uint256 seed, bytes memory reason) private pure {
        if (bytes4(reason) != Broken.selector) revert FailedWalk(seed, reason);
        bytes memory arguments = new bytes(reason.length - 4);
        for (uint256 i = 0; i < arguments.length; i++) arguments[i] = reason[i + 4];
        (string memory rule, uint256 subject, uint256 expected, uint256 found) =
            abi.decode(arguments, (string, uint256, uint256, uint256));
        revert BrokenWalk(seed, rule, subject, expected, found);
    }

    function _report(uint256[KINDS] memory taken, uint256[KINDS] memory refused) private view {
        (uint256 accepted, uint256 rejected) = (0, 0);
        for (uint256 k = 0; k < KINDS; k++) {
            accepted += taken[k];
            rejected += refused[k];
            // The last kind is never accepted, time is never refused; all else must have happened both ways.
            require((k == KINDS - 1 || taken[k] != 0) && (k == 0 || refused[k] != 0), TestsNothing(k, taken[k], refused[k]));
        }
        _log("actions accepted", accepted);
        _log("actions rejected", rejected);
    }

    function _log(string memory what, uint256 count) private view {
        (bool printed,) = CONSOLE.staticcall(abi.encodeWithSignature("log(string,uint256)", what, count));
        require(printed);
    }
}
