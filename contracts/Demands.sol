// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DisputeBook} from "./DisputeBook.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {IJudge} from "./interfaces/IJudge.sol";
import {WitnessCall} from "./lib/WitnessCall.sol";
import {Phase} from "./types/Dispute.sol";
import {DisputeId, JobId} from "./types/Identifiers.sol";
import {ProvedBlock, StepFacts} from "./types/Program.sol";
import {Claim, Verdict, Witness} from "./types/Witness.sol";

/// @title Demands: questions about single elements, and their answers
abstract contract Demands is DisputeBook {
    IJudge public immutable JUDGE;

    constructor(IJudge judge) {
        JUDGE = judge;
    }

    /// @inheritdoc IDisputes
    function demand(
        JobId jobId,
        bytes32 digest,
        uint32 stepIndex,
        uint64 element,
        bytes calldata step,
        bytes32[] calldata stepProof,
        ProvedBlock calldata proved
    ) external payable returns (DisputeId disputeId) {
        _takeBond(DEMAND_BOND);
        Record storage dispute;
        (disputeId, dispute) = _begin(jobId, digest);
        emit Opened(disputeId, jobId, msg.sender, dispute.attempt, 0, DEMAND_BOND);
        (, uint256 modelId) = _claimOf(dispute);
        StepFacts memory facts = MODELS.stepOf(modelId, stepIndex, step, stepProof);
        dispute.phase = _ask(disputeId, dispute, 0, stepIndex, element, modelId, facts, proved);
    }

    /// @inheritdoc IDisputes
    function demandNext(
        DisputeId disputeId,
        uint16 turn,
        bytes32 digest,
        uint32 stepIndex,
        uint64 element,
        bytes calldata step,
        bytes32[] calldata stepProof,
        ProvedBlock calldata proved
    ) external payable {
        Record storage dispute = _atTurn(disputeId, turn, Phase.Demand);
        _checkCommitment(disputeId, dispute, digest);
        _checkChallenger(disputeId, dispute);
        _takeBond(DEMAND_BOND);
        // SAFETY, against a game that is made of questions alone: each answer takes some of the defender's clock, and every bond
        // comes back when it runs out. So their number is bounded, to what a defender that is there answers in its time.
        require(dispute.demands < MAX_DEMANDS, TooManyDemands(disputeId, MAX_DEMANDS));
        (, uint256 modelId) = _claimOf(dispute);
        StepFacts memory facts = MODELS.stepOf(modelId, stepIndex, step, stepProof);
        _endTurn(dispute, _ask(disputeId, dispute, turn + 1, stepIndex, element, modelId, facts, proved));
    }

    /// @inheritdoc IDisputes
    /// @dev SAFETY, against copied refutations: whoever sees a witness before it is mined could demand its element and answer
    /// that. Such an answer has to be as old as a seal, and by then the original has convicted.
    /// SAFETY, against copied answers: neither the bond nor the reward goes to the one who answers.
    function answer(DisputeId disputeId, uint16 turn, Witness calldata witness) external {
        Record storage dispute = _atTurn(disputeId, turn, Phase.Answer);
        _checkStands(disputeId, dispute);
        require(
            witness.stepIndex == dispute.stepIndex && witness.element == dispute.index,
            NotDemanded(disputeId, dispute.stepIndex, dispute.index)
        );
        (Claim memory claim,) = _claimOf(dispute);
        bytes memory request = WitnessCall.encode(claim, witness);
        Verdict memory verdict = WitnessCall.ask(JUDGE, request);
        WitnessCall.log(request, Answered.selector, DisputeId.unwrap(disputeId), turn);
        if (verdict.fraud) {
            _checkAge(disputeId, dispute.turnStart);
            emit Refuted(disputeId, dispute.stepIndex, dispute.index, verdict);
            _convict(disputeId, dispute);
        } else {
            _endTurn(dispute, Phase.Demand);
        }
    }

    function _checkAge(DisputeId disputeId, uint256 since) internal view {
        require(block.timestamp >= since + SEAL_AGE, TooSoon(disputeId, since + SEAL_AGE));
    }

    /// @dev The part that both kinds of demand share. The judge can decide a step of a block's inside only by the inner root, so that
    /// comes first where it is not there yet; of a step that it could not be shown at all no answer may be demanded.
    /// @param turn the next one
    /// @return next the phase that the defender has to answer
    function _ask(
        DisputeId disputeId,
        Record storage dispute,
        uint16 turn,
        uint32 stepIndex,
        uint64 element,
        uint256 modelId,
        StepFacts memory facts,
        ProvedBlock calldata proved
    ) private returns (Phase next) {
        next = Phase.Answer;
        if (facts.isInner && (dispute.innerRoot == 0 || dispute.blockIndex != facts.blockIndex)) {
            require(proved.index == facts.blockIndex, StepOfAnotherBlock(facts.blockIndex, proved.index));
            dispute.innerRoot = 0;
            _nameBlock(disputeId, dispute, turn++, modelId, proved);
            next = Phase.Expand;
        }
        bool isInner = facts.source == SOURCE_INNER;
        require(
            isInner
                ? facts.index < dispute.innerCount
                : facts.source == SOURCE_TRACE && facts.index < facts.traceCount,
            UndemandableStep(facts.source, facts.index)
        );
        require(element < facts.elements, NoSuchElement(element, facts.elements));
        dispute.stepIndex = stepIndex;
        // SAFETY: a tensor has at most 2^48 elements.
        dispute.index = uint56(element);
        dispute.tensor = facts.index;
        dispute.byteLength = facts.byteLength;
        dispute.isInner = isInner;
        dispute.demands++;
        emit Demanded(disputeId, turn, stepIndex, facts.source, facts.index, element);
    }
}
