// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ElementType} from "./ElementType.sol";
import {Float32} from "./Float32.sol";
import {Interval, IntervalLib} from "./Interval.sol";

/// @notice Rounding to float16 and bfloat16, whose values are float32 values too.
library HalfFloat {
    uint256 private constant INF = uint256(Float32.INF);
    uint256 private constant MIN_NORMAL_16 = 0x38800000;

    /// @notice The values that rounding to a half type may make of those of `x`, whichever way it rounds, and those of `x` with
    /// it: ends are moved outward to the type's values. Infinity only where rounding to nearest gives it; subnormals of the type
    /// may be flushed.
    function rounded(Interval memory x, uint256 dtype) internal pure returns (Interval memory) {
        if (IntervalLib.isNone(x)) return x;
        return Interval(
            x.lo < 0 ? -away(uint256(-x.lo), dtype) : towardsZero(uint256(x.lo), dtype),
            x.hi < 0 ? -towardsZero(uint256(-x.hi), dtype) : away(uint256(x.hi), dtype),
            x.nan
        );
    }

    /// @dev Largest finite magnitude, and where rounding to nearest gives infinity: half a unit beyond it.
    function range(uint256 dtype) private pure returns (uint256 greatest, uint256 overflow, uint256 unit) {
        return dtype == ElementType.FLOAT16
            ? (uint256(0x477fe000), uint256(0x477ff000), uint256(1 << 13))
            : (uint256(0x7f7f0000), uint256(0x7f7f8000), uint256(1 << 16));
    }

    function towardsZero(uint256 magnitude, uint256 dtype) private pure returns (int256) {
        (uint256 greatest,, uint256 unit) = range(dtype);
        if (magnitude == INF) return Float32.INF;
        if (magnitude > greatest) return int256(greatest);
        if (magnitude < (dtype == ElementType.FLOAT16 ? MIN_NORMAL_16 : uint256(Float32.MIN_NORMAL))) return 0;
        return int256(magnitude & ~(unit - 1));
    }

    function away(uint256 magnitude, uint256 dtype) private pure returns (int256) {
        unchecked {
            (uint256 greatest, uint256 overflow, uint256 unit) = range(dtype);
            if (magnitude >= overflow) return Float32.INF;
            // No value of the type lies further out but infinity, so the end stays where it is.
            if (magnitude > greatest) return int256(magnitude);
            if (dtype == ElementType.FLOAT16 && magnitude < MIN_NORMAL_16) {
                // Multiples of 2^−24: the magnitude is m·2^(e−150), below 2^−14.
                (uint256 m, uint256 e) = Float32.unpack(magnitude);
                uint256 shift = 126 - e;
                uint256 steps = m >> shift;
                if (steps << shift != m) ++steps;
                return Float32.round(false, steps, -24, false, false);
            }
            return int256((magnitude + unit - 1) & ~(unit - 1));
        }
    }
}
