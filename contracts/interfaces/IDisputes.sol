// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Dispute, DisputeRules, Outcome, Phase} from "../types/Dispute.sol";
import {DisputeId, JobId} from "../types/Identifiers.sol";
import {Verdict, Witness} from "../types/Witness.sol";

/// @title Bonded challenges against commitments
/// @notice Three ways to convict. *Refute*: open with a seal, show the witness in a later second. *Bisect*: open with a zero
/// seal; the defender reveals nodes, the challenger chooses among them, down to one chunk of one tensor, which the defender
/// reveals and the challenger then refutes. *Demand*: name a step and an element; the defender answers with the witness for
/// it, and the challenger may ask about the next element. Defender moves are proved by hashes, so anybody may make them. Each
/// move names the turn it makes: a move that was made already reverts with `MoveAlreadyMade`.
interface IDisputes {
    event Opened(
        DisputeId indexed disputeId,
        JobId indexed jobId,
        address indexed challenger,
        uint8 attempt,
        bytes32 seal,
        uint256 bond
    );
    /// @param turn the turn this move made
    /// @param node the hash it answers
    /// @param children descendants of the node, left to right
    event Revealed(DisputeId indexed disputeId, uint16 turn, bytes32 node, bytes32[] children);
    /// @param child the hash chosen
    /// @param index of `child` within its level of the tree
    event Chosen(DisputeId indexed disputeId, uint16 turn, uint64 index, bytes32 child);
    /// @notice The trace tree has been descended to tensor `tensor`, defined by step `stepIndex`, with `byteLength` bytes.
    event TensorNamed(
        DisputeId indexed disputeId, uint16 turn, uint32 tensor, uint32 stepIndex, uint64 byteLength, bytes32 tensorRoot
    );
    event ChunkRevealed(DisputeId indexed disputeId, uint16 turn, uint32 tensor, uint64 chunk, bytes data);
    /// @notice The challenger demands element `element` of the result of step `stepIndex`; it is answered by turn `turn`.
    event Demanded(DisputeId indexed disputeId, uint16 turn, uint32 stepIndex, uint32 tensor, uint64 element);
    /// @notice A demand was answered, and this is all that was opened. The answer was sound unless `Refuted` follows.
    event Answered(DisputeId indexed disputeId, uint16 indexed turn, Witness witness);
    /// @notice The judge said fraud.
    event Refuted(DisputeId indexed disputeId, uint32 stepIndex, uint64 element, Verdict verdict);
    /// @param bondTo who was credited with the bond
    event Ended(DisputeId indexed disputeId, JobId indexed jobId, Outcome outcome, address bondTo);

    /// @notice No dispute has this number.
    error UnknownDispute(DisputeId disputeId);
    /// @notice The dispute has ended.
    error DisputeOver(DisputeId disputeId, Outcome outcome);
    /// @notice The value sent is not the bond.
    error WrongBond(uint256 sent, uint256 required);
    /// @notice Only the challenger of the dispute may call this.
    error NotChallenger(DisputeId disputeId, address caller, address challenger);
    /// @notice The dispute waits for another kind of move.
    error WrongPhase(DisputeId disputeId, Phase phase);
    /// @notice Turn `turn` has been made; the dispute is at turn `current`.
    error MoveAlreadyMade(DisputeId disputeId, uint16 turn, uint16 current);
    /// @notice Turn `turn` is still to come; the dispute is at turn `current`.
    error MoveTooEarly(DisputeId disputeId, uint16 turn, uint16 current);
    /// @notice The clock of the side to move ran out.
    error ClockRanOut(DisputeId disputeId, uint256 deadline, uint256 now_);
    /// @notice The clock of the side to move has not run out.
    error ClockStillRuns(DisputeId disputeId, uint256 deadline, uint256 now_);
    /// @notice A sealed refutation must come in a later second than the opening, and an answer in a later one than the demand.
    error TooSoon(DisputeId disputeId, uint256 since);
    /// @notice The witness, salt and challenger are not those of the seal.
    error WrongSeal(DisputeId disputeId, bytes32 expected, bytes32 given);
    /// @notice The judge finds the element sound: nothing happens, the clock runs on.
    error WitnessSound(Verdict verdict);
    /// @notice The defender must give `expected` nodes.
    error WrongChildCount(uint256 expected, uint256 given);
    /// @notice The children do not hash to the node.
    error WrongChildren(bytes32 node, bytes32 computed);
    /// @notice The child is not under the node at this index.
    error WrongChoice(bytes32 node, bytes32 computed);
    /// @notice The leaf is padding: the tree has `count` real leaves.
    error PaddingLeaf(uint256 index, uint256 count);
    /// @notice The choice reaches a tensor: `chooseTensor`, which names the step, is the move to make.
    error StepNeeded(DisputeId disputeId);
    /// @notice The choice does not reach a tensor: `choose` is the move to make.
    error NotAtTensor(DisputeId disputeId, uint8 levelsLeft);
    /// @notice The descriptor is not step `stepIndex` of the program.
    error StepNotInProgram(uint32 stepIndex);
    /// @notice The step defines another tensor: `source` must be 2 (posted trace) and `index` the tensor's.
    error StepDefinesAnotherTensor(uint8 source, uint32 index, uint32 tensor);
    /// @notice The tensor type has no fixed size in bytes.
    error UnknownType(uint8 dtype);
    /// @notice The shape has no elements, or more bytes than can be committed.
    error BadTensorSize(uint32 tensor);
    /// @notice The chunk must have `expected` bytes.
    error WrongChunkLength(uint256 expected, uint256 given);
    /// @notice The bytes do not hash to the chunk's leaf.
    error WrongChunk(bytes32 leaf, bytes32 computed);
    /// @notice The step's result is no tensor of the posted trace, so the judge could not be shown it.
    error UndemandableStep(uint8 source, uint32 index);
    /// @notice The step's result has `elements` elements.
    error NoSuchElement(uint64 element, uint256 elements);
    /// @notice The dispute has demanded as many elements as one may.
    error TooManyDemands(DisputeId disputeId, uint256 limit);
    /// @notice The witness is not for the step and element that were demanded.
    error NotDemanded(DisputeId disputeId, uint32 stepIndex, uint64 element);
    /// @notice The commitment has been convicted already: `close` returns the bond.
    error CommitmentGone(DisputeId disputeId);
    /// @notice The commitment still stands, so the dispute has to be played.
    error CommitmentStands(DisputeId disputeId);
    /// @notice A constructor bound does not hold. `parameter` is its name.
    error BadRules(bytes32 parameter);
    /// @notice A contract given to the constructor does not name this one as its counterpart.
    error WrongWiring(address counterpart, address expected);

