// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "../lib/Float32.sol";
import {Interval, IntervalLib} from "../lib/Interval.sol";
import {Operand, Step} from "../types/Program.sol";
import {Claim, Verdict, Witness} from "../types/Witness.sol";
import {AccessLib, Cursor} from "./AccessLib.sol";
import {IExpression} from "./IExpression.sol";
import {IStepJudge} from "./IStepJudge.sol";
import {Openings, Span} from "./Openings.sol";

/// @notice Reads a witness for the judge of one kind: checks the descriptor and every opening, then lets the kind decide.
abstract contract StepJudge is IStepJudge {
    uint256 internal constant FACTOR = 0;
    uint256 internal constant ADDEND = 1;
    uint256 internal constant VALUE = 2;

    uint256 private constant FLOAT32 = 1;
    uint256 private constant MAX_TAPS = 1 << 22;
    uint256 private constant MAX_ELEMENTS = 1 << 53;

    IExpression public immutable expressions;

    error DescriptorMalformed();
    error UnsupportedVersion(uint256 version);
    error UnsupportedKind(uint256 kind);
    error UnsupportedOp(uint256 op);
    error UnsupportedProfile(uint256 profile);
    error UnsupportedType(uint256 dtype);
    error UnexpectedAttributes();
    error UnexpectedRole(uint256 operand, uint256 role);
    error UnexpectedReduction(uint256 operand);
    error UnexpectedWindow(uint256 operand);
    error ResultNotInTrace(uint256 source);
    error OperandCount(uint256 expected, uint256 given);
    error ShapeTooLarge();
    error ElementNotInResult(uint256 element, uint256 elements);
    error TooManyTaps(uint256 taps);

    constructor(IExpression evaluator) {
        expressions = evaluator;
    }

    /// @notice One element to be judged. `taps` is the number of points of the reduction domain.
    struct Case {
        Step step;
        uint256[] coords;
        uint256 taps;
        uint256 claimed;
        Cursor[] operands;
    }

    /// @inheritdoc IStepJudge
    function judgeStep(Claim calldata claim, Witness calldata witness) external view returns (Verdict memory) {
        Case memory item;
        item.step = decode(witness.step);
        Step memory step = item.step;
        uint256 elements = sizeOf(step.result.shape, MAX_ELEMENTS);
        require(witness.element < elements, ElementNotInResult(witness.element, elements));
        item.coords = coordinates(step.result.shape, witness.element);
        item.taps = tapsOf(step.reduce);

        require(step.result.source == Openings.TRACE, ResultNotInTrace(step.result.source));
        Span[] memory spans = Openings.open(
            claim, witness.header, witness.result, step.result.source, step.result.index, 0, elements
        );
        item.claimed = Openings.read(spans, witness.element);

        uint256 count = step.operands.length;
        require(witness.operands.length == count, OperandCount(count, witness.operands.length));
        item.operands = new Cursor[](count);
        for (uint256 i = 0; i < count; ++i) {
            Operand memory operand = step.operands[i];
            require(operand.dtype == FLOAT32, UnsupportedType(operand.dtype));
            checkAccess(operand, i, step.reduce.length);
            spans = Openings.open(
                claim, witness.header, witness.operands[i], operand.source, operand.index, operand.root, operand.elements
            );
            item.operands[i] = AccessLib.seen(operand, spans, item.coords, step.reduce.length);
        }
        return decide(item);
    }

    /// @notice Kind of the steps this contract judges.
    function kind() internal pure virtual returns (uint256);

    /// @notice The verdict on a case whose openings and coordinates are checked.
    function decide(Case memory item) internal view virtual returns (Verdict memory);

    /// @notice Requires the operands to be `factors` factors, then addends if allowed, then values.
    function checkRoles(Case memory item, uint256 factors, bool addends) internal pure {
        Operand[] memory operands = item.step.operands;
        require(operands.length >= factors, OperandCount(factors, operands.length));
        uint256 least = addends ? ADDEND : VALUE;
        for (uint256 i = 0; i < operands.length; ++i) {
            uint256 role = operands[i].role;
            require(i < factors ? role == FACTOR : role >= least && role <= VALUE, UnexpectedRole(i, role));
            if (i >= factors) least = role;
        }
    }

    /// @notice The slots of the expression: `core` if `first` is 1, then all operands that are values.
    function slotsOf(Case memory item, Interval memory core, uint256 first)
        internal
        pure
        returns (Interval[] memory slots)
    {
        uint256 from = 0;
        uint256 count = item.step.operands.length;
        while (from < count && item.step.operands[from].role != VALUE) ++from;
        slots = new Interval[](count - from + first);
        if (first == 1) slots[0] = core;
        for (uint256 i = from; i < count; ++i) {
            Cursor memory cursor = item.operands[i];
            slots[i - from + first] = IntervalLib.point(AccessLib.read(cursor, cursor.origin));
        }
    }

    /// @notice The verdict if the result is the step's expression of `slots`.
    function verdictOfExpression(Case memory item, Interval[] memory slots) internal view returns (Verdict memory) {
        if (item.step.expression.length == 0 && slots.length != 0) return verdictOf(item.claimed, slots[0]);
        return verdictOf(item.claimed, expressions.evaluate(item.step.expression, slots));
    }

    /// @notice The verdict if the sound values are those of `x`.
    function verdictOf(uint256 claimed, Interval memory x) internal pure returns (Verdict memory) {
        bool sound = x.nan;
        if (!Float32.isNaN(claimed)) {
            int256 key = Float32.keyOf(claimed);
            sound = x.lo <= key && key <= x.hi;
        }
        return Verdict(!sound, uint32(claimed), Float32.bitsOf(x.lo), Float32.bitsOf(x.hi), x.nan);
    }

    function decode(bytes calldata encoded) private pure returns (Step memory step) {
        step = abi.decode(encoded, (Step));
        require(keccak256(abi.encode(step)) == keccak256(encoded), DescriptorMalformed());
        require(step.version == 1, UnsupportedVersion(step.version));
        require(step.kind == kind(), UnsupportedKind(step.kind));
        require(step.profile == 1, UnsupportedProfile(step.profile));
        require(step.result.dtype == FLOAT32, UnsupportedType(step.result.dtype));
        require(step.attributes.length == 0, UnexpectedAttributes());
    }

    function sizeOf(uint32[] memory shape, uint256 limit) private pure returns (uint256 size) {
        size = 1;
        for (uint256 i = 0; i < shape.length; ++i) {
            size *= shape[i];
            require(size <= limit, ShapeTooLarge());
        }
    }

    function tapsOf(uint32[] memory reduce) private pure returns (uint256 taps) {
        taps = sizeOf(reduce, MAX_ELEMENTS);
        require(taps < MAX_TAPS, TooManyTaps(taps));
    }

    function coordinates(uint32[] memory shape, uint256 element) private pure returns (uint256[] memory coords) {
        coords = new uint256[](shape.length);
        for (uint256 k = shape.length; k > 0; --k) {
            coords[k - 1] = element % shape[k - 1];
            element /= shape[k - 1];
        }
    }

    function checkAccess(Operand memory operand, uint256 i, uint256 reduceRank) private pure {
        if (operand.role == FACTOR) return;
        require(operand.access.windows.length == 0, UnexpectedWindow(i));
        int64[] memory strides = operand.access.reduceStrides;
        for (uint256 k = 0; k < strides.length; ++k) require(strides[k] == 0, UnexpectedReduction(i));
        if (strides.length == 0) operand.access.reduceStrides = new int64[](reduceRank);
    }
}
