// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputes} from "../../../contracts/interfaces/IDisputes.sol";
import {IJobs} from "../../../contracts/interfaces/IJobs.sol";
import {IModels} from "../../../contracts/interfaces/IModels.sol";
import {IStakes} from "../../../contracts/interfaces/IStakes.sol";
import {Dispute, DisputeRules, Outcome, Phase} from "../../../contracts/types/Dispute.sol";
import {DisputeId, JobId} from "../../../contracts/types/Identifiers.sol";
import {Commitment, Job, JobLimits, JobStatus, Terms} from "../../../contracts/types/Job.sol";
import {Domains} from "../../../contracts/lib/Domains.sol";
import {MerkleTree} from "../../../contracts/lib/MerkleTree.sol";
import {Witness} from "../../../contracts/types/Witness.sol";
import {Traces} from "./Traces.sol";
import {TruthJudge} from "./TruthJudge.sol";
import {vm} from "./Vm.sol";

/// @notice The contracts under test, the actors, and what is honest. Actors 0 and 1 are honest executors, 2 and 3 honest
/// challengers; 4 to 7 do whatever the walk makes them do, in every role.
abstract contract Scene is Traces {
    uint256 internal constant ACTORS = 8;
    uint256 internal constant PURSE = 1_000_000;
    uint256 internal constant WITHDRAWAL_DELAY = 1000;
    uint96 internal constant BOND = 77;
    uint96 internal constant DEMAND_BOND = 90;
    uint32 internal constant CLOCK = 300;
    uint32 internal constant EXTENSION = 100;
    uint32 internal constant SEAL_AGE = 9;
    uint32 internal constant MAX_LIFETIME = 5000;
    uint256 internal constant MAX_DURATION = 2 * uint256(CLOCK) + 3 * uint256(EXTENSION);
    bytes32 internal constant SALT = "salt";

    IStakes internal stakes;
    IModels internal models;
    IJobs internal jobs;
    IDisputes internal disputes;
    bytes32 internal programRoot;

    /// @dev What an actor put into its stake, less what it took out. An honest executor's ledger must show exactly that.
    mapping(address actor => uint256) internal staked;
    mapping(uint256 disputeId => uint256) internal openedAt;
    /// @dev What the challenger has put up: one bond, or one for each demand.
    mapping(uint256 disputeId => uint256) internal paidFor;
    mapping(uint256 disputeId => uint64) internal sealedElement;
    mapping(uint256 jobId => uint256) internal committedAt;
    /// @dev What the events tell, which contracts cannot read: the terms of a job, and the kind of the trace last committed to.
    mapping(uint256 jobId => Terms) internal termsOf;
    mapping(uint256 jobId => uint256) internal traceOf;

    /// @notice What storage and events tell of a job together.
    struct JobView {
        JobStatus status;
        uint8 attempt;
        uint32 openDisputes;
        uint64 deadline;
        address executor;
        bytes32 traceRoot;
        uint256 fee;
        uint256 collateral;
        uint32 challengeWindow;
        bool unfolded;
        bytes32 digest;
    }

    error Broken(string rule, uint256 subject, uint256 expected, uint256 found);

    function setUp() public {
        vm.warp(1_000_000);
        buildTraces();
        uint64 nonce = vm.getNonce(address(this));
        address judge = address(new TruthJudge(traceRoots[TRUE_TRACE]));
        address jobsAt = vm.computeCreateAddress(address(this), nonce + 3);
        address disputesAt = vm.computeCreateAddress(address(this), nonce + 4);
        stakes = IStakes(_create("Stakes", abi.encode(jobsAt, uint32(WITHDRAWAL_DELAY), address(0))));
        models = IModels(_create("Models", ""));
        JobLimits memory limits = JobLimits(10, 10_000, 10, 10_000, 10, 10_000, 1000, 4000, MAX_LIFETIME, 1);
        jobs = IJobs(_create("Jobs", abi.encode(stakes, models, disputesAt, limits)));
        DisputeRules memory rules = DisputeRules(BOND, CLOCK, EXTENSION, DEMAND_BOND, 4, SEAL_AGE);
        disputes = IDisputes(_create("Disputes", abi.encode(jobs, models, stakes, judge, rules)));
        uint256 modelId = models.register(header(), bytes32(0), "");
        programRoot = models.programRootOf(modelId);
        for (uint256 i = 0; i < ACTORS; i++) vm.deal(actorOf(i), PURSE);
    }

    function actorOf(uint256 i) internal pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("actor", i)))));
    }

    function isHonestExecutor(address account) internal pure returns (bool) {
        return account == actorOf(0) || account == actorOf(1);
    }

    function isHonestChallenger(address account) internal pure returns (bool) {
        return account == actorOf(2) || account == actorOf(3);
    }

    function jobOf(uint256 jobId) internal view returns (JobView memory) {
        Job memory job = jobs.getJob(JobId.wrap(jobId));
        Terms storage terms = termsOf[jobId];
        bool committed = job.status == JobStatus.Committed || job.status == JobStatus.Final;
        return JobView({
            status: job.status,
            attempt: job.attempt,
            openDisputes: job.openDisputes,
            deadline: job.deadline,
            executor: job.executor,
            traceRoot: committed ? traceRoots[traceOf[jobId]] : bytes32(0),
            fee: terms.fee,
            collateral: terms.collateral,
            challengeWindow: terms.challengeWindow,
            unfolded: job.unfolded,
            digest: job.digest
        });
    }

    function jobOf(JobId jobId) internal view returns (JobView memory) {
        return jobOf(JobId.unwrap(jobId));
    }

    function commitmentOf(uint256 jobId) internal view returns (Commitment memory) {
        bytes32[] storage heap = treeOf(traceOf[jobId], TRACE_TREE);
        bytes32 output = heap[heap.length / 2 + TENSORS - 1];
        return Commitment(traceRoots[traceOf[jobId]], MerkleTree.listRoot(Domains.OUTPUTS, 1, output));
    }

    function disputeOf(uint256 disputeId) internal view returns (Dispute memory) {
        return disputes.getDispute(DisputeId.wrap(disputeId));
    }

    /// @notice Which trace the standing commitment of a job is to.
    function kindOf(JobView memory job) internal view returns (uint256 kind) {
        while (traceRoots[kind] != job.traceRoot) kind++;
    }

    function stands(Dispute memory dispute) internal view returns (bool) {
        return jobs.isStanding(dispute.jobId, dispute.attempt);
    }

    function isLive(Dispute memory dispute) internal pure returns (bool) {
        return dispute.phase != Phase.Ended;
    }

    function defenderMoves(Phase phase) internal pure returns (bool) {
        return phase == Phase.Reveal || phase == Phase.RevealChunk || phase == Phase.Answer || phase == Phase.Expand;
    }

    function witnessOf(uint64 element) internal pure returns (Witness memory witness) {
        witness.element = element;
    }

    function sealOf(address challenger, uint64 element) internal pure returns (bytes32) {
        return keccak256(abi.encode(challenger, SALT, keccak256(abi.encode(witnessOf(element)))));
    }

    function check(bool holds, string memory rule, uint256 subject, uint256 expected, uint256 found) internal pure {
        require(holds, Broken(rule, subject, expected, found));
    }

    function checkEqual(string memory rule, uint256 subject, uint256 expected, uint256 found) internal pure {
        check(expected == found, rule, subject, expected, found);
    }

    function _create(string memory name, bytes memory arguments) private returns (address made) {
        bytes memory code = bytes.concat(vm.getCode(string.concat("contracts/", name, ".sol:", name)), arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
        }
        require(made != address(0), name);
    }
}
