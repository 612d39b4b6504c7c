// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputes} from "./interfaces/IDisputes.sol";
import {IJobs} from "./interfaces/IJobs.sol";
import {IModels} from "./interfaces/IModels.sol";
import {IStakes} from "./interfaces/IStakes.sol";
import {Asset} from "./lib/Asset.sol";
import {ChessClock} from "./lib/ChessClock.sol";
import {Dispute, DisputeRules, Outcome, Phase, Position} from "./types/Dispute.sol";
import {DisputeId, JobId} from "./types/Identifiers.sol";
import {ProvedBlock} from "./types/Program.sol";
import {Claim} from "./types/Witness.sol";

/// @title The disputes as they stand: their money, their clocks, and how they end
/// @dev INVARIANT: the balance is the sum of the bonds of all disputes that have not ended: one bond each, or one for each element
/// that a demand has asked for.
/// INVARIANT: a dispute that has not ended, and whose commitment stands, is counted in the job's `openDisputes`; hence no
/// commitment becomes final while a dispute against it runs.
/// INVARIANT: a dispute ends within MAX_DURATION of its opening if anybody calls `timeout`: each side spends at most its
/// clock and its extensions, and one side's clock always runs. Disputes run side by side, so their number adds no delay.
abstract contract DisputeBook is IDisputes {
    using ChessClock for uint32;

    /// @dev Five words. A reveal and an end write the first one, and a choice the first and `node`: what they change stands together.
    struct Record {
        uint40 jobId;
        uint8 attempt;
        Phase phase;
        Outcome outcome;
        uint16 turn;
        uint40 turnStart;
        uint32 challengerClock;
        uint32 defenderClock;
        uint8 levels;
        bool atRoot;
        uint56 index;
        // Second word.
        address challenger;
        uint48 leaves;
        uint40 sealedAt; // 0: there is no seal
        // Third word: where there is a seal, the seal.
        bytes32 node;
        // Fourth word.
        uint32 tensor;
        uint32 stepIndex;
        uint64 byteLength;
        uint32 blockIndex;
        uint32 innerCount;
        uint16 demands;
        bool isInner; // the tensor, or the list being descended, is of the inner trace
        // Fifth word.
        bytes32 innerRoot;
    }

    /// @dev `source` of tensors of the posted trace and of an inner trace, in step descriptors.
    uint8 internal constant SOURCE_TRACE = 2;
    uint8 internal constant SOURCE_INNER = 3;

    /// @dev A month for each side: far more than a game of at most some forty moves needs.
    uint32 private constant MAX_CLOCK = 30 days;

    /// @dev Turns are counted in 16 bits, at most three a demand.
    uint16 private constant MOST_DEMANDS = 1 << 14;

    IJobs public immutable JOBS;
    IModels public immutable MODELS;
    IStakes public immutable STAKES;

    address private immutable TOKEN;
    uint96 internal immutable BOND;
    uint32 private immutable CLOCK;
    uint32 private immutable EXTENSION;
    uint96 internal immutable DEMAND_BOND;
    uint16 internal immutable MAX_DEMANDS;
    uint32 internal immutable SEAL_AGE;

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
        // Without an age a copier who seals at once is as good as the one who found the fraud; and after a seal at the start of an
        // extension there must be as much time again for the refutation.
        require(
            rules_.sealAge != 0 && rules_.sealAge <= rules_.extension / 2, BadRules("sealAge")
        );
        JOBS = jobs;
        MODELS = models;
        STAKES = stakes;
        TOKEN = stakes.TOKEN();
        Asset.allow(TOKEN, address(stakes));
        BOND = rules_.bond;
        CLOCK = rules_.clock;
        EXTENSION = rules_.extension;
        DEMAND_BOND = rules_.demandBond;
        MAX_DEMANDS = rules_.maxDemands;
        SEAL_AGE = rules_.sealAge;
        // An operator that sees trouble coming must not be able to take its stake away before a dispute has ended.
        require(stakes.WITHDRAWAL_DELAY() > MAX_DURATION(), BadRules("withdrawalDelay"));
    }

    /// @inheritdoc IDisputes
    function getDispute(DisputeId disputeId) external view returns (Dispute memory) {
        Record storage dispute = _disputes[disputeId];
        require(dispute.phase != Phase.None, UnknownDispute(disputeId));
        bool isSealed = dispute.sealedAt != 0;
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
            demands: dispute.demands,
            bond: _bondOf(dispute),
            seal: isSealed ? dispute.node : bytes32(0),
            sealedAt: dispute.sealedAt,
            position: Position({
                node: isSealed ? bytes32(0) : dispute.node,
                atRoot: dispute.atRoot,
                levels: dispute.levels,
                index: dispute.index,
                source: dispute.isInner ? SOURCE_INNER : SOURCE_TRACE,
                tensor: dispute.tensor,
                stepIndex: dispute.stepIndex,
                byteLength: dispute.byteLength,
                leaves: dispute.leaves,
                blockIndex: dispute.blockIndex,
                innerCount: dispute.innerCount,
                innerRoot: dispute.innerRoot
            })
        });
    }

    /// @inheritdoc IDisputes
    function rules() external view returns (DisputeRules memory) {
        return DisputeRules(BOND, CLOCK, EXTENSION, DEMAND_BOND, MAX_DEMANDS, SEAL_AGE);
    }

    /// @inheritdoc IDisputes
    /// @dev The defender may have its clock raised before it shows the chunk, the challenger where it may refute: once when a block
    /// has been expanded, and once at the end of a bisection.
    function MAX_DURATION() public view returns (uint256) {
        return 2 * uint256(CLOCK) + 3 * uint256(EXTENSION);
    }

    /// @dev The part that all openings share.
    function _begin(JobId jobId, bytes32 digest) internal returns (DisputeId disputeId, Record storage dispute) {
        uint8 attempt = JOBS.enterDispute(jobId, digest);
        disputeId = DisputeId.wrap(++disputeCount);
        dispute = _disputes[disputeId];
        dispute.challenger = msg.sender;
        // SAFETY: jobs are numbered one by one, 2^40 of them would fill the blocks of a century, and `enterDispute` knows this one.
        dispute.jobId = uint40(JobId.unwrap(jobId));
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
        uint256 bond = _bondOf(dispute);
        STAKES.credit{value: Asset.valueOf(TOKEN, bond)}(to, bond);
    }

    function _takeBond(uint256 bond) internal {
        require(TOKEN != address(0) || msg.value == bond, WrongBond(msg.value, bond));
        Asset.take(TOKEN, bond);
    }

    /// @dev Hands the move over, with the extension if it may be that side's last one.
    function _endTurn(Record storage dispute, Phase next) internal {
        _countTurn(dispute);
        if (next == Phase.RevealChunk) dispute.defenderClock = dispute.defenderClock.extend(EXTENSION);
        if (next == Phase.Refute || next == Phase.Expanded) {
            dispute.challengerClock = dispute.challengerClock.extend(EXTENSION);
        }
        dispute.phase = next;
    }

    /// @dev Charges the side that moved.
    function _countTurn(Record storage dispute) internal {
        if (_defenderMoves(dispute.phase)) {
            dispute.defenderClock = dispute.defenderClock.spend(dispute.turnStart, block.timestamp);
        } else {
            dispute.challengerClock = dispute.challengerClock.spend(dispute.turnStart, block.timestamp);
        }
        dispute.turn++;
        dispute.turnStart = uint40(block.timestamp);
    }

    /// @dev Does not ask whether the commitment stands: 6k gas in each round of a bisection. A move that changes only the position is
    /// without consequence if it does not, since nothing but `close` is left for the dispute then.
    function _atTurn(DisputeId disputeId, uint16 turn, Phase needed) internal view returns (Record storage dispute) {
        dispute = _atTurn(disputeId, turn);
        require(dispute.phase == needed, WrongPhase(disputeId, dispute.phase));
    }

    function _atTurn(DisputeId disputeId, uint16 turn) internal view returns (Record storage dispute) {
        dispute = _live(disputeId);
        _checkTurn(disputeId, dispute, turn);
        _checkClock(disputeId, dispute);
    }

    function _checkTurn(DisputeId disputeId, Record storage dispute, uint16 turn) internal view {
        require(turn >= dispute.turn, MoveAlreadyMade(disputeId, turn, dispute.turn));
        require(turn == dispute.turn, MoveTooEarly(disputeId, turn, dispute.turn));
    }

    function _live(DisputeId disputeId) internal view returns (Record storage dispute) {
        dispute = _disputes[disputeId];
        require(dispute.phase != Phase.None, UnknownDispute(disputeId));
        require(dispute.phase != Phase.Ended, DisputeOver(disputeId, dispute.outcome));
    }

    function _running(DisputeId disputeId) internal view returns (Record storage dispute) {
        dispute = _live(disputeId);
        _checkStands(disputeId, dispute);
    }

    function _checkStands(DisputeId disputeId, Record storage dispute) internal view {
        require(_stands(dispute), CommitmentGone(disputeId));
    }

    /// @dev For moves that no hash binds to the commitment that their sender has seen.
    function _checkCommitment(DisputeId disputeId, Record storage dispute, bytes32 digest)
        internal
        view
        returns (address executor)
    {
        bytes32 standing;
        (standing, executor) = JOBS.commitmentOf(JobId.wrap(dispute.jobId), dispute.attempt);
        require(standing != 0, CommitmentGone(disputeId));
        require(standing == digest, AnotherCommitment(disputeId, standing, digest));
    }

    function _checkChallenger(DisputeId disputeId, Record storage dispute) internal view {
        require(msg.sender == dispute.challenger, NotChallenger(disputeId, msg.sender, dispute.challenger));
    }

    /// @dev What the commitment claims, with the inner trace of the block that is expanded, and the number of its program.
    function _claimOf(Record storage dispute) internal view returns (Claim memory claim, uint256 modelId) {
        (claim, modelId) = JOBS.claimOf(JobId.wrap(dispute.jobId), dispute.attempt);
        bytes32 innerRoot = dispute.innerRoot;
        if (innerRoot == 0) return (claim, modelId);
        claim.innerRoot = innerRoot;
        claim.innerBlock = dispute.blockIndex;
        claim.innerCount = dispute.innerCount;
    }

    /// @dev The block whose inner trace the executor has to commit next. It must be one of the program, and have one.
    function _nameBlock(
        DisputeId disputeId,
        Record storage dispute,
        uint16 turn,
        uint256 modelId,
        ProvedBlock calldata proved
    ) internal {
        MODELS.checkBlock(modelId, proved);
        uint32 innerCount = proved.content.innerCount;
        require(innerCount != 0, NothingInside(proved.index));
        dispute.blockIndex = proved.index;
        dispute.innerCount = innerCount;
        emit BlockNamed(disputeId, turn, proved.index, innerCount);
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
        uint256 demands = dispute.demands;
        return demands == 0 ? BOND : DEMAND_BOND * demands;
    }

    function _defenderMoves(Phase phase) internal pure returns (bool) {
        return phase == Phase.Reveal || phase == Phase.RevealChunk || phase == Phase.Answer || phase == Phase.Expand;
    }
}
