// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobId} from "./Identifiers.sol";

/// @notice Whose move it is, and which. Defender: `Reveal`, `RevealChunk`, `Answer`, `Expand`. Challenger: `Sealed`, `Choose`,
/// `Refute`, `Demand`, `Expanded`.
enum Phase {
    None,
    Sealed,
    Reveal,
    Choose,
    RevealChunk,
    Refute,
    Answer,
    Demand,
    Expand,
    Expanded,
    Ended
}

/// @notice How a dispute ended. `Void`: another dispute convicted the same commitment first; the bond goes back.
enum Outcome {
    None,
    ChallengerWon,
    DefenderWon,
    Void
}

/// @notice Where a dispute stands. While `byteLength` is 0 a bisection descends a list of tensors, the posted trace (`source` 2) or
/// the inner trace of block `blockIndex` (`source` 3), afterwards the tree of tensor `tensor` of that list.
/// @param node the hash that the next move answers or is proved against
/// @param atRoot whether `node` is a list root or tensor root, whose preimage the next reveal opens, and not yet a tree node
/// @param levels from `node` down to the leaves
/// @param index of `node` within its level, counted from the left; at a leaf the tensor's or chunk's number
/// @param source of the list and of the tensor: 2 posted trace, 3 inner trace
/// @param tensor index of the disputed tensor in its list, once known
/// @param stepIndex the step that defines it, once known
/// @param byteLength committed bytes of that tensor, once known
/// @param leaves real leaves of the tree being descended: tensors of the list, then chunks of the tensor
/// @param blockIndex the block that is expanded, or to be expanded in phase `Expand`; meaningful if `innerCount` is not 0
/// @param innerCount tensors of that block's inner trace
/// @param innerRoot what the executor committed for it; zero before
/// @dev Of a demand: `source`, `tensor`, `stepIndex` and `byteLength` of the step that is asked about, `index` its element.
struct Position {
    bytes32 node;
    bool atRoot;
    uint8 levels;
    uint64 index;
    uint8 source;
    uint32 tensor;
    uint32 stepIndex;
    uint64 byteLength;
    uint64 leaves;
    uint32 blockIndex;
    uint32 innerCount;
    bytes32 innerRoot;
}

/// @notice All that the chain knows of a dispute.
/// @param attempt the commitment of the job that is disputed
/// @param turn number of moves made so far; a move names the turn it makes
/// @param turnStart when the side to move got the move
/// @param deadline last second for the side to move; 0 once ended
/// @param challengerClock seconds the challenger had left at `turnStart` (or at its last move)
/// @param defenderClock seconds the defender had left at `turnStart` (or at its last move)
/// @param bond what the challenger has put up so far; a demand takes a bond for each question
/// @param demands questions that the challenger has asked; 0 unless it demands elements, instead of refuting or bisecting
/// @param seal hash of the refutation to come, or zero
/// @param sealedAt when it was given; the refutation may come `DisputeRules.sealAge` later
struct Dispute {
    JobId jobId;
    uint8 attempt;
    Phase phase;
    Outcome outcome;
    uint16 turn;
    uint64 turnStart;
    uint64 deadline;
    uint32 challengerClock;
    uint32 defenderClock;
    address challenger;
    uint16 demands;
    uint256 bond;
    bytes32 seal;
    uint64 sealedAt;
    Position position;
}

/// @notice Parameters of all disputes of one deployment. Seconds and wei.
/// @param bond what a challenger puts up for a refutation or a bisection
/// @param clock time that each side has for all its moves together
/// @param extension time that each side has at least when it comes to a last, expensive move
/// @param demandBond what a challenger puts up for each element that it demands: the price of the dearest answer
/// @param maxDemands elements that one dispute may demand, one after another; `clock / maxDemands` must suffice for an answer
/// @param sealAge age of a seal at its refutation, at least: longer than a refutation waits in the mempool
struct DisputeRules {
    uint96 bond;
    uint32 clock;
    uint32 extension;
    uint96 demandBond;
    uint16 maxDemands;
    uint32 sealAge;
}
