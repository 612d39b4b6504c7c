// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ElementType} from "../../../contracts/lib/ElementType.sol";
import {Float32} from "../../../contracts/lib/Float32.sol";
import {HalfFloat} from "../../../contracts/lib/HalfFloat.sol";
import {Interval} from "../../../contracts/lib/Interval.sol";

/// @notice Rounding to half types keeps what it is given, and moves ends no further than to the next values of the type.
contract HalfFloatTest {
    error Lost(int256 value, int256 lo, int256 hi);
    error Differ(int256 found, int256 expected);

    function testFuzz_Kept(uint32 magnitude, bool negative, bool brain) external pure {
        int256 value = int256(uint256(magnitude) % (uint256(Float32.INF) + 1));
        Interval memory x = rounded(negative ? -value : value, brain);
        require(x.lo <= (negative ? -value : value) && (negative ? -value : value) <= x.hi, Lost(value, x.lo, x.hi));
    }

    /// @dev From the largest value on, an end away from zero stays until rounding to nearest gives infinity.
    function testFuzz_BeyondTheLargest(uint16 step, bool brain) external pure {
        (int256 greatest, int256 overflow) =
            brain ? (int256(0x7f7f0000), int256(0x7f7f8000)) : (int256(0x477fe000), int256(0x477ff000));
        int256 value = greatest + int256(uint256(step) % uint256(overflow - greatest));
        check(rounded(value, brain), greatest, value);
        check(rounded(-value, brain), -value, -greatest);
        check(rounded(overflow, brain), greatest, Float32.INF);
        check(rounded(-overflow, brain), -Float32.INF, -greatest);
        check(rounded(Float32.INF, brain), Float32.INF, Float32.INF);
    }

    function rounded(int256 value, bool brain) private pure returns (Interval memory) {
        return HalfFloat.rounded(Interval(value, value, false), brain ? ElementType.BFLOAT16 : ElementType.FLOAT16);
    }

    function check(Interval memory x, int256 lo, int256 hi) private pure {
        require(x.lo == lo, Differ(x.lo, lo));
        require(x.hi == hi, Differ(x.hi, hi));
    }
}
