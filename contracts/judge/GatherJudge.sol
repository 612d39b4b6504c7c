// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ElementType} from "../lib/ElementType.sol";
import {IntervalLib} from "../lib/Interval.sol";
import {Step} from "../types/Program.sol";
import {Verdict} from "../types/Witness.sol";
import {AccessLib, Cursor} from "./AccessLib.sol";
import {IExpression} from "./IExpression.sol";
import {StepJudge} from "./StepJudge.sol";

/// @notice Judges elements that are looked up by an index from another tensor.
contract GatherJudge is StepJudge {
    error AttributesMalformed();

    constructor(IExpression evaluator) StepJudge(evaluator) {}

    function kind() internal pure override returns (uint256) {
        return 5;
    }

    function decide(Case memory item) internal view override returns (Verdict memory) {
        require(item.step.op == 0, UnsupportedOp(item.step.op));
        checkRoles(item, 2, false);
        require(item.step.reduce.length == 0, UnexpectedReduction(0));
        for (uint256 i = 0; i < 2; ++i) {
            require(item.step.operands[i].access.windows.length == 0, UnexpectedWindow(i));
        }
        Cursor memory indices = item.operands[0];
        require(ElementType.isInteger(indices.dtype), UnsupportedType(indices.dtype));
        (int256 stride, int256 size) = attributesOf(item.step);
        int256 index = int256(AccessLib.read(indices, indices.origin));
        if (index < 0) index += size;
        // Kernels differ on what lies outside.
        if (index < 0 || index >= size) return verdictOf(item, IntervalLib.all());
        Cursor memory data = item.operands[1];
        uint256 raw = AccessLib.read(data, data.origin + index * stride);
        return conclude(
            item,
            ElementType.isFloat(data.dtype) ? floatCore(IntervalLib.point(raw)) : integerCore(int256(raw))
        );
    }

    /// @dev Stride of the gathered axis, an int64, and its size, a uint32, as canonical words.
    function checkAttributes(Step memory step) internal pure override {
        require(step.attributes.length == 64, AttributesMalformed());
        (int256 stride, int256 size) = attributesOf(step);
        require(int64(stride) == stride && uint256(size) <= type(uint32).max, AttributesMalformed());
    }

    function attributesOf(Step memory step) private pure returns (int256 stride, int256 size) {
        bytes memory a = step.attributes;
        assembly ("memory-safe") {
            stride := mload(add(a, 0x20))
            size := mload(add(a, 0x40))
        }
    }
}
