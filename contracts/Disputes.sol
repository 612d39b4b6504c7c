// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bisections} from "./Bisections.sol";
import {Demands} from "./Demands.sol";
import {DisputeBook} from "./DisputeBook.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {IJobs} from "./interfaces/IJobs.sol";
import {IJudge} from "./interfaces/IJudge.sol";
import {IModels} from "./interfaces/IModels.sol";
import {IStakes} from "./interfaces/IStakes.sol";
import {WitnessCall} from "./lib/WitnessCall.sol";
import {DisputeRules, Outcome, Phase} from "./types/Dispute.sol";
import {DisputeId, JobId} from "./types/Identifiers.sol";
import {ProvedBlock} from "./types/Program.sol";
import {Claim, Verdict, Witness} from "./types/Witness.sol";

/// @title Bonded challenges against commitments: how they begin and end
/// @dev What all moves share, and the invariants of money and time, are in `DisputeBook`.
contract Disputes is Bisections, Demands {
    constructor(IJobs jobs, IModels models, IStakes stakes, IJudge judge, DisputeRules memory rules_)
        DisputeBook(jobs, models, stakes, rules_)
        Demands(judge)
    {}

    /// @inheritdoc IDisputes
    function open(JobId jobId, bytes32 digest, bytes32 seal_) external payable returns (DisputeId disputeId) {
        Record storage dispute;
        (disputeId, dispute) = _beginBonded(jobId, digest, seal_);
        if (seal_ != 0) {
            dispute.phase = Phase.Sealed;
            dispute.node = seal_;
            dispute.sealedAt = uint40(block.timestamp);
        } else {
            (Claim memory claim, uint256 modelId) = _claimOf(dispute);
            dispute.phase = Phase.Reveal;
            _enterTree(dispute, claim.traceRoot, MODELS.getModel(modelId).traceCount);
        }
    }

    /// @inheritdoc IDisputes
    function openBlock(JobId jobId, bytes32 digest, ProvedBlock calldata proved)
        external
        payable
        returns (DisputeId disputeId)
    {
        Record storage dispute;
        (disputeId, dispute) = _beginBonded(jobId, digest, 0);
        (, uint256 modelId) = _claimOf(dispute);
        dispute.phase = Phase.Expand;
        _nameBlock(disputeId, dispute, 0, modelId, proved);
    }

    /// @inheritdoc IDisputes
    /// @dev SAFETY: what the root stands for nobody can check before it is revealed, so it is a statement like the commitment itself,
    /// and anybody else could make a false one to convict an honest executor. For the same reason it names what it is a statement about: the
    /// true root of one block, said of another or of another commitment, would convict as well.
    function expand(DisputeId disputeId, uint16 turn, bytes32 digest, uint32 blockIndex, bytes32 innerRoot) external {
        Record storage dispute = _atTurn(disputeId, turn, Phase.Expand);
        address executor = _checkCommitment(disputeId, dispute, digest);
        require(msg.sender == executor, NotExecutor(disputeId, msg.sender, executor));
        require(blockIndex == dispute.blockIndex, AnotherBlock(disputeId, dispute.blockIndex, blockIndex));
        require(innerRoot != 0, EmptyRoot(disputeId));
        dispute.innerRoot = innerRoot;
        emit Expanded(disputeId, turn, blockIndex, innerRoot);
        _endTurn(dispute, dispute.demands == 0 ? Phase.Expanded : Phase.Answer);
    }

    /// @inheritdoc IDisputes
    function seal(DisputeId disputeId, uint16 turn, bytes32 seal_) external {
        Record storage dispute = _atTurn(disputeId, turn);
        Phase phase = dispute.phase;
        require(phase == Phase.Refute || phase == Phase.Expanded, WrongPhase(disputeId, phase));
        _checkChallenger(disputeId, dispute);
        // Neither phase needs the position any more: the chunk has been shown, or the inner trace is entered at its root.
        dispute.node = seal_;
        dispute.sealedAt = uint40(block.timestamp);
        emit Sealed(disputeId, turn, seal_);
        _countTurn(dispute);
    }

    /// @inheritdoc IDisputes
    /// @dev SAFETY, against copied refutations: whoever sees this transaction before it is mined knows the witness. To use it, a copier
    /// needs a seal with its own address, and can refute with that only after the age of a seal, when this transaction has
    /// convicted the commitment and the copier's dispute is void. It holds wherever the dispute stands.
    function refute(DisputeId disputeId, bytes32 salt, Witness calldata witness) external {
        Record storage dispute = _running(disputeId);
        _checkChallenger(disputeId, dispute);
        Phase phase = dispute.phase;
        require(
            phase == Phase.Sealed || phase == Phase.Refute || phase == Phase.Expanded, WrongPhase(disputeId, phase)
        );
        _checkClock(disputeId, dispute);
        require(dispute.sealedAt != 0, NotSealed(disputeId));
        _checkAge(disputeId, dispute.sealedAt);
        (Claim memory claim,) = _claimOf(dispute);
        bytes memory request = WitnessCall.encode(claim, witness);
        bytes32 given = keccak256(abi.encode(msg.sender, salt, WitnessCall.witnessHash(request)));
        require(given == dispute.node, WrongSeal(disputeId, dispute.node, given));
        Verdict memory verdict = WitnessCall.ask(JUDGE, request);
        // A sound witness costs its sender the gas and nothing else; if it has no better one, the clock decides.
        require(verdict.fraud, WitnessSound(verdict));
        emit Refuted(disputeId, witness.stepIndex, witness.element, verdict);
        _convict(disputeId, dispute);
    }

    /// @inheritdoc IDisputes
    function concede(DisputeId disputeId, uint16 turn, bytes32 digest) external {
        Record storage dispute = _live(disputeId);
        _checkTurn(disputeId, dispute, turn);
        _checkCommitment(disputeId, dispute, digest);
        _checkChallenger(disputeId, dispute);
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

    /// @dev The part that openings with the plain bond share.
    function _beginBonded(JobId jobId, bytes32 digest, bytes32 seal_)
        private
        returns (DisputeId disputeId, Record storage dispute)
    {
        _takeBond(BOND);
        (disputeId, dispute) = _begin(jobId, digest);
        emit Opened(disputeId, jobId, msg.sender, dispute.attempt, seal_, BOND);
    }
}
