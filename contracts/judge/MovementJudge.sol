// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ElementType} from "../lib/ElementType.sol";
import {Step} from "../types/Program.sol";
import {Verdict} from "../types/Witness.sol";
import {AccessLib, Cursor} from "./AccessLib.sol";
import {IExpression} from "./IExpression.sol";
import {StepJudge} from "./StepJudge.sol";

/// @notice Judges elements that come from one of several tensors, by their place in the result: the first operand whose windows
/// all allow the element, or else a constant.
contract MovementJudge is StepJudge {
    error AttributesMalformed();

    constructor(IExpression evaluator) StepJudge(evaluator) {}

    function kind() internal pure override returns (uint256) {
        return 6;
    }

    function decide(Case memory item) internal view override returns (Verdict memory) {
        uint256 dtype = item.operands[0].dtype;
        uint256 raw;
        if (item.chosen < item.operands.length) {
            Cursor memory cursor = item.operands[item.chosen];
            raw = AccessLib.read(cursor, cursor.origin);
        } else {
            raw = constantOf(item.step.attributes, dtype);
        }
        return conclude(item, ElementType.isFloat(dtype) ? floatCore(intervalOf(raw, dtype)) : integerCore(int256(raw)));
    }

    function choose(Case memory item) internal pure override returns (uint256 chosen) {
        require(item.step.op == 0, UnsupportedOp(item.step.op));
        uint256 count = item.operands.length;
        require(count != 0, OperandCount(1, 0));
        require(item.step.reduce.length == 0, UnexpectedReduction(0));
        checkRoles(item, 0, false);
        uint256 dtype = item.operands[0].dtype;
        for (uint256 i = 1; i < count; ++i) {
            require(item.operands[i].dtype == dtype, UnsupportedType(item.operands[i].dtype));
        }
        uint256 length = item.step.attributes.length;
        require(length == 0 || length == ElementType.size(dtype), AttributesMalformed());
        while (chosen < count && !AccessLib.isPresent(item.operands[chosen])) ++chosen;
    }

    function windowed() internal pure override returns (uint256) {
        return VALUE;
    }

    /// @dev Their length is checked against the operands' type in `choose`, too.
    function checkAttributes(Step memory step) internal pure override {
        require(step.attributes.length <= 8, AttributesMalformed());
    }

    /// @notice The element in `a`, little-endian as in committed bytes; zero if there is none.
    function constantOf(bytes memory a, uint256 dtype) private pure returns (uint256 raw) {
        for (uint256 i = a.length; i > 0; --i) raw = (raw << 8) | uint8(a[i - 1]);
        return ElementType.decode(raw, dtype);
    }
}
