// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Steps through all but the last reduction dimension, row-major; a run is what the last one spans.
struct Walk {
    uint256[] r;
    uint32[] sizes;
    uint256 runs;
    int256 runLength;
}

library WalkLib {
    /// @param taps Product of the sizes.
    function start(uint32[] memory sizes, uint256 taps) internal pure returns (Walk memory walk) {
        uint256 rank = sizes.length;
        walk.r = new uint256[](rank);
        walk.sizes = sizes;
        uint256 length = rank == 0 ? 1 : sizes[rank - 1];
        walk.runLength = int256(length);
        walk.runs = length == 0 ? 0 : taps / length;
    }

    function next(Walk memory walk) internal pure {
        for (uint256 k = walk.r.length; k > 1; --k) {
            if (++walk.r[k - 2] < walk.sizes[k - 2]) return;
            walk.r[k - 2] = 0;
        }
    }
}
