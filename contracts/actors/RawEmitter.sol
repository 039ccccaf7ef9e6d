// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @notice Logs any topics and data at all. It keeps no state, so a development node can put its code
/// at the address of another contract for one transaction.
contract RawEmitter {
    function emitRaw(bytes32[] calldata topics, bytes calldata data) external {
        bytes memory copy = data;
        bytes32[] memory t = topics;
        require(t.length <= 4, "RawEmitter: at most 4 topics");
        assembly ("memory-safe") {
            let from := add(copy, 32)
            let size := mload(copy)
            switch mload(t)
            case 0 { log0(from, size) }
            case 1 { log1(from, size, mload(add(t, 32))) }
            case 2 { log2(from, size, mload(add(t, 32)), mload(add(t, 64))) }
            case 3 { log3(from, size, mload(add(t, 32)), mload(add(t, 64)), mload(add(t, 96))) }
            default {
                log4(from, size, mload(add(t, 32)), mload(add(t, 64)), mload(add(t, 96)), mload(add(t, 128)))
            }
        }
    }
}
