// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ElementType} from "../lib/ElementType.sol";
import {Float32} from "../lib/Float32.sol";
import {Interval, IntervalLib} from "../lib/Interval.sol";
import {Operand, Step} from "../types/Program.sol";
import {Claim, Opening, Verdict, Witness} from "../types/Witness.sol";
import {AccessLib, Cursor} from "./AccessLib.sol";
import {Descriptor} from "./Descriptor.sol";
import {ExpressionCode} from "./ExpressionCode.sol";
import {IExpression} from "./IExpression.sol";
import {IStepJudge} from "./IStepJudge.sol";
import {Openings} from "./Openings.sol";

/// @notice What a kind computes before the expression: an integer, or sound floats. `absent` if a kind has none.
struct Core {
    bool absent;
    bool isInteger;
    int256 integer;
    Interval floats;
}

/// @notice Reads a witness for the judge of one kind: checks the descriptor and every opening, then lets the kind decide.
abstract contract StepJudge is IStepJudge {
    uint256 internal constant FACTOR = 0;
    uint256 internal constant ADDEND = 1;
    uint256 internal constant VALUE = 2;

    /// @dev Instead of an operand's number: all operands are opened.
    uint256 internal constant EVERY = type(uint256).max;

    uint256 private constant MAX_TAPS = 1 << 22;
    uint256 private constant MAX_ELEMENTS = 1 << 53;

    IExpression public immutable expressions;

    error UnsupportedVersion(uint256 version);
    error UnsupportedKind(uint256 kind);
    error UnsupportedOp(uint256 op);
    error UnsupportedProfile(uint256 profile);
    error UnsupportedType(uint256 dtype);
    error UnexpectedAttributes();
    error UnexpectedExpression();
    error UnexpectedRole(uint256 operand, uint256 role);
    error UnexpectedReduction(uint256 operand);
    error UnexpectedWindow(uint256 operand);
    error UnexpectedOpening(uint256 operand);
    error ResultNotInTrace(uint256 source);
    error OperandCount(uint256 expected, uint256 given);
    error ShapeTooLarge();
    error ElementNotInResult(uint256 element, uint256 elements);
    error TooManyTaps(uint256 taps);

    constructor(IExpression evaluator) {
        expressions = evaluator;
    }

    /// @notice One element to be judged. `taps` is the number of points of the reduction domain; `chosen` the only operand that
    /// is opened, or `EVERY`; `claimed` as `ElementType` has it.
    struct Case {
        Step step;
        uint256[] coords;
        uint256 taps;
        uint256 chosen;
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

        uint256 source = step.result.source;
        require(source == Openings.TRACE || source == Openings.INNER, ResultNotInTrace(source));
        item.claimed = Openings.read(
            Openings.open(
                claim,
                witness.header,
                witness.result,
                source,
                step.result.index,
                step.blockIndex,
                0,
                elements,
                step.result.dtype
            ),
            witness.element,
            step.result.dtype
        );

        uint256 count = step.operands.length;
        require(witness.operands.length == count, OperandCount(count, witness.operands.length));
        item.operands = new Cursor[](count);
        for (uint256 i = 0; i < count; ++i) {
            Operand memory operand = step.operands[i];
            require(ElementType.isJudged(operand.dtype, step.profile), UnsupportedType(operand.dtype));
            checkAccess(operand, i, step.reduce.length);
            item.operands[i] = AccessLib.seen(operand, item.coords, step.reduce.length);
        }
        item.chosen = choose(item);
        for (uint256 i = 0; i < count; ++i) openOperand(item, claim, witness, i);
        return decide(item);
    }

    /// @notice Kind of the steps this contract judges.
    function kind() internal pure virtual returns (uint256);

    /// @notice The verdict on a case whose openings and coordinates are checked.
    function decide(Case memory item) internal view virtual returns (Verdict memory);

    /// @notice The only operand that is read, `EVERY`, or the number of operands if none is.
    function choose(Case memory) internal pure virtual returns (uint256) {
        return EVERY;
    }

    /// @notice Role of the operands that may have windows.
    function windowed() internal pure virtual returns (uint256) {
        return FACTOR;
    }

    function checkAttributes(Step memory step) internal pure virtual {
        require(step.attributes.length == 0, UnexpectedAttributes());
    }

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

    /// @notice Requires operand i to have floats.
    function requireFloats(Case memory item, uint256 i) internal pure {
        uint256 dtype = item.operands[i].dtype;
        require(ElementType.isFloat(dtype), UnsupportedType(dtype));
    }

    /// @notice The verdict if the result is the step's expression of `core` and the operands that are values.
    function conclude(Case memory item, Core memory core) internal view returns (Verdict memory) {
        uint256 from = firstValue(item);
        bytes memory code = item.step.expression;
        if (!isExact(item, core, from)) return concludeFloats(item, core);
        int256[] memory exact = integerSlots(item, core, from);
        (bool defined, int256 value) =
            code.length == 0 && exact.length != 0 ? (true, exact[0]) : expressions.evaluateIntegers(code, exact);
        return defined ? verdictOfInteger(item, value) : verdictOf(item, IntervalLib.all());
    }

    /// @notice The same where the core is one of floats, so that the expression is in the float domain.
    function concludeFloats(Case memory item, Core memory core) internal view returns (Verdict memory) {
        bytes memory code = item.step.expression;
        Interval[] memory slots = floatSlots(item, core, firstValue(item));
        return verdictOf(item, code.length == 0 && slots.length != 0 ? slots[0] : expressions.evaluate(code, slots));
    }

    /// @notice The slots of the expression in the float domain: `core` unless absent, then the values.
    function floatSlots(Case memory item, Core memory core, uint256 from) internal pure returns (Interval[] memory slots) {
        uint256 count = valueCount(item, from);
        uint256 first = core.absent ? 0 : 1;
        slots = new Interval[](count + first);
        if (first == 1) slots[0] = core.isInteger ? IntervalLib.integer(core.integer) : IntervalLib.flushed(core.floats);
        for (uint256 i = 0; i < count; ++i) {
            Cursor memory cursor = item.operands[from + i];
            uint256 raw = AccessLib.read(cursor, cursor.origin);
            slots[i + first] = intervalOf(raw, cursor.dtype);
        }
    }

    function firstValue(Case memory item) internal pure returns (uint256 from) {
        uint256 count = item.step.operands.length;
        while (from < count && item.step.operands[from].role != VALUE) ++from;
    }

    function intervalOf(uint256 raw, uint256 dtype) internal pure returns (Interval memory) {
        return ElementType.isFloat(dtype) ? IntervalLib.point(raw) : IntervalLib.integer(int256(raw));
    }

    function integerCore(int256 value) internal pure returns (Core memory core) {
        core.isInteger = true;
        core.integer = value;
    }

    function floatCore(Interval memory floats) internal pure returns (Core memory core) {
        core.floats = floats;
    }

    /// @notice The verdict if the sound values are those of `x`. An integer result that a kernel converts from a float outside of
    /// its type's range, or from NaN, may be anything.
    function verdictOf(Case memory item, Interval memory x) internal pure returns (Verdict memory) {
        uint256 claimed = item.claimed;
        bool sound = x.nan;
        uint256 dtype = item.step.result.dtype;
        if (!ElementType.isFloat(dtype)) {
            (int256 least, int256 greatest) = ElementType.limits(dtype);
            Interval memory value = IntervalLib.integer(int256(claimed));
            sound = sound || (x.lo <= value.lo && value.hi <= x.hi)
                || (x.lo <= x.hi
                    && (x.lo < IntervalLib.integer(least).lo || x.hi > IntervalLib.integer(greatest).lo));
        } else if (!Float32.isNaN(claimed)) {
            int256 key = Float32.keyOf(claimed);
            sound = x.lo <= key && key <= x.hi;
        }
        return Verdict(!sound, uint32(claimed), Float32.bitsOf(x.lo), Float32.bitsOf(x.hi), x.nan);
    }

    /// @notice The verdict if the only sound value is what the result's type keeps of `value`.
    function verdictOfInteger(Case memory item, int256 value) internal pure returns (Verdict memory) {
        value = ElementType.wrap(value, item.step.result.dtype);
        Interval memory x = IntervalLib.integer(value);
        return Verdict(
            value != int256(item.claimed), uint32(item.claimed), Float32.bitsOf(x.lo), Float32.bitsOf(x.hi), false
        );
    }

    /// @dev The integer domain: integers in, integers out, and nothing in between that is not exact.
    function isExact(Case memory item, Core memory core, uint256 from) private pure returns (bool) {
        if (ElementType.isFloat(item.step.result.dtype) || !(core.absent || core.isInteger)) return false;
        if (item.chosen == EVERY) {
            for (uint256 i = from; i < item.operands.length; ++i) {
                if (ElementType.isFloat(item.operands[i].dtype)) return false;
            }
        }
        return ExpressionCode.isExact(item.step.expression);
    }

    function integerSlots(Case memory item, Core memory core, uint256 from) private pure returns (int256[] memory slots) {
        uint256 count = valueCount(item, from);
        uint256 first = core.absent ? 0 : 1;
        slots = new int256[](count + first);
        if (first == 1) slots[0] = core.integer;
        for (uint256 i = 0; i < count; ++i) {
            Cursor memory cursor = item.operands[from + i];
            slots[i + first] = int256(AccessLib.read(cursor, cursor.origin));
        }
    }

    /// @dev Where one operand is chosen among all, its element is the core.
    function valueCount(Case memory item, uint256 from) private pure returns (uint256) {
        return item.chosen == EVERY ? item.operands.length - from : 0;
    }

    function openOperand(Case memory item, Claim calldata claim, Witness calldata witness, uint256 i) private view {
        Opening calldata opening = witness.operands[i];
        if (item.chosen != EVERY && item.chosen != i) {
            bool empty = opening.root == 0 && opening.proof.length == 0 && opening.ranges.length == 0;
            require(empty, UnexpectedOpening(i));
            return;
        }
        Operand memory operand = item.step.operands[i];
        item.operands[i].spans = Openings.open(
            claim,
            witness.header,
            opening,
            operand.source,
            operand.index,
            item.step.blockIndex,
            operand.root,
            operand.elements,
            operand.dtype
        );
    }

    function decode(bytes calldata encoded) private pure returns (Step memory step) {
        step = Descriptor.decode(encoded);
        require(step.version == 1, UnsupportedVersion(step.version));
        require(step.kind == kind(), UnsupportedKind(step.kind));
        require(step.profile == 1 || step.profile == 2, UnsupportedProfile(step.profile));
        require(ElementType.isJudged(step.result.dtype, step.profile), UnsupportedType(step.result.dtype));
        checkAttributes(step);
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
        require(operand.role == windowed() || operand.access.windows.length == 0, UnexpectedWindow(i));
        if (operand.role == FACTOR) return;
        int64[] memory strides = operand.access.reduceStrides;
        for (uint256 k = 0; k < strides.length; ++k) require(strides[k] == 0, UnexpectedReduction(i));
        if (strides.length == 0) operand.access.reduceStrides = new int64[](reduceRank);
    }
}
