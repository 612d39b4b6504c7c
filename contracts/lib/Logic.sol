// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Float32} from "./Float32.sol";
import {Interval, IntervalLib} from "./Interval.sol";

/// @notice Comparisons, logic and selection over intervals. A truth value is 1 or 0, and [0, 1] where both are possible; as a
/// condition every number but 0 is true, and NaN may pass for either.
library Logic {
    function less(Interval memory x, Interval memory y) internal pure returns (Interval memory) {
        return compared(x, y, x.lo < y.hi, x.hi >= y.lo);
    }

    function lessOrEqual(Interval memory x, Interval memory y) internal pure returns (Interval memory) {
        return compared(x, y, x.lo <= y.hi, x.hi > y.lo);
    }

    function equal(Interval memory x, Interval memory y) internal pure returns (Interval memory) {
        bool meet = x.lo <= y.hi && y.lo <= x.hi;
        return compared(x, y, meet, x.lo != y.hi || y.lo != x.hi);
    }

    function not_(Interval memory x) internal pure returns (Interval memory) {
        (bool yes, bool no) = truth(x);
        return chosen(no, yes);
    }

    function and_(Interval memory x, Interval memory y) internal pure returns (Interval memory) {
        (bool a, bool notA) = truth(x);
        (bool b, bool notB) = truth(y);
        return chosen(a && b, (notA && (b || notB)) || (notB && (a || notA)));
    }

    function or_(Interval memory x, Interval memory y) internal pure returns (Interval memory) {
        return not_(and_(not_(x), not_(y)));
    }

    function xor_(Interval memory x, Interval memory y) internal pure returns (Interval memory) {
        (bool a, bool notA) = truth(x);
        (bool b, bool notB) = truth(y);
        return chosen((a && notB) || (notA && b), (a && b) || (notA && notB));
    }

    function select(Interval memory condition, Interval memory x, Interval memory y)
        internal
        pure
        returns (Interval memory z)
    {
        (bool yes, bool no) = truth(condition);
        z = IntervalLib.none(false);
        if (yes) {
            IntervalLib.take(z, x);
            z.nan = x.nan;
        }
        if (no) {
            IntervalLib.take(z, y);
            z.nan = z.nan || y.nan;
        }
    }

    /// @dev A comparison with NaN does not hold.
    function compared(Interval memory x, Interval memory y, bool yes, bool no) private pure returns (Interval memory) {
        bool numbers = !IntervalLib.isNone(x) && !IntervalLib.isNone(y);
        return chosen(numbers && yes, (numbers && no) || x.nan || y.nan);
    }

    function truth(Interval memory x) private pure returns (bool yes, bool no) {
        bool number = !IntervalLib.isNone(x);
        yes = x.nan || (number && (x.lo != 0 || x.hi != 0));
        no = x.nan || (number && x.lo <= 0 && x.hi >= 0);
    }

    function chosen(bool yes, bool no) private pure returns (Interval memory) {
        if (!yes && !no) return IntervalLib.none(false);
        return Interval(no ? int256(0) : Float32.ONE, yes ? Float32.ONE : int256(0), false);
    }
}
