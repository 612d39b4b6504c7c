// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice An account that makes calls as it is told, and answers calls and payments as it is told.
contract HostileParty {
    enum Manner {
        Accept,
        Revert,
        Burn,
        Bomb,
        CallBack
    }

    Manner public manner;
    address public target;
    bytes public data;
    bool public succeeded;
    uint256 public calls;
    uint256 public gasSeen;

    error Unwilling();

    receive() external payable {
        _answer();
    }

    fallback() external payable {
        gasSeen = gasleft();
        _answer();
    }

    function behave(Manner how, address to, bytes calldata with) external {
        manner = how;
        target = to;
        data = with;
    }

    function act(address to, bytes calldata with) external payable {
        (bool done, bytes memory answer) = to.call{value: msg.value}(with);
        if (done) return;
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }

    function _answer() private {
        calls++;
        if (manner == Manner.Revert) revert Unwilling();
        if (manner == Manner.Burn) while (true) calls++;
        if (manner == Manner.Bomb) {
            assembly ("memory-safe") {
                return(0, 1000000)
            }
        }
        if (manner == Manner.CallBack) (succeeded,) = target.call(data);
    }
}
