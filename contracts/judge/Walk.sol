// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Steps through the reduction dimensions before `inner`, row-major; a run is what `inner` spans. `inner` is the last
/// dimension with more than one point (dimensions behind it add nothing to a walk), or `NONE`.
struct Walk {
    uint256[] r;
    uint32[] sizes;
    uint256 inner;
    uint256 runs;
    int256 runLength;
}

library WalkLib {
    /// @dev Beyond every dimension number, which are bytes.
    uint256 internal constant NONE = 256;

    /// @param taps Product of the sizes.
    function start(uint32[] memory sizes, uint256 taps) internal pure returns (Walk memory walk) {
        uint256 rank = sizes.length;
        walk.r = new uint256[](rank);
        walk.sizes = sizes;
        while (rank > 0 && sizes[rank - 1] == 1) --rank;
        uint256 length = rank == 0 ? 1 : sizes[rank - 1];
        walk.inner = rank == 0 ? NONE : rank - 1;
        walk.runLength = int256(length);
        walk.runs = length == 0 ? 0 : taps / length;
    }

    /// @notice The stride along a run.
    function strideOf(Walk memory walk, int256[] memory strides) internal pure returns (int256) {
        return walk.inner == NONE ? int256(0) : strides[walk.inner];
    }

    function next(Walk memory walk) internal pure {
        if (walk.inner == NONE) return;
        for (uint256 k = walk.inner; k > 0; --k) {
            if (++walk.r[k - 1] < walk.sizes[k - 1]) return;
            walk.r[k - 1] = 0;
        }
    }
}
