// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobId} from "./Identifiers.sol";

/// @notice Whose move it is, and which. Defender: `Reveal`, `RevealChunk`, `Answer`. Challenger: `Sealed`, `Choose`, `Refute`,
/// `Demand`.
enum Phase {
    None,
    Sealed,
    Reveal,
    Choose,
    RevealChunk,
    Refute,
    Answer,
    Demand,
    Ended
}

/// @notice How a dispute ended. `Void`: another dispute convicted the same commitment first; the bond goes back.
enum Outcome {
    None,
    ChallengerWon,
    DefenderWon,
    Void
}

/// @notice Where a bisection stands. While `byteLength` is 0 it descends the trace tree, afterwards the tree of tensor `tensor`.
/// @param node the hash that the next move answers or is proved against
/// @param atRoot whether `node` is a list root or tensor root, whose preimage the next reveal opens, and not yet a tree node
/// @param levels from `node` down to the leaves
/// @param index of `node` within its level, counted from the left; at a leaf the tensor's or chunk's number
/// @param tensor trace index of the disputed tensor, once known
/// @param stepIndex the step that defines it, once known
/// @param byteLength committed bytes of that tensor, once known
/// @param leaves real leaves of the tree being descended: tensors of the trace, then chunks of the tensor
/// @dev Of a demand: `tensor`, `stepIndex` and `byteLength` of the step that is asked about, `index` its element; the rest is zero.
struct Position {
    bytes32 node;
    bool atRoot;
    uint8 levels;
    uint64 index;
    uint32 tensor;
    uint32 stepIndex;
    uint64 byteLength;
    uint64 leaves;
}

/// @notice All that the chain knows of a dispute.
/// @param attempt the commitment of the job that is disputed
/// @param turn number of moves made so far; a move names the turn it makes
/// @param turnStart when the side to move got the move
/// @param deadline last second for the side to move; 0 once ended
/// @param challengerClock seconds the challenger had left at `turnStart` (or at its last move)
/// @param defenderClock seconds the defender had left at `turnStart` (or at its last move)
/// @param bond what the challenger has put up so far; a demand takes a bond for each question
/// @param isDemand whether the challenger asks about elements, instead of refuting or bisecting
/// @param seal hash of the refutation to come, or zero
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
    bool isDemand;
    uint256 bond;
    bytes32 seal;
    Position position;
}

/// @notice Parameters of all disputes of one deployment. Seconds and wei.
/// @param bond what a challenger puts up for a refutation or a bisection
/// @param clock time that each side has for all its moves together
/// @param extension time that each side has at least when it comes to its last, expensive move
/// @param demandBond what a challenger puts up for each element that it demands: the price of the dearest answer
/// @param maxDemands elements that one dispute may demand, one after another; `clock / maxDemands` must suffice for an answer
struct DisputeRules {
    uint96 bond;
    uint32 clock;
    uint32 extension;
    uint96 demandBond;
    uint16 maxDemands;
}
