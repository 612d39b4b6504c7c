// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice An ERC-20 token in all the ways in which tokens are: as the standard says, silent, dear, refusing, or calling back.
contract TestToken {
    enum Manner {
        Standard,
        Silent,
        Dear,
        Refusing,
        False,
        Hooked
    }

    Manner public manner;
    address public refused;
    address public hookTarget;
    bytes public hookData;
    bool public hookSucceeded;
    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    error Refused(address to);
    error TooPoor(address from);

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
        totalSupply += amount;
    }

    function behave(Manner how, address to) external {
        manner = how;
        refused = to;
    }

    function hook(address target, bytes calldata data) external {
        manner = Manner.Hooked;
        hookTarget = target;
        hookData = data;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
        _answer();
    }

    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
        _answer();
    }

    function transferFrom(address from, address to, uint256 amount) external {
        require(allowance[from][msg.sender] >= amount, TooPoor(from));
        if (allowance[from][msg.sender] != type(uint256).max) allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
        _answer();
    }

    function _move(address from, address to, uint256 amount) private {
        require(manner != Manner.Refusing || to != refused, Refused(to));
        require(balanceOf[from] >= amount, TooPoor(from));
        if (manner == Manner.Hooked && hookTarget != address(0)) {
            address target = hookTarget;
            hookTarget = address(0);
            (hookSucceeded,) = target.call(hookData);
        }
        balanceOf[from] -= amount;
        balanceOf[to] += manner == Manner.Dear ? amount - amount / 100 : amount;
    }

    /// @dev True, or nothing at all, or false after having moved everything.
    function _answer() private view {
        if (manner == Manner.Silent) return;
        bool answer = manner != Manner.False;
        assembly ("memory-safe") {
            mstore(0, answer)
            return(0, 32)
        }
    }
}
