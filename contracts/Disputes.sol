// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputes} from "./interfaces/IDisputes.sol";
import {IJobs} from "./interfaces/IJobs.sol";
import {IJudge} from "./interfaces/IJudge.sol";
import {IModels} from "./interfaces/IModels.sol";
import {IStakes} from "./interfaces/IStakes.sol";
import {ChessClock} from "./lib/ChessClock.sol";
import {Domains} from "./lib/Domains.sol";
import {MerkleTree} from "./lib/MerkleTree.sol";
import {NamedStep} from "./lib/NamedStep.sol";
import {TensorSize} from "./lib/TensorSize.sol";
import {WitnessCall} from "./lib/WitnessCall.sol";
import {Dispute, DisputeRules, Outcome, Phase, Position} from "./types/Dispute.sol";
import {DisputeId, JobId} from "./types/Identifiers.sol";
import {Claim, Verdict, Witness} from "./types/Witness.sol";

/// @title Bonded challenges against commitments
/// @dev INVARIANT: the balance is the bond times the number of disputes that have not ended.
/// INVARIANT: a dispute that has not ended, and whose commitment stands, is counted in the job's `openDisputes`; hence no
/// commitment becomes final while a dispute against it runs.
/// INVARIANT: a dispute ends within MAX_DURATION of its opening if anybody calls `timeout`: each side spends at most its
/// clock and one extension, and one side's clock always runs. Disputes run side by side, so their number adds no delay.
contract Disputes is IDisputes {
    using ChessClock for uint32;

    /// @dev Four words.
    struct Record {
        address challenger;
        uint64 jobId;
        uint8 attempt;
        Phase phase;
        Outcome outcome;
        bool isSealed;
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

    /// @notice Levels of a tree that one reveal goes down: 16 nodes.
    uint256 public constant LEVELS_PER_REVEAL = 4;

    /// @dev A month for each side: far more than a game of at most some forty moves needs.
    uint32 private constant MAX_CLOCK = 30 days;

    IJobs public immutable JOBS;
    IModels public immutable MODELS;
    IStakes public immutable STAKES;
    IJudge public immutable JUDGE;

    uint96 private immutable BOND;
    uint32 private immutable CLOCK;
    uint32 private immutable EXTENSION;

    /// @inheritdoc IDisputes
    uint256 public disputeCount;

    mapping(DisputeId => Record) private _disputes;

    constructor(IJobs jobs, IModels models, IStakes stakes, IJudge judge, DisputeRules memory rules_) {
        require(jobs.DISPUTES() == address(this), WrongWiring(address(jobs), address(this)));
        require(stakes.JOBS() == address(jobs), WrongWiring(address(stakes), address(jobs)));
        // A free dispute would be a free delay.
        require(rules_.bond != 0, BadRules("bond"));
        require(rules_.clock != 0 && rules_.clock <= MAX_CLOCK, BadRules("clock"));
        require(rules_.extension != 0 && rules_.extension <= rules_.clock, BadRules("extension"));
        JOBS = jobs;
        MODELS = models;
        STAKES = stakes;
        JUDGE = judge;
        BOND = rules_.bond;
        CLOCK = rules_.clock;
        EXTENSION = rules_.extension;
        // An operator that sees trouble coming must not be able to take its stake away before a dispute has ended.
        require(stakes.WITHDRAWAL_DELAY() > MAX_DURATION(), BadRules("withdrawalDelay"));
    }

    /// @inheritdoc IDisputes
    function open(JobId jobId, uint8 attempt, bytes32 seal) external payable returns (DisputeId disputeId) {
        require(msg.value == BOND, WrongBond(msg.value, BOND));
        JOBS.enterDispute(jobId, attempt);
        disputeId = DisputeId.wrap(++disputeCount);
        Record storage dispute = _disputes[disputeId];
        dispute.challenger = msg.sender;
        // SAFETY: jobs are numbered one by one, and `enterDispute` knows this one.
        dispute.jobId = uint64(JobId.unwrap(jobId));
        dispute.attempt = attempt;
        dispute.turnStart = uint40(block.timestamp);
        dispute.challengerClock = CLOCK;
        dispute.defenderClock = CLOCK;
        if (seal != 0) {
            dispute.phase = Phase.Sealed;
            dispute.isSealed = true;
            dispute.node = seal;
        } else {
            (Claim memory claim, uint256 modelId) = JOBS.claimOf(jobId, attempt);
            dispute.phase = Phase.Reveal;
            _enterTree(dispute, claim.traceRoot, MODELS.getModel(modelId).traceCount);
        }
        emit Opened(disputeId, jobId, msg.sender, attempt, seal, msg.value);
    }

    /// @inheritdoc IDisputes
    /// @dev SAFETY, against copied refutations: whoever sees this transaction before it is mined knows the witness. To use
    /// it, a copier needs a dispute of its own that is sealed with its own address, and can refute with that only in a later
    /// second, when this transaction has convicted the commitment and the copier's dispute is void. Hence no unsealed
    /// refutation outside the end of a bisection: there the position took the challenger's own moves and time to reach.
    function refute(DisputeId disputeId, bytes32 salt, Witness calldata witness) external {
        Record storage dispute = _running(disputeId);
        require(msg.sender == dispute.challenger, NotChallenger(disputeId, msg.sender, dispute.challenger));
        require(
            dispute.phase == Phase.Sealed || dispute.phase == Phase.Refute, WrongPhase(disputeId, dispute.phase)
        );
        _checkClock(disputeId, dispute);
        (Claim memory claim,) = JOBS.claimOf(JobId.wrap(dispute.jobId), dispute.attempt);
        bytes memory request = WitnessCall.encode(claim, witness);
        if (dispute.phase == Phase.Sealed) {
            require(block.timestamp > dispute.turnStart, TooSoon(disputeId, dispute.turnStart));
            bytes32 seal = keccak256(abi.encode(msg.sender, salt, WitnessCall.witnessHash(request)));
            require(seal == dispute.node, WrongSeal(disputeId, dispute.node, seal));
        }
        Verdict memory verdict = WitnessCall.ask(JUDGE, request);
        // A sound witness costs its sender the gas and nothing else; if it has no better one, the clock decides.
        require(verdict.fraud, WitnessSound(verdict));
        emit Refuted(disputeId, witness.stepIndex, witness.element, verdict);
        _convict(disputeId, dispute);
    }

    /// @inheritdoc IDisputes
    function reveal(DisputeId disputeId, uint16 turn, bytes32[] calldata children) external {
        Record storage dispute = _atTurn(disputeId, turn, Phase.Reveal);
        uint256 count = 1 << _step(dispute.levels);
        require(children.length == count, WrongChildCount(count, children.length));
        bytes32 top = MerkleTree.topOf(children);
        bytes32 node = dispute.node;
        bytes32 computed = top;
        if (dispute.atRoot) {
            computed = dispute.byteLength == 0
                ? MerkleTree.listRoot(Domains.TRACE, dispute.leaves, top)
                : MerkleTree.tensorRoot(dispute.byteLength, top);
            dispute.atRoot = false;
            dispute.node = top;
        }
        require(computed == node, WrongChildren(node, computed));
        emit Revealed(disputeId, turn, node, children);
        _endTurn(dispute, Phase.Choose);
    }

    /// @inheritdoc IDisputes
    function choose(DisputeId disputeId, uint16 turn, uint256 index, bytes32 child, bytes32[] calldata siblings)
        external
    {
        Record storage dispute = _chosen(disputeId, turn, index, child, siblings);
        if (dispute.levels != 0) {
            _endTurn(dispute, Phase.Reveal);
        } else {
            require(dispute.byteLength != 0, StepNeeded(disputeId));
            _endTurn(dispute, Phase.RevealChunk);
        }
    }

    /// @inheritdoc IDisputes
    function chooseTensor(
        DisputeId disputeId,
        uint16 turn,
        uint256 index,
        bytes32 child,
        bytes32[] calldata siblings,
        uint32 stepIndex,
        bytes calldata step,
        bytes32[] calldata stepProof
    ) external {
        Record storage dispute = _chosen(disputeId, turn, index, child, siblings);
        require(dispute.levels == 0 && dispute.byteLength == 0, NotAtTensor(disputeId, dispute.levels));
        // SAFETY: a leaf's index is below the trace count, which has 32 bits.
        uint32 tensor = uint32(dispute.index);
        (, uint256 modelId) = JOBS.claimOf(JobId.wrap(dispute.jobId), dispute.attempt);
        uint64 byteLength =
            NamedStep.byteLengthOf(MODELS.getModel(modelId), tensor, stepIndex, step, stepProof);
        dispute.tensor = tensor;
        dispute.stepIndex = stepIndex;
        dispute.byteLength = byteLength;
        _enterTree(dispute, child, TensorSize.chunkCount(byteLength));
        emit TensorNamed(disputeId, turn, tensor, stepIndex, byteLength, child);
        _endTurn(dispute, Phase.Reveal);
    }

    /// @inheritdoc IDisputes
    function revealChunk(DisputeId disputeId, uint16 turn, bytes calldata data) external {
        Record storage dispute = _atTurn(disputeId, turn, Phase.RevealChunk);
        uint256 expected = TensorSize.chunkLength(dispute.byteLength, dispute.index);
        require(data.length == expected, WrongChunkLength(expected, data.length));
        bytes32 leaf = sha256(data);
        require(leaf == dispute.node, WrongChunk(dispute.node, leaf));
        emit ChunkRevealed(disputeId, turn, dispute.tensor, dispute.index, data);
        _endTurn(dispute, Phase.Refute);
    }

    /// @inheritdoc IDisputes
    function timeout(DisputeId disputeId) external {
        Record storage dispute = _running(disputeId);
        uint256 deadline = _deadline(dispute);
        require(block.timestamp > deadline, ClockStillRuns(disputeId, deadline, block.timestamp));
        if (_defenderMoves(dispute.phase)) {
            _convict(disputeId, dispute);
        } else {
            _end(dispute, Outcome.DefenderWon);
            address defender = JOBS.leaveDispute(JobId.wrap(dispute.jobId), dispute.attempt);
            _payBond(disputeId, dispute, defender);
        }
    }

    /// @inheritdoc IDisputes
    function close(DisputeId disputeId) external {
        Record storage dispute = _live(disputeId);
        require(!_stands(dispute), CommitmentStands(disputeId));
        _end(dispute, Outcome.Void);
        _payBond(disputeId, dispute, dispute.challenger);
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
            bond: BOND,
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
        return DisputeRules(BOND, CLOCK, EXTENSION);
    }

    /// @inheritdoc IDisputes
    function MAX_DURATION() public view returns (uint256) {
        return 2 * (uint256(CLOCK) + EXTENSION);
    }

    /// @dev The part that both kinds of choice share: proves the child against the current node and moves there. An index out
    /// of range or a wrong number of siblings is an error of `MerkleTree`.
    function _chosen(DisputeId disputeId, uint16 turn, uint256 index, bytes32 child, bytes32[] calldata siblings)
        private
        returns (Record storage dispute)
    {
        dispute = _atTurn(disputeId, turn, Phase.Choose);
        require(msg.sender == dispute.challenger, NotChallenger(disputeId, msg.sender, dispute.challenger));
        uint256 down = _step(dispute.levels);
        bytes32 computed = MerkleTree.verifyPath(child, index, 1 << down, siblings);
        require(computed == dispute.node, WrongChoice(dispute.node, computed));
        // SAFETY: down <= levels; index < 2^down, so the new index is below 2^depth <= 2^48.
        uint8 levels = uint8(dispute.levels - down);
        uint64 position = (dispute.index << uint64(down)) | uint64(index);
        // A subtree of padding alone has nothing in it to dispute, and a padding leaf has no tensor and no chunk.
        require(position << levels < dispute.leaves, PaddingLeaf(position << levels, dispute.leaves));
        dispute.levels = levels;
        dispute.index = position;
        dispute.node = child;
        emit Chosen(disputeId, turn, position, child);
    }

    function _enterTree(Record storage dispute, bytes32 root, uint256 leaves) private {
        dispute.node = root;
        dispute.atRoot = true;
        dispute.index = 0;
        // SAFETY: at most 2^41 leaves (2^51 bytes in chunks of 2^10), so at most 41 levels.
        dispute.leaves = uint64(leaves);
        dispute.levels = uint8(MerkleTree.depthOf(leaves));
    }

    function _convict(DisputeId disputeId, Record storage dispute) private {
        address challenger = dispute.challenger;
        _end(dispute, Outcome.ChallengerWon);
        JOBS.convict(JobId.wrap(dispute.jobId), dispute.attempt, challenger);
        _payBond(disputeId, dispute, challenger);
    }

    function _end(Record storage dispute, Outcome outcome) private {
        dispute.phase = Phase.Ended;
        dispute.outcome = outcome;
    }

    /// @dev SAFETY: called once a dispute, right after `_end`; nothing gets past `_live` afterwards.
    function _payBond(DisputeId disputeId, Record storage dispute, address to) private {
        emit Ended(disputeId, JobId.wrap(dispute.jobId), dispute.outcome, to);
        STAKES.credit{value: BOND}(to);
    }

    /// @dev Charges the side that moved and hands the move over, with the extension if it is that side's last one.
    function _endTurn(Record storage dispute, Phase next) private {
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

    function _atTurn(DisputeId disputeId, uint16 turn, Phase needed) private view returns (Record storage dispute) {
        dispute = _running(disputeId);
        require(turn >= dispute.turn, MoveAlreadyMade(disputeId, turn, dispute.turn));
        require(turn == dispute.turn, MoveTooEarly(disputeId, turn, dispute.turn));
        require(dispute.phase == needed, WrongPhase(disputeId, dispute.phase));
        _checkClock(disputeId, dispute);
    }

    function _live(DisputeId disputeId) private view returns (Record storage dispute) {
        dispute = _disputes[disputeId];
        require(dispute.phase != Phase.None, UnknownDispute(disputeId));
        require(dispute.phase != Phase.Ended, DisputeOver(disputeId, dispute.outcome));
    }

    function _running(DisputeId disputeId) private view returns (Record storage dispute) {
        dispute = _live(disputeId);
        require(_stands(dispute), CommitmentGone(disputeId));
    }

    function _stands(Record storage dispute) private view returns (bool) {
        return JOBS.isStanding(JobId.wrap(dispute.jobId), dispute.attempt);
    }

    function _checkClock(DisputeId disputeId, Record storage dispute) private view {
        uint256 deadline = _deadline(dispute);
        require(block.timestamp <= deadline, ClockRanOut(disputeId, deadline, block.timestamp));
    }

    function _deadline(Record storage dispute) private view returns (uint256) {
        uint32 clock = _defenderMoves(dispute.phase) ? dispute.defenderClock : dispute.challengerClock;
        return uint256(dispute.turnStart) + clock;
    }

    function _step(uint256 levels) private pure returns (uint256) {
        return levels < LEVELS_PER_REVEAL ? levels : LEVELS_PER_REVEAL;
    }

    function _defenderMoves(Phase phase) private pure returns (bool) {
        return phase == Phase.Reveal || phase == Phase.RevealChunk;
    }
}
