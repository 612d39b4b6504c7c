// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputes} from "./interfaces/IDisputes.sol";
import {IJobs} from "./interfaces/IJobs.sol";
import {IModels} from "./interfaces/IModels.sol";
import {IStakes} from "./interfaces/IStakes.sol";
import {ChessClock} from "./lib/ChessClock.sol";
import {Dispute, DisputeRules, Outcome, Phase, Position} from "./types/Dispute.sol";
import {DisputeId, JobId} from "./types/Identifiers.sol";

/// @title The disputes as they stand: their money, their clocks, and how they end
/// @dev INVARIANT: the balance is the sum of the bonds of all disputes that have not ended: one bond each, or one for each element
/// that a demand has asked for.
/// INVARIANT: a dispute that has not ended, and whose commitment stands, is counted in the job's `openDisputes`; hence no
/// commitment becomes final while a dispute against it runs.
/// INVARIANT: a dispute ends within MAX_DURATION of its opening if anybody calls `timeout`: each side spends at most its
/// clock and one extension, and one side's clock always runs. Disputes run side by side, so their number adds no delay.
abstract contract DisputeBook is IDisputes {
    using ChessClock for uint32;

    /// @dev Four words.
    struct Record {
        address challenger;
        uint64 jobId;
        uint8 attempt;
        Phase phase;
        Outcome outcome;
        bool isSealed;
        bool isDemand;
        uint16 turn;
        uint40 turnStart;
        uint32 challengerClock;
        uint32 defenderClock;
        uint8 levels;
        bool atRoot;
        bytes32 node; // of a sealed dispute: the seal
        uint64 index;
        uint32 tensor;
        uint32 stepIndex;
        uint64 byteLength;
        uint64 leaves;
    }

    /// @dev A month for each side: far more than a game of at most some forty moves needs.
    uint32 private constant MAX_CLOCK = 30 days;

    /// @dev Turns are counted in 16 bits, two a demand.
    uint16 private constant MOST_DEMANDS = 1 << 14;

    IJobs public immutable JOBS;
    IModels public immutable MODELS;
    IStakes public immutable STAKES;

    uint96 internal immutable BOND;
    uint32 private immutable CLOCK;
    uint32 private immutable EXTENSION;
    uint96 internal immutable DEMAND_BOND;
    uint16 internal immutable MAX_DEMANDS;

    /// @inheritdoc IDisputes
    uint256 public disputeCount;

    mapping(DisputeId => Record) private _disputes;

    constructor(IJobs jobs, IModels models, IStakes stakes, DisputeRules memory rules_) {
        require(jobs.DISPUTES() == address(this), WrongWiring(address(jobs), address(this)));
        require(stakes.JOBS() == address(jobs), WrongWiring(address(stakes), address(jobs)));
        // A free dispute would be a free delay.
        require(rules_.bond != 0, BadRules("bond"));
        require(rules_.clock != 0 && rules_.clock <= MAX_CLOCK, BadRules("clock"));
        require(rules_.extension != 0 && rules_.extension <= rules_.clock, BadRules("extension"));
        // An answer costs more than all moves of a bisection together.
        require(rules_.demandBond >= rules_.bond, BadRules("demandBond"));
        // An answer takes a second at least, and all of them share one clock.
        require(
            rules_.maxDemands != 0 && rules_.maxDemands <= MOST_DEMANDS && rules_.maxDemands < rules_.clock,
            BadRules("maxDemands")
        );
        JOBS = jobs;
        MODELS = models;
        STAKES = stakes;
        BOND = rules_.bond;
        CLOCK = rules_.clock;
        EXTENSION = rules_.extension;
        DEMAND_BOND = rules_.demandBond;
        MAX_DEMANDS = rules_.maxDemands;
        // An operator that sees trouble coming must not be able to take its stake away before a dispute has ended.
        require(stakes.WITHDRAWAL_DELAY() > MAX_DURATION(), BadRules("withdrawalDelay"));
    }

    /// @inheritdoc IDisputes
    function getDispute(DisputeId disputeId) external view returns (Dispute memory) {
        Record storage dispute = _disputes[disputeId];
        require(dispute.phase != Phase.None, UnknownDispute(disputeId));
        return Dispute({
            jobId: JobId.wrap(dispute.jobId),
            attempt: dispute.attempt,
            phase: dispute.phase,
            outcome: dispute.outcome,
            turn: dispute.turn,
            turnStart: dispute.turnStart,
            deadline: dispute.phase == Phase.Ended ? 0 : uint64(_deadline(dispute)),
            challengerClock: dispute.challengerClock,
            defenderClock: dispute.defenderClock,
            challenger: dispute.challenger,
            isDemand: dispute.isDemand,
            bond: _bondOf(dispute),
            seal: dispute.isSealed ? dispute.node : bytes32(0),
            position: Position({
                node: dispute.isSealed ? bytes32(0) : dispute.node,
                atRoot: dispute.atRoot,
                levels: dispute.levels,
                index: dispute.index,
                tensor: dispute.tensor,
                stepIndex: dispute.stepIndex,
                byteLength: dispute.byteLength,
                leaves: dispute.leaves
            })
        });
    }

    /// @inheritdoc IDisputes
    function rules() external view returns (DisputeRules memory) {
        return DisputeRules(BOND, CLOCK, EXTENSION, DEMAND_BOND, MAX_DEMANDS);
    }

    /// @inheritdoc IDisputes
    function MAX_DURATION() public view returns (uint256) {
        return 2 * (uint256(CLOCK) + EXTENSION);
    }

    /// @dev The part that all openings share.
    function _begin(JobId jobId, uint8 attempt) internal returns (DisputeId disputeId, Record storage dispute) {
        JOBS.enterDispute(jobId, attempt);
        disputeId = DisputeId.wrap(++disputeCount);
        dispute = _disputes[disputeId];
        dispute.challenger = msg.sender;
        // SAFETY: jobs are numbered one by one, and `enterDispute` knows this one.
        dispute.jobId = uint64(JobId.unwrap(jobId));
        dispute.attempt = attempt;
        dispute.turnStart = uint40(block.timestamp);
        dispute.challengerClock = CLOCK;
        dispute.defenderClock = CLOCK;
    }

    function _convict(DisputeId disputeId, Record storage dispute) internal {
        address challenger = dispute.challenger;
        _end(dispute, Outcome.ChallengerWon);
        JOBS.convict(JobId.wrap(dispute.jobId), dispute.attempt, challenger);
        _payBond(disputeId, dispute, challenger);
    }

    function _acquit(DisputeId disputeId, Record storage dispute) internal {
        _end(dispute, Outcome.DefenderWon);
        address defender = JOBS.leaveDispute(JobId.wrap(dispute.jobId), dispute.attempt);
        _payBond(disputeId, dispute, defender);
    }

    function _end(Record storage dispute, Outcome outcome) internal {
        dispute.phase = Phase.Ended;
        dispute.outcome = outcome;
    }

    /// @dev SAFETY: called once a dispute, right after `_end`; nothing gets past `_live` afterwards.
    function _payBond(DisputeId disputeId, Record storage dispute, address to) internal {
        emit Ended(disputeId, JobId.wrap(dispute.jobId), dispute.outcome, to);
        STAKES.credit{value: _bondOf(dispute)}(to);
    }

    /// @dev Charges the side that moved and hands the move over, with the extension if it is that side's last one.
    function _endTurn(Record storage dispute, Phase next) internal {
        if (_defenderMoves(dispute.phase)) {
            dispute.defenderClock = dispute.defenderClock.spend(dispute.turnStart, block.timestamp);
        } else {
            dispute.challengerClock = dispute.challengerClock.spend(dispute.turnStart, block.timestamp);
        }
        if (next == Phase.RevealChunk) dispute.defenderClock = dispute.defenderClock.extend(EXTENSION);
        if (next == Phase.Refute) dispute.challengerClock = dispute.challengerClock.extend(EXTENSION);
        dispute.phase = next;
        dispute.turn++;
        dispute.turnStart = uint40(block.timestamp);
    }

    function _atTurn(DisputeId disputeId, uint16 turn, Phase needed) internal view returns (Record storage dispute) {
        dispute = _running(disputeId);
        require(turn >= dispute.turn, MoveAlreadyMade(disputeId, turn, dispute.turn));
        require(turn == dispute.turn, MoveTooEarly(disputeId, turn, dispute.turn));
        require(dispute.phase == needed, WrongPhase(disputeId, dispute.phase));
        _checkClock(disputeId, dispute);
    }

    function _live(DisputeId disputeId) internal view returns (Record storage dispute) {
        dispute = _disputes[disputeId];
        require(dispute.phase != Phase.None, UnknownDispute(disputeId));
        require(dispute.phase != Phase.Ended, DisputeOver(disputeId, dispute.outcome));
    }

    function _running(DisputeId disputeId) internal view returns (Record storage dispute) {
        dispute = _live(disputeId);
        require(_stands(dispute), CommitmentGone(disputeId));
    }

    function _stands(Record storage dispute) internal view returns (bool) {
        return JOBS.isStanding(JobId.wrap(dispute.jobId), dispute.attempt);
    }

    function _checkClock(DisputeId disputeId, Record storage dispute) internal view {
        uint256 deadline = _deadline(dispute);
        require(block.timestamp <= deadline, ClockRanOut(disputeId, deadline, block.timestamp));
    }

    function _deadline(Record storage dispute) internal view returns (uint256) {
        uint32 clock = _defenderMoves(dispute.phase) ? dispute.defenderClock : dispute.challengerClock;
        return uint256(dispute.turnStart) + clock;
    }

    function _bondOf(Record storage dispute) internal view returns (uint256) {
        return dispute.isDemand ? DEMAND_BOND * _demandsOf(dispute) : BOND;
    }

    /// @dev Turns alternate: demand n, counted from 0, is answered by turn 2n.
    function _demandsOf(Record storage dispute) internal view returns (uint256) {
        return uint256(dispute.turn) / 2 + 1;
    }

    function _defenderMoves(Phase phase) internal pure returns (bool) {
        return phase == Phase.Reveal || phase == Phase.RevealChunk || phase == Phase.Answer;
    }
}
