// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ElementType} from "../lib/ElementType.sol";
import {Access, Operand, Stage, Window} from "../types/Program.sol";
import {Openings, Span} from "./Openings.sol";

/// @notice An operand seen from one output element: what is left to decide is the reduction coordinates.
/// `origin` is the linear index at r = 0; `size` the bytes of an element; `hint` the span that had the last element read.
struct Cursor {
    int256 origin;
    int256[] strides;
    Gate[] gates;
    Stage[] stages;
    uint256 elements;
    uint256 dtype;
    uint256 size;
    Span[] spans;
    uint256 hint;
}

/// @notice `count` taps whose elements stand evenly spaced in calldata: the first at `start`, the next `step` bytes further (mod 2^256).
struct Piece {
    uint256 start;
    uint256 step;
    uint256 count;
}

/// @notice A window seen from one output element: a tap exists where `0 <= start + r[dim]·dilation < size`.
struct Gate {
    uint256 dim;
    int256 start;
    int256 dilation;
    int256 size;
}

/// @notice Index maps of docs/protocol.md §2.
library AccessLib {
    uint256 internal constant NO_DIM = 255;

    error StridesLength(uint256 expected, uint256 given);
    error WindowDimension(uint256 dim);
    error StageShape(uint256 dims, uint256 strides);
    error ElementOutOfRange(int256 element, uint256 elements);

    /// @param coords Output coordinates.
    /// @param reduceRank Number of reduction dimensions.
    function seen(Operand memory operand, uint256[] memory coords, uint256 reduceRank)
        internal
        pure
        returns (Cursor memory cursor)
    {
        Access memory access = operand.access;
        require(access.outStrides.length == coords.length, StridesLength(coords.length, access.outStrides.length));
        require(access.reduceStrides.length == reduceRank, StridesLength(reduceRank, access.reduceStrides.length));
        cursor.origin = access.offset;
        for (uint256 k = 0; k < coords.length; ++k) cursor.origin += int256(coords[k]) * access.outStrides[k];
        cursor.strides = new int256[](reduceRank);
        for (uint256 k = 0; k < reduceRank; ++k) cursor.strides[k] = access.reduceStrides[k];
        cursor.gates = new Gate[](access.windows.length);
        for (uint256 k = 0; k < access.windows.length; ++k) {
            Window memory window = access.windows[k];
            int256 start = -int256(window.pad);
            if (window.outDim != NO_DIM) {
                require(window.outDim < coords.length, WindowDimension(window.outDim));
                start += int256(coords[window.outDim]) * window.stride;
            }
            require(window.reduceDim == NO_DIM || window.reduceDim < reduceRank, WindowDimension(window.reduceDim));
            cursor.gates[k] = Gate(window.reduceDim, start, window.dilation, int256(uint256(window.size)));
        }
        cursor.stages = access.stages;
        cursor.elements = operand.elements;
        cursor.dtype = operand.dtype;
        cursor.size = ElementType.size(operand.dtype);
    }

    /// @notice Whether the windows, none of which runs over the reduction, let the operand exist here.
    function isPresent(Cursor memory cursor) internal pure returns (bool) {
        for (uint256 k = 0; k < cursor.gates.length; ++k) {
            Gate memory gate = cursor.gates[k];
            if (gate.start < 0 || gate.start >= gate.size) return false;
        }
        return true;
    }

    /// @notice Linear index at reduction coordinates r, before the stages.
    function linear(Cursor memory cursor, uint256[] memory r) internal pure returns (int256 index) {
        index = cursor.origin;
        unchecked {
            for (uint256 k = 0; k < r.length; ++k) index += int256(r[k]) * cursor.strides[k];
        }
    }

    /// @notice Narrows [from, to), positions of the reduction dimension `inner`, to where the operand's taps exist; r is 0 there.
    function clip(Cursor memory cursor, uint256[] memory r, uint256 inner, int256 from, int256 to)
        internal
        pure
        returns (int256, int256)
    {
        unchecked {
            for (uint256 k = 0; k < cursor.gates.length; ++k) {
                Gate memory gate = cursor.gates[k];
                int256 step = gate.dim == inner ? gate.dilation : int256(0);
                int256 c = gate.start;
                if (gate.dim != NO_DIM) c += int256(r[gate.dim]) * gate.dilation;
                if (step == 0) {
                    if (c < 0 || c >= gate.size) return (0, 0);
                    continue;
                }
                // c + k·step lies in [0, size); mirrored if the step is negative.
                if (step < 0) (c, step) = (gate.size - 1 - c, -step);
                int256 low = -floorDiv(c, step);
                int256 high = floorDiv(gate.size - 1 - c, step) + 1;
                if (low > from) from = low;
                if (high < to) to = high;
            }
            return (from, to);
        }
    }

    /// @notice The committed element that a linear index leads to through the stages.
    function resolve(Cursor memory cursor, int256 index) internal pure returns (uint256) {
        for (uint256 s = 0; s < cursor.stages.length; ++s) index = through(cursor.stages[s], index);
        require(index >= 0 && uint256(index) < cursor.elements, ElementOutOfRange(index, cursor.elements));
        return uint256(index);
    }

    /// @notice The element, as `ElementType` has it, that a linear index leads to.
    function read(Cursor memory cursor, int256 index) internal pure returns (uint256) {
        uint256 element = resolve(cursor, index);
        cursor.hint = Openings.find(cursor.spans, element, cursor.hint);
        Span memory span = cursor.spans[cursor.hint];
        return ElementType.load(span.start + (element - span.first) * cursor.size, cursor.dtype);
    }

    /// @notice The longest run of at most `count` taps from a linear index on, `stride` apart, that is evenly spaced in one span.
    function pieceAt(Cursor memory cursor, int256 index, int256 stride, uint256 count)
        internal
        pure
        returns (Piece memory piece)
    {
        uint256 reach = count;
        for (uint256 s = 0; s < cursor.stages.length; ++s) {
            uint256 along;
            (along, stride) = reachIn(cursor.stages[s], index, stride);
            if (along < reach) reach = along;
            index = through(cursor.stages[s], index);
        }
        require(index >= 0 && uint256(index) < cursor.elements, ElementOutOfRange(index, cursor.elements));
        uint256 element = uint256(index);
        cursor.hint = Openings.find(cursor.spans, element, cursor.hint);
        Span memory span = cursor.spans[cursor.hint];
        unchecked {
            uint256 inSpan = reach;
            if (stride > 0) inSpan = (span.end - 1 - element) / uint256(stride) + 1;
            if (stride < 0) inSpan = (element - span.first) / uint256(-stride) + 1;
            uint256 size = cursor.size;
            piece = Piece(
                span.start + (element - span.first) * size, uint256(stride) * size, inSpan < reach ? inSpan : reach
            );
        }
    }

    /// @notice How many indices from `index` on, `stride` apart, keep moving along one coordinate of a stage, and the stride after it.
    /// @dev That coordinate is the outermost one whose step divides the stride. An index outside of the stage is `through`'s to refuse.
    function reachIn(Stage memory stage, int256 index, int256 stride) private pure returns (uint256 reach, int256 after_) {
        if (stride == 0) return (type(uint256).max, 0);
        reach = 1;
        unchecked {
            uint256 step = uint256(stride < 0 ? -stride : stride);
            uint256 inner = 1;
            for (uint256 k = stage.shape.length; k > 0 && inner != 0 && step % inner == 0; --k) {
                uint256 size = stage.shape[k - 1];
                if (size == 0 || k > stage.strides.length) return (1, 0);
                uint256 coordinate = (uint256(index) / inner) % size;
                uint256 room = stride < 0 ? coordinate : size - 1 - coordinate;
                reach = room / (step / inner) + 1;
                after_ = int256(step / inner) * stage.strides[k - 1];
                inner *= size;
            }
            if (stride < 0) after_ = -after_;
        }
    }

    function through(Stage memory stage, int256 index) private pure returns (int256 next) {
        uint256 rank = stage.shape.length;
        require(rank == stage.strides.length, StageShape(rank, stage.strides.length));
        require(index >= 0, ElementOutOfRange(index, 0));
        uint256 rest = uint256(index);
        next = stage.offset;
        for (uint256 k = rank; k > 0; --k) {
            uint256 size = stage.shape[k - 1];
            require(size != 0, ElementOutOfRange(index, 0));
            next += int256(rest % size) * stage.strides[k - 1];
            rest /= size;
        }
        require(rest == 0, ElementOutOfRange(index, 0));
    }

    function floorDiv(int256 a, int256 b) private pure returns (int256 q) {
        unchecked {
            q = a / b;
            if (a < 0 && q * b != a) --q;
        }
    }
}
