// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Dispute, DisputeRules, Outcome, Phase} from "../types/Dispute.sol";
import {DisputeId, JobId} from "../types/Identifiers.sol";
import {ProvedBlock} from "../types/Program.sol";
import {Verdict, Witness} from "../types/Witness.sol";

/// @title Bonded challenges against commitments
/// @notice Three ways to convict. *Refute*: open with a seal, show the witness when the seal has its age. *Bisect*: open with a zero
/// seal; the defender reveals nodes, the challenger chooses among them, down to one chunk of one tensor, which the defender
/// reveals; the challenger then seals and refutes. *Demand*: name a step and an element; the defender answers with the witness
/// for it, and the challenger may ask about the next element. Where a block's inner trace is needed, the executor *expands* the
/// block first. All other defender moves are proved by hashes, so anybody may make them. Each move names the turn it makes: a
/// move that was made already reverts with `MoveAlreadyMade`. Openings, and moves that no hash binds and that cost money where they do
/// not belong, name the commitment by its digest (`Jobs.getJob`): after a reorganisation the same numbers may stand for others.
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
    /// @notice The game goes on in tensor `tensor` of the posted trace (`source` 2) or of the inner trace (`source` 3), defined by
    /// step `stepIndex`, with `byteLength` bytes.
    event TensorNamed(
        DisputeId indexed disputeId,
        uint16 turn,
        uint8 source,
        uint32 tensor,
        uint32 stepIndex,
        uint64 byteLength,
        bytes32 tensorRoot
    );
    /// @notice The executor has to commit the inner trace of block `blockIndex`, `innerCount` tensors, with turn `turn`.
    event BlockNamed(DisputeId indexed disputeId, uint16 turn, uint32 blockIndex, uint32 innerCount);
    /// @notice The executor has committed the inner trace of block `blockIndex`.
    event Expanded(DisputeId indexed disputeId, uint16 turn, uint32 blockIndex, bytes32 innerRoot);
    /// @notice The game goes on in the inner trace of block `blockIndex`.
    event Descended(DisputeId indexed disputeId, uint16 turn, uint32 blockIndex);
    /// @notice The challenger has sealed a refutation.
    event Sealed(DisputeId indexed disputeId, uint16 turn, bytes32 seal);
    event ChunkRevealed(DisputeId indexed disputeId, uint16 turn, uint32 tensor, uint64 chunk, bytes data);
    /// @notice The challenger demands element `element` of the result of step `stepIndex`; it is answered by turn `turn`.
    event Demanded(
        DisputeId indexed disputeId, uint16 turn, uint32 stepIndex, uint8 source, uint32 tensor, uint64 element
    );
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
    /// @notice Only the executor of the commitment may expand a block.
    error NotExecutor(DisputeId disputeId, address caller, address executor);
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
    /// @notice A refutation must come `sealAge` after its seal, and an answer that proves a fraud as long after its demand: in second
    /// `earliest` or later.
    error TooSoon(DisputeId disputeId, uint256 earliest);
    /// @notice The refutation has not been sealed.
    error NotSealed(DisputeId disputeId);
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
    /// @notice The choice reaches a tensor: `chooseTensor`, which names the step, or `chooseBlock` is the move to make.
    error StepNeeded(DisputeId disputeId);
    /// @notice The choice does not reach a tensor: `choose` is the move to make.
    error NotAtTensor(DisputeId disputeId, uint8 levelsLeft);
    /// @notice The step defines another tensor: `source` must be 2 in the posted trace and 3 in an inner one, `index` the tensor's.
    error StepDefinesAnotherTensor(uint8 source, uint32 index, uint32 tensor);
    /// @notice The step is of block `blockIndex`, but block `expected` is the one that is expanded or given.
    error StepOfAnotherBlock(uint32 blockIndex, uint32 expected);
    /// @notice The block has no inner trace.
    error NothingInside(uint32 blockIndex);
    /// @notice The tensor is no border of the block.
    error NotABorder(uint32 blockIndex, uint32 tensor);
    /// @notice The game is in the inner trace of block `blockIndex` already.
    error AlreadyInside(DisputeId disputeId, uint32 blockIndex);
    /// @notice An inner root cannot be zero.
    error EmptyRoot(DisputeId disputeId);
    /// @notice The chunk must have `expected` bytes.
    error WrongChunkLength(uint256 expected, uint256 given);
    /// @notice The bytes do not hash to the chunk's leaf.
    error WrongChunk(bytes32 leaf, bytes32 computed);
    /// @notice The step's result is no tensor of the posted trace or of its block's inner one, so the judge could not be shown it.
    error UndemandableStep(uint8 source, uint32 index);
    /// @notice The step's result has `elements` elements.
    error NoSuchElement(uint64 element, uint256 elements);
    /// @notice The dispute has demanded as many elements as one may.
    error TooManyDemands(DisputeId disputeId, uint256 limit);
    /// @notice The witness is not for the step and element that were demanded.
    error NotDemanded(DisputeId disputeId, uint32 stepIndex, uint64 element);
    /// @notice The dispute is against the commitment with the digest `standing`, and the move was meant for `named`.
    error AnotherCommitment(DisputeId disputeId, bytes32 standing, bytes32 named);
    /// @notice The dispute waits for the inside of block `blockIndex`, and the move was meant for `named`.
    error AnotherBlock(DisputeId disputeId, uint32 blockIndex, uint32 named);
    /// @notice The commitment has been convicted already: `close` returns the bond.
    error CommitmentGone(DisputeId disputeId);
    /// @notice The commitment still stands, so the dispute has to be played.
    error CommitmentStands(DisputeId disputeId);
    /// @notice A constructor bound does not hold. `parameter` is its name.
    error BadRules(bytes32 parameter);
    /// @notice A contract given to the constructor does not name this one as its counterpart.
    error WrongWiring(address counterpart, address expected);

    /// @notice Opens a dispute against a job's standing commitment within its challenge window; the value is the bond.
    /// @param digest of the commitment, as `Jobs.getJob` tells it; another one is refused (`NotStanding`)
    /// @param seal_ `keccak256(abi.encode(challenger, salt, keccak256(abi.encode(witness))))`, or zero to start a bisection
    function open(JobId jobId, bytes32 digest, bytes32 seal_) external payable returns (DisputeId disputeId);

    /// @notice Opens a dispute about what is inside of a block: the executor has to expand it. The value is the bond.
    function openBlock(JobId jobId, bytes32 digest, ProvedBlock calldata proved)
        external
        payable
        returns (DisputeId disputeId);

    /// @notice Defender's move, and the executor's alone: the list root of the inner trace of the block that the challenger has named.
    /// @param digest of the commitment, and `blockIndex` of the block, whose inside this is
    function expand(DisputeId disputeId, uint16 turn, bytes32 digest, uint32 blockIndex, bytes32 innerRoot) external;

    /// @notice Challenger's move after a block was expanded or a chunk shown: the seal of a refutation, as in `open`. Replaces an
    /// earlier one. The move stays the challenger's.
    function seal(DisputeId disputeId, uint16 turn, bytes32 seal_) external;

    /// @notice Convicts the commitment if the judge says fraud, else reverts. Only the challenger, with the witness of its seal,
    /// `sealAge` after that: in a dispute opened with a seal, after a block was expanded, and at the end of a bisection.
    function refute(DisputeId disputeId, bytes32 salt, Witness calldata witness) external;

    /// @notice Defender's move: the 2^k descendants k = min(4, levels) levels below the current node. Where the node is a
    /// list root or tensor root, they are those of its tree's top, and one node if the tree is a single leaf.
    function reveal(DisputeId disputeId, uint16 turn, bytes32[] calldata children) external;

    /// @notice Challenger's move: one of the revealed nodes. `index` counts among them; `siblings` prove it, lowest
    /// level first; a wrong number of them or an index out of range is an error of `MerkleTree`.
    function choose(DisputeId disputeId, uint16 turn, uint256 index, bytes32 child, bytes32[] calldata siblings)
        external;

    /// @notice Challenger's move where the choice is a leaf of a trace: as `choose`, and names the step that defines the tensor.
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

    /// @notice Challenger's move where the choice is a leaf of the posted trace: as `choose`, and names the block that defines the tensor,
    /// which the executor has to expand.
    function chooseBlock(
        DisputeId disputeId,
        uint16 turn,
        uint256 index,
        bytes32 child,
        bytes32[] calldata siblings,
        ProvedBlock calldata proved
    ) external;

    /// @notice Challenger's move after a block was expanded: goes on in the inner trace.
    function descend(DisputeId disputeId, uint16 turn) external;

    /// @notice Challenger's move after a block was expanded, or in place of a choice in its inner trace: goes on in a tensor of the posted
    /// trace that a step of the block defines.
    /// @param proof path of `tensorRoot` in the posted trace
    /// @param step descriptor of the step
    /// @param stepProof path of its hash in the program's steps
    function chooseBorder(
        DisputeId disputeId,
        uint16 turn,
        bytes32 tensorRoot,
        bytes32[] calldata proof,
        uint32 stepIndex,
        bytes calldata step,
        bytes32[] calldata stepProof
    ) external;

    /// @notice Defender's last move: the bytes of the chosen chunk.
    function revealChunk(DisputeId disputeId, uint16 turn, bytes calldata data) external;

    /// @notice Opens a dispute by demanding one element of a step's result; the value is the bond of a demand. If the step reads or
    /// defines an inner tensor, the executor has to expand its block before the answer.
    /// @param step descriptor of the step
    /// @param stepProof path of its hash in the program's steps
    /// @param proved the step's block; only looked at if it has to be expanded
    function demand(
        JobId jobId,
        bytes32 digest,
        uint32 stepIndex,
        uint64 element,
        bytes calldata step,
        bytes32[] calldata stepProof,
        ProvedBlock calldata proved
    ) external payable returns (DisputeId disputeId);

    /// @notice Challenger's move after a sound answer: demands another element, as `demand`. The value is one more bond. A block that is
    /// expanded stays so until a step of another one is demanded that needs it.
    /// @param digest of the commitment that is asked about
    function demandNext(
        DisputeId disputeId,
        uint16 turn,
        bytes32 digest,
        uint32 stepIndex,
        uint64 element,
        bytes calldata step,
        bytes32[] calldata stepProof,
        ProvedBlock calldata proved
    ) external payable;

    /// @notice Defender's move: the witness for the demanded element. If the judge says fraud, and `sealAge` has passed since the demand,
    /// the commitment is convicted, whoever answered; if it finds the element sound, the move is the challenger's.
    function answer(DisputeId disputeId, uint16 turn, Witness calldata witness) external;

    /// @notice Gives a dispute up, where the move is the challenger's; the bonds go to the defender. Only the challenger.
    /// @param digest of the commitment that the challenger objects to no longer
    function concede(DisputeId disputeId, uint16 turn, bytes32 digest) external;

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

    /// @notice Longest time in seconds from opening to the end of any dispute: two clocks and three extensions.
    function MAX_DURATION() external view returns (uint256);
}
