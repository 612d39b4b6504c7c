// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessLib, Cursor, Piece} from "./AccessLib.sol";
import {Walk, WalkLib} from "./Walk.sol";

/// @notice The present taps of one reduced operand as pieces that are evenly spaced in calldata, in row-major order.
library Taps {
    /// @param sizes Sizes of the reduction dimensions.
    /// @param taps Their product.
    /// @return pieces Zero taps in those that are not used.
    /// @return present How many taps there are.
    function piecesOf(Cursor memory cursor, uint32[] memory sizes, uint256 taps)
        internal
        pure
        returns (Piece[] memory pieces, uint256 present)
    {
        Walk memory walk = WalkLib.start(sizes, taps);
        int256 stride = WalkLib.strideOf(walk, cursor.strides);
        pieces = new Piece[](walk.runs);
        uint256 used = 0;
        for (uint256 run = 0; run < walk.runs; ++run) {
            (int256 from, int256 to) = AccessLib.clip(cursor, walk.r, walk.inner, 0, walk.runLength);
            int256 index = AccessLib.linear(cursor, walk.r);
            if (from < to) present += uint256(to - from);
            while (from < to) {
                Piece memory piece = AccessLib.pieceAt(cursor, index + from * stride, stride, uint256(to - from));
                if (used == pieces.length) pieces = grown(pieces);
                pieces[used++] = piece;
                from += int256(piece.count);
            }
            WalkLib.next(walk);
        }
    }

    function grown(Piece[] memory pieces) private pure returns (Piece[] memory more) {
        more = new Piece[](2 * pieces.length);
        for (uint256 i = 0; i < pieces.length; ++i) more[i] = pieces[i];
    }
}
