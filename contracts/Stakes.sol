// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakes} from "./interfaces/IStakes.sol";
import {Asset} from "./lib/Asset.sol";
import {Wei} from "./lib/Wei.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";

/// @title Stakes of operators, and what accounts may collect
/// @dev INVARIANT: the balance is at least the sum over all accounts of free + locked + pending + credits, and equal to it
/// unless somebody forced more in. Each function keeps it: what enters the ledger was taken in the same call or comes out of
/// another field, and what leaves the ledger is sent in the same call. Fees and bonds in escrow stay with `Jobs` and `Disputes`,
/// so no fault over there can spend a stake that is not locked.
contract Stakes is IStakes {
    using Wei for uint256;

    /// @dev A claim and its settlement touch the first word only. 2^88 wei are 3e8 ether, 2^80 are 1.2e6: nobody has more
    /// to deposit, or to lock.
    struct Entry {
        uint88 free;
        uint80 locked;
        uint88 credits;
        uint88 pending;
        uint40 availableAt;
    }

    /// @inheritdoc IStakes
    address public constant BURN_ADDRESS = 0x000000000000000000000000000000000000dEaD;

    /// @inheritdoc IStakes
    address public immutable TOKEN;

    /// @inheritdoc IStakes
    address public immutable JOBS;

    /// @inheritdoc IStakes
    uint256 public immutable WITHDRAWAL_DELAY;

    mapping(address => Entry) private _entries;

    modifier onlyJobs() {
        require(msg.sender == JOBS, Unauthorized(msg.sender, JOBS));
        _;
    }

    /// @param jobs the contract that will lock, unlock and slash; deployed after this one, at the address computed for it
    /// @param withdrawalDelay seconds; `Disputes` refuses a delay that is not longer than its longest dispute
    /// @param token the asset of all contracts of this deployment; zero is ether
    constructor(address jobs, uint32 withdrawalDelay, address token) {
        // Credits must always fit the ledger: if one could not be booked, a conviction could be blocked.
        if (token != address(0)) {
            uint256 supply = SafeTransferLib.totalSupply(token);
            require(supply != 0 && supply <= type(uint88).max, UnusableToken(token, supply));
        }
        TOKEN = token;
        JOBS = jobs;
        WITHDRAWAL_DELAY = withdrawalDelay;
    }

    /// @inheritdoc IStakes
    function deposit(uint256 amount) external payable {
        require(amount != 0, NothingToMove(msg.sender));
        Asset.take(TOKEN, amount);
        _entries[msg.sender].free += amount.toWei88();
        emit Deposited(msg.sender, amount);
    }

    /// @inheritdoc IStakes
    function requestWithdrawal(uint256 amount) external {
        Entry storage entry = _entries[msg.sender];
        uint256 free = uint256(entry.free) + entry.pending;
        require(amount <= free, InsufficientStake(msg.sender, free, amount));
        uint256 availableAt = amount == 0 ? 0 : block.timestamp + WITHDRAWAL_DELAY;
        // SAFETY: free + pending is at most what was deposited, amount <= free; the delay is below 2^32 seconds.
        entry.free = uint88(free - amount);
        entry.pending = uint88(amount);
        entry.availableAt = uint40(availableAt);
        emit WithdrawalRequested(msg.sender, amount, availableAt);
    }

    /// @inheritdoc IStakes
    function withdraw() external {
        Entry storage entry = _entries[msg.sender];
        uint256 amount = entry.pending;
        require(amount != 0, NothingToMove(msg.sender));
        require(block.timestamp >= entry.availableAt, WithdrawalTooEarly(entry.availableAt, block.timestamp));
        entry.pending = 0;
        entry.availableAt = 0;
        emit Withdrawn(msg.sender, amount);
        Asset.send(TOKEN, msg.sender, amount);
    }

    /// @inheritdoc IStakes
    function collect() external {
        Entry storage entry = _entries[msg.sender];
        uint256 amount = entry.credits;
        require(amount != 0, NothingToMove(msg.sender));
        entry.credits = 0;
        emit Collected(msg.sender, amount);
        Asset.send(TOKEN, msg.sender, amount);
    }

    /// @inheritdoc IStakes
    function credit(address account, uint256 amount) external payable {
        Asset.take(TOKEN, amount);
        _credit(account, amount);
    }

    /// @inheritdoc IStakes
    function lock(address account, uint256 amount) external onlyJobs {
        Entry storage entry = _entries[account];
        require(amount <= entry.free, InsufficientStake(account, entry.free, amount));
        uint80 locked = (uint256(entry.locked) + amount).toWei80();
        // SAFETY: amount <= free < 2^88.
        entry.free -= uint88(amount);
        entry.locked = locked;
        emit Locked(account, amount);
    }

    /// @inheritdoc IStakes
    function unlock(address account, uint256 amount) external onlyJobs {
        _unlock(account, amount);
    }

    /// @inheritdoc IStakes
    function settle(address account, uint256 amount, uint256 payment) external payable onlyJobs {
        Asset.take(TOKEN, payment);
        _unlock(account, amount);
        _credit(account, payment);
    }

    /// @inheritdoc IStakes
    function slash(Slash calldata order) external onlyJobs {
        uint256 paid = order.reward + order.compensation;
        require(paid <= order.amount, SlashExceedsAmount(order.amount, order.reward, order.compensation));
        Entry storage entry = _entries[order.account];
        require(order.amount <= entry.locked, InsufficientLock(order.account, entry.locked, order.amount));
        // SAFETY: amount <= locked < 2^80.
        entry.locked -= uint80(order.amount);
        uint256 burned = order.amount - paid;
        emit Slashed(order.account, order.amount, burned);
        _credit(order.challenger, order.reward);
        _credit(order.requester, order.compensation);
        if (burned == 0) return;
        // SAFETY: a token may refuse that address, and must not block a conviction by it. Nobody can collect such a credit.
        if (TOKEN == address(0)) Asset.send(TOKEN, BURN_ADDRESS, burned);
        else _credit(BURN_ADDRESS, burned);
    }

    /// @inheritdoc IStakes
    function getAccount(address account) external view returns (Account memory) {
        Entry storage entry = _entries[account];
        return Account(entry.free, entry.locked, entry.pending, entry.availableAt, entry.credits);
    }

    function _unlock(address account, uint256 amount) private {
        Entry storage entry = _entries[account];
        require(amount <= entry.locked, InsufficientLock(account, entry.locked, amount));
        // SAFETY: amount <= locked < 2^80.
        entry.locked -= uint80(amount);
        entry.free += uint88(amount);
        emit Unlocked(account, amount);
    }

    function _credit(address account, uint256 amount) private {
        if (amount == 0) return;
        _entries[account].credits += amount.toWei88();
        emit Credited(account, amount);
    }
}
