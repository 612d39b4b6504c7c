// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Stakes of operators, and what accounts may collect
/// @notice An account's stake is free, locked as collateral of a job, or pending withdrawal. Payouts of all contracts
/// arrive here as credits, which their owner collects. All amounts are in the smallest
/// units of the deployment's asset: wei, or those of its token.
interface IStakes {
    /// @notice The money of one account.
    /// @param free stake that can back new jobs
    /// @param locked stake that backs jobs now
    /// @param pending stake set aside for withdrawal
    /// @param availableAt when `pending` can be withdrawn; 0 if nothing is pending
    /// @param credits what the account may collect at once
    struct Account {
        uint256 free;
        uint256 locked;
        uint256 pending;
        uint256 availableAt;
        uint256 credits;
    }

    /// @notice How locked stake is divided; what `reward` and `compensation` leave of `amount` is burnt.
    struct Slash {
        address account;
        uint256 amount;
        address challenger;
        uint256 reward;
        address requester;
        uint256 compensation;
    }

    event Deposited(address indexed account, uint256 amount);
    /// @notice `amount` is set aside until `availableAt`; it replaces an earlier request. 0 withdraws the request itself.
    event WithdrawalRequested(address indexed account, uint256 amount, uint256 availableAt);
    event Withdrawn(address indexed account, uint256 amount);
    event Locked(address indexed account, uint256 amount);
    event Unlocked(address indexed account, uint256 amount);
    event Slashed(address indexed account, uint256 amount, uint256 burned);
    event Credited(address indexed account, uint256 amount);
    event Collected(address indexed account, uint256 amount);

    /// @notice Only `expected` may call this.
    error Unauthorized(address caller, address expected);
    /// @notice The account's free stake does not cover the amount.
    error InsufficientStake(address account, uint256 free, uint256 needed);
    /// @notice The account's locked stake does not cover the amount.
    error InsufficientLock(address account, uint256 locked, uint256 needed);
    /// @notice Nothing of the kind asked for: deposit, pending withdrawal or credit is zero.
    error NothingToMove(address account);
    /// @notice The pending withdrawal has to wait until `availableAt`.
    error WithdrawalTooEarly(uint256 availableAt, uint256 now_);
    /// @notice The parts of a slash exceed the whole.
    error SlashExceedsAmount(uint256 amount, uint256 reward, uint256 compensation);
    /// @notice The token has no supply that could be read, or one that does not fit the ledger (88 bits).
    error UnusableToken(address token, uint256 supply);

    /// @notice Takes `amount` from the sender and adds it to its free stake. In ether it is sent along, a token is taken by allowance.
    function deposit(uint256 amount) external payable;

    /// @notice Sets `amount` of free stake aside for withdrawal and starts the delay. It replaces an earlier request, whose
    /// amount becomes free first; 0 only does that.
    function requestWithdrawal(uint256 amount) external;

    /// @notice Pays out the pending withdrawal once its delay is over.
    function withdraw() external;

    /// @notice Pays out the sender's credits.
    function collect() external;

    /// @notice Takes `amount` from the sender and adds it to the credits of `account`. Anybody may: it brings its own money.
    function credit(address account, uint256 amount) external payable;

    /// @notice Turns free stake into locked stake. Only `Jobs`.
    function lock(address account, uint256 amount) external;

    /// @notice Turns locked stake into free stake. Only `Jobs`.
    function unlock(address account, uint256 amount) external;

    /// @notice Unlocks `amount`, takes `payment` from the sender and credits it to the same account. Only `Jobs`.
    function settle(address account, uint256 amount, uint256 payment) external payable;

    /// @notice Takes locked stake away and divides it. Only `Jobs`.
    function slash(Slash calldata order) external;

    /// @notice The money of an account.
    function getAccount(address account) external view returns (Account memory);

    /// @notice The ERC-20 token in which this deployment pays, or zero for ether; fixed at construction.
    function TOKEN() external view returns (address);

    /// @notice The contract that locks, unlocks and slashes; fixed at construction.
    function JOBS() external view returns (address);

    /// @notice Seconds from a request to the withdrawal; longer than the longest dispute.
    function WITHDRAWAL_DELAY() external view returns (uint256);

    /// @notice Where burnt stake goes; in a token it stays a credit of this address.
    function BURN_ADDRESS() external view returns (address);
}