    /// @notice Opens a dispute against the commitment of `attempt` within its challenge window; the value is the bond.
    /// @param seal `keccak256(abi.encode(challenger, salt, keccak256(abi.encode(witness))))`, or zero to start a bisection
    function open(JobId jobId, uint8 attempt, bytes32 seal) external payable returns (DisputeId disputeId);

    /// @notice Convicts the commitment if the judge says fraud, else reverts. Only the challenger: after a sealed opening with the
    /// witness of the seal, or at the end of a bisection with any witness (`salt` is not read then).
    function refute(DisputeId disputeId, bytes32 salt, Witness calldata witness) external;

    /// @notice Defender's move: the 2^k descendants k = min(4, levels) levels below the current node. Where the node is a
    /// list root or tensor root, they are those of its tree's top, and one node if the tree is a single leaf.
    function reveal(DisputeId disputeId, uint16 turn, bytes32[] calldata children) external;

    /// @notice Challenger's move: one of the revealed nodes. `index` counts among them; `siblings` prove it, lowest
    /// level first; a wrong number of them or an index out of range is an error of `MerkleTree`.
    function choose(DisputeId disputeId, uint16 turn, uint256 index, bytes32 child, bytes32[] calldata siblings)
        external;

    /// @notice Challenger's move where the choice is a leaf of the trace: as `choose`, and names the step that defines the tensor.
    /// @param step descriptor of the step
    /// @param stepProof path of its hash in the program's steps
    function chooseTensor(
        DisputeId disputeId,
        uint16 turn,
        uint256 index,
        bytes32 child,
        bytes32[] calldata siblings,
        uint32 stepIndex,
        bytes calldata step,
        bytes32[] calldata stepProof
    ) external;

    /// @notice Defender's last move: the bytes of the chosen chunk.
    function revealChunk(DisputeId disputeId, uint16 turn, bytes calldata data) external;

    /// @notice Opens a dispute by demanding one element of a step's result; the value is the bond of a demand.
    /// @param step descriptor of the step
    /// @param stepProof path of its hash in the program's steps
    function demand(
        JobId jobId,
        uint8 attempt,
        uint32 stepIndex,
        uint64 element,
        bytes calldata step,
        bytes32[] calldata stepProof
    ) external payable returns (DisputeId disputeId);

    /// @notice Challenger's move after a sound answer: demands another element. The value is one more bond.
    function demandNext(
        DisputeId disputeId,
        uint16 turn,
        uint32 stepIndex,
        uint64 element,
        bytes calldata step,
        bytes32[] calldata stepProof
    ) external payable;

    /// @notice Defender's move: the witness for the demanded element, in a later second than the demand. If the judge says fraud,
    /// the commitment is convicted, whoever answered; if it finds the element sound, the move is the challenger's.
    function answer(DisputeId disputeId, uint16 turn, Witness calldata witness) external;

    /// @notice Gives a dispute up, where the move is the challenger's; the bonds go to the defender. Only the challenger.
    function concede(DisputeId disputeId) external;

    /// @notice Ends a dispute against the side whose clock ran out. Anybody.
    function timeout(DisputeId disputeId) external;

    /// @notice Ends a dispute whose commitment another dispute has convicted, and returns the bond. Anybody.
    function close(DisputeId disputeId) external;

    /// @notice All that is known of a dispute. Reverts with `UnknownDispute`.
    function getDispute(DisputeId disputeId) external view returns (Dispute memory);

    /// @notice How many disputes were opened; the last one has this number.
    function disputeCount() external view returns (uint256);

    /// @notice Bonds, clocks and the number of demands.
    function rules() external view returns (DisputeRules memory);

    /// @notice Longest time in seconds from opening to the end of any dispute: two clocks and two extensions.
    function MAX_DURATION() external view returns (uint256);
}
