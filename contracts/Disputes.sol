// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DisputeBook} from "./DisputeBook.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {IJobs} from "./interfaces/IJobs.sol";
import {IJudge} from "./interfaces/IJudge.sol";
import {IModels} from "./interfaces/IModels.sol";
import {IStakes} from "./interfaces/IStakes.sol";
import {Domains} from "./lib/Domains.sol";
import {MerkleTree} from "./lib/MerkleTree.sol";
import {NamedStep} from "./lib/NamedStep.sol";
import {TensorSize} from "./lib/TensorSize.sol";
import {WitnessCall} from "./lib/WitnessCall.sol";
import {DisputeRules, Outcome, Phase} from "./types/Dispute.sol";
import {DisputeId, JobId} from "./types/Identifiers.sol";
import {Claim, Verdict, Witness} from "./types/Witness.sol";

/// @title Bonded challenges against commitments: the moves
/// @dev What the moves share, and the invariants of money and time, are in `DisputeBook`.
contract Disputes is DisputeBook {
    /// @notice Levels of a tree that one reveal goes down: 16 nodes.
    uint256 public constant LEVELS_PER_REVEAL = 4;

    IJudge public immutable JUDGE;

    constructor(IJobs jobs, IModels models, IStakes stakes, IJudge judge, DisputeRules memory rules_)
        DisputeBook(jobs, models, stakes, rules_)
    {
        JUDGE = judge;
    }

    /// @inheritdoc IDisputes
    function open(JobId jobId, uint8 attempt, bytes32 seal) external payable returns (DisputeId disputeId) {
        require(msg.value == BOND, WrongBond(msg.value, BOND));
        Record storage dispute;
        (disputeId, dispute) = _begin(jobId, attempt);
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
    function demand(
        JobId jobId,
        uint8 attempt,
        uint32 stepIndex,
        uint64 element,
        bytes calldata step,
        bytes32[] calldata stepProof
    ) external payable returns (DisputeId disputeId) {
        require(msg.value == DEMAND_BOND, WrongBond(msg.value, DEMAND_BOND));
        Record storage dispute;
        (disputeId, dispute) = _begin(jobId, attempt);
        dispute.isDemand = true;
        dispute.phase = Phase.Answer;
        emit Opened(disputeId, jobId, msg.sender, attempt, 0, msg.value);
        _ask(disputeId, dispute, 0, stepIndex, element, step, stepProof);
    }

    /// @inheritdoc IDisputes
    function demandNext(
        DisputeId disputeId,
        uint16 turn,
        uint32 stepIndex,
        uint64 element,
        bytes calldata step,
        bytes32[] calldata stepProof
    ) external payable {
        Record storage dispute = _atTurn(disputeId, turn, Phase.Demand);
        require(msg.sender == dispute.challenger, NotChallenger(disputeId, msg.sender, dispute.challenger));
        require(msg.value == DEMAND_BOND, WrongBond(msg.value, DEMAND_BOND));
        // SAFETY, against a game that is made of questions alone: each answer takes some of the defender's clock, and every bond
        // comes back when it runs out. So their number is bounded, to what a defender that is there answers in its time.
        require(_demandsOf(dispute) < MAX_DEMANDS, TooManyDemands(disputeId, MAX_DEMANDS));
        _ask(disputeId, dispute, turn + 1, stepIndex, element, step, stepProof);
        _endTurn(dispute, Phase.Answer);
    }

    /// @inheritdoc IDisputes
    /// @dev SAFETY, against copied refutations: whoever sees a witness before it is mined could demand its element and answer
    /// at once, if an answer were allowed in the second of its demand. In a later one the original has convicted.
    /// SAFETY, against copied answers: neither the bond nor the reward goes to the one who answers.
    function answer(DisputeId disputeId, uint16 turn, Witness calldata witness) external {
        Record storage dispute = _atTurn(disputeId, turn, Phase.Answer);
        require(block.timestamp > dispute.turnStart, TooSoon(disputeId, dispute.turnStart));
        require(
            witness.stepIndex == dispute.stepIndex && witness.element == dispute.index,
            NotDemanded(disputeId, dispute.stepIndex, dispute.index)
        );
        (Claim memory claim,) = JOBS.claimOf(JobId.wrap(dispute.jobId), dispute.attempt);
        bytes memory request = WitnessCall.encode(claim, witness);
        Verdict memory verdict = WitnessCall.ask(JUDGE, request);
        WitnessCall.log(request, Answered.selector, DisputeId.unwrap(disputeId), turn);
        if (verdict.fraud) {
            emit Refuted(disputeId, dispute.stepIndex, dispute.index, verdict);
            _convict(disputeId, dispute);
        } else {
            _endTurn(dispute, Phase.Demand);
        }
    }

    /// @inheritdoc IDisputes
    function concede(DisputeId disputeId) external {
        Record storage dispute = _running(disputeId);
        require(msg.sender == dispute.challenger, NotChallenger(disputeId, msg.sender, dispute.challenger));
        require(!_defenderMoves(dispute.phase), WrongPhase(disputeId, dispute.phase));
        _acquit(disputeId, dispute);
    }

    /// @inheritdoc IDisputes
    function timeout(DisputeId disputeId) external {
        Record storage dispute = _running(disputeId);
        uint256 deadline = _deadline(dispute);
        require(block.timestamp > deadline, ClockStillRuns(disputeId, deadline, block.timestamp));
        if (_defenderMoves(dispute.phase)) {
            _convict(disputeId, dispute);
        } else {
            _acquit(disputeId, dispute);
        }
    }

    /// @inheritdoc IDisputes
    function close(DisputeId disputeId) external {
        Record storage dispute = _live(disputeId);
        require(!_stands(dispute), CommitmentStands(disputeId));
        _end(dispute, Outcome.Void);
        _payBond(disputeId, dispute, dispute.challenger);
    }

    /// @dev The part that both kinds of demand share.
    function _ask(
        DisputeId disputeId,
        Record storage dispute,
        uint16 turn,
        uint32 stepIndex,
        uint64 element,
        bytes calldata step,
        bytes32[] calldata stepProof
    ) private {
        (, uint256 modelId) = JOBS.claimOf(JobId.wrap(dispute.jobId), dispute.attempt);
        (uint32 tensor, uint64 byteLength) =
            NamedStep.demanded(MODELS.getModel(modelId), stepIndex, element, step, stepProof);
        dispute.stepIndex = stepIndex;
        dispute.index = element;
        dispute.tensor = tensor;
        dispute.byteLength = byteLength;
        emit Demanded(disputeId, turn, stepIndex, tensor, element);
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

    function _step(uint256 levels) private pure returns (uint256) {
        return levels < LEVELS_PER_REVEAL ? levels : LEVELS_PER_REVEAL;
    }
}
