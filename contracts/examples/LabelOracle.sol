// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IJobs} from "../interfaces/IJobs.sol";
import {IResultConsumer} from "../interfaces/IResultConsumer.sol";
import {IStakes} from "../interfaces/IStakes.sol";
import {OutputOpening} from "../lib/OutputOpening.sol";
import {JobId} from "../types/Identifiers.sol";
import {Commitment, Submission, Terms} from "../types/Job.sol";

/// @title Example of a consumer: what a classifier says about inputs
/// @notice The one output of `PROGRAM` is a row of uint8 scores, of at most 1024 classes. Whoever wants to know the label of an input
/// pays for a job that names this contract, by `ask` or straight at `Jobs`; once the result is final and delivered, anybody shows
/// the scores, and the label stands here for other contracts to read. For a deployment in ether.
contract LabelOracle is IResultConsumer {
    using OutputOpening for bytes32;

    IJobs public immutable JOBS;
    IStakes public immutable STAKES;
    /// @notice Gets what comes back of the fees of jobs that this contract submitted, and their compensations.
    address public immutable TREASURY;
    bytes32 public immutable PROGRAM;
    uint64 public immutable CLASSES;
    uint96 public immutable MIN_COLLATERAL;
    uint32 public immutable MIN_CHALLENGE_WINDOW;

    /// @notice Output root of the final result for an input, or zero.
    mapping(bytes32 inputRoot => bytes32 outputRoot) public resultOf;
    /// @notice Label of an input plus one, or zero while it is unknown.
    mapping(bytes32 inputRoot => uint256 labelPlusOne) public labelOf;

    event Labelled(bytes32 indexed inputRoot, uint256 label);

    error NotJobs(address caller);
    error OtherProgram(bytes32 programRoot);
    error TooWeak(uint256 collateral, uint256 challengeWindow);
    error NoResult(bytes32 inputRoot);
    error NotSent(address to);
    error NotAllScores(uint256 shown, uint256 needed);

    constructor(IJobs jobs, address treasury, bytes32 program, uint64 classes, uint96 minCollateral, uint32 minChallengeWindow) {
        JOBS = jobs;
        STAKES = jobs.STAKES();
        TREASURY = treasury;
        PROGRAM = program;
        CLASSES = classes;
        MIN_COLLATERAL = minCollateral;
        MIN_CHALLENGE_WINDOW = minChallengeWindow;
    }

    /// @dev `Stakes` pays out with a plain transfer.
    receive() external payable {}

    /// @notice Submits a job in this contract's name; the value sent is the fee.
    function ask(Submission calldata submission) external payable returns (JobId) {
        require(submission.programRoot == PROGRAM, OtherProgram(submission.programRoot));
        return JOBS.submit{value: msg.value}(submission);
    }

    /// @notice Hands refunds and compensations on to the treasury. Anybody.
    function sweep() external {
        STAKES.collect();
        (bool sent,) = TREASURY.call{value: address(this).balance}("");
        require(sent, NotSent(TREASURY));
    }

    /// @inheritdoc IResultConsumer
    /// @dev A job with little collateral or a window of a second is final too, and means little: anybody could have submitted it.
    function onResult(JobId, Terms calldata terms, Commitment calldata commitment) external {
        require(msg.sender == address(JOBS), NotJobs(msg.sender));
        require(terms.programRoot == PROGRAM, OtherProgram(terms.programRoot));
        require(
            terms.collateral >= MIN_COLLATERAL && terms.challengeWindow >= MIN_CHALLENGE_WINDOW,
            TooWeak(terms.collateral, terms.challengeWindow)
        );
        // The first result stays, so that what others have read does not change.
        if (resultOf[terms.inputRoot] == 0) resultOf[terms.inputRoot] = commitment.outputRoot;
    }

    /// @notice Shows all scores of a delivered result and keeps the label: the first of the classes with the highest score.
    function label(bytes32 inputRoot, OutputOpening.Opening calldata opening) external returns (uint256 best) {
        bytes32 outputRoot = resultOf[inputRoot];
        require(outputRoot != 0, NoResult(inputRoot));
        outputRoot.check(opening);
        bytes calldata scores = opening.data;
        require(scores.length == CLASSES, NotAllScores(scores.length, CLASSES));
        for (uint256 i = 1; i < scores.length; i++) {
            if (scores[i] > scores[best]) best = i;
        }
        labelOf[inputRoot] = best + 1;
        emit Labelled(inputRoot, best);
    }
}
